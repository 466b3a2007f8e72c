// Sending by sockets, each worker by its own. The same program as with AF_XDP keeps what arrives at the interface from the host, where the
// kernel has XDP.

import type { Link } from "../linux/index.js";
import type { AttachedGuard, DeliveryPort } from "./live.js";
import { OptionalGuard } from "./optional-guard.js";

export interface SocketDeliveryOptions {
  readonly link: Link;
  /** The tunnel comes in by another interface: what arrives here is nobody's. */
  readonly guarded: boolean;
  readonly workers: number;
  /** Another gateway has the interface: no program is attached before `take`. */
  readonly held: boolean;
}

interface Socket {
  close(): void;
}

export class SocketDelivery<End> implements DeliveryPort<End> {
  readonly description: string;
  readonly ends: readonly End[];
  readonly #sockets: readonly Socket[];
  readonly #guard: OptionalGuard;

  private constructor(
    description: string,
    ends: readonly End[],
    sockets: readonly Socket[],
    guard: OptionalGuard,
  ) {
    this.description = description;
    this.ends = ends;
    this.#sockets = sockets;
    this.#guard = guard;
  }

  /**
   * @param endOf what a worker sends by, from sockets that it opens and `keep`s: they are closed with the port, or when it cannot be opened
   * @throws what `endOf` throws
   */
  static async open<End>(
    description: string,
    { link, guarded, workers, held }: SocketDeliveryOptions,
    endOf: (keep: <S extends Socket>(socket: S) => S) => End,
  ): Promise<SocketDelivery<End>> {
    const sockets: Socket[] = [];
    const keep = <S extends Socket>(socket: S) => {
      sockets.push(socket);
      return socket;
    };
    try {
      const ends = Array.from({ length: workers }, () => endOf(keep));
      const port = new SocketDelivery(description, ends, sockets, new OptionalGuard(link, guarded));
      if (!held) await port.take();
      return port;
    } catch (error) {
      for (const socket of sockets) socket.close();
      throw error;
    }
  }

  get warning(): string | undefined {
    return this.#guard.warning;
  }

  async take(patience?: number): Promise<void> {
    await this.#guard.attach(patience);
  }

  attached(): AttachedGuard | undefined {
    return this.#guard.attached;
  }

  adopt(attached: AttachedGuard): boolean {
    return this.#guard.adopt(attached);
  }

  close(): void {
    this.#guard.close();
    for (const socket of this.#sockets) socket.close();
  }
}
