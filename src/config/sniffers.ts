// The schema of `sniffers`: one section per delivery mode, told apart by `deliver`.
import { z } from "zod";
import * as field from "./fields.js";

const id24 = field.integer(0, 0xffffff, "24 bits");

const everySniffer = {
  name: field.name.describe(
    "Name of the sniffer; tenants refer to it, and files and metrics are called after it.",
  ),
  queue: field
    .integer(1, 65536)
    .default(1024)
    .describe(
      "Length of the sniffer's queue in frames, in each worker. While others are full, too, `run` shares out what there is among them: 8,192 frames in each worker, or twice the longest queue.",
    ),
  overflow: field
    .choice(["drop-newest", "drop-oldest"])
    .default("drop-newest")
    .describe("Which frame a full queue gives up."),
  rate: field.rate.optional().describe("Most bits per second sent to this sniffer; no limit when absent."),
  weight: field
    .integer(1, 100)
    .default(1)
    .describe("Share of the flows that this sniffer gets among its tenant's with `fanout: balance`."),
};

const macAddress = field.mac.describe("MAC address of the sniffer: destination of the frames sent to it.");
const vlan = field.vlanId.optional().describe("VLAN that frames to this sniffer are tagged with.");

const sameSegment = {
  ...everySniffer,
  mac: macAddress,
  vlan,
  sourceMac: field
    .choice(["keep", "interface"])
    .default("keep")
    .describe("Source MAC: `keep` the frame's own, or that of the delivery `interface`."),
};

const acrossRouters = {
  ...everySniffer,
  to: field.host.describe("IP address of the sniffer: the far end of the tunnel to it."),
  mac: macAddress
    .optional()
    .describe("MAC address of the next hop to `to`; the kernel's neighbour table says when absent."),
  vlan,
  fit: field
    .choice(["truncate", "fragment", "drop"])
    .default("truncate")
    .describe("What happens to a packet that is longer than the path MTU with the tunnel's headers."),
};

/** Of the tunnels over UDP; `port` is the one that IANA gave the protocol. */
const overUdp = (port: number) => ({
  ...acrossRouters,
  vni: id24.describe("VNI of the packets sent."),
  port: field.integer(1, 65535).default(port).describe("UDP destination port of the packets sent."),
  udpChecksum: field.flag
    .default(false)
    .describe("Compute the UDP checksum over IPv4 too, where it may be 0; over IPv6 it always is."),
});

const session = field.integer(0, 1023, "10 bits").describe("ERSPAN session id of the packets sent.");

const mode = <const Mode extends string>(word: Mode) => z.literal(word).describe(DELIVER);

/** What stands in for `deliver` where a sniffer is only a file: nothing. */
const noMode = z.undefined().optional().meta({ not: {} });

const DELIVER =
  "How frames reach the sniffer. Offline commands treat a sniffer without it as a file; live it is required.";

const file = field.section({ deliver: noMode, ...everySniffer });

const pcap = field.section({
  deliver: mode("pcap"),
  ...everySniffer,
  directory: field.text("a folder").describe("Folder for the sniffer's pcapng files."),
  rotate: field
    .section({
      size: field.size.prefault("1GiB").describe("Bytes after which the next file is begun."),
      keep: field.integer(1, 1_000_000).default(8).describe("Files kept; the oldest is removed."),
    })
    .prefault({})
    .describe("When a file is full, and how many stay."),
  diskFull: field
    .choice(["drop", "remove-oldest", "stop"])
    .default("drop")
    .describe(
      "When the disk is full: `drop` packets as send-error until there is room, `remove-oldest` file of this sniffer, or `stop` the gateway.",
    ),
});

const MODES = ["mac", "ip", "vxlan", "geneve", "gre", "erspan2", "erspan3", "tap", "pcap"] as const;

export const sniffer = z.discriminatedUnion(
  "deliver",
  [
    file,
    field.section({ deliver: mode("mac"), ...sameSegment }),
    field.section({
      deliver: mode("ip"),
      ...sameSegment,
      ip: field.host.describe(
        "IP address that becomes the destination of the packets, so that the sniffer's host takes them.",
      ),
    }),
    field.section({ deliver: mode("vxlan"), ...overUdp(4789) }),
    field.section({ deliver: mode("geneve"), ...overUdp(6081) }),
    field.section({
      deliver: mode("gre"),
      ...acrossRouters,
      key: field
        .integer(0, 0xffffffff, "32 bits")
        .optional()
        .describe("GRE key of the packets sent; no key field when absent."),
    }),
    field.section({
      deliver: mode("erspan2"),
      ...acrossRouters,
      session,
      index: field.integer(0, 0xfffff, "20 bits").default(0).describe("ERSPAN II index of the packets sent."),
    }),
    field.section({ deliver: mode("erspan3"), ...acrossRouters, session }),
    field.section({
      deliver: mode("tap"),
      ...everySniffer,
      interface: field.interfaceName.describe(
        "TAP interface that the frames appear on; made when it is not there.",
      ),
    }),
    pcap,
  ],
  field.variantOf(MODES),
);

/** A sniffer and how its frames reach it. Without `deliver` it is a file, which only offline commands accept. */
export type Sniffer = z.output<typeof sniffer>;
