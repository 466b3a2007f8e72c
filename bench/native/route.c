// What the tenant map says of a packet's tunnel: the route that its session keeps, or a look-up; and the usual way along it: the
// packet is no loop, its tenant has no addresses and no rate, and one sniffer, to whose segment the frame goes where it lies, or as it
// is. As assembly/pipeline/{look-up,deliver-usual}.ts.

#include "wire.h"
#include "worker.h"

// Generation, and what the map may ask of a tunnel beside that which tells its session.
static inline uint64_t route_key(const struct worker *w, const struct descriptor *d) {
  return (uint64_t)w->generation << 32 | (d->about.has & HAS_NVGRE ? ROUTE_NVGRE : 0) | d->about.outer_vlan;
}

// The route that the session keeps. NULL when it has none for this packet.
static inline const struct route *known_route(const struct worker *w, const struct descriptor *d) {
  if (UNLIKELY(d->about.session == NONE)) return NULL;
  const struct route *route = &w->sessions[d->about.session].route;
  return LIKELY(route->key == route_key(w, d)) ? route : NULL;
}

// With the session, unless there is none, or it keeps another one of this generation, which packets of the group may point to.
static struct route *place_for(struct worker *w, const struct descriptor *d, struct route *spare) {
  if (d->about.session == NONE) return spare;
  struct route *route = &w->sessions[d->about.session].route;
  return route->key >> 32 == w->generation && route->key != route_key(w, d) ? spare : route;
}

static const struct route *make_route(struct worker *w, const struct descriptor *d, const struct key *claim,
                                      struct route *spare) {
  struct route *route = place_for(w, d, spare);
  *route = (struct route){
      .key = route_key(w, d), .claim = claim == NULL ? NONE : (uint32_t)(claim - w->table), .mode = ROUTE_UNUSUAL};
  if (claim == NULL || (claim->value & CLAIM_SHARED)) return route;
  const struct tenant *tenant = &w->tenants[claim->value];
  route->claim_number = claim->claim - 1;
  route->tenant = claim->value;
  route->snaplen = tenant->snaplen;
  if (tenant->sniffer != NULL) route->queue = tenant->sniffer->queue_number;
  if (tenant->flags & TENANT_HAS_ADDRESSES) return route;
  if (w->sniffer_count == 0) {
    route->mode = ROUTE_NOBODY;
    return route;
  }
  if (tenant->sniffer_count != 1 || tenant->bucket != NULL) return route;
  const struct sniffer *sniffer = tenant->sniffer;
  if (sniffer->mode > TO_MAC || sniffer->bucket != NULL) return route;
  route->mode = sniffer->mode;
  route->to = sniffer->to;
  return route;
}

static inline const struct route *route_of(struct worker *w, const struct descriptor *d, struct route *spare) {
  const struct route *route = known_route(w, d);
  return LIKELY(route != NULL) ? route : make_route(w, d, claim_of(w, d), spare);
}

// False: it is untagged IPv4 to nobody's delivery address.
static inline bool may_loop(const struct worker *w, const struct descriptor *d) {
  const uint8_t *frame = d->inner, *address = frame + ETHERNET_LENGTH + IPV4_DESTINATION;
  if (UNLIKELY(d->inner_captured < ETHERNET_LENGTH + IPV4_LENGTH)) return true;
  if (UNLIKELY(get16(frame + ETHERNET_TYPE) != TYPE_IPV4)) return true;
  if (may_be_tail(w, load32(frame + 2)) && may_be_known(w, (struct address){0, mac_of(frame)})) return true;
  return may_be_tail(w, load32(address)) && may_be_known(w, mapped(address));
}

// Delivers a usual packet. Everything is asked before anything is changed: false, and it is as it was.
static inline bool deliver_usual(struct worker *w, struct descriptor *d, const struct route *route) {
  if (UNLIKELY(route->mode == ROUTE_UNUSUAL)) return false;
  if (UNLIKELY(d->about.has & (HAS_SYNTHETIC | HAS_RESTORED))) return false;
  if (w->map_flags != 0 && UNLIKELY(may_loop(w, d))) return false;
  if (LIKELY(route->mode != ROUTE_NOBODY)) {
    uint32_t length = d->inner_captured < route->snaplen ? d->inner_captured : route->snaplen;
    if (UNLIKELY(length < FRAME_MIN || length > LONGEST - TAG_LENGTH)) return false;
    struct queue *queue = &w->queues[route->queue];
    if (UNLIKELY(queue->held >= spare_slots(w) || is_full(queue))) return false;

    queue->offered++;
    queue->held++;
    uint8_t *frame = route->mode == TO_MAC ? readdress(&route->to, d->inner) : d->inner;
    uint32_t entry = take_record(w);
    struct record *record = &w->records[entry];
    record->frame = frame;
    record->length = length + (uint32_t)(d->inner - frame);
    record->original = d->inner_original;
    record->time = d->time;
    record->slot = d->slot;
    record->queue = route->queue;
    // Before the tenant is noted: a wide load behind narrow stores waits for them.
    record->about = d->about;
    record->about.tenant = route->tenant;
    record->about.claim = route->claim_number;
    d->slot = NONE;
    push(w, queue, route->queue, entry);
  }
  d->about.tenant = route->tenant;
  d->about.claim = route->claim_number;
  d->rule = 1;
  return true;
}
