// Frames on their way into the batch: each in a slot, or one that no slot can hold in an area of its own. Says when the batch is
// to be processed, so that whoever takes deliveries after every batch loses none for want of slots or places in a queue.

import { MAX_CAPTURED } from "../capture/frame-reader.js";
import type { Engine, Stretch } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import type { CompiledMap } from "../mapping/index.js";

/** What is known of a frame beside its bytes. */
export interface AboutFrame {
  /** Nanoseconds since 1970; now when absent. */
  readonly timestamp?: bigint | undefined;
  /** Bytes that were on the wire; as many as there are when absent. */
  readonly originalLength?: number | undefined;
  /** LINKTYPE_ number of the tcpdump registry; 1 (Ethernet) when absent. */
  readonly linkType?: number | undefined;
}

const ETHERNET = 1;
const NO_PLACE = -1;
const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

export class Intake {
  readonly #engine: Engine;
  readonly #process: () => void;
  /** For what no slot takes: lent, and processed at once. */
  readonly #area: Stretch;
  /** Frames, and those of them in large slots, after which the batch is processed. */
  #most = 1;
  #mostLarge = 1;
  #large = 0;
  /** The place that was given out: how many bytes it has, and its slot (none: it is the area). */
  #room = NO_PLACE;
  #slot = NO_PLACE;

  /** @param process processes the batch and clears it */
  constructor(engine: Engine, process: () => void) {
    this.#engine = engine;
    this.#process = process;
    this.#area = engine.allocate(MAX_CAPTURED);
  }

  /** Chooses the length of batches for a map: a sniffer more is a copy more, and queues may have half of what is free. */
  fit({ tenants, image }: CompiledMap, reserved: number): void {
    const { slots, batch } = this.#engine;
    let copies = 1;
    for (const { sniffers } of tenants) copies = Math.max(copies, sniffers.length);
    let most = Math.min(batch.capacity, Math.floor((slots.count - reserved) / (copies + 1)) - 1);
    for (const { queue } of image.queues) most = Math.min(most, queue);
    this.#most = Math.max(1, most);
    this.#mostLarge = Math.max(1, Math.floor(slots.largeCount / (copies + 1)) - 1);
  }

  /** A place for a frame of `length` bytes; the one that was given before is taken back. Throws USAGE. */
  place(length: number): Uint8Array {
    const { slots } = this.#engine;
    if (!(length >= 0 && length <= MAX_CAPTURED)) {
      throw new SpangateError("USAGE", `a frame of ${length} bytes; it can have 0 to ${MAX_CAPTURED}`, {
        details: { length },
      });
    }
    if (this.#slot !== NO_PLACE) slots.give(this.#slot);
    this.#slot = slots.take(length);
    if (this.#slot === NO_PLACE) {
      this.#process(); // frees slots, and the area
      this.#slot = slots.take(length);
    }
    this.#room = length;
    if (this.#slot === NO_PLACE) return this.#area.bytes().subarray(0, length);
    return slots.bytes(this.#slot, length);
  }

  /** Announces the frame in the place that was given, of `length` bytes. Gives its number. Throws USAGE. */
  commit(length: number | undefined, about: AboutFrame): number {
    const captured = length ?? this.#room;
    if (this.#room === NO_PLACE || captured > this.#room) {
      const message =
        this.#room === NO_PLACE
          ? "commit() without slot(): nothing was written"
          : `${captured} bytes were committed, of a slot for ${this.#room}`;
      throw new SpangateError("USAGE", message);
    }
    const { batch, slots } = this.#engine;
    const slot = this.#slot;
    const time = about.timestamp ?? BigInt(Date.now()) * NANOSECONDS_PER_MILLISECOND;
    const high = Number((time >> 32n) & 0xffff_ffffn);
    const low = Number(time & 0xffff_ffffn);
    const original = Math.max(captured, about.originalLength ?? captured);
    const linkType = about.linkType ?? ETHERNET;
    this.#room = NO_PLACE;
    this.#slot = NO_PLACE;
    if (slot === NO_PLACE) {
      batch.push(this.#area.address, captured, original, high, low, linkType);
    } else {
      batch.pushSlot(slot, slots.address(slot), captured, original, high, low, linkType);
      if (slot >= slots.count) this.#large++;
    }
    const { packets } = batch;
    if (slot === NO_PLACE || batch.count >= this.#most || this.#large >= this.#mostLarge) this.#process();
    return packets;
  }

  /** The batch was processed. */
  begin(): void {
    this.#large = 0;
  }
}
