// From a frame to what one sniffer would get: how large that is, and then, once a queue has room, its bytes.

import { ipText, parseIp, parseMac } from "./address.js";
import {
  fragmentedPacket,
  IPV4_HEADER,
  IPV6_HEADER,
  onEthernet,
  padded,
  wholePacket,
} from "./outer-packet.js";
import { rewritten, tagged } from "./rewrite.js";
import type { DeliveryOptions, ReferenceSniffer } from "./sniffer.js";
import {
  countsPackets,
  encapsulated,
  headersLength,
  isUdp,
  type Mirrored,
  protocolOf,
  setUdpChecksum,
  type TunnelMode,
} from "./tunnel-headers.js";

/** What a sniffer would get. */
export interface Prepared {
  /** Bytes its rate is charged: headers included, before padding and fragmentation. */
  charge: number;
  /** To be called once, when the queue takes the packet: numbers are counted here. */
  make(): Uint8Array[];
}

export interface Surroundings extends DeliveryOptions {
  /** `tunnel.addresses`, from which tunnels come when there is nothing better. */
  gateway: string[];
}

const MOST = 65_535;
const INTERFACE_MAC = "02:00:00:00:00:01";
const NEXT_HOP_MAC = "02:00:00:00:00:02";

export class Preparer {
  /** By destination and session. */
  private readonly sequences = new Map<string, number>();
  /** By destination. */
  private readonly identifications = new Map<string, number>();

  constructor(private readonly surroundings: Surroundings) {}

  prepare(sniffer: ReferenceSniffer, mirrored: Mirrored): Prepared | "too-large" {
    switch (sniffer.deliver) {
      case "mac":
      case "ip":
        return this.rewrite(sniffer, mirrored);
      case undefined:
      case "tap":
      case "pcap":
        return { charge: mirrored.frame.length, make: () => [mirrored.frame] };
      default:
        return this.encapsulate(sniffer.deliver, sniffer, mirrored);
    }
  }

  private rewrite(sniffer: ReferenceSniffer, { frame }: Mirrored): Prepared | "too-large" {
    const bytes = rewritten(frame, sniffer, this.surroundings.interfaceMac ?? INTERFACE_MAC);
    if (bytes.length > MOST) return "too-large";
    return { charge: bytes.length, make: () => [padded(bytes)] };
  }

  private encapsulate(
    mode: TunnelMode,
    sniffer: ReferenceSniffer,
    mirrored: Mirrored,
  ): Prepared | "too-large" {
    const { mtu } = this.surroundings;
    const destination = parseIp(sniffer.to!);
    const source = this.sourceFor(destination);
    const fit = sniffer.fit ?? "truncate";
    const ipHeader = destination.length === 4 ? IPV4_HEADER : IPV6_HEADER;
    const headers = ipHeader + headersLength(mode, sniffer.key);
    const sent = fit === "truncate" ? mirrored.frame.subarray(0, mtu - headers) : mirrored.frame;
    const packetLength = headers + sent.length;
    if (packetLength > MOST || (fit === "drop" && packetLength > mtu)) return "too-large";

    const make = () => {
      const sequence = countsPackets(mode) ? this.nextSequence(destination, sniffer.session ?? 0) : 0;
      const payload = encapsulated(mode, sniffer, mirrored, sent, sequence);
      const hasChecksum = isUdp(mode) && (destination.length === 16 || sniffer.udpChecksum === true);
      if (hasChecksum) setUdpChecksum(payload, source, destination);
      const ip = { source, destination, protocol: protocolOf(mode), flowLabel: mirrored.hash & 0xfffff };
      const packets =
        fit === "fragment"
          ? fragmentedPacket(ip, payload, this.nextIdentification(destination), mtu)
          : [wholePacket(ip, payload)];
      return packets.map((packet) => padded(this.addressed(sniffer, packet)));
    };
    const tag = sniffer.vlan === undefined ? 0 : 4;
    return { charge: 14 + tag + packetLength, make };
  }

  private addressed(sniffer: ReferenceSniffer, packet: Uint8Array): Uint8Array {
    const to = parseMac(sniffer.mac ?? NEXT_HOP_MAC);
    const from = parseMac(this.surroundings.interfaceMac ?? INTERFACE_MAC);
    return tagged(onEthernet(to, from, packet), sniffer.vlan);
  }

  private sourceFor(destination: Uint8Array): Uint8Array {
    const { addresses = [], gateway, live } = this.surroundings;
    const known = [...addresses, ...(live === true ? [] : gateway)].map(parseIp);
    return known.find(({ length }) => length === destination.length) ?? new Uint8Array(destination.length);
  }

  private nextSequence(destination: Uint8Array, session: number): number {
    return next(this.sequences, `${ipText(destination)} ${session}`);
  }

  private nextIdentification(destination: Uint8Array): number {
    return next(this.identifications, ipText(destination));
  }
}

/** From 0, modulo 2^32. */
function next(counts: Map<string, number>, name: string): number {
  const count = counts.get(name) ?? 0;
  counts.set(name, (count + 1) % 2 ** 32);
  return count;
}
