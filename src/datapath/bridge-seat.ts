// A worker's seat of a gateway that takes over from another one. What comes while the kernel has not yet given it AF_XDP's queue waits in
// a ring of AF_PACKET, the bridge; it is first in order, and nothing is taken from behind it before it is empty for good.

import type { Receiver } from "../capture/live.js";
import type { PacketTunnelSeat } from "./packet-seat.js";
import type { XdpSeat } from "./xdp-seat.js";

/** Words by which the main thread says that nothing more comes over the bridge, and a worker that it has all of it. */
export const BRIDGE = { closed: 0, crossed: 1 } as const;
export const BRIDGE_WORDS = 2;

/** The bridge, what is behind it, and the worker's own words (BRIDGE). */
export interface BridgedSeat {
  readonly kind: "bridged";
  readonly bridge: PacketTunnelSeat;
  readonly behind: XdpSeat;
  readonly words: Int32Array;
}

export class BridgedReceiver implements Receiver {
  readonly #bridge: Receiver;
  readonly #behind: Receiver;
  readonly #words: Int32Array;
  #hasCrossed = false;

  constructor(bridge: Receiver, behind: Receiver, { words }: BridgedSeat) {
    this.#bridge = bridge;
    this.#behind = behind;
    this.#words = words;
  }

  /** For the bridge nobody is woken: who closes it does that. */
  get fd(): number {
    return this.#behind.fd;
  }

  receive(): number {
    if (this.#hasCrossed) return this.#behind.receive();
    // Before the look into the ring: what came before it was closed is there then.
    const isClosed = Atomics.load(this.#words, BRIDGE.closed) === 1;
    const count = this.#bridge.receive();
    if (count > 0 || !isClosed) return count;
    this.#hasCrossed = true;
    Atomics.store(this.#words, BRIDGE.crossed, 1);
    return this.#behind.receive();
  }
  refill(): void {
    this.#behind.refill();
  }
  woken(failed: boolean): void {
    this.#behind.woken(failed);
  }
}
