// What is raced, and by whom: a scenario (a map, frames, how many are in flight) that the engine and the yardstick go
// through alike, and what each says came of it. A ratio counts only when both say the same.

import { BATCH } from "../assembly/memory/layout.js";
import type { EngineOptions } from "../src/engine/index.js";
import type { compileMap } from "../src/mapping/index.js";

/** The tenant map in the form that the engine takes. */
export type Image = ReturnType<typeof compileMap>["image"];

/** A frame as it arrives, again and again. */
export interface ArrivingFrame {
  readonly bytes: Uint8Array;
  /** Bytes on the wire, when it was cut; else its length. */
  readonly originalLength?: number;
  /** LINKTYPE_*; Ethernet when absent. */
  readonly linkType?: number;
  /** Where its GRE sequence number stands, when there is one. */
  readonly sequence?: Sequence;
}

export interface Sequence {
  /** Offset in the frame, in bytes. */
  readonly at: number;
  /** The number at first, and what is added each further time. */
  readonly first: number;
  readonly step: number;
}

/** Memory for frames, in slots as the engine has them. */
export interface SlotOptions {
  readonly stride: number;
  readonly headroom: number;
  readonly count: number;
  /** Free slots that queues may not have. */
  readonly reserved: number;
}

/** Everything that both sides need to know. */
export interface Scenario {
  readonly options: Pick<EngineOptions, "decode" | "ports" | "sessions">;
  /** Absent: packets are decoded and nobody's. */
  readonly image?: Image;
  /** More than are in flight, when a round is to see others than the round before. */
  readonly frames: readonly ArrivingFrame[];
  /** Frames of a round; 256 make a batch. */
  readonly inFlight: number;
  readonly slots: SlotOptions;
  /** Bytes that are taken from a queue before it is another's turn. */
  readonly quantum: number;
  /** Packet time of the first packet, and from one to the next, in nanoseconds. */
  readonly time: { readonly first: bigint; readonly step: bigint };
}

/** What came of one round. */
export interface Results {
  /** Packets by verdict number. */
  readonly verdicts: readonly number[];
  /** Bytes of decoded frames that were delivered. */
  readonly innerBytes: number;
  readonly sent: number;
  readonly sentBytes: number;
  /** Since the start: what sniffers were offered, and what of that they did not take or gave up. */
  readonly offered: number;
  readonly refused: number;
  readonly sessions: number;
  /** `DeliveryHash` of what was sent. */
  readonly hash: number;
}

/** One that runs beside others, whatever it does. */
export interface Runner {
  readonly name: string;
  /**
   * Goes through so many rounds. Gives nanoseconds of processing and draining the median batch of 256; putting frames in place is
   * not among them, and a batch that was interrupted by whatever else runs on the machine says nothing.
   */
  run(rounds: number): Promise<number>;
  stop(): void;
}

/** One whose time counts: it can say what it did. */
export interface Contender extends Runner {
  /** Goes through one round and says what came of it. */
  check(): Promise<Results>;
}

/** Rounds of each contender in turn, so that what slows the machine down slows all of them. Nanoseconds a packet, by turn. */
export async function race(
  contenders: readonly Runner[],
  { inFlight }: Scenario,
  { turns, packets }: { readonly turns: number; readonly packets: number },
): Promise<number[][]> {
  const rounds = Math.max(1, Math.round(packets / inFlight));
  const spent = contenders.map((): number[] => []);
  // Two turns that do not count: caches, branch predictors, and the compilers of the virtual machine.
  for (let turn = -2; turn < turns; turn++) {
    for (const [i, contender] of contenders.entries()) {
      const nanoseconds = await contender.run(rounds);
      if (turn >= 0) spent[i]!.push(nanoseconds / BATCH);
    }
  }
  return spent;
}

/** Throws when two contenders did not do the same. */
export async function expectSameResults(contenders: readonly Contender[]): Promise<void> {
  let first: string | undefined;
  for (const contender of contenders) {
    const results = await contender.check();
    const text = JSON.stringify(results, Object.keys(results).sort());
    first ??= text;
    if (text !== first) {
      throw new Error(
        `${contender.name} did something else than ${contenders[0]!.name}; there is nothing to compare.\n${first}\n${text}`,
      );
    }
  }
}
