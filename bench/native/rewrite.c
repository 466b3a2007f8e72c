// Frames for a sniffer on the same segment: its MAC, its tag, with `ip` also its address and every checksum that the address
// stands in. assembly/README.md, "`mac`" and "`ip`"; assembly/pipeline/rewrite.ts.

#include "wire.h"
#include "worker.h"

// HC' = ~(~HC + ~m + m') (RFC 1624 (3)); `difference` is the sum of ~m and m' over the words that changed.
static inline uint32_t updated(uint32_t checksum, uint64_t difference) {
  return ~fold((~checksum & 0xffff) + difference) & 0xffff;
}

static inline uint64_t difference_of(const uint8_t *was, const uint8_t *is, uint32_t length) {
  uint64_t difference = 0;
  for (uint32_t i = 0; i < length; i += 4) difference += (uint64_t)(uint32_t)~load32(was + i) + load32(is + i);
  return difference;
}

// Where the checksum of an upper-layer header stands, 0: none that covers addresses.
static inline uint32_t checksum_place(uint32_t protocol, bool ipv6) {
  switch (protocol) {
    case IP_TCP: return 16;
    case IP_UDP:
    case IP_UDP_LITE:
    case IP_DCCP: return 6;
    case IP_ICMPV6: return ipv6 ? 2 : 0;
    default: return 0;
  }
}

static inline void update_upper(uint8_t *header, const uint8_t *end, uint32_t protocol, bool ipv6,
                                uint64_t difference) {
  uint32_t place = checksum_place(protocol, ipv6);
  if (place == 0 || header + place + 2 > end) return;
  bool zero_means_none = protocol == IP_UDP || protocol == IP_UDP_LITE;
  uint32_t checksum = load16(header + place);
  if (zero_means_none && checksum == 0) return;
  checksum = updated(checksum, difference);
  store16(header + place, zero_means_none && checksum == 0 ? 0xffff : checksum);
}

// A source route with addresses left: the pseudo header has the last of them as its destination (RFC 791 3.1).
static bool is_source_routed(const uint8_t *ip, const uint8_t *end) {
  const uint8_t *option = ip + IPV4_LENGTH, *last = ip + ((ip[0] & 15u) << 2);
  if (last > end) return false;
  while (option + 3 <= last && *option != 0) {
    if (*option == 1) {
      option++;
      continue;
    }
    uint32_t length = option[1];
    if (length < 2 || option + length > last) return false;
    if ((*option == 131 || *option == 137) && length >= 3 && option[2] <= length) return true;
    option += length;
  }
  return false;
}

static inline void redirect4(uint8_t *ip, const uint8_t *end, const struct sniffer *sniffer) {
  const uint8_t *address = (const uint8_t *)&sniffer->address + 12;
  uint64_t difference = difference_of(ip + IPV4_DESTINATION, address, 4);
  bool later = get16(ip + IPV4_FRAGMENT) & 0x1fff;
  uint32_t length = (ip[0] & 15u) << 2;
  if (!later && !(length > IPV4_LENGTH && is_source_routed(ip, end)))
    update_upper(ip + length, ipv4_end(ip, end), ip[IPV4_PROTOCOL], false, difference);
  memcpy(ip + IPV4_DESTINATION, address, 4);
  store16(ip + IPV4_CHECKSUM, updated(load16(ip + IPV4_CHECKSUM), difference));
}

static void redirect6(uint8_t *ip, const uint8_t *end, const struct sniffer *sniffer) {
  const uint8_t *address = (const uint8_t *)&sniffer->address;
  uint64_t difference = difference_of(ip + IPV6_DESTINATION, address, 16);
  const uint8_t *last = ipv6_end(ip, end);
  struct upper upper = behind_extensions(ip, last, false);
  if (!upper.is_later_fragment && !upper.is_rerouted)
    update_upper((uint8_t *)upper.header, last, upper.protocol, true, difference);
  memcpy(ip + IPV6_DESTINATION, address, 16);
}

static inline void redirect(uint8_t *frame, const uint8_t *end, const struct sniffer *sniffer) {
  uint32_t type;
  uint8_t *ip = inner_network(frame, end, &type);
  if (ip == NULL) return;
  if (sniffer->to.flags & SNIFFER_IPV6) {
    if (type == TYPE_IPV6 && is_ipv6(ip, end)) redirect6(ip, end, sniffer);
  } else if (type == TYPE_IPV4 && is_ipv4(ip, end)) {
    redirect4(ip, end, sniffer);
  }
}

// Addresses the frame at `frame`, of which there are 14 bytes at least, to a sniffer. Gives its first byte.
static inline uint8_t *readdress(const struct addressing *to, uint8_t *frame) {
  if (to->vlan != 0) {
    memmove(frame - TAG_LENGTH, frame, 2 * MAC_LENGTH);
    frame -= TAG_LENGTH;
    put16(frame + ETHERNET_TYPE, TYPE_TAG);
    put16(frame + ETHERNET_LENGTH, to->vlan);
  }
  put_mac(frame, to->mac);
  if (to->flags & SNIFFER_OWN_SOURCE) put_mac(frame + MAC_LENGTH, to->own_mac);
  return frame;
}

// Turns the frame at `frame`, with zeros behind it up to FRAME_MIN, into the sniffer's. Gives its first byte.
static inline uint8_t *rewrite(const struct sniffer *sniffer, uint8_t *frame, uint32_t length) {
  if (sniffer->mode == TO_IP) redirect(frame, frame + length, sniffer);
  return readdress(&sniffer->to, frame);
}
