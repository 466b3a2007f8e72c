// A packet from the outside in: Ethernet and tags, IP, then the tunnel. As assembly/pipeline/{link,ip,parse}.ts with depth 1. Each
// header passes one bounds check, then it is read freely.

#include "layer.h"

// ── link ──

static inline enum verdict outer_link(struct descriptor *d, struct layer *layer, uint32_t *ether_type) {
  if (UNLIKELY(!fits(layer, ETHERNET_LENGTH))) return TRUNCATED;
  uint32_t type = get16(layer->next + ETHERNET_TYPE);
  layer->next += ETHERNET_LENGTH;
  if (UNLIKELY(is_tag(type))) {
    if (!fits(layer, TAG_LENGTH)) return TRUNCATED;
    d->about.outer_vlan = get16(layer->next) & 0xfff;
    type = get16(layer->next + 2);
    layer->next += TAG_LENGTH;
    if (is_tag(type)) {
      if (!fits(layer, TAG_LENGTH)) return TRUNCATED;
      type = get16(layer->next + 2);
      layer->next += TAG_LENGTH;
    }
  }
  *ether_type = type;
  return DELIVERED;
}

// ── IP ──

static inline uint32_t ipv4_sum(const uint8_t *ip, uint32_t length) {
  if (UNLIKELY(length != IPV4_LENGTH)) return sum(ip, length);
  uint64_t words = load64(ip);
  uint64_t more = load64(ip + 8);
  return fold((words & 0xffffffff) + (words >> 32) + (more & 0xffffffff) + (more >> 32) + load32(ip + 16));
}

static inline struct address mapped(const uint8_t *ipv4) {
  return (struct address){0, (uint64_t)load32(ipv4) << 32 | 0xffff0000};
}

static inline enum verdict outer_ipv4(const struct config *config, struct descriptor *d, struct layer *layer,
                                      uint32_t *protocol) {
  if (UNLIKELY(!fits(layer, IPV4_LENGTH))) return TRUNCATED;
  const uint8_t *ip = layer->next;
  if (UNLIKELY(ip[0] >> 4 != 4)) return UNSUPPORTED_VERSION;
  uint32_t length = (ip[0] & 15u) << 2;
  if (UNLIKELY(length < IPV4_LENGTH || !fits(layer, length))) return TRUNCATED;
  if ((config->flags & FLAG_VERIFY) && UNLIKELY(ipv4_sum(ip, length) != 0xffff)) return BAD_CHECKSUM;
  uint32_t total = get16(ip + IPV4_TOTAL);
  if (LIKELY(total != 0)) {
    if (UNLIKELY(total < length)) return TRUNCATED;
    declare(layer, (uint64_t)(uintptr_t)ip + total);
  }
  *protocol = ip[IPV4_PROTOCOL];
  if (UNLIKELY(*protocol != IP_GRE && *protocol != IP_UDP)) return NOT_TUNNEL;
  d->source = mapped(ip + IPV4_SOURCE);
  d->destination = mapped(ip + IPV4_DESTINATION);
  if (UNLIKELY(get16(ip + IPV4_FRAGMENT) & 0x3fff)) return UNSUPPORTED_HERE;
  layer->next += length;
  return DELIVERED;
}

// The fixed header; a packet with extension headers is left to the engine.
static inline enum verdict outer_ipv6(struct descriptor *d, struct layer *layer, uint32_t *protocol) {
  if (UNLIKELY(!fits(layer, IPV6_LENGTH))) return TRUNCATED;
  const uint8_t *ip = layer->next;
  if (UNLIKELY(ip[0] >> 4 != 6)) return UNSUPPORTED_VERSION;
  memcpy(&d->source, ip + IPV6_SOURCE, 16);
  memcpy(&d->destination, ip + IPV6_DESTINATION, 16);
  d->about.has |= HAS_IPV6;
  uint32_t length = get16(ip + IPV6_PAYLOAD);
  if (LIKELY(length != 0)) declare(layer, (uint64_t)(uintptr_t)ip + IPV6_LENGTH + length);
  *protocol = ip[IPV6_NEXT];
  layer->next += IPV6_LENGTH;
  if (LIKELY(*protocol == IP_GRE || *protocol == IP_UDP)) return DELIVERED;
  return is_extension(*protocol) || *protocol == IP_FRAGMENT ? UNSUPPORTED_HERE : NOT_TUNNEL;
}

// ── all of it ──

static inline void begin(struct descriptor *d) {
  d->layers = 0;
  d->rule = 0;
  d->inner = d->bare = NULL;
  d->inner_captured = 0;
  d->inner_original = 0;
  d->about = (struct about){.session = NONE, .outer_vlan = NO_VLAN, .tenant = NONE, .claim = NONE};
}

// The verdict on a packet, DELIVERED when it is out of its tunnel.
static inline enum verdict parse(struct worker *w, struct descriptor *d) {
  begin(d);
  if (UNLIKELY(d->link_type != 1)) return UNSUPPORTED_HERE;
  uint32_t original = d->original > d->captured ? d->original : d->captured;
  struct layer layer = {d->frame, d->frame + d->captured, (uint64_t)(uintptr_t)d->frame + original};
  struct inside inside = {0};
  uint32_t ether_type, protocol;

  enum verdict verdict = outer_link(d, &layer, &ether_type);
  if (UNLIKELY(verdict != DELIVERED)) return verdict;
  if (LIKELY(ether_type == TYPE_IPV4)) verdict = outer_ipv4(&w->config, d, &layer, &protocol);
  else if (ether_type == TYPE_IPV6) verdict = outer_ipv6(d, &layer, &protocol);
  else return NOT_TUNNEL;
  if (UNLIKELY(verdict != DELIVERED)) return verdict;
  verdict = protocol == IP_GRE ? gre(w, d, &layer, &inside) : udp(w, d, &layer, &inside);
  if (UNLIKELY(verdict != DELIVERED)) return verdict;
  inner_frame(&w->config, d, &layer, &inside);
  return DELIVERED;
}
