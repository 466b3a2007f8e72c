// Which sniffers are sent to by threads of their own, and by which of them: what `senders` says, and where frames go.

import type { LiveGatewayConfig } from "../config/schema.js";
import { MOST_SENDERS } from "../config/schema.js";
import { SpangateError } from "../errors.js";

type Sniffers = LiveGatewayConfig["sniffers"];

export class SenderPlan {
  /** Threads for sniffers, at the most. */
  readonly count: number;
  readonly #senders: LiveGatewayConfig["senders"];
  readonly #isNetwork: boolean;
  /** Sender by sniffer. */
  readonly #assigned = new Map<string, number>();

  /** @param isNetwork frames for sniffers behind the delivery interface do go to an interface, and not into memory */
  constructor(senders: LiveGatewayConfig["senders"], sniffers: Sniffers, isNetwork: boolean) {
    this.#senders = senders;
    this.#isNetwork = isNetwork;
    this.count = senders === "inline" ? 1 : senders === "per-sniffer" ? MOST_SENDERS : senders;
    this.change(sniffers);
  }

  /** The number of the sender of sniffer `name`; undefined: data-path workers send to it. */
  senderOf(name: string): number | undefined {
    return this.#assigned.get(name);
  }

  /**
   * Another list of sniffers, for the map that is compiled next. Who had a sender keeps it, as its queue may hold something; others get
   * the one that has the fewest. Gives how to undo it.
   *
   * @throws SpangateError CONFIG_INVALID when `per-sniffer` asks for more threads than there may be
   */
  change(sniffers: Sniffers): () => void {
    const before = [...this.#assigned];
    const threaded = sniffers.filter((sniffer) => this.#isThreaded(sniffer));
    const names = new Set(threaded.map(({ name }) => name));
    if (this.#senders === "per-sniffer" && names.size > this.count) {
      const message = `senders is per-sniffer with ${names.size} sniffers; expected at most ${this.count} sniffers, or a number of senders that they share.`;
      throw new SpangateError("CONFIG_INVALID", message, { details: { sniffers: names.size } });
    }
    for (const name of this.#assigned.keys()) if (!names.has(name)) this.#assigned.delete(name);
    const loads = new Array<number>(this.count).fill(0);
    for (const sender of this.#assigned.values()) loads[sender]!++;
    for (const name of names) {
      if (this.#assigned.has(name)) continue;
      const sender = loads.indexOf(Math.min(...loads));
      loads[sender]!++;
      this.#assigned.set(name, sender);
    }
    return () => {
      this.#assigned.clear();
      for (const [name, sender] of before) this.#assigned.set(name, sender);
    };
  }

  #isThreaded({ deliver }: Sniffers[number]): boolean {
    if (deliver === "tap" || deliver === "pcap") return true;
    return this.#senders !== "inline" && this.#isNetwork;
  }
}
