// A workload file, as bench/workload-file.ts writes it: configuration, tenant map, sniffers, frames; and the worker made of it.
// Everything is little-endian and in the order in which it is read here.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hash.h"
#include "worker.h"

enum { MAGIC = 0x6b647279, VERSION = 1 };
enum { TAILS = 0x10000 / 8 }; // bytes
enum { INDEX_AT_FIRST = 1024 }; // places
enum { TENANT_ENTRY = 48, SNIFFER_ENTRY = 96, FRAME_ENTRY = 24 };

struct frame {
  const uint8_t *bytes;
  uint32_t length;
  uint32_t original;
  uint32_t link_type;
  uint32_t sequence_at; // where its GRE sequence number stands, 0: nowhere
  uint32_t sequence;    // the first time
  uint32_t step;        // from one time to the next
};

struct workload {
  uint64_t first_time, time_step; // ns
  uint32_t quantum;               // bytes of a queue that are taken before it is the next one's turn
  uint32_t in_flight;             // frames of a round: the next ones of all, again from the first after the last
  uint32_t frame_count;
  struct frame *frames;
};

struct reader {
  const uint8_t *next, *end;
};

static void die(const char *reason) {
  fprintf(stderr, "yardstick: %s\n", reason);
  exit(1);
}

static const uint8_t *bytes(struct reader *reader, size_t length) {
  if ((size_t)(reader->end - reader->next) < length) die("the workload ends too early");
  const uint8_t *at = reader->next;
  reader->next += length;
  return at;
}

static uint32_t word(struct reader *reader) { return load32(bytes(reader, 4)); }
static uint64_t long_word(struct reader *reader) { return load64(bytes(reader, 8)); }

// Zeroed, on a line of its own, and touched, so that no page is fetched while the clock runs.
static void *lines(size_t length) {
  length = (length + LINE) / LINE * LINE;
  void *at = aligned_alloc(4096, (length + 4095) / 4096 * 4096);
  if (at == NULL) die("there is not enough memory");
  memset(at, 0, length);
  return at;
}

static uint32_t power_of_two(uint32_t least) {
  uint32_t power = 1;
  while (power < least) power *= 2;
  return power;
}

static void read_config(struct reader *reader, struct worker *w) {
  struct config *config = &w->config;
  for (int i = 0; i < SEEDS; i++) config->seeds[i] = long_word(reader);
  config->flags = word(reader);
  config->restore_vlan = word(reader);
  config->gre_count = word(reader);
  memcpy(config->gre_ethernet, bytes(reader, sizeof config->gre_ethernet), sizeof config->gre_ethernet);
  memcpy(config->ports, bytes(reader, sizeof config->ports), sizeof config->ports);
}

static void make_sessions(struct worker *w, uint32_t capacity) {
  uint32_t places = power_of_two(capacity * 2);
  w->session_capacity = capacity;
  w->session_mask_max = places - 1;
  w->session_mask = places < INDEX_AT_FIRST ? places - 1 : INDEX_AT_FIRST - 1;
  w->session_index = lines((size_t)places * sizeof *w->session_index);
  w->sessions = lines((size_t)capacity * sizeof *w->sessions);
}

static void make_slots(struct reader *reader, struct worker *w) {
  w->slot_stride = word(reader);
  w->slot_headroom = word(reader);
  uint32_t count = word(reader);
  w->slots_reserved = word(reader);
  w->slots = lines((size_t)count * w->slot_stride);
  w->free_slots = lines(count * sizeof *w->free_slots);
  w->records = lines((size_t)count * sizeof *w->records);
  w->free_records = lines(count * sizeof *w->free_records);
  for (uint32_t i = 0; i < count; i++) w->free_slots[i] = w->free_records[i] = count - 1 - i;
  w->free_slot_count = w->free_record_count = count;
}

static void insert(struct worker *w, const struct key *key) {
  uint32_t at = hash16(w->config.seeds, key->address, key->word, key->bits) & w->table_mask;
  while (w->table[at].claim != 0) at = (at + 1) & w->table_mask;
  w->table[at] = *key;
  if ((key->bits & KIND_MASK) < KIND_SNIFFER) return;
  bool is_mac = (key->bits >> BITS_FAMILY & 3) == FAMILY_MAC;
  uint32_t tail = tail_of((uint32_t)(key->address.low >> (is_mac ? 16 : 32)));
  w->tails[tail >> 3] |= (uint8_t)(1 << (tail & 7));
  uint64_t hash = filter_hash(key->address);
  *filter_word(w, hash) |= filter_bits(hash);
}

static void read_map(struct reader *reader, struct worker *w) {
  w->generation = word(reader);
  w->map_flags = word(reader);
  uint32_t loop_addresses = word(reader), keys = word(reader);
  w->shape_count = word(reader);
  uint32_t words = power_of_two(loop_addresses / 2 < 8 ? 8 : (loop_addresses + 1) / 2);
  w->filter_mask = words - 1;
  w->tails = lines(TAILS);
  w->filter = lines(words * sizeof *w->filter);
  uint32_t slots = power_of_two(keys * 2 < 16 ? 16 : keys * 2);
  w->table_mask = slots - 1;
  w->table = lines((size_t)slots * sizeof *w->table);
  for (uint32_t i = 0; i < keys; i++) {
    struct key key;
    memcpy(&key, bytes(reader, sizeof key), sizeof key);
    insert(w, &key);
  }
  size_t shapes = w->shape_count * sizeof *w->shapes;
  w->shapes = lines(shapes);
  memcpy(w->shapes, bytes(reader, shapes), shapes);
}

// What outlives a map: token buckets, and numbers that sniffers share. Counted from 1.
static uint64_t *cell(const struct worker *w, uint32_t number) { return number == 0 ? NULL : &w->cells[number - 1]; }

// Rings of a power of two, one behind another, would have their first lines in the same few cache sets: a line between them.
static uint32_t *make_rings(const uint8_t *entries, uint32_t count) {
  size_t length = 0;
  for (uint32_t i = 0; i < count; i++)
    length += power_of_two(load32(entries + (size_t)i * SNIFFER_ENTRY + 4)) * sizeof(uint32_t) + LINE;
  return lines(length);
}

static void read_sniffer(struct worker *w, uint32_t number, const uint8_t *p, uint32_t **rings) {
  struct sniffer *sniffer = &w->sniffers[number];
  struct queue *queue = &w->queues[number];
  queue->limit = load32(p + 4);
  queue->mask = power_of_two(queue->limit) - 1;
  queue->ring = *rings;
  *rings += queue->mask + 1 + LINE / sizeof *queue->ring;
  queue->flags = load32(p + 40);
  sniffer->queue = queue;
  sniffer->queue_number = number;
  sniffer->mode = p[0];
  sniffer->fit = p[1];
  sniffer->to.flags = load16(p + 2);
  if (sniffer->fit == FIT_FRAGMENT) die("`fit: fragment` is not in it");
  memcpy(sniffer->to.mac, p + 8, 6);
  sniffer->to.vlan = load16(p + 14);
  memcpy(sniffer->to.own_mac, p + 16, 6);
  sniffer->port = load16(p + 22);
  sniffer->mtu = load32(p + 24);
  sniffer->id = load32(p + 28);
  sniffer->index = load32(p + 32);
  sniffer->number = (uint32_t *)cell(w, load32(p + 36));
  sniffer->bucket = cell(w, load32(p + 44));
  memcpy(&sniffer->source, p + 48, 16);
  memcpy(&sniffer->address, p + 64, 16);
  sniffer->cost = load64(p + 80);
  sniffer->burst = load64(p + 88);
  prepare(sniffer);
}

static void read_sniffers(struct reader *reader, struct worker *w) {
  w->sniffer_count = word(reader);
  w->cells = lines((size_t)word(reader) * sizeof *w->cells);
  w->sniffers = lines(w->sniffer_count * sizeof *w->sniffers);
  w->queues = lines(w->sniffer_count * sizeof *w->queues);
  uint32_t places = power_of_two(w->sniffer_count + 1);
  w->ready_mask = places - 1;
  w->ready = lines(places * sizeof *w->ready);
  const uint8_t *entries = bytes(reader, (size_t)w->sniffer_count * SNIFFER_ENTRY);
  uint32_t *rings = make_rings(entries, w->sniffer_count);
  for (uint32_t i = 0; i < w->sniffer_count; i++) read_sniffer(w, i, entries + (size_t)i * SNIFFER_ENTRY, &rings);
}

static void read_tenants(struct reader *reader, struct worker *w) {
  uint32_t listed = word(reader), places = word(reader);
  w->tenant_count = word(reader);
  struct sniffer **list = lines(listed * sizeof *list);
  for (uint32_t i = 0; i < listed; i++) list[i] = &w->sniffers[word(reader)];
  uint16_t *balance = lines(places * sizeof *balance);
  memcpy(balance, bytes(reader, places * sizeof *balance), places * sizeof *balance);
  w->tenants = lines(((size_t)w->tenant_count + 1) * sizeof *w->tenants);
  for (uint32_t i = 0; i < w->tenant_count; i++) {
    const uint8_t *p = bytes(reader, TENANT_ENTRY);
    struct tenant *tenant = &w->tenants[i];
    tenant->flags = load32(p);
    tenant->snaplen = load32(p + 4);
    tenant->sniffers = list + load32(p + 8);
    tenant->sniffer_count = load32(p + 12);
    tenant->sniffer = tenant->sniffer_count == 0 ? NULL : tenant->sniffers[0];
    tenant->balance = load32(p + 16) == NONE ? NULL : balance + load32(p + 16);
    tenant->balance_mask = load32(p + 20);
    tenant->bucket = cell(w, load32(p + 24));
    tenant->cost = load64(p + 32);
    tenant->burst = load64(p + 40);
  }
}

static void read_frames(struct reader *reader, struct workload *workload) {
  workload->frame_count = word(reader);
  workload->frames = lines(workload->frame_count * sizeof *workload->frames);
  const uint8_t *entry = bytes(reader, (size_t)workload->frame_count * FRAME_ENTRY);
  for (uint32_t i = 0; i < workload->frame_count; i++, entry += FRAME_ENTRY) {
    struct frame *frame = &workload->frames[i];
    frame->length = load32(entry);
    frame->original = load32(entry + 4);
    frame->link_type = load32(entry + 8);
    frame->sequence_at = load32(entry + 12);
    frame->sequence = load32(entry + 16);
    frame->step = load32(entry + 20);
    frame->bytes = bytes(reader, frame->length);
  }
}

static struct reader open_workload(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) die("the workload cannot be opened");
  fseek(file, 0, SEEK_END);
  size_t length = (size_t)ftell(file);
  rewind(file);
  uint8_t *all = malloc(length + 1);
  if (all == NULL || fread(all, 1, length, file) != length) die("the workload cannot be read");
  fclose(file);
  return (struct reader){all, all + length};
}

static struct workload read_workload(const char *path, struct worker *w) {
  struct reader reader = open_workload(path);
  if (word(&reader) != MAGIC || word(&reader) != VERSION) die("this is no workload of this version");
  struct workload workload;
  workload.first_time = long_word(&reader);
  workload.time_step = long_word(&reader);
  workload.quantum = word(&reader);
  workload.in_flight = word(&reader);
  read_config(&reader, w);
  make_sessions(w, word(&reader));
  make_slots(&reader, w);
  read_map(&reader, w);
  read_sniffers(&reader, w);
  read_tenants(&reader, w);
  read_frames(&reader, &workload);
  return workload;
}
