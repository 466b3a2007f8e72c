// Fragments whose fate is not settled: what is told of them then, and their data. The engine writes into a datagram that it
// has put together (a synthetic header, a restored tag), so its tunnel headers are read from the fragments' own copies.

import * as at from "../../assembly/memory/layout.js";
import { type Engine, Verdict } from "../engine/index.js";
import { fragmentRange } from "./faults.js";
import type { Passage } from "./passage.js";
import type { PacketRecord } from "./record.js";

interface HeldFragment {
  readonly record: PacketRecord;
  readonly offset: number;
  readonly data: Uint8Array;
}

/** A held fragment's fate. */
export interface Settled {
  readonly packet: number;
  readonly verdict: number;
}

export class HeldFragments {
  readonly #held = new Map<number, HeldFragment>();

  /** Remembers the fragment that the engine holds now. As much is kept as the engine keeps. */
  hold(record: PacketRecord, passage: Passage): void {
    const { offset, length } = fragmentRange(passage);
    const data = passage.bytes.slice(passage.end - length, passage.end);
    this.#held.set(record.packet, { record, offset, data });
  }

  /** The fragment's record, which is forgotten here. */
  take(packet: number): PacketRecord | undefined {
    const held = this.#held.get(packet);
    this.#held.delete(packet);
    return held?.record;
  }

  /**
   * The datagram that the only packet of the engine's batch completed, as its fragments brought it.
   *
   * @param own where the data of the completing fragment begins, in `frame` and in the datagram
   */
  datagram(
    engine: Engine,
    settled: readonly Settled[],
    [address, length]: readonly [number, number],
    frame: Uint8Array,
    own: { readonly start: number; readonly offset: number },
  ): Uint8Array {
    const bytes = engine.memory.u8.slice(address, address + length);
    if ((engine.batch.word(0, at.HAS) & (at.HAS_SYNTHETIC | at.HAS_RESTORED)) === 0) return bytes;
    // Padding behind the completing fragment's data is covered by its successors, which come later in the loop.
    bytes.set(frame.subarray(own.start, own.start + length - own.offset), own.offset);
    for (const { packet, verdict } of settled) {
      const piece = verdict === Verdict.Reassembled ? this.#held.get(packet) : undefined;
      if (piece !== undefined) bytes.set(piece.data, piece.offset);
    }
    return bytes;
  }
}
