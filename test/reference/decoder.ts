// The reference decoder: one packet in, its verdict out. Slow and obvious; the engine is compared with it.

import { ipText } from "./address.js";
import { endpointsOf } from "./endpoints.js";
import { Fragments, type ReassemblyOptions } from "./fragments.js";
import { readGre } from "./gre.js";
import { innerFrame } from "./inner.js";
import { type IpPacket, PROTOCOL, readIp, walkExtensions } from "./ip.js";
import { readEthernet, readLink } from "./link.js";
import { fits, type Region, u16 } from "./region.js";
import { type SessionReport, Sessions } from "./sessions.js";
import { type Identity, type Origin, type ReferenceMap, TenantMap } from "./tenant-map.js";
import type { Carried, Notes, Tunnel, TunnelOptions } from "./tunnel.js";
import { readUdpTunnel, tunnelOfPort } from "./udp-tunnels.js";
import type { Verdict } from "./verdict.js";

export type { Identity, ReferenceMap };

export interface ReferenceOptions extends TunnelOptions {
  /** Tunnel layers to take off, at the most. */
  depth: number;
  restoreVlan: "auto" | "always" | "never";
  sequenceScope: "session" | "tunnel";
  time: "capture" | "mirror";
  reassembly: ReassemblyOptions;
  /** Capacity of the session table. */
  sessions: number;
  filter?: { session?: number; vni?: number };
  map?: ReferenceMap;
}

/** Everything but `verdict` and `layers` is known only once the outermost tunnel layer was taken off whole. */
export interface ReferenceResult {
  verdict: Verdict;
  /** Tunnel layers taken off. */
  layers: number;
  encapsulation?: string;
  idKind?: "session" | "key" | "vni";
  id?: number;
  erspanType?: 1 | 2 | 3;
  /** Outer addresses of the outermost tunnel, canonical text. */
  source?: string;
  destination?: string;
  outerVlan?: number;
  sequence?: number;
  direction?: "in" | "out";
  hardwareId?: number;
  /** From here on only of a decoded packet. `inner` includes a synthetic header and a restored tag. */
  inner?: Uint8Array;
  originalLength?: number;
  time?: bigint;
  synthetic?: boolean;
  restored?: boolean;
  /** T of the innermost layer entered. */
  truncated?: boolean;
  /** From here on only with a map. */
  rule?: 1 | 2 | 3 | 4;
  tenant?: string;
  sniffers?: string[];
}

export interface Settled {
  packet: number;
  result: ReferenceResult;
}

/** The outermost IP layer, as far as later steps need it. */
interface Outer {
  source: Uint8Array;
  destination: Uint8Array;
  vlan: number | undefined;
}

export class ReferenceDecoder {
  private readonly fragments: Fragments;
  private readonly table: Sessions;
  private readonly map: TenantMap | undefined;
  private readonly notes: Notes = { unverifiable: 0, criticalOptions: 0 };
  private readonly verdicts: Record<string, number> = {};
  private received = 0;

  constructor(private readonly options: ReferenceOptions) {
    this.fragments = new Fragments(options.reassembly);
    this.table = new Sessions(options.sessions, options.sequenceScope, options.time === "mirror");
    const isTunnelPort = (port: number) => tunnelOfPort(options.ports, port) !== undefined;
    this.map = options.map && new TenantMap(options.map, isTunnelPort);
  }

  /**
   * Decodes packet number `packet` (from 1). What it settles, in order: packets before it (timed-out fragments, the
   * held fragments of a completed or discarded datagram), then itself unless it is held.
   */
  packet(
    packet: number,
    frame: Uint8Array,
    originalLength: number,
    time: bigint,
    linkType: number,
  ): Settled[] {
    this.received++;
    const settled = this.fragments.expire(time).map((late) => this.without(late, "fragment-timeout"));
    const link = readLink(frame, originalLength, linkType);
    if (typeof link === "string") return [...settled, this.without(packet, link)];
    const ip = readIp(link.region, link.version, this.options.checksums === "verify");
    if (typeof ip === "string") return [...settled, this.without(packet, ip)];
    const outer: Outer = { source: ip.source, destination: ip.destination, vlan: link.vlan };
    if (ip.fragment === undefined) {
      return [...settled, this.settle(packet, this.decode(outer, ip, time))];
    }

    const outcome = this.fragments.add(packet, ip, link.vlan, time);
    if (outcome.kind === "held") return settled;
    const given = outcome.kind === "settled" ? outcome.verdict : "reassembled";
    for (const other of outcome.others) settled.push(this.without(other, given));
    if (outcome.kind === "settled") return [...settled, this.without(packet, outcome.verdict)];
    const { data, protocol } = outcome;
    const payload: Region = { bytes: data, at: 0, end: data.length, declared: data.length };
    const chain = ip.version === 6 ? walkExtensions(protocol, payload, false) : { protocol, payload };
    if (typeof chain === "string") return [...settled, this.without(packet, chain)];
    return [...settled, this.settle(packet, this.decode(outer, chain, time))];
  }

  /** End of input: what is held will never be complete. */
  finish(): Settled[] {
    return this.fragments.drain().map((packet) => this.without(packet, "fragment-timeout"));
  }

  get counters() {
    return {
      received: this.received,
      held: this.fragments.held,
      verdicts: { ...this.verdicts },
      fragmentDuplicates: this.fragments.duplicates,
      unverifiable: this.notes.unverifiable,
      criticalOptions: this.notes.criticalOptions,
      unknownGranularity: this.table.unknownGranularity,
      untracked: this.table.untracked,
    };
  }

  /** In order of first appearance. */
  sessions(): SessionReport[] {
    return this.table.report();
  }

  private without(packet: number, verdict: Verdict): Settled {
    return this.settle(packet, { verdict, layers: 0 });
  }

  private settle(packet: number, result: ReferenceResult): Settled {
    this.verdicts[result.verdict] = (this.verdicts[result.verdict] ?? 0) + 1;
    return { packet, result };
  }

  private decode(outer: Outer, ip: Pick<IpPacket, "protocol" | "payload">, time: bigint): ReferenceResult {
    const layers: Tunnel[] = [];
    let read = this.readTunnel(ip.protocol, ip.payload);
    while (typeof read !== "string") {
      layers.push(read);
      const next = layers.length < this.options.depth && this.nextLayer(read.carried);
      if (!next) return this.decoded(outer, layers, time);
      // Entered: from here on its faults are verdicts.
      const inner = readIp(next.region, next.version, this.options.checksums === "verify");
      read = typeof inner === "string" ? inner : this.readTunnel(inner.protocol, inner.payload);
    }
    return { verdict: read, ...(layers.length === 0 ? { layers: 0 } : describe(outer, layers)) };
  }

  private readTunnel(protocol: number, payload: Region): Tunnel | Verdict {
    return protocol === PROTOCOL.GRE
      ? readGre(payload, this.options, this.notes)
      : readUdpTunnel(payload, this.options, this.notes);
  }

  /** The IP packet in a frame, if it is whole enough to read and carries a tunnel. */
  private nextLayer(carried: Carried): { version: 4 | 6; region: Region } | undefined {
    const { kind, region } = carried;
    const link = kind === "ethernet" ? readEthernet(region) : { version: kind, region };
    if (typeof link === "string") return undefined;
    const ip = readIp(link.region, link.version, false);
    if (typeof ip === "string" || ip.fragment !== undefined) return undefined;
    if (ip.protocol === PROTOCOL.GRE) return link;
    if (!fits(ip.payload, 8)) return undefined;
    const port = u16(ip.payload.bytes, ip.payload.at + 2);
    return tunnelOfPort(this.options.ports, port) === undefined ? undefined : link;
  }

  /** Every tunnel layer is whole: the frame, its session, then filter and map. */
  private decoded(outer: Outer, layers: Tunnel[], time: bigint): ReferenceResult {
    const innermost = layers.at(-1)!;
    const frame = innerFrame(innermost.carried, innermost.erspan, this.options.restoreVlan);
    const about = describe(outer, layers);
    const { encapsulation, source, destination, id, sequence } = about;
    const name = { encapsulation, source, destination, ...(id === undefined ? {} : { id }) };
    const clock = outermostTypeIII(layers)?.clock;
    return {
      ...about,
      inner: frame.bytes,
      originalLength: frame.originalLength,
      time: this.table.enter(name, frame.bytes.length, sequence, clock, time),
      synthetic: frame.synthetic,
      restored: frame.restored,
      truncated: innermost.erspan?.truncated ?? false,
      ...this.judge(outer, layers, frame.bytes, frame.synthetic),
    };
  }

  private judge(
    outer: Outer,
    layers: Tunnel[],
    inner: Uint8Array,
    synthetic: boolean,
  ): Pick<ReferenceResult, "verdict" | "rule" | "tenant" | "sniffers"> {
    const outermost = layers[0]!;
    if (this.isFiltered(outermost)) return { verdict: "filtered" };
    if (this.map === undefined) return { verdict: "delivered" };
    const origin: Origin = {
      encapsulation: outermost.encapsulation,
      id: outermost.id,
      nvgre: outermost.nvgre === true,
      source: outer.source,
      vlan: outer.vlan,
      direction: describe(outer, layers).direction,
    };
    return this.map.decide(origin, endpointsOf(inner, synthetic));
  }

  private isFiltered({ idKind, id }: Tunnel): boolean {
    const { session, vni } = this.options.filter ?? {};
    if (session === undefined && vni === undefined) return false;
    const wanted = (idKind === "session" && id === session) || (idKind === "vni" && id === vni);
    return !wanted;
  }
}

function outermostTypeIII(layers: Tunnel[]) {
  return layers.find((layer) => layer.erspan?.type === 3)?.erspan;
}

interface Description extends Pick<ReferenceResult, "layers" | "idKind" | "id" | "sequence" | "erspanType"> {
  encapsulation: string;
  source: string;
  destination: string;
  direction?: "in" | "out";
}

/** What is known of a packet from the tunnel layers taken off, at least one. */
function describe(outer: Outer, layers: Tunnel[]): Description {
  const { encapsulation, idKind, id, sequence, erspan } = layers[0]!;
  const typeIII = outermostTypeIII(layers);
  return {
    layers: layers.length,
    encapsulation,
    ...(idKind === undefined ? {} : { idKind }),
    ...(id === undefined ? {} : { id }),
    ...(sequence === undefined ? {} : { sequence }),
    ...(erspan === undefined ? {} : { erspanType: erspan.type }),
    source: ipText(outer.source),
    destination: ipText(outer.destination),
    ...(outer.vlan === undefined ? {} : { outerVlan: outer.vlan }),
    ...(typeIII === undefined ? {} : { direction: typeIII.outgoing ? "out" : "in" }),
    ...(typeIII?.hardwareId === undefined ? {} : { hardwareId: typeIII.hardwareId }),
  };
}
