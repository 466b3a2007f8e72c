// Reassembly of outer IP fragments: DESIGN "fragments", RFC 791, RFC 8200 4.5 (an overlap discards the datagram).

import { ipText } from "./address.js";
import type { IpPacket } from "./ip.js";
import { captured, copy, whole } from "./region.js";
import type { Verdict } from "./verdict.js";

export interface ReassemblyOptions {
  memory: number;
  perSource: number;
  timeout: bigint;
}

interface Piece {
  packet: number;
  from: number;
  to: number;
  data: Uint8Array;
  charge: number;
  protocol: number;
}

interface Datagram {
  key: string;
  source: string;
  firstTime: bigint;
  pieces: Piece[];
  /** Total length, known from the last fragment. */
  end?: number;
  /** Set once discarded for overlap or size: what its later fragments get. */
  discarded?: Verdict;
}

export type Outcome =
  | { kind: "held" }
  | { kind: "settled"; verdict: Verdict; others: number[] }
  | { kind: "complete"; others: number[]; data: Uint8Array; protocol: number };

const PIECES_A_DATAGRAM = 128;
const CHARGE_UNIT = 2048;

export class Fragments {
  duplicates = 0;
  private readonly datagrams = new Map<string, Datagram>();
  private heldPieces = 0;
  private heldMemory = 0;
  private readonly memoryOfSource = new Map<string, number>();
  /** No datagram began before this: saves looking through them for each packet. */
  private earliest: bigint | undefined;

  constructor(private readonly options: ReassemblyOptions) {}

  get held(): number {
    return this.heldPieces;
  }

  /** Packets whose datagram is too old at `time`, the oldest datagram first. */
  expire(time: bigint): number[] {
    const { timeout } = this.options;
    if (this.earliest === undefined) return [];
    if (this.earliest - time > timeout) return this.beginAnew(time);
    if (time - this.earliest <= timeout) return [];
    const expired: number[] = [];
    this.earliest = undefined;
    for (const datagram of [...this.datagrams.values()]) {
      if (time - datagram.firstTime > timeout) {
        if (datagram.discarded) this.charge(datagram.source, -CHARGE_UNIT);
        expired.push(...this.release(datagram));
        this.datagrams.delete(datagram.key);
      } else this.began(datagram.firstTime);
    }
    return expired;
  }

  /** The clock was set back: what is held is as old as this packet. */
  private beginAnew(time: bigint): number[] {
    for (const datagram of this.datagrams.values()) datagram.firstTime = time;
    this.earliest = time;
    return [];
  }

  /** The end of input: whatever is held. */
  drain(): number[] {
    const left = [...this.datagrams.values()].flatMap((datagram) => this.release(datagram));
    this.datagrams.clear();
    this.earliest = undefined;
    return left;
  }

  add(packet: number, ip: IpPacket, vlan: number | undefined, time: bigint): Outcome {
    const fragment = ip.fragment!;
    const data = captured(ip.payload);
    const from = fragment.offset;
    const to = from + data.length;
    if (!whole(ip.payload)) return settled("truncated");
    if (data.length === 0 || (fragment.more && data.length % 8 !== 0)) return settled("bad-flags");
    if (to > 65_535) return settled("too-large");

    const source = ipText(ip.source);
    const protocol = ip.version === 4 ? ip.protocol : "any";
    const addresses = `${source} ${ipText(ip.destination)}`;
    const key = `${ip.version} ${vlan ?? "untagged"} ${addresses} ${fragment.identification} ${protocol}`;
    const known = this.datagrams.get(key);
    if (known?.discarded) return settled(known.discarded);
    const datagram: Datagram = known ?? { key, source, firstTime: time, pieces: [] };

    const twin = datagram.pieces.find((piece) => piece.from === from && piece.to === to);
    if (twin && sameBytes(twin.data, data)) {
      this.duplicates++;
      return settled("reassembled");
    }
    if (conflicts(datagram, from, to, fragment.more)) return this.discard(datagram, "fragment-overlap");
    if (datagram.pieces.length >= PIECES_A_DATAGRAM) return this.discard(datagram, "fragment-limit");

    const charge = Math.ceil(data.length / CHARGE_UNIT) * CHARGE_UNIT;
    const ofSource = this.memoryOfSource.get(source) ?? 0;
    const tooMuch =
      this.heldMemory + charge > this.options.memory || ofSource + charge > this.options.perSource;
    if (tooMuch) return settled("fragment-limit");

    if (!known) {
      this.datagrams.set(key, datagram);
      this.began(time);
    }
    datagram.pieces.push({ packet, from, to, data: copy(data), charge, protocol: ip.protocol });
    if (!fragment.more) datagram.end = to;
    this.heldPieces++;
    this.charge(source, charge);
    return isComplete(datagram) ? this.complete(datagram, packet) : { kind: "held" };
  }

  private complete(datagram: Datagram, completing: number): Outcome {
    const data = new Uint8Array(datagram.end!);
    for (const piece of datagram.pieces) data.set(piece.data, piece.from);
    // RFC 8200 4.5: only the next header of the fragment at offset 0 counts.
    const { protocol } = datagram.pieces.find((piece) => piece.from === 0)!;
    const others = this.release(datagram).filter((packet) => packet !== completing);
    this.datagrams.delete(datagram.key);
    return { kind: "complete", others, data, protocol };
  }

  /** The datagram stays, empty, to take its later fragments with it. */
  private discard(datagram: Datagram, verdict: Verdict): Outcome {
    const others = this.release(datagram);
    datagram.discarded = verdict;
    this.charge(datagram.source, CHARGE_UNIT); // until its time is up
    return { kind: "settled", verdict, others };
  }

  private charge(source: string, bytes: number): void {
    this.heldMemory += bytes;
    const left = (this.memoryOfSource.get(source) ?? 0) + bytes;
    if (left > 0) this.memoryOfSource.set(source, left);
    else this.memoryOfSource.delete(source);
  }

  /** Lets go of the pieces; gives their packets, in order of arrival. */
  private release(datagram: Datagram): number[] {
    const packets = datagram.pieces.map((piece) => piece.packet);
    const charge = datagram.pieces.reduce((sum, piece) => sum + piece.charge, 0);
    this.heldPieces -= packets.length;
    this.charge(datagram.source, -charge);
    datagram.pieces = [];
    return packets;
  }

  private began(time: bigint): void {
    if (this.earliest === undefined || time < this.earliest) this.earliest = time;
  }
}

function settled(verdict: Verdict): Outcome {
  return { kind: "settled", verdict, others: [] };
}

/** Whether a fragment cannot belong to the same datagram as those held. */
function conflicts(datagram: Datagram, from: number, to: number, more: boolean): boolean {
  if (datagram.pieces.some((piece) => from < piece.to && piece.from < to)) return true;
  if (datagram.end !== undefined && to > datagram.end) return true;
  if (more) return false;
  if (datagram.end !== undefined && to !== datagram.end) return true;
  return datagram.pieces.some((piece) => piece.to > to);
}

function isComplete(datagram: Datagram): boolean {
  if (datagram.end === undefined) return false;
  // Nothing overlaps and nothing lies past the end, so enough bytes are all bytes.
  return datagram.pieces.reduce((sum, piece) => sum + piece.to - piece.from, 0) === datagram.end;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
