// What an engine is told once, when it is created.

import { DECODE, TUNNEL_PORTS } from "../config/defaults.js";
import { parseDuration, parseSize } from "../config/quantities.js";
import type { PoolOptions } from "./pool.js";

/** UDP ports by what arrives on them. */
export type TunnelPorts = Readonly<
  Record<"vxlan" | "vxlan-gpe" | "geneve" | "tzsp" | "hp-erm" | "gre-udp", readonly number[]>
>;

/** How tunnels are taken off; what each choice means exactly stands in assembly/README.md. */
export interface DecodeOptions {
  /** Tunnel layers taken off at most, from 1. */
  readonly depth: number;
  /** Whether a wrong IPv4 or GRE checksum is a verdict. */
  readonly checksums: "verify" | "ignore";
  /** Whether the tag in an ERSPAN header is put back into the frame. */
  readonly restoreVlan: "auto" | "always" | "never";
  /** What GRE sequence numbers count. */
  readonly sequenceScope: "session" | "tunnel";
  /** Deliver packets with an unknown critical GENEVE option. */
  readonly lenient: boolean;
  /** GRE protocol numbers that carry Ethernet, beside 0x6558; at most 16. */
  readonly greEthernet: readonly number[];
  /** Fragments of outer datagrams. */
  readonly reassembly: {
    /** Bytes held. */
    readonly memory: number;
    /** Bytes held of one outer source. */
    readonly perSource: number;
    /** Nanoseconds of packet time. */
    readonly timeout: bigint;
  };
}

/** Everything an engine is told. */
export interface EngineOptions extends PoolOptions {
  readonly decode: DecodeOptions;
  readonly ports: TunnelPorts;
  /** Which clock a packet's time is of. */
  readonly time: "capture" | "mirror";
  /** Only these sessions or virtual networks; others are `filtered`. */
  readonly filter?: { readonly session?: number; readonly vni?: number };
  /** Mirror sessions that are tracked at most. */
  readonly sessions: number;
  /** Records which headers a packet passed; one packet a batch. */
  readonly trace: boolean;
  /** Sniffers' queues at the most. */
  readonly queues: number;
  /** Sniffers whose queue is emptied by a sender in another thread, which has an instance of its own on a shared memory. */
  readonly threaded: (sniffer: string) => boolean;
  /** Number of that sender, below SENDERS_MAX. */
  readonly sender: (sniffer: string) => number;
  /**
   * Deliveries are taken and settled before the next batch, so that lent frames (`Batch.push`) may be queued where they lie. Otherwise
   * they are copied into slots.
   */
  readonly lent: boolean;
  /** Data-path workers, each with slots, sessions and queues of its own. More than one need the shared build. */
  readonly workers: number;
  /** Bytes of memory of the shared build. */
  readonly memory?: number;
  /** Frames of the usual layouts pass by a shorter way, with the same results. */
  readonly fastPath: boolean;
}

/** What works for captures without any configuration: the defaults of the configuration. */
export const DEFAULT_OPTIONS: EngineOptions = {
  decode: {
    ...DECODE,
    reassembly: {
      memory: parseSize(DECODE.reassembly.memory) as number,
      perSource: parseSize(DECODE.reassembly.perSource) as number,
      timeout: BigInt(parseDuration(DECODE.reassembly.timeout) as number),
    },
  },
  ports: TUNNEL_PORTS,
  time: "capture",
  sessions: 65_536,
  trace: false,
  slots: 4096,
  largeSlots: 32,
  reserved: 0,
  queues: 16_384,
  threaded: () => false,
  sender: () => 0,
  lent: false,
  workers: 1,
  fastPath: true,
};
