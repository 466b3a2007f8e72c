// Where everything lies in linear memory; the host compiles it too. Untyped integer
// constants, so that both compilers read them alike.
//
//        0 ┌────────────────────────────────────────────────┐
//          │ the compiler's own (no data of ours)           │
//   SHARED ├────────────────────────────────────────────────┤
//          │ configuration            CONFIG_SIZE           │  written by the host before a worker starts
//          │ UDP port table           65,536 × u8           │  port -> Encapsulation
//  WORKERS ├────────────────────────────────────────────────┤  one block a worker, WORKER_SIZE each:
//          │   worker header          pointers, generation  │
//          │   counters               u64 each              │
//          │   descriptors            BATCH × DESCRIPTOR    │
//          │   trace                  TRACE_MAX × 12        │
//          │   selection, taken       u8, u32 each          │
//          │   routes                 GROUP × ROUTE         │
//          ├────────────────────────────────────────────────┤
//          │ tables whose size the host chooses: sessions,  │  a pointer to each stands in the worker header
//          │ reassembly, settled, assembled datagrams,      │
//          │ queues, records, frame slots                   │
//          │ file chunks, map generations and their cells   │
//          └────────────────────────────────────────────────┘

export const SHARED = 0x10000;

// ── configuration ────────────────────────────────────────────────────────────────────────────────────────────────
export const CONFIG_DEPTH = SHARED + 0; // u32
export const CONFIG_FLAGS = SHARED + 4; // u32, FLAG_*
export const CONFIG_RESTORE_VLAN = SHARED + 8; // u32, RESTORE_*
export const CONFIG_FILTER = SHARED + 12; // u32, FILTER_*
export const CONFIG_FILTER_SESSION = SHARED + 16; // u32
export const CONFIG_FILTER_VNI = SHARED + 20; // u32
export const CONFIG_TIMEOUT = SHARED + 24; // u64, ns
export const CONFIG_PER_SOURCE = SHARED + 32; // u32, bytes of reassembly memory an outer source may hold
export const CONFIG_GENERATION = SHARED + 36; // u32, address of the tenant map in force; 0: none. One atomic store switches it
export const CONFIG_GRE_COUNT = SHARED + 40; // u32
export const CONFIG_GRE_ETHERNET = SHARED + 44; // u16 × GRE_ETHERNET_MAX: GRE protocol numbers that carry Ethernet
export const GRE_ETHERNET_MAX = 16;
export const CONFIG_SEEDS = SHARED + 128; // u64 × SEEDS, odd: for every hash, chosen at random so that nobody can aim collisions
export const SEEDS = 5;
export const CONFIG_SIZE = 256;

export const FLAG_VERIFY = 1; // checksums
export const FLAG_LENIENT = 2; // unknown critical GENEVE options pass
export const FLAG_MIRROR_TIME = 4;
export const FLAG_TUNNEL_SCOPE = 8; // sequence numbers count per tunnel, not per session
export const FLAG_TRACE = 16;
export const FLAG_LENT = 32; // queues are emptied before the next batch: lent frames may be queued where they lie
export const FLAG_FULL_PARSER = 64; // no fast path

export const RESTORE_AUTO = 0;
export const RESTORE_ALWAYS = 1;
export const RESTORE_NEVER = 2;

export const FILTER_SESSION = 1;
export const FILTER_VNI = 2;

export const PORTS = SHARED + CONFIG_SIZE;
export const WORKERS = PORTS + 65536;

// ── route: what a generation of the tenant map says of a tunnel, kept with its session, so that a packet of a session that
//    is known asks neither the exact table nor tenant nor sniffer ────────────────────────────────────────────────────
export const ROUTE_KEY = 0; // u64: generation number, ROUTE_NVGRE, outer VLAN; 0: nothing is kept
export const ROUTE_CLAIM = 8; // u32, address of the slot that claims the tunnel, 0: none
export const ROUTE_QUEUE = 12; // u32, number
export const ROUTE_TENANT = 16; // u32
export const ROUTE_CLAIM_NUMBER = 20; // u32; with the tenant as a descriptor has them
export const ROUTE_SNAPLEN = 24; // u32
export const ROUTE_MODE = 28; // u8, Delivery of the tenant's only sniffer, or ROUTE_*
export const ROUTE_SNIFFER = 32; // 16 bytes of the sniffer's record from SNIFFER_FLAGS on
export const ROUTE_SIZE = 48;
export const ROUTE_NVGRE = 0x10000;
export const ROUTE_NOBODY = 0xfe; // the map delivers to nobody: packets are classified only
export const ROUTE_UNUSUAL = 0xff; // the general way finds out, packet by packet

// ── worker block ─────────────────────────────────────────────────────────────────────────────────────────────────
export const WORKER_SESSIONS = 0; // u32, address of SESSION entries
export const WORKER_SESSION_CAPACITY = 4; // u32
export const WORKER_SESSION_INDEX = 8; // u32, address of the hash index: u32 × (mask + 1), entry number + 1
export const WORKER_SESSION_MASK = 12; // u32, of the part of the index that is in use: it grows with the sessions
export const WORKER_DATAGRAMS = 16; // u32, address of the reassembly area, laid out in memory/fragments.ts
export const WORKER_PIECES = 20; // u32, blocks of PIECE_BLOCK bytes (and piece records) in it
export const WORKER_SETTLED = 24; // u32, address of settled events, SETTLED_SIZE each
export const WORKER_SETTLED_COUNT = 28; // u32, written by the engine; cleared when a process call begins
export const WORKER_ASSEMBLED = 32; // u32, address of the area for completed datagrams
export const WORKER_ASSEMBLED_SIZE = 36; // u32
export const WORKER_SESSION_COUNT = 40; // u32
export const WORKER_ACKNOWLEDGED = 44; // u32, generation number the last batch used
export const WORKER_TRACE_COUNT = 48; // u32
export const WORKER_EMITTED = 52; // u32, how many of the selection the last encoder call took
export const WORKER_QUEUES = 64; // u32, address of QUEUE headers, one a sniffer
export const WORKER_READY = 68; // u32, address of the list of queues that hold something: number, bytes left of its last turn (u32 each)
export const WORKER_READY_FIRST = 72; // u32, place of the first one; the list is a ring of WORKER_READY_MASK + 1
export const WORKER_READY_COUNT = 76; // u32
export const WORKER_READY_MASK = 80; // u32
export const WORKER_RECORDS = 84; // u32, address of RECORD entries
export const WORKER_RECORD_STACK = 88; // u32, address of the numbers (u32) of free records
export const WORKER_RECORDS_FREE = 92; // u32, how many stand on the stack
export const WORKER_SLOTS = 96; // u32, address of frame slots, SLOT_STRIDE each
export const WORKER_SLOT_COUNT = 100; // u32
export const WORKER_SLOT_STACK = 104; // u32, address of the numbers (u32) of free slots
export const WORKER_SLOTS_FREE = 108; // u32
export const WORKER_SLOTS_RESERVED = 112; // u32, free slots that stay for receiving: queues may not have them
export const WORKER_LARGE = 116; // u32, address of slots for long frames, LARGE_STRIDE each; their numbers follow the others'
export const WORKER_LARGE_COUNT = 120; // u32
export const WORKER_LARGE_STACK = 124; // u32
export const WORKER_LARGE_FREE = 128; // u32
export const WORKER_TAKEN_COUNT = 132; // u32, how many records the last `take` gave
export const WORKER_TOUCHED = 136; // u32, of no meaning: keeps loads that are made for the cache's sake
export const WORKER_SESSION_MASK_MAX = 140; // u32
export const WORKER_SLOT_RECORDS = 144; // u32, address of record numbers (u32) by slot: what a transmit ring has
export const WORKER_TAKEN_DONE = 148; // u32, how many of those that were taken stand in a transmit ring
export const WORKER_IN_FLIGHT = 152; // u32, chunks that a transmit ring has
export const WORKER_QUARANTINE = 156; // u32, number of the queue that unmapped packets go to + 1; 0: they are only counted
export const WORKER_LENT = 160; // u32, records that queues of other threads have, or have not given back
export const WORKER_THREADED = 164; // u32, address of the numbers (u32) of those queues
export const WORKER_THREADED_COUNT = 168; // u32, written by the host
export const WORKER_THREADED_NEXT = 172; // u32, place of the one that is reclaimed next
export const WORKER_WATCHED = 176; // u64, written by the host: generation number << 32 | tenant index + 1 of which samples are wanted; 0: nobody's
export const WORKER_SAMPLES = 184; // u32, address of SAMPLES samples, a ring
export const WORKER_SAMPLES_TAIL = 188; // u32, samples there have been, modulo 2^32
export const WORKER_SAMPLES_LIMIT = 192; // u32, written by the host: where WORKER_SAMPLES_TAIL stops; at most SAMPLES beyond what it has read
export const WORKER_HEADER_SIZE = 256;

export const COUNTERS = WORKER_HEADER_SIZE;
export const COUNTERS_SIZE = 64 * 8;

export const BATCH = 256;
export const DESCRIPTORS = COUNTERS + COUNTERS_SIZE;

// ── descriptor: three cache lines, of which the third is for those who work on it on the way ─────────────────────
// in
export const FRAME = 0; // u32, address
export const CAPTURED = 4; // u32, bytes
export const ORIGINAL = 8; // u32, bytes
export const LINK_TYPE = 12; // u32, LINKTYPE_* of the pcap registry
export const TIME = 16; // u64, ns since the epoch; capture time in, --time mirror's out
export const PACKET = 24; // u64, the host's number for it, given back in settled events
export const SLOT = 32; // u32, number of the slot that the frame lies in, or NONE: it is lent by the host. NONE when a queue took it
// out
export const VERDICT = 36; // u8, Verdict or HELD
export const LAYERS = 37; // u8, tunnel layers taken off
export const RULE = 38; // u8, rule of the tenant map that decided, 1 to 4; 0: not asked
export const ENDPOINTS = 39; // u8, which endpoint of the inner frame matched, ENDPOINT_*
export const INNER = 40; // u32, address of the decoded frame
export const INNER_CAPTURED = 44; // u32, bytes
export const INNER_ORIGINAL = 48; // u32, bytes
export const BARE = 52; // u32, address of the inner frame or IP packet as it came
export const END = 56; // u32, address after the last captured byte of the present layer
export const INNER_TYPE = 60; // u16, EtherType of the IP packet inside, 0: an Ethernet frame is inside
export const SOURCE = 64; // 16 bytes, outer source; IPv4 as ::ffff:a.b.c.d
export const DESTINATION = 80; // 16 bytes
// these 32 bytes are copied into the record of a delivery as they stand
export const HAS = 96; // u32, HAS_*
export const ID = 100; // u32, session, key or VNI
export const SEQUENCE = 104; // u32
export const SESSION = 108; // u32, entry number, or NONE
export const ENCAPSULATION = 112; // u8, Encapsulation
export const DIRECTION = 113; // u8, DIRECTION_*
export const HARDWARE_ID = 114; // u8
export const ERSPAN_TYPE = 115; // u8, 1 to 3; 0: not ERSPAN
export const TAG = 116; // u16, cos:3 0:1 vlan:12 of the innermost ERSPAN header, 0 without one
export const OUTER_VLAN = 118; // u16, VID, or NO_VLAN
export const TENANT = 120; // u32, index, or NONE
export const CLAIM = 124; // u32, index of the source entry that claimed the identity, or NONE
// the parser's own
export const DECLARED = 128; // u64, address after the last declared byte of the present layer
export const MIRROR = 136; // u64, ERSPAN III clock: ticks, or ns since the epoch with GRANULARITY_FULL
export const GRANULARITY = 144; // u8, ERSPAN III Gra, or GRANULARITY_FULL
export const PROBE = 148; // u32, hash of the session; then address of the slot that claims the tunnel, 0: none
// the host's
export const INTERFACE = 152; // u32, interface of the capture file + 1 for what has no session there
export const COMMENT = 156; // u32, address of a comment for the capture file
export const COMMENT_LENGTH = 160; // u32, bytes
// from one step to the next, as PROBE is
export const TOUCHED = 164; // u32, what a step that only begins loads leaves for the next one
export const ROUTE = 168; // u32, address of the route
export const FLOW = 172; // u32, flow hash, of a packet that was offered to one of several sniffers by it
export const DESCRIPTOR = 192;

export const NONE = -1;
export const NO_VLAN = 0xffff;
export const HELD = 0xff;

export const DIRECTION_UNKNOWN = 0;
export const DIRECTION_IN = 1; // entered the switch; pcapng's epb_flags "inbound"
export const DIRECTION_OUT = 2;

export const HAS_ID = 1;
export const HAS_SEQUENCE = 2;
export const HAS_TRUNCATED = 4; // ERSPAN T
export const HAS_SYNTHETIC = 8;
export const HAS_RESTORED = 16;
export const HAS_IPV6 = 32; // outer addresses
export const HAS_NVGRE = 64; // the key may be read as a VSID
export const HAS_DATAGRAM = 128; // put together from fragments
export const HAS_MIRROR = 256; // an ERSPAN III clock was read

export const ENDPOINT_SOURCE_MAC = 1;
export const ENDPOINT_DESTINATION_MAC = 2;
export const ENDPOINT_SOURCE = 4;
export const ENDPOINT_DESTINATION = 8;
export const ENDPOINT_TARGET = 16;
export const ENDPOINT_NON_IP = 32;

export const GRANULARITY_FULL = 4;
export const GRANULARITY_SECONDS = 5; // seconds came with it (sub-headers 5 and 6)

// ── trace (FLAG_TRACE: one packet a batch) ───────────────────────────────────────────────────────────────────────
export const TRACE = DESCRIPTORS + BATCH * DESCRIPTOR;
export const TRACE_HEADER = 0; // u32, Header
export const TRACE_ADDRESS = 4; // u32
export const TRACE_LENGTH = 8; // u32
export const TRACE_ENTRY = 12;
export const TRACE_MAX = 128;

/** u8 each: numbers of the descriptors that the capture-file encoders take, in order. */
export const SELECTION = TRACE + TRACE_MAX * TRACE_ENTRY;
/** u32 each: numbers of the records that `take` gave. */
export const TAKEN = SELECTION + BATCH;
export const TAKEN_MAX = 256;
/** u32 each: numbers of records whose packets have come back from the kernel. */
export const COMPLETED = TAKEN + TAKEN_MAX * 4;
/** Routes of packets whose session the full table could not take. */
export const ROUTES = COMPLETED + TAKEN_MAX * 4;
export const GROUP = 64; // packets that a step takes at once: their descriptors stay in the first cache from step to step
/** u32 each, by number of a sender: not 0 when something was put into one of its queues since the worker looked. */
export const BELLS = ROUTES + GROUP * ROUTE_SIZE;
export const SENDERS_MAX = 64;
export const WORKER_SIZE = BELLS + SENDERS_MAX * 4;

// ── session entry: two cache lines that every packet touches, one for rarer things ────────────────────────────────
export const SESSION_SOURCE = 0;
export const SESSION_DESTINATION = 16;
export const SESSION_ID = 32; // u32
export const SESSION_META = 36; // u32: Encapsulation, SESSION_HAS_ID, SESSION_TUNNEL
export const SESSION_PACKETS = 40; // u64
export const SESSION_BYTES = 48; // u64, captured bytes of decoded frames
export const SESSION_TRACK = 56; // u32, entry that holds the sequence (itself, or its tunnel's)
export const SESSION_WINDOW = 64; // u64, bit n: HIGHEST - n was seen
export const SESSION_HIGHEST = 72; // u32
export const SESSION_KNOWN = 76; // u8, how many numbers up to HIGHEST belong to this run: earlier ones were before it
export const SESSION_STATE = 77; // u8, STATE_*
export const SESSION_ROUTE = 80; // ROUTE_SIZE bytes: what the tenant map says of its packets
export const SESSION_LOST = 128; // i64
export const SESSION_REORDERED = 136; // u64
export const SESSION_DUPLICATES = 144; // u64
export const SESSION_RESTARTS = 152; // u32
export const SESSION_GRANULARITY = 156; // u8
export const SESSION_MIRROR_TIME = 160; // u64, ns
export const SESSION_CAPTURE_TIME = 168; // u64, ns, of the packet MIRROR_TIME belongs to
export const SESSION_TICKS = 176; // u32, ERSPAN III timestamp of that packet
export const SESSION_ENTRY = 192;

export const SESSION_ENCAPSULATION_MASK = 0xff;
export const SESSION_HAS_ID = 0x100;
export const SESSION_TUNNEL = 0x200; // not a session: holds the sequence of a whole tunnel
export const SESSION_IPV6 = 0x400;
export const STATE_SEQUENCE = 1;
export const STATE_MIRROR = 2;

// ── settled events: what became of a held fragment ───────────────────────────────────────────────────────────────
export const SETTLED_PACKET = 0; // u64
export const SETTLED_VERDICT = 8; // u32
export const SETTLED_SIZE = 16;

// ── sample: a packet of the tenant that somebody watches, as it came ─────────────────────────────────────────────────
export const SAMPLE_GENERATION = 0; // u32, of the map that found the tenant
export const SAMPLE_TENANT = 4; // u32, its index there
export const SAMPLE_VERDICT = 8; // u32
export const SAMPLE_COPIED = 12; // u32, bytes that follow
export const SAMPLE_CAPTURED = 16; // u32, bytes
export const SAMPLE_ORIGINAL = 20; // u32, bytes
export const SAMPLE_TIME = 24; // u64, ns since the epoch
export const SAMPLE_LINK_TYPE = 32; // u32
export const SAMPLE_FRAME = 64;
/** Most bytes of a frame: a jumbo frame in its tunnel. */
export const SAMPLE_MOST = 9216;
export const SAMPLE_SIZE = SAMPLE_FRAME + SAMPLE_MOST;
export const SAMPLES = 16;

// ── reassembly ───────────────────────────────────────────────────────────────────────────────────────────────────
export const PIECE_BLOCK = 2048; // bytes of fragment data in a block, and what a started one is charged
export const DATAGRAM_PIECES = 128; // 65,535 bytes in pieces of an IPv4 host's smallest buffer, 576 bytes
export const DATAGRAM_MAX = 65535;
/** Bytes from one frame slot to the next: 33 cache lines. A power of two would put every frame's headers into the same
 * cache sets (measured: up to 2.2 times slower with 4,096 frames in flight). */
export const SLOT_STRIDE = 2112;
/** Free bytes before an assembled datagram: a synthetic header now, encapsulation headers when it is delivered. Also before a frame in a slot. */
export const HEADROOM = 128;
/** From one slot for long frames to the next: the longest datagram, its headroom, and an odd number of lines. */
export const LARGE_STRIDE = 65856;
/** Least length of an Ethernet frame without its check sequence. */
export const FRAME_MIN = 60;
/** Time units of token buckets: 256 a nanosecond, so that a byte at 1 Tbit/s still has a price. */
export const BUCKET_TICKS = 256;
/** A clock that goes back this far (ns) is another clock: the bucket starts anew. */
export const BUCKET_SLACK = 1_000_000_000;

// ── tenant map: a generation ─────────────────────────────────────────────────────────────────────────────────────
export const MAP_NUMBER = 0; // u32, from 1
export const MAP_TABLE = 4; // u32, address of KEY_SIZE slots
export const MAP_MASK = 8; // u32, slots - 1
export const MAP_TENANTS = 12; // u32, address of TENANT_SIZE records
export const MAP_IDENTITY_SHAPES = 16; // u32, address; most specific first
export const MAP_IDENTITY_SHAPE_COUNT = 20; // u32
export const MAP_OWNER_SHAPES = 24; // u32, address; shapes of every tenant's addresses, longest first (shared sources)
export const MAP_OWNER_SHAPE_COUNT = 28; // u32
export const MAP_FLAGS = 32; // u32, MAP_HAS_*
export const MAP_SNIFFERS = 36; // u32, address of SNIFFER_SIZE records
export const MAP_SNIFFER_COUNT = 40; // u32; 0: packets are classified and not delivered
export const MAP_FILTER = 44; // u32, address of the filter of delivery and gateway addresses: FILTER_TAILS bytes, then words of 64 bits
export const MAP_FILTER_MASK = 48; // u32, words - 1
export const MAP_HEADER_SIZE = 64;
export const FILTER_TAILS = 8192; // bytes: a bit for each number of 16 bits that the last four bytes of an address make

export const MAP_HAS_SNIFFERS = 1; // delivery addresses, for the loop check
export const MAP_HAS_GATEWAY = 2;

// a slot of the exact table: key of 24 bytes, value, claim
export const KEY_HIGH = 0; // u64, first half of an address in memory order; 0 for a MAC
export const KEY_LOW = 8; // u64, second half; a MAC in its low 48 bits
export const KEY_WORD = 16; // u32, tunnel id, or tenant index
export const KEY_BITS = 20; // u32, KIND_* | encapsulation << | family << | ...
export const KEY_VALUE = 24; // u32
export const KEY_CLAIM = 28; // u32, index of the claim + 1; 0: the slot is free
export const KEY_SIZE = 32;

export const KIND_IDENTITY = 1; // value: tenant index, or CLAIM_SHARED
export const KIND_ADDRESS = 2; // of a tenant: KEY_WORD is its index
export const KIND_OWNER = 3; // of any tenant: value is its index, or OWNER_MANY
export const KIND_SNIFFER = 4; // a delivery address
export const KIND_GATEWAY = 5;
export const KIND_MASK = 7;
export const BITS_ENCAPSULATION = 3; // shift, 4 bits
export const BITS_FAMILY = 7; // shift, 2 bits, FAMILY_*
export const BITS_HAS_ID = 9; // shift, 1 bit
export const BITS_VLAN = 10; // shift, 13 bits: VID + 1, 0 for none
export const BITS_PREFIX = 23; // shift, 8 bits: prefix length

export const FAMILY_ANY = 0;
export const FAMILY_IPV4 = 1;
export const FAMILY_IPV6 = 2;
export const FAMILY_MAC = 3;

export const CLAIM_SHARED = 0x80000000;
export const CLAIM_TRUSTED = 1; // with CLAIM_SHARED: direction is trusted
export const OWNER_MANY = 0x7fffffff;

// a shape: which parts of a key are asked, so that one probe a shape finds the most specific entry
export const SHAPE_BITS = 0; // u32, what of KEY_BITS it fixes: family, has id, prefix
export const SHAPE_FLAGS = 4; // u32, SHAPE_*
export const SHAPE_MASK = 8; // 16 bytes, over the address
export const SHAPE_SIZE = 24;
export const SHAPE_VLAN = 1; // asks the outer VLAN
export const SHAPE_VSID = 2; // reads a GRE key as a VSID

export const TENANT_FLAGS = 0; // u32, TENANT_*
export const TENANT_SHAPES = 4; // u32, address of its addresses' shapes
export const TENANT_SHAPE_COUNT = 8; // u32
export const TENANT_SNAPLEN = 12; // u32, most bytes of a packet that are delivered
export const TENANT_SNIFFER = 16; // u32, address of the first sniffer's record
export const TENANT_SNIFFERS = 20; // u32, address of the addresses (u32) of all its sniffers' records, in the configuration's order
export const TENANT_SNIFFER_COUNT = 24; // u32
export const TENANT_BALANCE = 28; // u32, address of TENANT_BALANCE_MASK + 1 places (u16) in the list of sniffers; 0: fanout copy
export const TENANT_BALANCE_MASK = 32; // u32
export const TENANT_BUCKET = 36; // u32, address of the token bucket's cell (u64); 0: no rate
export const TENANT_COST = 40; // u64, BUCKET_TICKS a byte, as 32.32 fixed point
export const TENANT_BURST = 48; // u64, BUCKET_TICKS
export const TENANT_SIZE = 64;
export const TENANT_HAS_ADDRESSES = 1;
export const TENANT_HAS_MAC = 2;
export const TENANT_NON_IP = 4; // deliver

// ── sniffer: of which `mac` needs the first line only ────────────────────────────────────────────────────────────
export const SNIFFER_QUEUE = 0; // u32, number of its queue, in every worker
export const SNIFFER_MODE = 4; // u8, Delivery
export const SNIFFER_FIT = 5; // u8, FIT_*
export const SNIFFER_FLAGS = 6; // u16, SNIFFER_*
export const SNIFFER_DESTINATION_MAC = 8; // 6 bytes: the sniffer's, or the next hop's
export const SNIFFER_VLAN = 14; // u16, VID of the tag pushed, 0: none
export const SNIFFER_SOURCE_MAC = 16; // 6 bytes: the delivery interface's
export const SNIFFER_PORT = 22; // u16, UDP destination port
export const SNIFFER_BUCKET = 24; // u32, address of the token bucket's cell (u64); 0: no rate
export const SNIFFER_STATE = 28; // u32, address of the cell it shares with all that send to its destination and session: of it CELL_NUMBER
export const SNIFFER_COST = 32; // u64, as TENANT_COST
export const SNIFFER_BURST = 40; // u64
export const SNIFFER_MTU = 48; // u32, most bytes of an outer IP packet
export const SNIFFER_ID = 52; // u32, VNI, key or session
export const SNIFFER_INDEX = 56; // u32, of ERSPAN II
// filled in by `prepareSniffer`: everything in front of the frame but what differs from packet to packet
export const SNIFFER_LINK_LENGTH = 60; // u16, bytes of Ethernet header and tag
export const SNIFFER_OVERHEAD = 62; // u16, bytes between the link header and the frame
export const SNIFFER_HEADER = 64; // SNIFFER_HEADER_MAX bytes, of which the first LINK_LENGTH + OVERHEAD are used
export const SNIFFER_HEADER_MAX = 80; // 18 Ethernet and tag, 40 IPv6, 8 GRE, 12 ERSPAN III
export const SNIFFER_SUM = 144; // u32, ones' complement sum over the IPv4 header, or over the IPv6 pseudo header's addresses and protocol
export const SNIFFER_DATAGRAMS = 148; // u32, address of the cell of all that send to SNIFFER_ADDRESS, whatever the session: of it CELL_IDENTIFICATION
export const SNIFFER_SOURCE = 160; // 16 bytes, of the outer header; IPv4 as ::ffff:a.b.c.d
export const SNIFFER_ADDRESS = 176; // 16 bytes: outer destination, or with `ip` the one the packet gets
export const SNIFFER_SIZE = 192;
export const SNIFFER_IPV6 = 1; // SNIFFER_ADDRESS is IPv6
export const SNIFFER_KEY = 2; // gre: with a key
export const SNIFFER_OWN_SOURCE = 4; // the source MAC becomes SNIFFER_SOURCE_MAC
export const SNIFFER_CHECKSUM = 8; // UDP checksum over IPv4 too
export const SNIFFER_UNREACHABLE = 16; // nobody knows where to send its packets: they are send errors

export const FIT_TRUNCATE = 0;
export const FIT_FRAGMENT = 1;
export const FIT_DROP = 2;

// ── cells of 8 bytes that outlive a generation: token buckets, and of a destination: ─────────────────────────────
export const CELL_NUMBER = 0; // u32, ERSPAN sequence number of the next packet
export const CELL_IDENTIFICATION = 4; // u32, of the next IP packet that may be fragmented

// ── queue of a sniffer: a ring of record numbers ─────────────────────────────────────────────────────────────────
// Places count up without end, modulo 2^32: from head to TAIL they are queued. A queue that the worker empties itself (its own)
// begins at place 0 again whenever it is empty, has its head in SEEN, and its first NEAR places here, the first three of them in the
// line that every packet touches. Of a queue that another thread empties, the second line is that thread's, and so are TAKEN, SENT,
// SENT_BYTES and THREAD_SEND_ERROR there; TAKEN and SEND_ERROR at their usual places are then the producer's.
export const QUEUE_OFFERED = 0; // u64, packets
export const QUEUE_TAKEN = 8; // u64, packets; this and the next two are written by who empties it
export const QUEUE_SENT = 16; // u64
export const QUEUE_SENT_BYTES = 24; // u64
export const QUEUE_TAIL = 32; // u32, written by the producer
export const QUEUE_SEEN = 36; // u32, the head; of another thread's, when the producer last looked
export const QUEUE_LIMIT = 40; // u32, most packets queued
export const QUEUE_HELD = 44; // u32, slots that its packets occupy, in flight too
export const QUEUE_FLAGS = 48; // u32, QUEUE_*
export const QUEUE_NEAR = 52; // u32 × NEAR
export const NEAR = 19;
export const QUEUE_HEAD = 64; // u32, moved by the other thread, and by the producer that drops the oldest
export const QUEUE_RETURNED = 68; // u32, written by the other thread: places of the ring of returns that it has filled
export const QUEUE_THREAD = 64; // what is added to TAKEN, SENT, SENT_BYTES for the other thread's
export const QUEUE_THREAD_SEND_ERROR = 96; // u64
export const QUEUE_DROPPED_NEWEST = 128; // u64; here what is seldom touched
export const QUEUE_DROPPED_OLDEST = 136; // u64
export const QUEUE_RATE = 144; // u64
export const QUEUE_TOO_LARGE = 152; // u64
export const QUEUE_SEND_ERROR = 160; // u64, written by who empties it
export const QUEUE_HELD_LARGE = 168; // u32
export const QUEUE_RETURNS = 172; // u32, address of IN_FLIGHT_MAX record numbers (u32): done with, on their way back to the producer
export const QUEUE_RECLAIMED = 176; // u32, the producer's: places of it that it has emptied
export const QUEUE_RING = 180; // u32, address of record numbers (u32)
export const QUEUE_MASK = 184; // u32, places - 1
export const QUEUE_SENDER = 188; // u32, number of the sender whose bell is rung
export const QUEUE_SIZE = 192;
export const QUEUE_DROP_OLDEST = 1;
export const QUEUE_THREADED = 2; // another thread consumes it
export const QUEUE_LISTED = 4; // it is on the worker's ready list
export const IN_FLIGHT_MAX = 256;

// ── record of a delivery: one cache line ─────────────────────────────────────────────────────────────────────────
export const RECORD_FRAME = 0; // u32, address of the first byte
export const RECORD_LENGTH = 4; // u32, bytes
export const RECORD_ORIGINAL = 8; // u32, original length of the decoded frame
export const RECORD_SLOT = 12; // u32, slot that it owns, or NONE
export const RECORD_TIME = 16; // u64, ns since the epoch
export const RECORD_OUT = 16; // u32, of a record that a transmit ring has: chunks that are not back yet, RECORD_NOT_SENT
export const RECORD_NOT_SENT = 0x80000000; // the kernel has dropped one of them
export const RECORD_QUEUE = 24; // u32
export const RECORD_NEXT = 28; // u32, record of the datagram's next fragment, or NONE
export const RECORD_ABOUT = 32; // the 32 bytes of the descriptor from HAS on
export const RECORD_LINK_TYPE = RECORD_ABOUT + TENANT - HAS; // u32, of a packet in quarantine, which has no tenant
export const RECORD_SIZE = 64;
