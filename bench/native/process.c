// A batch: each packet parsed, entered into its session, routed, delivered; one verdict and its counter each. In one pass, or in
// two, of which the first goes as far as it must to know which lines the second will want, and asks for them.

#include "hash.h"
#include "worker.h"

// Any packet that is out of its tunnel and in its session.
static inline enum verdict deliver(struct worker *w, struct descriptor *d, const struct route *route) {
  if (w->generation != 0) {
    if (LIKELY(deliver_usual(w, d, route))) return DELIVERED;
    enum verdict verdict = classify(w, d, claim_at(w, route->claim));
    if (verdict != DELIVERED) return verdict;
  }
  dress(d);
  return w->sniffer_count == 0 ? DELIVERED : offer(w, d, &w->tenants[d->about.tenant]);
}

static inline void conclude(struct worker *w, struct descriptor *d, enum verdict verdict) {
  d->verdict = (uint8_t)verdict;
  w->counters[verdict]++;
}

// Flattened: the parser has two callers, and would be called.
__attribute__((flatten)) static void process_one_pass(struct worker *w, uint32_t count) {
  for (struct descriptor *d = w->descriptors, *end = d + count; d < end; d++) {
    enum verdict verdict = parse(w, d);
    if (LIKELY(verdict == DELIVERED)) {
      track(w, d, session_hash(w, d));
      verdict = deliver(w, d, w->generation == 0 ? NULL : route_of(w, d, w->routes));
    }
    conclude(w, d, verdict);
  }
}

// Sessions beyond which not all of them are in the second cache.
enum { FRAMES_AHEAD = 8, MANY_SESSIONS = 2048 };

static inline void prefetch_frame(const struct descriptor *d) {
  __builtin_prefetch(d->frame);
  __builtin_prefetch(d->frame + LINE);
}

static inline void parse_group(struct worker *w, struct descriptor *first, struct descriptor *end) {
  for (struct descriptor *d = first; d < end && d < first + FRAMES_AHEAD; d++) prefetch_frame(d);
  for (struct descriptor *d = first; d < end; d++) {
    if (d + FRAMES_AHEAD < end) prefetch_frame(d + FRAMES_AHEAD);
    d->verdict = (uint8_t)parse(w, d);
    if (UNLIKELY(d->verdict != DELIVERED)) continue;
    d->probe = session_hash(w, d);
    __builtin_prefetch(&w->session_index[d->probe & w->session_mask]);
  }
}

static inline void prefetch_sessions(const struct worker *w, const struct descriptor *first, const struct descriptor *end) {
  for (const struct descriptor *d = first; d < end; d++) {
    if (UNLIKELY(d->verdict != DELIVERED)) continue;
    uint32_t held = w->session_index[d->probe & w->session_mask];
    if (held == 0) continue;
    const struct session *session = &w->sessions[held - 1];
    __builtin_prefetch(session, 1);
    __builtin_prefetch(&session->window, 1);
  }
}

static inline bool lacks_route(const struct descriptor *d) { return d->verdict == DELIVERED && d->route == NULL; }

// The slot where the claim of the most specific shape that the packet has the parts for would be.
static inline void prefetch_claim(const struct worker *w, const struct descriptor *d) {
  for (const struct shape *shape = w->shapes, *end = shape + w->shape_count; shape < end; shape++) {
    struct key asked;
    if (!shape_key(shape, d, &asked)) continue;
    __builtin_prefetch(&w->table[hash16(w->config.seeds, asked.address, asked.word, asked.bits) & w->table_mask]);
    return;
  }
}

// For packets that have none yet: slot, tenant, sniffer, each asked for of the whole group before the next.
static void find_routes(struct worker *w, struct descriptor *first, struct descriptor *end) {
  for (struct descriptor *d = first; d < end; d++)
    if (lacks_route(d)) prefetch_claim(w, d);
  for (struct descriptor *d = first; d < end; d++) {
    if (!lacks_route(d)) continue;
    d->claim = claim_of(w, d);
    if (d->claim != NULL && !(d->claim->value & CLAIM_SHARED)) __builtin_prefetch(&w->tenants[d->claim->value]);
  }
  for (struct descriptor *d = first; d < end; d++) {
    if (!lacks_route(d) || d->claim == NULL || (d->claim->value & CLAIM_SHARED)) continue;
    __builtin_prefetch(w->tenants[d->claim->value].sniffer);
  }
  for (struct descriptor *d = first; d < end; d++)
    if (lacks_route(d)) d->route = make_route(w, d, d->claim, &w->routes[d - first]);
}

// What the general way asks is prefetched too.
static inline void prefetch_delivery(const struct worker *w, const struct route *route) {
  __builtin_prefetch(&w->queues[route->queue], 1);
  if (LIKELY(route->mode != ROUTE_UNUSUAL) || route->claim == NONE) return;
  const struct tenant *tenant = &w->tenants[route->tenant];
  __builtin_prefetch(&w->table[route->claim]);
  __builtin_prefetch(tenant->sniffer);
  __builtin_prefetch(tenant->sniffer->header);
}

static inline void route_group(struct worker *w, struct descriptor *first, struct descriptor *end) {
  bool missing = false;
  for (struct descriptor *d = first; d < end; d++) {
    if (UNLIKELY(d->verdict != DELIVERED)) continue;
    d->route = known_route(w, d);
    if (UNLIKELY(d->route == NULL)) missing = true;
    else prefetch_delivery(w, d->route);
  }
  if (LIKELY(!missing)) return;
  find_routes(w, first, end);
  for (struct descriptor *d = first; d < end; d++)
    if (d->verdict == DELIVERED) prefetch_delivery(w, d->route);
}

__attribute__((flatten)) static void process_two_pass(struct worker *w, uint32_t count) {
  struct descriptor *last = w->descriptors + count;
  for (struct descriptor *first = w->descriptors; first < last; first += GROUP) {
    struct descriptor *end = last - first < GROUP ? last : first + GROUP;
    parse_group(w, first, end);
    if (w->session_count > MANY_SESSIONS) prefetch_sessions(w, first, end);
    for (struct descriptor *d = first; d < end; d++)
      if (LIKELY(d->verdict == DELIVERED)) track(w, d, d->probe);
    if (w->generation != 0) route_group(w, first, end);
    for (struct descriptor *d = first; d < end; d++)
      conclude(w, d, LIKELY(d->verdict == DELIVERED) ? deliver(w, d, d->route) : d->verdict);
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
