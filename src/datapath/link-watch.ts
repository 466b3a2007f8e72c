// Whether the interfaces of a live gateway are there: one that is removed takes its sockets with it, and another of the same name is not
// the same.

import { SpangateError } from "../errors.js";
import { type Link, type NetworkWatch, Rtnetlink } from "../linux/index.js";

/** How often news are read, in milliseconds. */
const LOOK = 100;

export class LinkWatch {
  /** Rejects with INTERFACE_GONE when one is removed, and when the kernel does not answer any more. */
  readonly gone: Promise<never>;
  readonly #links: Map<number, Link>;
  readonly #netlink: Rtnetlink;
  readonly #watch: NetworkWatch;
  #timer: NodeJS.Timeout | undefined;
  #reject: (error: unknown) => void = () => {};

  private constructor(netlink: Rtnetlink, watch: NetworkWatch, links: readonly Link[]) {
    this.#netlink = netlink;
    this.#watch = watch;
    this.#links = new Map(links.map((link) => [link.index, link]));
    this.gone = new Promise((_, reject) => {
      this.#reject = reject;
    });
    this.gone.catch(() => {});
  }

  /** @throws SpangateError SYSTEM_CALL */
  static open(links: readonly Link[]): LinkWatch {
    const { netlink, watch } = Rtnetlink.watched(["links"]);
    return new LinkWatch(netlink, watch, links);
  }

  /** Names of those through which nothing goes now: down, or without a carrier. */
  get down(): string[] {
    return [...this.#links.values()].filter(({ running }) => !running).map(({ name }) => name);
  }

  /** Tells of each that goes down or comes back. */
  follow(told: (name: string, running: boolean) => void): void {
    this.#timer = setInterval(() => {
      try {
        this.#look(told);
      } catch (error) {
        this.#reject(error);
      }
    }, LOOK);
  }

  #look(told: (name: string, running: boolean) => void): void {
    for (const link of this.#news()) {
      const before = this.#links.get(link.index);
      if (before === undefined) continue;
      this.#links.set(link.index, link);
      if (link.running !== before.running) told(link.name, link.running);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watch.close();
    this.#netlink.close();
  }

  /** Interfaces as they are now, of which there are news. */
  #news(): Link[] {
    const events = this.#watch.read();
    if (events.some(({ of }) => of === "overrun")) return this.#all();
    return events.flatMap((event) => {
      if (event.of !== "link") return [];
      if (event.gone) this.#lose(event.link.index);
      return [event.link];
    });
  }

  #all(): Link[] {
    const all = this.#netlink.links();
    for (const index of this.#links.keys()) if (all.every((link) => link.index !== index)) this.#lose(index);
    return all;
  }

  #lose(index: number): void {
    const name = this.#links.get(index)?.name;
    if (name === undefined) return;
    const message = `The interface ${name} is gone: start the gateway again when there is one.`;
    this.#reject(new SpangateError("INTERFACE_GONE", message, { details: { interface: name } }));
  }
}
