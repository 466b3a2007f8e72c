// Where the fields of each header stand, and the numbers that the headers use for each other. Bit diagrams and sources are
// in assembly/wire, a file a protocol.

#ifndef YARDSTICK_WIRE_H
#define YARDSTICK_WIRE_H

#include <stdbool.h>
#include "bytes.h"

enum {
  TYPE_IPV4 = 0x0800,
  TYPE_ARP = 0x0806,
  TYPE_ERSPAN3 = 0x22eb,
  TYPE_TRANSPARENT_ETHERNET = 0x6558,
  TYPE_TAG = 0x8100,
  TYPE_IPV6 = 0x86dd,
  TYPE_SERVICE_TAG = 0x88a8,
  TYPE_ERSPAN2 = 0x88be,
  TYPE_OLD_SERVICE_TAG = 0x9100,
};

enum {
  IP_HOP_BY_HOP = 0,
  IP_TCP = 6,
  IP_UDP = 17,
  IP_DCCP = 33,
  IP_ROUTING = 43,
  IP_FRAGMENT = 44,
  IP_GRE = 47,
  IP_AUTHENTICATION = 51,
  IP_ICMPV6 = 58,
  IP_DESTINATION_OPTIONS = 60,
  IP_SCTP = 132,
  IP_UDP_LITE = 136,
};

enum { MAC_LENGTH = 6, ETHERNET_TYPE = 12, ETHERNET_LENGTH = 14, TAG_LENGTH = 4 };
enum {
  IPV4_TOTAL = 2,
  IPV4_IDENTIFICATION = 4,
  IPV4_FRAGMENT = 6,
  IPV4_TTL = 8,
  IPV4_PROTOCOL = 9,
  IPV4_CHECKSUM = 10,
  IPV4_SOURCE = 12,
  IPV4_DESTINATION = 16,
  IPV4_LENGTH = 20,
};
enum { IPV6_PAYLOAD = 4, IPV6_NEXT = 6, IPV6_SOURCE = 8, IPV6_DESTINATION = 24, IPV6_LENGTH = 40 };
enum { UDP_DESTINATION = 2, UDP_TOTAL = 4, UDP_CHECKSUM = 6, UDP_LENGTH = 8 };
enum { GRE_C = 0x8000, GRE_R = 0x4000, GRE_K = 0x2000, GRE_S = 0x1000, GRE_LENGTH = 4 };
enum { ERSPAN_SESSION = 2, ERSPAN_CUT = 0x400, ERSPAN2_LENGTH = 8 };
enum { ERSPAN3_TIMESTAMP = 4, ERSPAN3_FLAGS = 10, ERSPAN3_LENGTH = 12, ERSPAN3_PLATFORM_LENGTH = 8 };
enum { VXLAN_I = 0x08, VXLAN_P = 0x04, VXLAN_O = 0x01, VXLAN_VERSION = 0x30, VXLAN_VNI = 4, VXLAN_LENGTH = 8 };
enum { GENEVE_PROTOCOL = 2, GENEVE_VNI = 4, GENEVE_LENGTH = 8, TZSP_LENGTH = 4, HP_ERM_LENGTH = 12 };

static inline bool is_tag(uint32_t type) {
  return type == TYPE_TAG || type == TYPE_SERVICE_TAG || type == TYPE_OLD_SERVICE_TAG;
}

static inline bool is_extension(uint32_t next_header) {
  return next_header == IP_HOP_BY_HOP || next_header == IP_ROUTING || next_header == IP_DESTINATION_OPTIONS;
}

// A MAC address as 48 bits in memory order.
static inline uint64_t mac_of(const uint8_t *p) { return load32(p) | (uint64_t)load16(p + 4) << 32; }

static inline void put_mac(uint8_t *p, const uint8_t *mac) { memcpy(p, mac, MAC_LENGTH); }

#endif
