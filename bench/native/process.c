// A batch: each packet parsed, entered into its session, classified, offered; one verdict and its counter each. In one pass,
// or in two, of which the first goes as far as it must to know which lines the second will want, and asks for them.

#include "hash.h"
#include "worker.h"

// What follows once a packet is out of its tunnel and in its session.
static inline enum verdict deliver(struct worker *w, struct descriptor *d, const struct key *claim) {
  if (w->has_map) {
    enum verdict verdict = classify(w, d, claim);
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
    if (verdict == DELIVERED) {
      track(w, d, session_hash(w, d));
      verdict = deliver(w, d, claim_of(w, d));
    }
    conclude(w, d, verdict);
  }
}

// Packets that go through both passes at once: as many as the engine takes together.
enum { GROUP = 64, FRAMES_AHEAD = 8 };

static inline void prefetch_frame(const struct descriptor *d) {
  __builtin_prefetch(d->frame);
  __builtin_prefetch(d->frame + LINE);
}

// The slot where the claim of the most specific shape that the packet has the parts for would be.
static inline void prefetch_claim(const struct worker *w, const struct descriptor *d) {
  for (const struct shape *shape = w->shapes, *end = shape + w->shape_count; shape < end; shape++) {
    struct key asked;
    if (!shape_key(shape, d, &asked)) continue;
    __builtin_prefetch(&w->table[hash16(w->config.seeds, asked.address, asked.word, asked.bits) & w->table_mask]);
    return;
  }
}

static inline void prefetch_session(const struct worker *w, const struct descriptor *d) {
  uint32_t held = w->session_index[d->probe & w->session_mask];
  if (held == 0) return;
  __builtin_prefetch(&w->sessions[held - 1], 1);
  __builtin_prefetch((const char *)&w->sessions[held - 1] + LINE, 1);
}

static inline const struct tenant *tenant_of(const struct worker *w, const struct descriptor *d) {
  bool is_known = d->verdict == DELIVERED && d->found != NULL && !(d->found->value & CLAIM_SHARED);
  return is_known ? &w->tenants[d->found->value] : NULL;
}

// First pass: each step for the whole group asks for the lines of the next one.
static inline void look_ahead(struct worker *w, struct descriptor *first, struct descriptor *end) {
  for (struct descriptor *d = first; d < end && d < first + FRAMES_AHEAD; d++) prefetch_frame(d);
  for (struct descriptor *d = first; d < end; d++) {
    if (d + FRAMES_AHEAD < end) prefetch_frame(d + FRAMES_AHEAD);
    d->verdict = (uint8_t)parse(w, d);
    if (d->verdict != DELIVERED) continue;
    d->probe = session_hash(w, d);
    __builtin_prefetch(&w->session_index[d->probe & w->session_mask]);
    prefetch_claim(w, d);
  }
  for (struct descriptor *d = first; d < end; d++) {
    if (d->verdict != DELIVERED) continue;
    prefetch_session(w, d);
    d->found = claim_of(w, d);
    const struct tenant *tenant = tenant_of(w, d);
    if (tenant != NULL) __builtin_prefetch(tenant);
  }
  for (struct descriptor *d = first; d < end; d++) {
    const struct tenant *tenant = tenant_of(w, d);
    if (tenant != NULL) __builtin_prefetch(tenant->sniffer);
  }
  for (struct descriptor *d = first; d < end; d++) {
    const struct tenant *tenant = tenant_of(w, d);
    if (tenant == NULL || tenant->sniffer == NULL) continue;
    __builtin_prefetch(tenant->sniffer->queue, 1);
    __builtin_prefetch(&tenant->sniffer->queue->head, 1);
  }
}

static void process_two_pass(struct worker *w, uint32_t count) {
  struct descriptor *last = w->descriptors + count;
  for (struct descriptor *first = w->descriptors; first < last; first += GROUP) {
    struct descriptor *end = last - first < GROUP ? last : first + GROUP;
    look_ahead(w, first, end);
    for (struct descriptor *d = first; d < end; d++) {
      enum verdict verdict = d->verdict;
      if (verdict == DELIVERED) {
        track(w, d, d->probe);
        verdict = deliver(w, d, d->found);
      }
      conclude(w, d, verdict);
    }
  }
}

// Slots of packets that no queue took are free again; their frames are gone.
static void recycle(struct worker *w, uint32_t count) {
  for (struct descriptor *d = w->descriptors, *end = d + count; d < end; d++) {
    if (d->slot == NONE) continue;
    give_slot(w, d->slot);
    d->slot = NONE;
  }
}
