// Sniffer records: what the engine needs of a sniffer to deliver to it. The headers in front of its frames `prepareSniffer` makes.

import { Delivery } from "../../assembly/delivery.js";
import * as at from "../../assembly/memory/layout.js";
import { type Address, formatAddress, type Mac } from "../config/addresses.js";
import type { GatewayConfig } from "../config/schema.js";
import type { Sniffer } from "../config/sniffers.js";
import { bucketOf } from "./bucket.js";
import type { CellNames } from "./cell-names.js";
import { longer, words } from "./image-memory.js";

/** What the delivery interface gives to the packets that leave through it, where the configuration says nothing. Absent offline. */
export interface Origin {
  readonly mac?: Uint8Array;
  readonly ipv4?: Uint8Array;
  readonly ipv6?: Uint8Array;
  /** MAC address of the next hop to a sniffer, as long as it is known. Absent where nobody is asked. */
  readonly nextHop?: (to: Address, fit: Tunnelled["fit"]) => Mac | undefined;
  /** Who sends cuts packets into fragments by itself: one with `fit: fragment` is queued whole, as long as any IP packet may be. */
  readonly splits?: boolean;
}

const MODE = {
  mac: Delivery.Mac,
  ip: Delivery.Ip,
  vxlan: Delivery.Vxlan,
  geneve: Delivery.Geneve,
  gre: Delivery.Gre,
  erspan2: Delivery.Erspan2,
  erspan3: Delivery.Erspan3,
};
const FIT = { truncate: at.FIT_TRUNCATE, fragment: at.FIT_FRAGMENT, drop: at.FIT_DROP };
const OFFLINE_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const UNSPECIFIED: readonly Address[] = [
  { family: 4, bytes: new Uint8Array(4) },
  { family: 6, bytes: new Uint8Array(16) },
];
const UNKNOWN_NEXT_HOP = Uint8Array.of(2, 0, 0, 0, 0, 2);
/** Bytes of the longest IP packet that the engine makes (assembly/pipeline/offer.ts). */
const LONGEST = 65_535;

type OnSegment = Extract<Sniffer, { deliver: "mac" | "ip" }>;
type Tunnelled = Extract<Sniffer, { to: Address }>;

/** Words in a record. */
const SIZE = at.SNIFFER_SIZE / 4;

/** Writes a record for each of the configuration's sniffers that has more than a queue. */
export class SnifferRecords {
  #words: Uint32Array;
  #bytes: Uint8Array;
  #view: DataView;
  #count = 0;
  readonly #numbers: number[] = [];
  readonly #cells: CellNames;
  readonly #mtu: number;
  readonly #mac: Mac;
  readonly #sources: readonly Address[];
  readonly #nextHop: NonNullable<Origin["nextHop"]>;
  readonly #splits: boolean;

  /** @param expected records; more may come */
  constructor(config: GatewayConfig, cells: CellNames, origin: Origin | undefined, expected: number) {
    this.#words = words(Math.max(16, expected) * SIZE);
    this.#bytes = new Uint8Array(this.#words.buffer);
    this.#view = new DataView(this.#words.buffer);
    this.#cells = cells;
    this.#mtu = config.delivery.mtu;
    this.#mac = config.delivery.mac ?? origin?.mac ?? OFFLINE_MAC;
    this.#sources = sourceAddresses(config, origin);
    this.#nextHop = origin?.nextHop ?? (() => UNKNOWN_NEXT_HOP);
    this.#splits = origin?.splits ?? false;
  }

  /** The records, one behind another. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#count * at.SNIFFER_SIZE);
  }

  /** By record, the sniffer's number. */
  get numbers(): Uint32Array {
    return Uint32Array.from(this.#numbers);
  }

  /** Sniffer number `i`, handed frames as they were decoded. */
  addPlain(i: number, sniffer: Sniffer): void {
    // Delivery.Plain is 0, as is all that is not written.
    if (sniffer.rate !== undefined) this.#setRate(this.#next(i), sniffer.name, sniffer.rate);
  }

  /** Sniffer number `i`, as its `deliver` says. */
  addConfigured(i: number, sniffer: Sniffer): void {
    if (!isPacked(sniffer)) {
      this.addPlain(i, sniffer);
      return;
    }
    const { deliver, name, rate } = sniffer;
    const record = this.#next(i);
    if (rate !== undefined) this.#setRate(record, name, rate);
    if (deliver === "mac" || deliver === "ip") this.#addOnSegment(record, sniffer);
    else this.#addTunnelled(record, sniffer);
  }

  /** Place of the record of sniffer number `i`. */
  #next(i: number): number {
    this.#numbers.push(i);
    if (this.#count * SIZE === this.#words.length) {
      this.#words = longer(this.#words);
      this.#bytes = new Uint8Array(this.#words.buffer);
      this.#view = new DataView(this.#words.buffer);
    }
    return this.#count++ * at.SNIFFER_SIZE;
  }

  #addOnSegment(record: number, sniffer: OnSegment): void {
    const flags = sniffer.sourceMac === "interface" ? at.SNIFFER_OWN_SOURCE : 0;
    this.#setLink(record, sniffer, sniffer.mac);
    if (sniffer.deliver === "mac") this.#setFlags(record, flags);
    else this.#setAddress(record, sniffer.ip, flags);
  }

  #addTunnelled(record: number, sniffer: Tunnelled): void {
    const { to, fit } = sniffer;
    const nextHop = sniffer.mac ?? this.#nextHop(to, fit);
    this.#setLink(record, sniffer, nextHop ?? UNKNOWN_NEXT_HOP);
    const source = this.#sources.find(({ family }) => family === to.family);
    const isReachable = nextHop !== undefined && source !== undefined;
    this.#setAddress(record, to, tunnelFlags(sniffer) | (isReachable ? 0 : at.SNIFFER_UNREACHABLE));
    if (source !== undefined) this.#write16(record + at.SNIFFER_SOURCE, source);
    this.#view.setUint8(record + at.SNIFFER_FIT, FIT[fit]);
    const mtu = fit === "fragment" && this.#splits ? LONGEST : this.#mtu;
    this.#view.setUint32(record + at.SNIFFER_MTU, mtu, true);
    this.#view.setUint32(record + at.SNIFFER_ID, idOf(sniffer), true);
    if ("port" in sniffer) this.#view.setUint16(record + at.SNIFFER_PORT, sniffer.port, true);
    if ("index" in sniffer) this.#view.setUint32(record + at.SNIFFER_INDEX, sniffer.index, true);
    const end = formatAddress(to);
    const state = "session" in sniffer ? `${end} session ${sniffer.session}` : end;
    this.#view.setUint32(record + at.SNIFFER_STATE, this.#cells.destination(state), true);
    this.#view.setUint32(record + at.SNIFFER_DATAGRAMS, this.#cells.destination(end), true);
  }

  #setLink(record: number, sniffer: OnSegment | Tunnelled, destination: Mac): void {
    this.#view.setUint8(record + at.SNIFFER_MODE, MODE[sniffer.deliver]);
    this.#writeMac(record + at.SNIFFER_DESTINATION_MAC, destination);
    this.#writeMac(record + at.SNIFFER_SOURCE_MAC, this.#mac);
    this.#view.setUint16(record + at.SNIFFER_VLAN, sniffer.vlan ?? 0, true);
  }

  /** Byte by byte: `set` costs ten times as much for so few. */
  #writeMac(place: number, mac: Mac): void {
    for (let i = 0; i < 6; i++) this.#bytes[place + i] = mac[i]!;
  }

  #setAddress(record: number, address: Address, flags: number): void {
    this.#write16(record + at.SNIFFER_ADDRESS, address);
    this.#setFlags(record, flags | (address.family === 6 ? at.SNIFFER_IPV6 : 0));
  }

  #setFlags(record: number, flags: number): void {
    this.#view.setUint16(record + at.SNIFFER_FLAGS, flags, true);
  }

  /** An address in 16 bytes, IPv4 as ::ffff:a.b.c.d. */
  #write16(place: number, { family, bytes }: Address): void {
    if (family === 4) this.#bytes.fill(0xff, place + 10, place + 12);
    this.#bytes.set(bytes, place + 16 - bytes.length);
  }

  #setRate(record: number, name: string, rate: number): void {
    const { cost, burst } = bucketOf(rate);
    this.#view.setUint32(record + at.SNIFFER_BUCKET, this.#cells.sniffer(name), true);
    this.#view.setBigUint64(record + at.SNIFFER_COST, cost, true);
    this.#view.setBigUint64(record + at.SNIFFER_BURST, burst, true);
  }
}

/** Whether frames are made into packets for it; files and TAP interfaces take them as they are. */
export function isPacked(sniffer: Sniffer): sniffer is OnSegment | Tunnelled {
  const { deliver } = sniffer;
  return deliver !== undefined && deliver !== "pcap" && deliver !== "tap";
}

function tunnelFlags(sniffer: Tunnelled): number {
  if (sniffer.deliver === "gre") return sniffer.key === undefined ? 0 : at.SNIFFER_KEY;
  return "udpChecksum" in sniffer && sniffer.udpChecksum ? at.SNIFFER_CHECKSUM : 0;
}

function idOf(sniffer: Tunnelled): number {
  if (sniffer.deliver === "gre") return sniffer.key ?? 0;
  return "vni" in sniffer ? sniffer.vni : sniffer.session;
}

/** Where re-encapsulated packets come from; the first of a family counts. Without an interface there is one of each. */
export function sourceAddresses({ delivery, tunnel }: GatewayConfig, origin: Origin | undefined): Address[] {
  if (origin === undefined) return [...delivery.addresses, ...tunnel.addresses, ...UNSPECIFIED];
  const { ipv4, ipv6 } = origin;
  const own: Address[] = [];
  if (ipv4 !== undefined) own.push({ family: 4, bytes: ipv4 });
  if (ipv6 !== undefined) own.push({ family: 6, bytes: ipv6 });
  return [...delivery.addresses, ...own];
}
