// A batch: each packet parsed, entered into its session, classified, offered; one verdict and its counter each. In one pass,
// or in two, of which the first goes as far as it must to know which lines the second will want, and asks for them.

#include "hash.h"
#include "worker.h"

// What follows once a packet is out of its tunnel.
static inline enum verdict deliver(struct worker *w, struct descriptor *d, uint32_t hash) {
  track(w, d, hash);
  if (w->has_map) {
    enum verdict verdict = classify(w, d);
    if (verdict != DELIVERED) return verdict;
  }
  dress(d);
  return w->sniffer_count == 0 ? DELIVERED : offer(w, d, &w->tenants[d->about.tenant]);
}

static inline void conclude(struct worker *w, struct descriptor *d, enum verdict verdict) {
  d->verdict = (uint8_t)verdict;
  w->counters[verdict]++;
}

static void process_one_pass(struct worker *w, uint32_t count) {
  for (struct descriptor *d = w->descriptors, *end = d + count; d < end; d++) {
    enum verdict verdict = parse(w, d);
    if (verdict == DELIVERED) verdict = deliver(w, d, session_hash(w, d));
    conclude(w, d, verdict);
  }
}

// Packets that go through both passes at once: as many as the engine takes together.
enum { GROUP = 64, FRAMES_AHEAD = 8 };

static inline void prefetch_frame(const struct descriptor *d) {
  __builtin_prefetch(d->frame);
  __builtin_prefetch(d->frame + LINE);
}

// The slot that most probably has the claim: of the most specific shape that the packet has the parts for.
static inline struct key *likely_claim(const struct worker *w, const struct descriptor *d) {
  for (const struct shape *shape = w->shapes, *end = shape + w->shape_count; shape < end; shape++) {
    struct key asked;
    if (!shape_key(shape, d, &asked)) continue;
    return &w->table[hash16(w->config.seed, asked.address, asked.word, asked.bits) & w->table_mask];
  }
  return w->table;
}

static void process_group(struct worker *w, struct descriptor *d, uint32_t count) {
  struct key *claims[GROUP];
  struct tenant *tenants[GROUP];

  for (uint32_t i = 0; i < count && i < FRAMES_AHEAD; i++) prefetch_frame(&d[i]);
  for (uint32_t i = 0; i < count; i++) {
    if (i + FRAMES_AHEAD < count) prefetch_frame(&d[i + FRAMES_AHEAD]);
    d[i].verdict = (uint8_t)parse(w, &d[i]);
    if (d[i].verdict != DELIVERED) continue;
    d[i].probe = session_hash(w, &d[i]);
    __builtin_prefetch(&w->session_index[d[i].probe & w->session_mask]);
    claims[i] = likely_claim(w, &d[i]);
    __builtin_prefetch(claims[i]);
  }
  for (uint32_t i = 0; i < count; i++) {
    if (d[i].verdict != DELIVERED) continue;
    uint32_t held = w->session_index[d[i].probe & w->session_mask];
    if (held != 0) {
      __builtin_prefetch(&w->sessions[held - 1], 1);
      __builtin_prefetch((char *)&w->sessions[held - 1] + LINE, 1);
    }
    uint32_t tenant = claims[i]->claim != 0 && claims[i]->value < w->tenant_count ? claims[i]->value : 0;
    tenants[i] = &w->tenants[tenant];
    __builtin_prefetch(tenants[i]);
  }
  for (uint32_t i = 0; i < count; i++) {
    if (d[i].verdict != DELIVERED) continue;
    __builtin_prefetch(tenants[i]->sniffer);
  }
  for (uint32_t i = 0; i < count; i++) {
    if (d[i].verdict != DELIVERED || tenants[i]->sniffer == NULL) continue;
    __builtin_prefetch(tenants[i]->sniffer->queue, 1);
    __builtin_prefetch(&tenants[i]->sniffer->queue->head, 1);
  }
  for (uint32_t i = 0; i < count; i++) {
    enum verdict verdict = d[i].verdict;
    if (verdict == DELIVERED) verdict = deliver(w, &d[i], d[i].probe);
    conclude(w, &d[i], verdict);
  }
}

static void process_two_pass(struct worker *w, uint32_t count) {
  for (uint32_t first = 0; first < count; first += GROUP)
    process_group(w, &w->descriptors[first], count - first < GROUP ? count - first : GROUP);
}

// Slots of packets that no queue took are free again; their frames are gone.
static void recycle(struct worker *w, uint32_t count) {
  for (struct descriptor *d = w->descriptors, *end = d + count; d < end; d++) {
    if (d->slot == NONE) continue;
    give_slot(w, d->slot);
    d->slot = NONE;
  }
}
