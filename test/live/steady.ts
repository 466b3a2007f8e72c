// A mirror session that never pauses: packets with numbers in a row, at a rate, until it is told to stop.

import type { RawPort } from "./raw-port.js";
import type { Tenant } from "./tenant-traffic.js";
import { tunnelFrames, type Underlay } from "./tunnel-packets.js";

export interface SteadyOptions {
  readonly session: number;
  /** Packets a second. */
  readonly rate: number;
  readonly underlay: Underlay;
  /** Different ones, which come again and again. */
  readonly frames?: number;
}

export class Steady {
  #isOver = false;
  readonly #sending: Promise<number>;
  /** Packets so far. */
  sent = 0;

  constructor(port: RawPort, tenant: Tenant, options: SteadyOptions) {
    const frames = tenant.frames(options.frames ?? 64);
    const packets = function* (this: Steady) {
      for (let i = 0; !this.#isOver; i++) {
        this.sent = i + 1;
        yield tunnelFrames("erspan2", options.session, frames[i % frames.length]!, i, options.underlay)[0]!;
      }
    };
    this.#sending = port.replay(packets.call(this), { rate: options.rate });
    this.#sending.catch(() => {}); // `stop` says so
  }

  /** Ends it. Gives how many packets the other end of the cable has taken. */
  async stop(): Promise<number> {
    this.#isOver = true;
    return await this.#sending;
  }
}
