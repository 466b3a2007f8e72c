// A packet from the outside in: Ethernet and tags, IP, GRE or UDP, the tunnel header; what the descriptor notes of them. As
// assembly/pipeline/{link,ip,tunnel,inner}.ts with depth 1. Each header passes one bounds check, then it is read freely.

#include "wire.h"
#include "worker.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

// The layer at hand: the next header, where the captured bytes of the layer end, and where it says that it ends.
struct layer {
  uint8_t *next;
  uint8_t *end;
  uint64_t declared;
};

// What a tunnel header says of the frame inside.
struct inside {
  uint32_t ether_type; // of a bare IP packet, 0: an Ethernet frame
  uint32_t erspan_type;
  uint32_t vlan, cos, en;
  bool cut;
};

static inline bool fits(const struct layer *layer, size_t length) {
  return layer->next + length <= layer->end;
}

static inline void declare(struct layer *layer, uint64_t end) {
  layer->declared = end;
  if ((uint64_t)(uintptr_t)layer->end > end) layer->end = (uint8_t *)(uintptr_t)end;
}

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

// ── tunnels ──

static inline void identify(struct descriptor *d, enum encapsulation encapsulation, uint32_t has, uint32_t id) {
  d->about.encapsulation = (uint8_t)encapsulation;
  d->about.has |= has;
  d->about.id = id;
}

static inline enum verdict vxlan(struct descriptor *d, struct layer *layer) {
  if (UNLIKELY(!fits(layer, VXLAN_LENGTH))) return TRUNCATED;
  if (UNLIKELY(!(layer->next[0] & VXLAN_I))) return BAD_FLAGS;
  identify(d, VXLAN, HAS_ID, get24(layer->next + VXLAN_VNI));
  layer->next += VXLAN_LENGTH;
  return DELIVERED;
}

static enum verdict vxlan_gpe(struct descriptor *d, struct layer *layer, struct inside *inside) {
  if (!fits(layer, VXLAN_LENGTH)) return TRUNCATED;
  uint32_t flags = layer->next[0];
  if (flags & VXLAN_VERSION) return UNSUPPORTED_VERSION;
  if (!(flags & VXLAN_I)) return BAD_FLAGS;
  if (flags & VXLAN_O) return UNSUPPORTED_PAYLOAD;
  if (flags & VXLAN_P) {
    uint32_t next = layer->next[3];
    if (next == 1) inside->ether_type = TYPE_IPV4;
    else if (next == 2) inside->ether_type = TYPE_IPV6;
    else if (next != 3) return UNSUPPORTED_PAYLOAD;
  }
  identify(d, VXLAN_GPE, HAS_ID, get24(layer->next + VXLAN_VNI));
  layer->next += VXLAN_LENGTH;
  return DELIVERED;
}

enum options { OPTIONS_GOOD, OPTIONS_CRITICAL, OPTIONS_OVERRUN };

static inline enum options geneve_options(const uint8_t *option, const uint8_t *end) {
  enum options found = OPTIONS_GOOD;
  while (option < end) {
    if (option + 4 > end) return OPTIONS_OVERRUN;
    const uint8_t *next = option + 4 + ((option[3] & 0x1fu) << 2);
    if (next > end) return OPTIONS_OVERRUN;
    if (option[2] & 0x80) found = OPTIONS_CRITICAL;
    option = next;
  }
  return found;
}

static inline enum verdict geneve(struct worker *w, struct descriptor *d, struct layer *layer, struct inside *inside) {
  if (!fits(layer, GENEVE_LENGTH)) return TRUNCATED;
  const uint8_t *p = layer->next;
  if (p[0] >> 6 != 0) return UNSUPPORTED_VERSION;
  uint32_t length = GENEVE_LENGTH + ((p[0] & 0x3fu) << 2);
  if (!fits(layer, length)) return TRUNCATED;
  if (p[1] & 0x80) return UNSUPPORTED_PAYLOAD;
  enum options options = geneve_options(p + GENEVE_LENGTH, p + length);
  if (UNLIKELY(options == OPTIONS_OVERRUN)) return TRUNCATED;
  if (UNLIKELY(options == OPTIONS_CRITICAL)) {
    if (!(w->config.flags & FLAG_LENIENT)) return CRITICAL_OPTION;
    w->counters[CRITICAL_OPTIONS]++;
  }
  uint32_t protocol = get16(p + GENEVE_PROTOCOL);
  if (protocol == TYPE_IPV4 || protocol == TYPE_IPV6) inside->ether_type = protocol;
  else if (protocol != TYPE_TRANSPARENT_ETHERNET) return UNSUPPORTED_PAYLOAD;
  identify(d, GENEVE, HAS_ID, get24(p + GENEVE_VNI));
  layer->next += length;
  return DELIVERED;
}

static enum verdict tzsp(struct descriptor *d, struct layer *layer) {
  if (!fits(layer, TZSP_LENGTH)) return TRUNCATED;
  const uint8_t *p = layer->next;
  if (p[0] != 1) return UNSUPPORTED_VERSION;
  if (p[1] > 1 || get16(p + 2) != 1) return UNSUPPORTED_PAYLOAD;
  const uint8_t *tag = p + TZSP_LENGTH;
  for (;;) {
    if (tag >= layer->end) return TRUNCATED;
    if (*tag == 1) break;
    if (*tag == 0) {
      tag++;
      continue;
    }
    if (tag + 2 > layer->end) return TRUNCATED;
    tag += 2 + tag[1];
  }
  identify(d, TZSP, 0, 0);
  layer->next += tag + 1 - p;
  return DELIVERED;
}

static enum verdict hp_erm(struct descriptor *d, struct layer *layer) {
  if (!fits(layer, HP_ERM_LENGTH)) return TRUNCATED;
  identify(d, HP_ERM, 0, 0);
  layer->next += HP_ERM_LENGTH;
  return DELIVERED;
}

static inline void erspan_common(const uint8_t *p, struct inside *inside, uint32_t type) {
  uint32_t first = get16(p), second = get16(p + ERSPAN_SESSION);
  inside->erspan_type = type;
  inside->vlan = first & 0xfff;
  inside->cos = second >> 13;
  inside->en = second >> 11 & 3;
  inside->cut = second & ERSPAN_CUT;
}

static inline enum verdict erspan2(struct descriptor *d, struct layer *layer, struct inside *inside) {
  if (UNLIKELY(!fits(layer, ERSPAN2_LENGTH))) return TRUNCATED;
  const uint8_t *p = layer->next;
  if (UNLIKELY(p[0] >> 4 != 1)) return UNSUPPORTED_VERSION;
  identify(d, ERSPAN, HAS_ID, get16(p + ERSPAN_SESSION) & 0x3ff);
  d->about.erspan_type = 2;
  erspan_common(p, inside, 2);
  layer->next += ERSPAN2_LENGTH;
  return DELIVERED;
}

enum { GRANULARITY_FULL = 4, GRANULARITY_SECONDS = 5 };

// Where and when the frame was seen.
static inline void observe(struct descriptor *d, const uint8_t *p, uint32_t flags) {
  d->about.direction = flags & 8 ? DIRECTION_OUT : DIRECTION_IN;
  d->about.hardware_id = flags >> 4 & 0x3f;
  d->about.has |= HAS_MIRROR;
  uint64_t timestamp = get32(p + ERSPAN3_TIMESTAMP);
  uint32_t granularity = flags >> 1 & 3;
  d->mirror = timestamp;
  d->granularity = (uint8_t)granularity;
  if (!(flags & 1)) return;
  const uint8_t *platform = p + ERSPAN3_LENGTH;
  uint32_t id = platform[0] >> 2;
  uint64_t low = get32(platform + 4);
  if (granularity == 3 && id == 3) {
    d->mirror = low << 32 | timestamp;
    d->granularity = GRANULARITY_FULL;
  } else if (granularity == 2 && (id == 5 || id == 6)) {
    d->mirror = low * 1000000000 + timestamp;
    d->granularity = GRANULARITY_SECONDS;
  }
}

static inline enum verdict erspan3(struct descriptor *d, struct layer *layer, struct inside *inside) {
  if (UNLIKELY(!fits(layer, ERSPAN3_LENGTH))) return TRUNCATED;
  const uint8_t *p = layer->next;
  if (UNLIKELY(p[0] >> 4 != 2)) return UNSUPPORTED_VERSION;
  uint32_t flags = get16(p + ERSPAN3_FLAGS);
  layer->next += ERSPAN3_LENGTH;
  if (flags & 1) {
    if (UNLIKELY(!fits(layer, ERSPAN3_PLATFORM_LENGTH))) return TRUNCATED;
    layer->next += ERSPAN3_PLATFORM_LENGTH;
  }
  uint32_t frame_type = flags >> 10 & 0x1f;
  if (frame_type == 2) {
    if (layer->next == layer->end) return TRUNCATED;
    uint32_t version = layer->next[0] >> 4;
    if (version != 4 && version != 6) return UNSUPPORTED_PAYLOAD;
    inside->ether_type = version == 4 ? TYPE_IPV4 : TYPE_IPV6;
  } else if (frame_type != 0) {
    return UNSUPPORTED_PAYLOAD;
  }
  identify(d, ERSPAN, HAS_ID, get16(p + ERSPAN_SESSION) & 0x3ff);
  d->about.erspan_type = 3;
  observe(d, p, flags);
  erspan_common(p, inside, 3);
  return DELIVERED;
}

static bool carries_ethernet(const struct config *config, uint32_t protocol) {
  if (protocol == TYPE_TRANSPARENT_ETHERNET) return true;
  for (uint32_t i = 0; i < config->gre_count; i++)
    if (config->gre_ethernet[i] == protocol) return true;
  return false;
}

// Source route entries (RFC 1701 4): what follows the null one, or nothing.
static uint8_t *skip_routes(uint8_t *route, const uint8_t *end) {
  while (route + 4 <= end) {
    uint32_t family = get16(route), length = route[3];
    route += 4 + length;
    if (family == 0 && length == 0) return route;
  }
  return NULL;
}

static bool gre_checksum_is_good(struct worker *w, const struct layer *layer) {
  if (!(w->config.flags & FLAG_VERIFY)) return true;
  if (layer->declared > (uint64_t)(uintptr_t)layer->end) {
    w->counters[CHECKSUM_UNVERIFIABLE]++;
    return true;
  }
  return sum(layer->next, layer->end - layer->next) == 0xffff;
}

static inline enum verdict gre(struct worker *w, struct descriptor *d, struct layer *layer, struct inside *inside) {
  if (UNLIKELY(!fits(layer, GRE_LENGTH))) return TRUNCATED;
  uint8_t *p = layer->next;
  uint32_t flags = get16(p), protocol = get16(p + 2);
  if (UNLIKELY(flags & 7)) return UNSUPPORTED_VERSION;
  uint8_t *key = p + GRE_LENGTH + (flags & (GRE_C | GRE_R) ? 4 : 0);
  uint8_t *sequence = key + (flags & GRE_K ? 4 : 0);
  uint8_t *payload = sequence + (flags & GRE_S ? 4 : 0);
  if (UNLIKELY(payload > layer->end)) return TRUNCATED;
  if (UNLIKELY(flags & GRE_R)) {
    payload = skip_routes(payload, layer->end);
    if (payload == NULL || payload > layer->end) return TRUNCATED;
  }
  if ((flags & GRE_C) && !gre_checksum_is_good(w, layer)) return BAD_CHECKSUM;
  if (flags & GRE_S) {
    d->about.has |= HAS_SEQUENCE;
    d->about.sequence = get32(sequence);
  }
  layer->next = payload;
  if (protocol == TYPE_ERSPAN2) {
    if (flags & GRE_S) return erspan2(d, layer, inside);
    identify(d, ERSPAN, 0, 0);
    d->about.erspan_type = 1;
    return DELIVERED;
  }
  if (protocol == TYPE_ERSPAN3) return erspan3(d, layer, inside);

  uint32_t has = 0;
  if (protocol == TYPE_IPV4 || protocol == TYPE_IPV6) inside->ether_type = protocol;
  else if (!carries_ethernet(&w->config, protocol)) return UNSUPPORTED_PAYLOAD;
  else if ((flags & (GRE_K | GRE_C | GRE_S)) == GRE_K) has = HAS_NVGRE;
  if (flags & GRE_K) identify(d, GRE, has | HAS_ID, get32(key));
  else identify(d, GRE, 0, 0);
  return DELIVERED;
}

static inline enum verdict udp(struct worker *w, struct descriptor *d, struct layer *layer, struct inside *inside) {
  if (UNLIKELY(!fits(layer, UDP_LENGTH))) return TRUNCATED;
  const uint8_t *p = layer->next;
  enum encapsulation encapsulation = w->config.ports[get16(p + UDP_DESTINATION)];
  if (UNLIKELY(encapsulation == NO_TUNNEL)) return NOT_TUNNEL;
  uint32_t length = get16(p + UDP_TOTAL);
  if (LIKELY(length != 0)) {
    if (UNLIKELY(length < UDP_LENGTH)) return TRUNCATED;
    uint64_t end = (uint64_t)(uintptr_t)p + length;
    if (end <= layer->declared) declare(layer, end);
  }
  layer->next += UDP_LENGTH;
  switch (encapsulation) {
    case VXLAN: return vxlan(d, layer);
    case GENEVE: return geneve(w, d, layer, inside);
    case VXLAN_GPE: return vxlan_gpe(d, layer, inside);
    case TZSP: return tzsp(d, layer);
    case HP_ERM: return hp_erm(d, layer);
    default: return gre(w, d, layer, inside);
  }
}

// ── the decoded frame ──

// Network header of an Ethernet frame, of any type; none when it is not captured.
static inline uint8_t *inner_network(uint8_t *frame, const uint8_t *end, uint32_t *ether_type) {
  if (UNLIKELY(frame + ETHERNET_LENGTH > end)) return NULL;
  uint32_t type = get16(frame + ETHERNET_TYPE);
  uint8_t *p = frame + ETHERNET_LENGTH;
  for (int tags = 0; tags < 2 && is_tag(type); tags++) {
    if (p + TAG_LENGTH > end) return NULL;
    type = get16(p + 2);
    p += TAG_LENGTH;
  }
  *ether_type = type;
  return p;
}

// Network header of a decoded frame, or of the IP packet that it was.
static inline uint8_t *network_of(uint8_t *bare, const uint8_t *end, uint32_t inner_type, uint32_t *ether_type) {
  *ether_type = inner_type;
  return inner_type == 0 ? inner_network(bare, end, ether_type) : bare;
}

// Length of the frame by its IP header, 0 when that does not tell.
static uint64_t declared_length(uint8_t *bare, const uint8_t *end, uint32_t inner_type) {
  uint32_t type;
  const uint8_t *ip = network_of(bare, end, inner_type, &type);
  if (ip == NULL) return 0;
  uint64_t before = inner_type == 0 ? (uint64_t)(ip - bare) : ETHERNET_LENGTH;
  if (type == TYPE_IPV4) {
    if (ip + IPV4_LENGTH > end || ip[0] >> 4 != 4 || get16(ip + IPV4_TOTAL) == 0) return 0;
    return before + get16(ip + IPV4_TOTAL);
  }
  if (type != TYPE_IPV6 || ip + IPV6_LENGTH > end || ip[0] >> 4 != 6 || get16(ip + IPV6_PAYLOAD) == 0) return 0;
  return before + IPV6_LENGTH + get16(ip + IPV6_PAYLOAD);
}

static inline bool wants_tag(const struct config *config, const struct inside *inside, const uint8_t *bare,
                             const uint8_t *end) {
  if (inside->erspan_type == 0 || inside->vlan == 0 || config->restore_vlan == RESTORE_NEVER) return false;
  if (config->restore_vlan != RESTORE_ALWAYS && (inside->erspan_type != 2 || (inside->en != 1 && inside->en != 2)))
    return false;
  return inside->ether_type == 0 && bare + ETHERNET_LENGTH <= end && !is_tag(get16(bare + ETHERNET_TYPE));
}

// Notes where the decoded frame will lie and how long it is.
static inline void inner_frame(const struct config *config, struct descriptor *d, const struct layer *layer,
                               const struct inside *inside) {
  uint8_t *bare = layer->next, *inner = bare;
  uint64_t original = layer->declared - (uint64_t)(uintptr_t)bare;
  if (inside->ether_type != 0) {
    inner -= ETHERNET_LENGTH;
    original += ETHERNET_LENGTH;
    d->about.has |= HAS_SYNTHETIC;
  }
  if (UNLIKELY(inside->cut)) {
    d->about.has |= HAS_TRUNCATED;
    uint64_t declared = declared_length(bare, layer->end, inside->ether_type);
    if (declared > original) original = declared;
  }
  if (wants_tag(config, inside, bare, layer->end)) {
    inner -= TAG_LENGTH;
    original += TAG_LENGTH;
    d->about.has |= HAS_RESTORED;
  }
  d->about.tag = inside->erspan_type == 0 ? 0 : (uint16_t)(inside->cos << 13 | inside->vlan);
  d->layers = 1;
  d->inner_type = (uint16_t)inside->ether_type;
  d->bare = bare;
  d->inner = inner;
  d->inner_captured = (uint32_t)(layer->end - inner);
  d->inner_original = original > 0xffffffff ? 0xffffffff : (uint32_t)original;
}

// Writes what was noted over the tunnel headers. Only for a packet that is delivered: others stay as they came.
static inline void dress(struct descriptor *d) {
  if (LIKELY(!(d->about.has & (HAS_SYNTHETIC | HAS_RESTORED)))) return;
  uint8_t *frame = d->bare;
  if (d->about.has & HAS_SYNTHETIC) {
    static const uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
    frame -= ETHERNET_LENGTH;
    memcpy(frame, macs, 12);
    put16(frame + ETHERNET_TYPE, d->inner_type);
  }
  if (d->about.has & HAS_RESTORED) {
    memmove(frame - TAG_LENGTH, frame, 12);
    put16(frame + 8, TYPE_TAG);
    put16(frame + 10, d->about.tag);
  }
}

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
