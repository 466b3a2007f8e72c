// What is told of one packet: the object of `explain --json`, and what the text is made from.

import * as at from "../../assembly/memory/layout.js";
import { DIRECTIONS, ENCAPSULATIONS, type Engine, Header, type VerdictName } from "../engine/index.js";
import type { CompiledMap } from "../mapping/index.js";
import type { Balance, PacketDelivery } from "./delivery.js";
import type { DeliveryRecord } from "./delivery-record.js";
import { fieldsOf, HEADER_NAMES } from "./fields.js";
import { type HeaderRecord, innerHeaders } from "./inner.js";
import type { Passage } from "./passage.js";

/** One packet. What does not exist for it is undefined; lengths and offsets in bytes. */
export interface PacketRecord {
  /** From 1, in the order of the file. */
  readonly packet: number;
  verdict: VerdictName;
  /** What was found, where, and what would have been right. */
  reason: string;
  /** Seconds since 1970 with 9 decimals. */
  readonly timestamp: string;
  /** Of the packet as it came. */
  readonly capturedLength: number;
  readonly frameLength: number;
  readonly encapsulation: string | undefined;
  readonly erspanType: number | undefined;
  readonly session: number | undefined;
  readonly vni: number | undefined;
  readonly key: number | undefined;
  readonly sequence: number | undefined;
  /** `in`: the mirrored frame entered the switch. */
  readonly direction: "in" | "out" | undefined;
  readonly hardwareId: number | undefined;
  /** Outer addresses. */
  readonly source: string | undefined;
  readonly destination: string | undefined;
  readonly outerVlan: number | undefined;
  readonly tenant: string | undefined;
  /** Those that the packet goes to. */
  readonly sniffers: readonly string[] | undefined;
  /** Rule of the tenant map that decided, 1 to 4 (README.md, "Tenants"). */
  readonly rule: number | undefined;
  /** The identity that the map knows, and where the configuration says so. */
  readonly claim: { readonly path: string; readonly text: string } | undefined;
  /** Tunnel layers taken off. */
  readonly layers: number | undefined;
  /** Where the inner frame began, as it came. */
  readonly innerOffset: number | undefined;
  /** Captured and original bytes of the decoded frame. */
  readonly innerLength: number | undefined;
  readonly originalLength: number | undefined;
  /** `innerOffset` counts in the datagram put together from fragments. */
  readonly reassembled: true | undefined;
  /** The mirror cut the frame short (ERSPAN T). */
  readonly truncated: true | undefined;
  /** The tag that stood in the ERSPAN header is back in the frame. */
  readonly restoredVlan: number | undefined;
  /** The decoded frame was given an Ethernet header that it did not have. */
  readonly synthetic: true | undefined;
  readonly headers: readonly HeaderRecord[];
  /** Place of the tenant's balance table that chose the sniffer, with `fanout: balance`: the flow hash modulo `places`. */
  readonly balance: Balance | undefined;
  /** Sniffers that were chosen, and what each one's wire carries; with a configuration. */
  readonly deliveries: readonly DeliveryRecord[] | undefined;
}

/**
 * Reads the only packet of the engine's batch. The verdict and its reason are filled in by the caller.
 *
 * @param delivery absent where nothing is delivered: every sniffer of the tenant counts as one that gets the packet
 */
export function readRecord(
  engine: Engine,
  passage: Passage,
  frameLength: number,
  map: CompiledMap | undefined,
  delivery: PacketDelivery | undefined,
): PacketRecord {
  const { batch } = engine;
  const layers = batch.byte(0, at.LAYERS);
  const encapsulation = batch.byte(0, at.ENCAPSULATION);
  const name = encapsulation === 0 ? undefined : ENCAPSULATIONS[encapsulation];
  const has = name === undefined ? 0 : batch.word(0, at.HAS);
  const id = (has & at.HAS_ID) !== 0 ? batch.word(0, at.ID) : undefined;
  const erspanType = name === undefined ? 0 : batch.byte(0, at.ERSPAN_TYPE);
  const outerVlan = batch.outerVlan(0);
  const direction = name === undefined ? undefined : DIRECTIONS[batch.byte(0, at.DIRECTION)];
  const tenant = map?.tenants[batch.tenant(0)];
  const claim = map?.claims.at(batch.word(0, at.CLAIM) | 0);
  const rule = map === undefined ? 0 : batch.byte(0, at.RULE);
  const hasInner = layers > 0;
  const isErspan = name === "erspan";
  const isGre = name === "gre";
  return {
    packet: batch.packet(0),
    verdict: "delivered",
    reason: "",
    timestamp: secondsText(batch.time(0)),
    capturedLength: batch.word(0, at.CAPTURED),
    frameLength,
    encapsulation: name,
    erspanType: erspanType === 0 ? undefined : erspanType,
    session: isErspan ? id : undefined,
    vni: isErspan || isGre ? undefined : id,
    key: isGre ? id : undefined,
    sequence: (has & at.HAS_SEQUENCE) !== 0 ? batch.word(0, at.SEQUENCE) : undefined,
    direction,
    hardwareId: direction === undefined ? undefined : batch.byte(0, at.HARDWARE_ID),
    source: name === undefined ? undefined : batch.source(0),
    destination: name === undefined ? undefined : batch.destination(0),
    outerVlan: name === undefined || outerVlan < 0 ? undefined : outerVlan,
    tenant: tenant?.name,
    sniffers: delivery === undefined ? tenant?.sniffers : takersOf(delivery),
    rule: rule === 0 ? undefined : rule,
    claim: claim === undefined ? undefined : { path: claim.path, text: claim.text },
    layers: hasInner ? layers : undefined,
    innerOffset: hasInner ? passage.headers.at(-1)!.at : undefined,
    innerLength: hasInner ? batch.word(0, at.INNER_CAPTURED) : undefined,
    originalLength: hasInner ? batch.word(0, at.INNER_ORIGINAL) : undefined,
    reassembled: hasInner && (has & at.HAS_DATAGRAM) !== 0 ? true : undefined,
    truncated: (has & at.HAS_TRUNCATED) !== 0 ? true : undefined,
    restoredVlan: hasInner && (has & at.HAS_RESTORED) !== 0 ? erspanVlan(passage) : undefined,
    synthetic: hasInner && (has & at.HAS_SYNTHETIC) !== 0 ? true : undefined,
    headers: headerRecords(passage, hasInner && (has & at.HAS_SYNTHETIC) !== 0),
    balance: delivery?.balance,
    deliveries: delivery?.deliveries,
  };
}

function takersOf({ deliveries }: PacketDelivery): string[] {
  return deliveries.filter(({ verdict }) => verdict === "delivered").map(({ sniffer }) => sniffer);
}

function headerRecords({ headers, end }: Passage, bareIp: boolean): HeaderRecord[] {
  const records: HeaderRecord[] = [];
  for (const { header, at: offset, length, bytes, datagram } of headers) {
    const inDatagram = datagram ? (true as const) : undefined;
    const fields = fieldsOf(header, bytes, offset, length);
    records.push({ name: HEADER_NAMES[header], offset, length, fields, datagram: inDatagram });
    if (header === Header.InnerFrame) records.push(...innerHeaders(bytes, offset, end, bareIp, inDatagram));
  }
  return records;
}

/** VLAN of the innermost ERSPAN header. */
function erspanVlan({ headers }: Passage): number | undefined {
  for (let i = headers.length - 1; i >= 0; i--) {
    const { header, bytes, at: p } = headers[i]!;
    if (header === Header.Erspan2 || header === Header.Erspan3)
      return ((bytes[p]! << 8) | bytes[p + 1]!) & 0xfff;
  }
  return undefined;
}

const SECOND = 1_000_000_000n;

/** Nanoseconds as `1700000000.000000001`. */
export function secondsText(nanoseconds: bigint): string {
  const seconds = nanoseconds / SECOND;
  return `${seconds}.${String(nanoseconds - seconds * SECOND).padStart(9, "0")}`;
}
