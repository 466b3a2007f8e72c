// The backends of the live gateway, as the suites of this folder run over them, with what one cannot do and why.

import { lacksCap } from "../live/requirements.js";
import { InFiles, InMemory, type WithoutInterfaces } from "./without-interfaces.js";

export interface Subject {
  readonly name: string;
  readonly tunnel: Readonly<Record<string, string>>;
  readonly delivery?: Readonly<Record<string, string>>;
  readonly says: RegExp;
  /** What it cannot do, and why. */
  readonly lacking: Partial<
    Record<
      | "GRE"
      | "tags"
      | "tags beside the frame"
      | "fragments"
      | "waits for a carrier"
      | "only its own"
      | "an interface",
      string
    >
  >;
  /** Without interfaces: what stands in their place. */
  readonly memory?: (folder: string) => WithoutInterfaces;
}

const XDP_LACKS: Subject["lacking"] = {
  "tags beside the frame": "a veth whose peer leaves the tag beside gives it to no XDP program",
  "waits for a carrier": "__xsk_generic_xmit takes a frame that the device drops off the ring: a send error",
};
const NO_INTERFACE: Subject["lacking"] = {
  "only its own": "whoever hands over packets has chosen them",
  "an interface":
    "there is none: no kernel answers, nothing arrives at the delivery side, nothing goes down or has an MTU",
};
const CARRIER: Subject["lacking"] = { "waits for a carrier": XDP_LACKS["waits for a carrier"]! };
const UDP_LACKS: Subject["lacking"] = {
  GRE: "a UDP socket gets UDP",
  tags: "the kernel gives sockets no frame with a tag that no VLAN device takes off",
  "tags beside the frame": "as every other tag",
  fragments: "the kernel has put them together",
};
const ALL: readonly Subject[] = [
  {
    name: "afxdp, native",
    tunnel: { backend: "afxdp", xdp: "native" },
    says: /^afxdp, in the driver/,
    lacking: XDP_LACKS,
  },
  {
    name: "afxdp, skb",
    tunnel: { backend: "afxdp", xdp: "skb" },
    says: /^afxdp, on socket buffers/,
    lacking: XDP_LACKS,
  },
  {
    name: "afxdp to afpacket",
    tunnel: { backend: "afxdp", xdp: "native" },
    delivery: { backend: "afpacket" },
    says: /^afxdp, in the driver, copy; sends by afpacket$/,
    lacking: { "tags beside the frame": XDP_LACKS["tags beside the frame"]! },
  },
  {
    name: "afpacket",
    tunnel: { backend: "afpacket" },
    delivery: { backend: "afpacket" },
    says: /^afpacket$/,
    lacking: {},
  },
  {
    name: "afpacket to what is best",
    tunnel: { backend: "afpacket" },
    says: /^afpacket; sends by afxdp, copy$/,
    lacking: CARRIER,
  },
  {
    name: "libpcap to what is best",
    tunnel: { backend: "libpcap" },
    says: /^libpcap; sends by afxdp, copy; one worker, the time at which the main thread takes a packet/,
    lacking: CARRIER,
  },
  {
    name: "libpcap to afpacket",
    tunnel: { backend: "libpcap" },
    delivery: { backend: "afpacket" },
    says: /^libpcap; sends by afpacket; one worker, /,
    lacking: {},
  },
  {
    name: "udp to what is best",
    tunnel: { backend: "udp" },
    says: /^udp; sends by afxdp, copy$/,
    lacking: { ...UDP_LACKS, ...CARRIER },
  },
  {
    name: "udp to afpacket",
    tunnel: { backend: "udp" },
    delivery: { backend: "afpacket" },
    says: /^udp; sends by afpacket$/,
    lacking: UDP_LACKS,
  },
  {
    name: "memory",
    tunnel: {},
    says: /^memory; memory$/,
    lacking: {
      ...NO_INTERFACE,
      "tags beside the frame": "nobody has taken one off; the ring has room for them (arrival-ring.test.ts)",
    },
    memory: () => new InMemory(),
  },
  {
    name: "file",
    tunnel: {},
    says: /^replay of .*in\.pcap; recording into .*out\.pcapng$/,
    lacking: { ...NO_INTERFACE, "tags beside the frame": "in a capture they are in the frame" },
    memory: (folder) => new InFiles(folder),
  },
];

/** Those that can be tested here. */
export const SUBJECTS = ALL.filter(({ tunnel }) => tunnel.backend !== "libpcap" || !lacksCap());

export const WITH_INTERFACES = SUBJECTS.filter(({ lacking }) => lacking["an interface"] === undefined);

/** One for each way to receive by an interface, whatever it sends by. */
export const RECEIVERS: readonly Subject[] = [
  ...new Map(
    WITH_INTERFACES.map((subject) => [
      JSON.stringify(subject.tunnel),
      { ...subject, name: subject.name.replace(/ to .*/, "") },
    ]),
  ).values(),
];
