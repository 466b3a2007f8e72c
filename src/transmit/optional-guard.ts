// The guard of a delivery interface by which sockets send: they work without it too, and then it is said what reaches the host.

import type { Link } from "../linux/index.js";
import { Guard, reachable, unguarded } from "./guard.js";
import type { AttachedGuard } from "./live.js";

export class OptionalGuard {
  /** What whoever runs the gateway should know. */
  warning?: string;
  #guard: Guard | undefined;

  /** @param isWanted the tunnel comes in by another interface: what arrives here is nobody's */
  constructor(link: Link, isWanted: boolean) {
    if (!isWanted) {
      this.warning = unguarded(link);
      return;
    }
    try {
      this.#guard = Guard.load(link);
    } catch (error) {
      this.warning = reachable((error as Error).message);
    }
  }

  /** @param patience how long it waits for another program to go, in milliseconds */
  async attach(patience?: number): Promise<void> {
    try {
      await this.#guard?.attach(patience);
    } catch (error) {
      this.#guard?.close();
      this.#guard = undefined;
      this.warning = reachable((error as Error).message);
    }
  }

  get attached(): AttachedGuard | undefined {
    return this.#guard?.attached;
  }

  adopt(attached: AttachedGuard): boolean {
    return this.#guard?.adopt(attached) ?? false;
  }

  close(): void {
    this.#guard?.close();
  }
}
