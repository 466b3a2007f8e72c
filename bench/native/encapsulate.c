// Frames for a sniffer across routers: a header made once per sniffer is copied in front, then what differs from packet to
// packet is filled in. assembly/README.md, "Tunnels"; assembly/pipeline/encapsulate.ts.

#include "wire.h"
#include "worker.h"

// Bytes of the tunnel's own headers behind IP, by mode.
static uint32_t tunnel_length(const struct sniffer *sniffer) {
  switch (sniffer->mode) {
    case TO_VXLAN:
    case TO_GENEVE: return UDP_LENGTH + 8;
    case TO_GRE: return GRE_LENGTH + (sniffer->to.flags & SNIFFER_KEY ? 4 : 0);
    case TO_ERSPAN2: return GRE_LENGTH + 4 + ERSPAN2_LENGTH;
    case TO_ERSPAN3: return GRE_LENGTH + 4 + ERSPAN3_LENGTH;
    default: return 0;
  }
}

static bool is_udp(const struct sniffer *sniffer) { return sniffer->mode == TO_VXLAN || sniffer->mode == TO_GENEVE; }

static void prepare_tunnel(const struct sniffer *sniffer, uint8_t *p) {
  if (is_udp(sniffer)) {
    put16(p + UDP_DESTINATION, sniffer->port);
    p += UDP_LENGTH;
    if (sniffer->mode == TO_VXLAN) p[0] = VXLAN_I;
    else put16(p + GENEVE_PROTOCOL, TYPE_TRANSPARENT_ETHERNET);
    put32(p + 4, sniffer->id << 8);
    return;
  }
  bool is_gre = sniffer->mode == TO_GRE;
  put16(p, is_gre ? (sniffer->to.flags & SNIFFER_KEY ? GRE_K : 0) : GRE_S);
  put16(p + 2, is_gre ? TYPE_TRANSPARENT_ETHERNET : sniffer->mode == TO_ERSPAN2 ? TYPE_ERSPAN2 : TYPE_ERSPAN3);
  if (is_gre) {
    if (sniffer->to.flags & SNIFFER_KEY) put32(p + GRE_LENGTH, sniffer->id);
    return;
  }
  p += GRE_LENGTH + 4;
  p[0] = sniffer->mode == TO_ERSPAN2 ? 0x10 : 0x20;
  put16(p + ERSPAN_SESSION, sniffer->id);
  if (sniffer->mode == TO_ERSPAN2) put32(p + 4, sniffer->index);
}

// Fills in the template, its sum and its lengths. Once, when the sniffer is made.
static void prepare(struct sniffer *sniffer) {
  uint8_t *p = sniffer->header;
  memset(p, 0, HEADER_MAX);
  sniffer->overhead = 0;
  sniffer->link_length = sniffer->mode != PLAIN && sniffer->to.vlan != 0 ? TAG_LENGTH : 0;
  if (sniffer->mode < TO_VXLAN) return;
  bool ipv6 = sniffer->to.flags & SNIFFER_IPV6;
  put_mac(p, sniffer->to.mac);
  put_mac(p + MAC_LENGTH, sniffer->to.own_mac);
  p += ETHERNET_TYPE;
  if (sniffer->to.vlan != 0) {
    put16(p, TYPE_TAG);
    put16(p + 2, sniffer->to.vlan);
    p += TAG_LENGTH;
  }
  put16(p, ipv6 ? TYPE_IPV6 : TYPE_IPV4);
  p += 2;
  sniffer->link_length = (uint16_t)(p - sniffer->header);
  uint32_t protocol = is_udp(sniffer) ? IP_UDP : IP_GRE;
  if (ipv6) {
    p[0] = 0x60;
    p[IPV6_NEXT] = (uint8_t)protocol;
    p[7] = 64;
    memcpy(p + IPV6_SOURCE, &sniffer->source, 16);
    memcpy(p + IPV6_DESTINATION, &sniffer->address, 16);
    sniffer->pseudo_sum = sum(p + IPV6_SOURCE, 32) + (protocol << 8);
    p += IPV6_LENGTH;
  } else {
    p[0] = 0x45;
    p[IPV4_FRAGMENT] = 0x40;
    p[IPV4_TTL] = 64;
    p[IPV4_PROTOCOL] = (uint8_t)protocol;
    memcpy(p + IPV4_SOURCE, (uint8_t *)&sniffer->source + 12, 4);
    memcpy(p + IPV4_DESTINATION, (uint8_t *)&sniffer->address + 12, 4);
    sniffer->sum = sum(p, IPV4_LENGTH);
    sniffer->pseudo_sum = sum(p + IPV4_SOURCE, 8) + (protocol << 8);
    p += IPV4_LENGTH;
  }
  prepare_tunnel(sniffer, p);
  sniffer->overhead = (uint16_t)(p + tunnel_length(sniffer) - sniffer->header - sniffer->link_length);
}

// In 16-byte moves, of which the last overlaps the one before; a header has 34 bytes or more.
static inline void copy_header(uint8_t *to, const uint8_t *from, uint32_t length) {
  for (uint32_t i = 0; i + 16 < length; i += 16) memcpy(to + i, from + i, 16);
  memcpy(to + length - 16, from + length - 16, 16);
}

static inline void put_udp(const struct sniffer *sniffer, uint8_t *p, uint32_t length, uint32_t flow) {
  put16(p, 49152 + (flow & 0x3fff));
  put16(p + UDP_TOTAL, length);
  if (!(sniffer->to.flags & (SNIFFER_IPV6 | SNIFFER_CHECKSUM))) return;
  uint64_t pseudo = (uint64_t)sniffer->pseudo_sum + __builtin_bswap16((uint16_t)length);
  uint32_t checksum = ~fold(pseudo + sum(p, length)) & 0xffff;
  store16(p + UDP_CHECKSUM, checksum == 0 ? 0xffff : checksum);
}

// Number, tag, what was cut, and with type III when, which way and where.
static inline void put_erspan(const struct sniffer *sniffer, const struct descriptor *d, uint8_t *p, const uint8_t *frame,
                              uint32_t length, bool cut) {
  put32(p + GRE_LENGTH, (*sniffer->number)++);
  p += GRE_LENGTH + 4;
  uint32_t tag = 0, second = sniffer->id | (cut ? ERSPAN_CUT : 0);
  if (length >= ETHERNET_LENGTH + TAG_LENGTH && is_tag(get16(frame + ETHERNET_TYPE))) {
    tag = get16(frame + ETHERNET_LENGTH);
    if (sniffer->mode == TO_ERSPAN2) second |= 3 << 11;
  }
  put16(p, (sniffer->mode == TO_ERSPAN2 ? 0x1000 : 0x2000) | (tag & 0xfff));
  put16(p + ERSPAN_SESSION, second | (tag & 0xe000));
  if (sniffer->mode == TO_ERSPAN2) return;
  put32(p + ERSPAN3_TIMESTAMP, (uint32_t)(d->time % 1000000000));
  uint32_t direction = d->about.direction == DIRECTION_OUT ? 8 : 0;
  put16(p + ERSPAN3_FLAGS, 0x8000 | (uint32_t)d->about.hardware_id << 4 | direction | 2 << 1);
}

// Writes the tunnel's headers in front of the frame of `inside` bytes. Gives their first byte.
static inline uint8_t *encapsulate(const struct sniffer *sniffer, const struct descriptor *d, uint8_t *frame,
                                   uint32_t inside, uint32_t flow) {
  uint32_t headers = sniffer->link_length + sniffer->overhead;
  uint8_t *start = frame - headers;
  copy_header(start, sniffer->header, headers);
  uint8_t *ip = start + sniffer->link_length, *p;
  uint32_t total = sniffer->overhead + inside;
  if (sniffer->to.flags & SNIFFER_IPV6) {
    put32(ip, 0x60000000 | (flow & 0xfffff));
    put16(ip + IPV6_PAYLOAD, total - IPV6_LENGTH);
    p = ip + IPV6_LENGTH;
  } else {
    put16(ip + IPV4_TOTAL, total);
    store16(ip + IPV4_CHECKSUM, ~fold((uint64_t)sniffer->sum + __builtin_bswap16((uint16_t)total)));
    p = ip + IPV4_LENGTH;
  }
  switch (sniffer->mode) {
    case TO_VXLAN:
    case TO_GENEVE: put_udp(sniffer, p, (uint32_t)(frame + inside - p), flow); break;
    case TO_ERSPAN2:
    case TO_ERSPAN3: {
      bool cut = inside < d->inner_original || (d->about.has & HAS_TRUNCATED);
      put_erspan(sniffer, d, p, frame, inside, cut);
      break;
    }
    default: break;
  }
  return start;
}
