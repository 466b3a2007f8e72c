// What a worker keeps, in the engine's structures (assembly/memory/layout.ts) with pointers where that has addresses:
// descriptors and sessions of three cache lines, routes within a session's second one, table slots of half a line, tenants and
// records of one, queues of one that every packet touches, one of near places and one of rare counters.

#ifndef YARDSTICK_WORKER_H
#define YARDSTICK_WORKER_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verdict { // assembly/verdict.ts
  DELIVERED,
  REASSEMBLED,
  NOT_TUNNEL,
  TRUNCATED,
  BAD_CHECKSUM,
  UNSUPPORTED_VERSION,
  UNSUPPORTED_PAYLOAD,
  BAD_FLAGS,
  CRITICAL_OPTION,
  FRAGMENT_OVERLAP,
  FRAGMENT_TIMEOUT,
  FRAGMENT_LIMIT,
  TOO_LARGE,
  LOOP,
  UNMAPPED,
  FOREIGN_ADDRESS,
  AMBIGUOUS_TENANT,
  FILTERED,
  RATE,
  QUEUE_FULL,
  SEND_ERROR,
  UNSUPPORTED_HERE = 31, // what the engine does and this program leaves out: fragments, extension headers, tenants' addresses
  VERDICTS = 32,
};

enum counter { CHECKSUM_UNVERIFIABLE = VERDICTS, CRITICAL_OPTIONS, UNTRACKED, COUNTERS };

enum encapsulation { NO_TUNNEL, ERSPAN, GRE, NVGRE, VXLAN, VXLAN_GPE, GENEVE, TZSP, HP_ERM, GRE_UDP };
enum delivery { PLAIN, TO_MAC, TO_IP, TO_VXLAN, TO_GENEVE, TO_GRE, TO_ERSPAN2, TO_ERSPAN3 };

// A group is what the steps of two passes take at once.
enum { NONE = 0xffffffff, NO_VLAN = 0xffff, BATCH = 256, GROUP = 64, LINE = 64, FRAME_MIN = 60 };

// An address of either family; IPv4 as ::ffff:a.b.c.d. In memory order.
struct address {
  uint64_t high, low;
};

// ── descriptor ──

enum { DIRECTION_UNKNOWN, DIRECTION_IN, DIRECTION_OUT };
enum {
  HAS_ID = 1,
  HAS_SEQUENCE = 2,
  HAS_TRUNCATED = 4,
  HAS_SYNTHETIC = 8,
  HAS_RESTORED = 16,
  HAS_IPV6 = 32,
  HAS_NVGRE = 64,
  HAS_MIRROR = 256,
};

// What is copied into the record of a delivery.
struct about {
  uint32_t has;
  uint32_t id;
  uint32_t sequence;
  uint32_t session;
  uint8_t encapsulation;
  uint8_t direction;
  uint8_t hardware_id;
  uint8_t erspan_type;
  uint16_t tag; // cos:3 0:1 vlan:12
  uint16_t outer_vlan;
  uint32_t tenant;
  uint32_t claim;
};

struct descriptor {
  alignas(LINE) uint8_t *frame;
  uint32_t captured;
  uint32_t original;
  uint64_t time;
  uint32_t slot; // NONE when a queue took it
  uint8_t verdict;
  uint8_t layers;
  uint8_t rule;
  uint8_t granularity;
  uint8_t *inner; // the decoded frame
  uint8_t *bare;  // the inner frame or IP packet as it came
  uint32_t inner_captured;
  uint32_t inner_original;
  uint16_t inner_type; // EtherType of the IP packet inside, 0: an Ethernet frame
  uint16_t link_type;
  uint32_t probe; // between passes: hash of the session
  struct address source, destination;
  struct about about;
  uint64_t packet;
  uint64_t mirror; // ERSPAN III clock
  // between passes
  const struct route *route;
  const struct key *claim; // the slot that claims the tunnel, while there is no route
};

static inline const uint8_t *inner_end(const struct descriptor *d) { return d->inner + d->inner_captured; }

// ── sessions ──

// How a frame is addressed on its sniffer's segment.
struct addressing {
  uint16_t flags; // SNIFFER_*
  uint8_t mac[6];
  uint16_t vlan; // 0: none
  uint8_t own_mac[6];
};

enum { ROUTE_NVGRE = 0x10000, ROUTE_NOBODY = 0xfe, ROUTE_UNUSUAL = 0xff };

// What the tenant map says of a tunnel. Kept with its session.
struct route {
  uint64_t key;   // generation, ROUTE_NVGRE, outer VLAN; 0: nothing is kept
  uint32_t claim; // number of the slot that claims the tunnel, or NONE
  uint32_t queue;
  uint32_t tenant;
  uint32_t claim_number;
  uint32_t snaplen;
  uint8_t mode; // enum delivery, or ROUTE_*
  struct addressing to;
};

enum { SESSION_HAS_ID = 0x100, SESSION_IPV6 = 0x400, STATE_SEQUENCE = 1 };

struct session {
  alignas(LINE) struct address source;
  struct address destination;
  uint32_t id;
  uint32_t meta; // encapsulation, SESSION_*
  uint64_t packets;
  uint64_t bytes;
  uint32_t track;
  alignas(LINE) uint64_t window; // bit n: highest - n was seen
  uint32_t highest;
  uint8_t known; // how many numbers up to the highest belong to this run
  uint8_t state;
  struct route route;
  alignas(LINE) int64_t lost; // what is seldom touched
  uint64_t reordered;
  uint64_t duplicates;
  uint32_t restarts;
  uint8_t granularity;
  uint64_t mirror_time;
  uint64_t capture_time;
  uint32_t ticks;
};

// ── tenant map ──

enum { KIND_IDENTITY = 1, KIND_SNIFFER = 4, KIND_GATEWAY = 5, KIND_MASK = 7 };
enum { BITS_ENCAPSULATION = 3, BITS_FAMILY = 7, BITS_HAS_ID = 9, BITS_VLAN = 10 };
enum { FAMILY_ANY, FAMILY_IPV4, FAMILY_IPV6, FAMILY_MAC };
enum { SHAPE_VLAN = 1, SHAPE_VSID = 2 };
enum { MAP_HAS_SNIFFERS = 1, MAP_HAS_GATEWAY = 2 };
enum { TENANT_HAS_ADDRESSES = 1 };
#define CLAIM_SHARED 0x80000000u

struct key {
  struct address address;
  uint32_t word; // tunnel id
  uint32_t bits; // kind, encapsulation, family, whether it has an id, VLAN, prefix length
  uint32_t value;
  uint32_t claim; // 0: the slot is free
};

struct shape {
  uint32_t bits;
  uint32_t flags;
  struct address mask;
};

struct tenant {
  alignas(LINE) uint32_t flags;
  uint32_t snaplen;
  struct sniffer *sniffer; // the first
  struct sniffer **sniffers;
  uint32_t sniffer_count;
  uint32_t balance_mask;
  const uint16_t *balance; // places in the list of sniffers; none: fanout copy
  uint64_t *bucket;        // none: no rate
  uint64_t cost;           // ticks a byte, 32.32
  uint64_t burst;          // ticks
};

enum { SNIFFER_IPV6 = 1, SNIFFER_KEY = 2, SNIFFER_OWN_SOURCE = 4, SNIFFER_CHECKSUM = 8 };
enum { FIT_TRUNCATE, FIT_FRAGMENT, FIT_DROP };
enum { HEADER_MAX = 80 };

struct sniffer {
  alignas(LINE) struct queue *queue;
  uint8_t mode;
  uint8_t fit;
  struct addressing to;
  uint16_t port;
  uint64_t *bucket; // none: no rate
  uint64_t cost;
  uint64_t burst;
  uint32_t *number;     // ERSPAN sequence number of the next packet, shared by all with this destination and session
  uint32_t mtu;
  uint32_t sum;         // of the template's IPv4 header
  uint32_t pseudo_sum;  // of the pseudo header but the length
  uint16_t link_length; // bytes of Ethernet header and tag that come to the frame
  uint16_t overhead;    // bytes between those and the frame
  uint32_t queue_number;
  uint32_t id;
  uint32_t index;
  alignas(16) uint8_t header[HEADER_MAX]; // all in front of the frame but what differs from packet to packet
  struct address source;
  struct address address; // outer destination, or with TO_IP the one that the packet gets
};

// ── queues ──

enum { QUEUE_DROP_OLDEST = 1, NEAR = 19 };

struct queue {
  alignas(LINE) uint64_t offered; // what every packet touches
  uint64_t taken;
  uint64_t sent;
  uint64_t sent_bytes;
  uint32_t tail;
  uint32_t head;
  uint32_t limit;
  uint32_t held; // slots that its packets occupy
  uint8_t flags;
  bool listed;
  uint32_t near[NEAR];                   // record numbers at the first places, three of them in this line
  alignas(LINE) uint64_t dropped_newest; // what is seldom touched
  uint64_t dropped_oldest;
  uint64_t rate;
  uint64_t too_large;
  uint32_t *ring; // record numbers
  uint32_t mask;
};

struct ready {
  uint32_t number;
  uint32_t deficit; // bytes left of its last turn
};

struct record {
  alignas(LINE) uint8_t *frame;
  uint32_t length;
  uint32_t original;
  uint64_t time;
  uint32_t slot;
  uint32_t queue;
  struct about about;
};

_Static_assert(sizeof(struct descriptor) == 3 * LINE, "descriptor");
_Static_assert(sizeof(struct about) == 32, "about");
_Static_assert(sizeof(struct session) == 3 * LINE, "session");
_Static_assert(sizeof(struct route) == 48 && offsetof(struct session, route) == LINE + 16, "route");
_Static_assert(sizeof(struct key) == LINE / 2, "key");
_Static_assert(sizeof(struct shape) == 24, "shape");
_Static_assert(sizeof(struct tenant) == LINE, "tenant");
_Static_assert(sizeof(struct queue) == 3 * LINE && offsetof(struct queue, near) == LINE - 12, "queue");
_Static_assert(sizeof(struct record) == LINE, "record");

// ── worker ──

enum { FLAG_VERIFY = 1, FLAG_LENIENT = 2 };
enum { RESTORE_AUTO, RESTORE_ALWAYS, RESTORE_NEVER };
enum { GRE_ETHERNET_MAX = 16, SEEDS = 5 };

struct config {
  uint32_t flags;
  uint32_t restore_vlan;
  uint32_t gre_count;
  uint16_t gre_ethernet[GRE_ETHERNET_MAX];
  uint64_t seeds[SEEDS]; // odd
  uint8_t ports[65536]; // port -> enum encapsulation
};

struct worker {
  struct config config;

  struct session *sessions;
  uint32_t *session_index; // entry number + 1
  uint32_t session_mask; // of the part of the index that is in use: it grows with the sessions
  uint32_t session_mask_max;
  uint32_t session_capacity;
  uint32_t session_count;

  struct key *table;
  uint32_t table_mask;
  uint32_t generation; // of the map, 0: there is none
  uint32_t map_flags;
  uint8_t *tails;   // of delivery and gateway addresses: a bit for each number made of their last four bytes
  uint64_t *filter; // and words of a Bloom filter
  uint32_t filter_mask;
  struct shape *shapes;
  uint32_t shape_count;
  uint32_t tenant_count;
  struct tenant *tenants;
  struct sniffer *sniffers;
  uint32_t sniffer_count;

  uint64_t *cells;

  struct queue *queues;
  struct ready *ready; // a ring: the queues that hold something
  uint32_t ready_first;
  uint32_t ready_count;
  uint32_t ready_mask;

  struct record *records;
  uint32_t *free_records;
  uint32_t free_record_count;

  uint8_t *slots;
  uint32_t slot_stride;
  uint32_t slot_headroom;
  uint32_t *free_slots;
  uint32_t free_slot_count;
  uint32_t slots_reserved;

  uint32_t taken[BATCH];
  struct route routes[GROUP]; // of packets whose session cannot keep it
  uint64_t counters[COUNTERS];
  struct descriptor descriptors[BATCH];
};

static inline uint8_t *slot_start(const struct worker *w, uint32_t slot) {
  return w->slots + (size_t)slot * w->slot_stride;
}

#endif
