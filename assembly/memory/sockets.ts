// Where the engine finds the rings of a worker's sockets, which the kernel shares, in tables that the host fills in; and what the kernel
// writes there. Untyped integer constants, as in layout.ts.

// ── AF_XDP: its rings, two positions each of which are ours ──────────────────────────────────────────────────────
export const RING_PRODUCER = 0; // u32, address of the producer's position
export const RING_CONSUMER = 4; // u32, address of the consumer's
export const RING_FLAGS = 8; // u32, address
export const RING_ENTRIES = 12; // u32, address
export const RING_MASK = 16; // u32, entries - 1
export const RING_POSITION = 20; // u32, ours
export const RING_SEEN = 24; // u32, the other's when we last looked
export const RING_SIZE = 32;
export const RING_NEED_WAKEUP = 1;
export const XDP_RX = 0;
export const XDP_FILL = XDP_RX + RING_SIZE;
export const XDP_TX = XDP_FILL + RING_SIZE;
export const XDP_COMPLETION = XDP_TX + RING_SIZE;
export const XDP_LONGEST = XDP_COMPLETION + RING_SIZE; // u32, most bytes of a frame that the interface takes
export const XDP_HELD = XDP_LONGEST + 4; // u32, slots that the kernel has to receive into, or has received into
export const XDP_OVERRUN = XDP_HELD + 4; // u32, 1: there was none left, and its receive ring has not been empty since
export const XDP_LOOKED = XDP_OVERRUN + 4; // u32, entries before it in its transmit ring the kernel has looked at, as far as is known
export const XDP_SIZE = 192;
export const XDP_CONTINUES = 1; // option of a ring's entry: the frame goes on in the next
/** Bytes of a frame that one entry names, at the most: less than a chunk has. */
export const XDP_PIECE = 2048;
/** Entries of a frame, at the most: as many fragments as an skb has (MAX_SKB_FRAGS). One with more the kernel drops, and never completes. */
export const XDP_PIECES = 17;

// ── AF_PACKET: the ring of the one that receives, the messages of the one that sends ─────────────────────────────
export const PACKET_RING = 0; // u32, address of the blocks (TPACKET_V3)
export const PACKET_BLOCK_SIZE = 4; // u32, bytes
export const PACKET_BLOCKS = 8; // u32
export const PACKET_BLOCK = 12; // u32, number of the block that we are at
export const PACKET_NEXT = 16; // u32, address of the next frame in it
export const PACKET_LEFT = 20; // u32, frames in it that are not announced; 0: it is the kernel's
export const PACKET_RECEIVE_SIZE = 64;

// what the kernel writes into that ring (TPACKET_V3, include/uapi/linux/if_packet.h): blocks of frames
export const BLOCK_STATUS = 8; // u32, BLOCK_KERNEL or BLOCK_USER: whose it is
export const BLOCK_FRAMES = 12; // u32, how many are in it
export const BLOCK_FIRST = 16; // u32, offset of the first
export const BLOCK_HEADER = 48;
export const BLOCK_KERNEL = 0;
export const BLOCK_USER = 1;
export const ARRIVED_NEXT = 0; // u32, bytes from this frame to the next
export const ARRIVED_SECONDS = 4; // u32, since 1970
export const ARRIVED_NANOSECONDS = 8; // u32
export const ARRIVED_CAPTURED = 12; // u32, bytes
export const ARRIVED_LENGTH = 16; // u32, bytes that were on the wire
export const ARRIVED_STATUS = 20; // u32, ARRIVED_TAG*
export const ARRIVED_BYTES = 24; // u16, offset of the first byte
export const ARRIVED_TAG_CONTROL = 32; // u32, TCI of the tag that was taken off
export const ARRIVED_TAG_PROTOCOL = 36; // u16, its TPID
export const ARRIVED_LINK_TYPE = 40; // u32, LINKTYPE_* exclusive-or Ethernet's: the kernel keeps nothing there (tp_padding) and writes 0
export const ARRIVED_HEADER = 48;
export const ARRIVED_TAG = 16; // there was a tag
export const ARRIVED_TAG_PROTOCOL_VALID = 64;

export const PACKET_BASE = 0; // u64, where linear memory begins in this process
export const PACKET_MESSAGES = 8; // u32, address of MESSAGE_SIZE × MESSAGES: struct mmsghdr, for sendmmsg
export const PACKET_PARTS = 12; // u32, address of PART_SIZE × MESSAGES: struct iovec, the frame of each message
export const PACKET_OWNERS = 16; // u32, address of u32 × MESSAGES: number of the record that each is of, OWNER_CONTINUES
export const PACKET_FIRST = 20; // u32, messages before it are sent
export const PACKET_COUNT = 24; // u32
export const PACKET_CHAINS = 28; // u32, whether there are fragments among them
export const PACKET_FRAGMENT = 32; // u32, record of the fragment that comes next, of PACKET_HEAD; NONE: a new packet
export const PACKET_HEAD = 36; // u32, record
export const PACKET_TRANSMIT_SIZE = 64;
export const MESSAGES = 256;
export const MESSAGE_SIZE = 64;
export const PART_SIZE = 16;
export const OWNER_CONTINUES = 0x80000000; // another fragment of the record follows
