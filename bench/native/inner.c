// The decoded frame: where it lies, how long it is and was, a synthetic header before bare IP, the tag that ERSPAN took off. As
// assembly/pipeline/inner.ts.

#include "layer.h"

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
