// A worker's seat in memory: what its thread is given, and what it makes of it. The other side is the main thread of this process, which
// is told what has been done by words in shared memory (capture/memory-tunnel.ts, transmit/memory-delivery.ts).

import type { Receiver } from "../capture/live.js";
import { TOLD } from "../capture/memory-tunnel.js";
import { type EngineThread, QUANTUM } from "../engine/index.js";
import { drain } from "../linux/index.js";
import type { Transmitter } from "../transmit/live.js";

/** The event that wakes it, the address of its ring for the engine, and where it tells what is done (TOLD). */
export interface MemoryTunnelSeat {
  readonly kind: "memory";
  readonly fd: number;
  readonly ring: number;
  readonly told: Int32Array;
}

/** The address of its rings for the engine, and the bell of who takes from them. */
export interface MemoryDeliverySeat {
  readonly kind: "memory";
  readonly rings: number;
  readonly bell: Int32Array;
}

export class MemoryReceiver implements Receiver {
  readonly fd: number;
  readonly #ring: number;
  readonly #told: Int32Array;
  readonly #engine: EngineThread;
  #received = 0;
  #settled = 0;

  constructor(engine: EngineThread, { fd, ring, told }: MemoryTunnelSeat) {
    this.fd = fd;
    this.#ring = ring;
    this.#told = told;
    this.#engine = engine;
  }

  receive(): number {
    this.#tell();
    const count = this.#engine.receivePackets(this.#ring);
    this.#received = (this.#received + count) | 0;
    return count;
  }

  /** What was received in earlier rounds is processed; and settled, when nothing is left of it. */
  #tell(): void {
    const told = this.#told;
    const isNew = told[TOLD.processed] !== this.#received;
    const isSettled = this.#settled !== this.#received && this.#engine.isEmpty && this.#engine.lent === 0;
    if (!isNew && !isSettled) return;
    if (isSettled) this.#settled = this.#received;
    Atomics.store(told, TOLD.settled, this.#settled);
    Atomics.store(told, TOLD.processed, this.#received);
    Atomics.add(told, TOLD.bell, 1);
    Atomics.notify(told, TOLD.bell);
  }

  /** Blocks go back as they are emptied. */
  refill(): void {}
  woken(): void {
    drain(this.fd);
  }
}

export class MemoryTransmitter implements Transmitter {
  readonly #rings: number;
  readonly #bell: Int32Array;
  readonly #engine: EngineThread;

  constructor(engine: EngineThread, { rings, bell }: MemoryDeliverySeat) {
    this.#rings = rings;
    this.#bell = bell;
    this.#engine = engine;
  }

  transmit(): number {
    const packets = this.#engine.transmit(this.#rings, QUANTUM);
    if (this.#engine.unsent(this.#rings) > 0) {
      Atomics.add(this.#bell, 0, 1);
      Atomics.notify(this.#bell, 0);
    }
    return packets;
  }
  complete(): number {
    return this.#engine.complete(this.#rings);
  }
}
