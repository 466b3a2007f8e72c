// The flow of a decoded frame as one number, the same for both directions (assembly/README.md, "Flow hash"), and the way
// behind IPv6 extension headers that it shares with rewriting. As assembly/pipeline/{flow,upper}.ts.

#include "hash.h"
#include "wire.h"
#include "worker.h"

static inline bool has_ports(uint32_t protocol) {
  return protocol == IP_TCP || protocol == IP_UDP || protocol == IP_SCTP || protocol == IP_DCCP ||
         protocol == IP_UDP_LITE;
}

// What stands behind the extension headers.
struct upper {
  const uint8_t *header;
  uint32_t protocol;
  bool is_fragment, is_later_fragment, is_rerouted;
};

// With `to_fragment` no further than the header of a fragment.
static struct upper behind_extensions(const uint8_t *ip, const uint8_t *end, bool to_fragment) {
  struct upper upper = {.header = ip + IPV6_LENGTH, .protocol = ip[IPV6_NEXT]};
  while (!upper.is_later_fragment && !(to_fragment && upper.is_fragment)) {
    const uint8_t *p = upper.header;
    uint32_t length = 8;
    if (!is_extension(upper.protocol) && upper.protocol != IP_FRAGMENT && upper.protocol != IP_AUTHENTICATION)
      return upper;
    if (p + 8 > end) return upper;
    if (upper.protocol == IP_FRAGMENT) {
      upper.is_fragment |= (get16(p + 2) & 0xfff9) != 0;
      upper.is_later_fragment = (get16(p + 2) & 0xfff8) != 0;
    } else {
      length = upper.protocol == IP_AUTHENTICATION ? (p[1] + 2u) << 2 : (p[1] + 1u) << 3;
      if (p + length > end) return upper;
      if (upper.protocol == IP_ROUTING && p[3] != 0) upper.is_rerouted = true;
    }
    upper.protocol = p[0];
    upper.header += length;
  }
  return upper;
}

static inline bool is_ipv4(const uint8_t *ip, const uint8_t *end) {
  return ip + IPV4_LENGTH <= end && ip[0] >> 4 == 4 && (ip[0] & 15) >= 5;
}

static inline bool is_ipv6(const uint8_t *ip, const uint8_t *end) { return ip + IPV6_LENGTH <= end && ip[0] >> 4 == 6; }

static inline const uint8_t *ipv4_end(const uint8_t *ip, const uint8_t *end) {
  return packet_end(ip, end, get16(ip + IPV4_TOTAL));
}

static inline const uint8_t *ipv6_end(const uint8_t *ip, const uint8_t *end) {
  uint32_t length = get16(ip + IPV6_PAYLOAD);
  return packet_end(ip, end, length == 0 ? 0 : IPV6_LENGTH + length);
}

static inline uint32_t ports_at(const uint8_t *header, const uint8_t *end, uint32_t protocol) {
  return has_ports(protocol) && header + 4 <= end ? get32(header) : 0;
}

static inline uint32_t flow4(const uint8_t *ip, const uint8_t *end) {
  uint32_t protocol = ip[IPV4_PROTOCOL], ports = 0;
  if (!(get16(ip + IPV4_FRAGMENT) & 0x3fff)) ports = ports_at(ip + ((ip[0] & 15u) << 2), ipv4_end(ip, end), protocol);
  struct address source = mapped(ip + IPV4_SOURCE), destination = mapped(ip + IPV4_DESTINATION);
  return flow_of(flow_endpoint(source.high, source.low, ports >> 16),
                 flow_endpoint(destination.high, destination.low, ports & 0xffff), protocol);
}

static uint32_t flow6(const uint8_t *ip, const uint8_t *end) {
  const uint8_t *last = ipv6_end(ip, end);
  struct upper upper = behind_extensions(ip, last, true);
  uint32_t ports = upper.is_fragment ? 0 : ports_at(upper.header, last, upper.protocol);
  const uint8_t *source = ip + IPV6_SOURCE, *destination = ip + IPV6_DESTINATION;
  return flow_of(flow_endpoint(load64(source), load64(source + 8), ports >> 16),
                 flow_endpoint(load64(destination), load64(destination + 8), ports & 0xffff), upper.protocol);
}

static uint32_t flow_of_link(const uint8_t *frame, uint32_t type, bool is_whole) {
  if (!is_whole) return flow_of(flow_endpoint(0, 0, 0), flow_endpoint(0, 0, 0), 0);
  return flow_of(flow_endpoint(0, mac_of(frame + MAC_LENGTH), 0), flow_endpoint(0, mac_of(frame), 0), type);
}

// Of the whole decoded frame, which is dressed; not of its snaplen.
static inline uint32_t flow_hash(const struct descriptor *d) {
  const uint8_t *end = inner_end(d);
  uint32_t type;
  const uint8_t *ip = network_of(d->bare, end, d->inner_type, &type);
  if (ip != NULL) {
    if (type == TYPE_IPV4 && is_ipv4(ip, end)) return flow4(ip, end);
    if (type == TYPE_IPV6 && is_ipv6(ip, end)) return flow6(ip, end);
  }
  return flow_of_link(d->inner, type, ip != NULL);
}
