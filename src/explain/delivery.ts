// What the queues give after one packet: for each sniffer that was chosen, how its frame differs from the one that was decoded.

import * as at from "../../assembly/memory/layout.js";
import type { GatewayConfig } from "../config/schema.js";
import type { Sniffer } from "../config/sniffers.js";
import { type Engine, Header, type SnifferAccounts } from "../engine/index.js";
import type { CompiledMap } from "../mapping/index.js";
import { changesOf } from "./changes.js";
import type { Cut, DeliveryRecord, WireFrame } from "./delivery-record.js";
import { frontOf } from "./front.js";
import { refusalReason, wayOf } from "./sniffer-words.js";

/** Shortest frame that addresses can be written into: an Ethernet header. */
const LEAST = 14;
const TAG = 4;

/** Which place of a tenant's balance table a packet fell on. */
export interface Balance {
  readonly flowHash: number;
  readonly place: number;
  readonly places: number;
}

/** What became of a packet after its tenant was found. */
export interface PacketDelivery {
  /** Of sniffers that were chosen, in the order of the tenant's list. */
  readonly deliveries: readonly DeliveryRecord[];
  /** With `fanout: balance` and several sniffers: why this one. */
  readonly balance: Balance | undefined;
}

/** Empties the queues of an engine that copies what it delivers, so that the decoded frame stays as it was. */
export class DeliveryReader {
  readonly #engine: Engine;
  readonly #map: CompiledMap;
  readonly #config: GatewayConfig;
  readonly #sniffers: ReadonlyMap<string, Sniffer>;
  /** As they were before the packet. */
  readonly #accounts = new Map<string, SnifferAccounts>();

  constructor(engine: Engine, map: CompiledMap, config: GatewayConfig) {
    this.#engine = engine;
    this.#map = map;
    this.#config = config;
    this.#sniffers = new Map(config.sniffers.map((sniffer) => [sniffer.name, sniffer]));
  }

  /** Takes what the only packet of the batch left in the queues. Without `wanted` it is thrown away. */
  read(wanted: boolean): PacketDelivery | undefined {
    const { batch, deliveries } = this.#engine;
    const taken = new Map<string, DeliveryRecord>();
    const snaplen = this.#map.tenants[batch.tenant(0)]?.snaplen ?? Number.POSITIVE_INFINITY;
    const captured = batch.inner(0);
    const kept = captured.subarray(0, Math.min(captured.length, snaplen));
    const cuts: Cut[] =
      kept.length < captured.length ? [{ by: "snaplen", from: captured.length, to: kept.length }] : [];
    while (deliveries.take() > 0) {
      for (let i = 0; wanted && i < deliveries.count; i++) {
        const record = deliveries.record(i);
        const sniffer = this.#sniffers.get(deliveries.sniffer(record))!;
        taken.set(sniffer.name, this.#delivered(sniffer, record, kept, cuts));
      }
      deliveries.settle();
    }
    return this.#chosen(taken, kept.length, wanted);
  }

  /** Sniffers whose accounts say that they were offered the packet. */
  #chosen(
    taken: ReadonlyMap<string, DeliveryRecord>,
    length: number,
    wanted: boolean,
  ): PacketDelivery | undefined {
    const number = this.#engine.batch.tenant(0);
    const tenant = this.#map.tenants[number];
    if (tenant === undefined) return undefined;
    const records: DeliveryRecord[] = [];
    for (const name of tenant.sniffers) {
      const verdict = this.#outcome(name);
      if (verdict === undefined || !wanted) continue;
      const delivered = taken.get(name);
      if (verdict === "delivered" && delivered !== undefined) records.push(delivered);
      else if (verdict !== "delivered") records.push(this.#refused(name, verdict, length));
    }
    const isBalanced = this.#config.tenants[number]?.fanout === "balance" && tenant.sniffers.length > 1;
    const balance = isBalanced && records.length > 0 ? this.#balance(number) : undefined;
    return { deliveries: records, balance };
  }

  /** What the sniffer's accounts say of the last packet; nothing when it was not offered to it. */
  #outcome(sniffer: string): DeliveryRecord["verdict"] | undefined {
    const now = this.#engine.queues.accountsOf(sniffer);
    const before = this.#accounts.get(sniffer);
    if (now === undefined || now.offered === (before?.offered ?? 0)) return undefined;
    this.#accounts.set(sniffer, now);
    if (now.rate > (before?.rate ?? 0)) return "rate";
    if (now.tooLarge > (before?.tooLarge ?? 0)) return "too-large";
    return now.droppedNewest > (before?.droppedNewest ?? 0) ? "queue-full" : "delivered";
  }

  #balance(tenant: number): Balance {
    const { buffer, byteOffset } = this.#map.image.tenants;
    const record = new DataView(buffer, byteOffset + tenant * at.TENANT_SIZE);
    const mask = record.getUint32(at.TENANT_BALANCE_MASK, true);
    const flowHash = this.#engine.batch.word(0, at.FLOW);
    return { flowHash, place: (flowHash & mask) >>> 0, places: mask + 1 };
  }

  #refused(name: string, verdict: "rate" | "too-large" | "queue-full", length: number): DeliveryRecord {
    const sniffer = this.#sniffers.get(name)!;
    return {
      ...nothing(sniffer),
      verdict,
      reason: refusalReason(sniffer, verdict, length, this.#config.delivery.mtu),
    };
  }

  #delivered(sniffer: Sniffer, first: number, kept: Uint8Array, cuts: readonly Cut[]): DeliveryRecord {
    const { deliveries } = this.#engine;
    const frames: Uint8Array[] = [];
    for (let record = first; record !== 0; record = deliveries.next(record))
      frames.push(deliveries.frame(record));
    const common = { ...nothing(sniffer), cuts };
    if ("to" in sniffer) return { ...common, ...tunnelled(sniffer, frames, kept.length, cuts) };
    const [frame] = frames;
    if ("mac" in sniffer) return { ...common, ...onSegment(sniffer, frame!, kept) };
    return { ...common, frames: [{ length: frame!.length }], sentLength: frame!.length };
  }
}

function nothing(sniffer: Sniffer): DeliveryRecord {
  return {
    sniffer: sniffer.name,
    deliver: sniffer.deliver ?? "file",
    way: wayOf(sniffer),
    verdict: "delivered",
    reason: undefined,
    frames: [],
    sentLength: undefined,
    cuts: [],
    changes: [],
    headers: [],
  };
}

/** `mac` and `ip`: the frame itself, rewritten. */
function onSegment({ vlan }: { vlan?: number | undefined }, frame: Uint8Array, kept: Uint8Array) {
  const front = vlan === undefined ? 0 : TAG;
  const before = new Uint8Array(Math.max(LEAST, kept.length));
  before.set(kept);
  const padding = frame.length - front - kept.length;
  return {
    frames: [{ length: frame.length, padding: padding || undefined }],
    sentLength: kept.length,
    changes: changesOf(before, frame, vlan !== undefined),
  };
}

/** The frame behind headers of its own, maybe cut, maybe in IP fragments. */
function tunnelled(sniffer: Sniffer, frames: readonly Uint8Array[], kept: number, cuts: readonly Cut[]) {
  const fronts = frames.map((frame) =>
    frontOf(frame, sniffer.deliver === "geneve" ? Header.Geneve : Header.Vxlan),
  );
  const sent = fronts.reduce((length, { from, end }) => length + end - from, 0);
  const [first] = fronts;
  const { headers, from, end } = first!;
  const cut: Cut[] = sent < kept ? [{ by: "fit", from: kept, to: sent }] : [];
  return {
    frames: fronts.map((front, i): WireFrame => {
      const { length } = frames[i]!;
      const isFragment = front.fragmentOffset !== undefined;
      return {
        length,
        padding: length - front.end || undefined,
        fragmentOffset: front.fragmentOffset,
        dataLength: isFragment ? front.end - front.data : undefined,
      };
    }),
    sentLength: sent,
    cuts: [...cuts, ...cut],
    headers: [...headers, { name: "inner frame", offset: from, length: end - from, fields: {} }],
  };
}
