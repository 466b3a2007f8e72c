// From what IP carries to the frame inside: UDP ports, GRE, every tunnel header, and what the descriptor notes of them. As
// assembly/pipeline/tunnel.ts.

#include "layer.h"

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
