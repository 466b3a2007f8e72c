// What a round came to, for comparison with the engine and with the reference: one line of JSON, or a line a packet, a
// delivery, a session. None of it runs while the clock does.

#include <stdio.h>
#include "worker.h"

// Of the results of a round. Hashes are FNV-1a of 32 bits, by queue in the order of delivery, then added up.
struct results {
  uint64_t verdicts[VERDICTS];
  uint64_t inner_bytes;
  uint64_t sent, sent_bytes;
  uint32_t *hashes; // by queue
};

static uint32_t fnv(uint32_t hash, const void *data, size_t length) {
  const uint8_t *p = data;
  for (size_t i = 0; i < length; i++) hash = (hash ^ p[i]) * 0x01000193;
  return hash;
}

static void note_packet(struct results *results, const struct descriptor *d) {
  results->verdicts[d->verdict]++;
  if (d->verdict == DELIVERED) results->inner_bytes += d->inner_captured;
}

static void note_delivery(struct results *results, const struct record *record) {
  results->sent++;
  results->sent_bytes += record->length;
  uint32_t hash = results->hashes[record->queue] == 0 ? 0x811c9dc5 : results->hashes[record->queue];
  hash = fnv(hash, &record->length, 4);
  hash = fnv(hash, &record->original, 4);
  results->hashes[record->queue] = fnv(hash, record->frame, record->length);
}

static void print_results(const struct worker *w, const struct results *results) {
  uint32_t hash = 0;
  uint64_t offered = 0, refused = 0;
  for (uint32_t i = 0; i < w->sniffer_count; i++) {
    const struct queue *queue = &w->queues[i];
    if (results->hashes[i] != 0) hash += fnv(results->hashes[i], &i, 4);
    offered += queue->offered;
    refused += queue->too_large + queue->rate + queue->dropped_newest + queue->dropped_oldest;
  }
  printf("{\"verdicts\":[");
  for (int i = 0; i < VERDICTS; i++) printf("%s%llu", i == 0 ? "" : ",", (unsigned long long)results->verdicts[i]);
  printf("],\"innerBytes\":%llu,\"sent\":%llu,\"sentBytes\":%llu,", (unsigned long long)results->inner_bytes,
         (unsigned long long)results->sent, (unsigned long long)results->sent_bytes);
  printf("\"offered\":%llu,\"refused\":%llu,\"sessions\":%u,\"hash\":%u}\n", (unsigned long long)offered,
         (unsigned long long)refused, w->session_count, hash);
}

static void print_hex(const void *data, size_t length) {
  for (const uint8_t *p = data, *end = p + length; p < end; p++) printf("%02x", *p);
}

// verdict layers encapsulation has id sequence erspan-type direction hardware-id outer-vlan rule tenant original source
// destination inner
static void print_packet(const struct descriptor *d) {
  const struct about *about = &d->about;
  printf("%u %u %u %u %u %u %u %u %u %u %u %d %u ", d->verdict, d->layers, about->encapsulation, about->has, about->id,
         about->sequence, about->erspan_type, about->direction, about->hardware_id, about->outer_vlan, d->rule,
         (int32_t)about->tenant, d->inner_original);
  print_hex(&d->source, 16);
  putchar(' ');
  print_hex(&d->destination, 16);
  putchar(' ');
  print_hex(d->inner, d->inner_captured);
  putchar('\n');
}

// queue original time frame
static void print_delivery(const struct record *record) {
  printf("%u %u %llu ", record->queue, record->original, (unsigned long long)record->time);
  print_hex(record->frame, record->length);
  putchar('\n');
}

// meta id packets bytes lost reordered duplicates restarts source destination
static void print_sessions(const struct worker *w) {
  for (uint32_t i = 0; i < w->session_count; i++) {
    const struct session *session = &w->sessions[i];
    printf("%u %u %llu %llu %lld %llu %llu %u ", session->meta, session->id, (unsigned long long)session->packets,
           (unsigned long long)session->bytes, (long long)session->lost, (unsigned long long)session->reordered,
           (unsigned long long)session->duplicates, session->restarts);
    print_hex(&session->source, 16);
    putchar(' ');
    print_hex(&session->destination, 16);
    putchar('\n');
  }
}
