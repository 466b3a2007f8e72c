// Accounts of queues that are nobody's now, by the sniffers that had them. Of sniffers that are gone for long only the sum is kept, so that
// however many come and go, no packet is forgotten and memory does not grow.

import { addAccounts, type SnifferAccounts } from "./sniffer-accounts.js";

/** Sniffers that have no queue any more whose accounts are told by name. */
const REMEMBERED = 1024;

/** What the accounts of all others are under. No sniffer can be called so. */
export const REMOVED_SNIFFERS = "(removed)";

export class FormerAccounts {
  /** Of sniffers that have a queue now. */
  readonly #present = new Map<string, SnifferAccounts>();
  /** Of those that have none, the last to go at the end; and of all that went before those. */
  readonly #gone = new Map<string, SnifferAccounts>();
  #forgotten: SnifferAccounts | undefined;

  /** A sniffer has had these packets in a queue that is nobody's now. */
  add(name: string, accounts: SnifferAccounts, isPresent: boolean): void {
    const total = addAccounts(this.#present.get(name) ?? this.#gone.get(name), accounts);
    if (isPresent) {
      this.#present.set(name, total);
      return;
    }
    this.#present.delete(name);
    this.#gone.delete(name);
    this.#gone.set(name, total);
    if (this.#gone.size <= REMEMBERED) return;
    const [oldest, theirs] = this.#gone.entries().next().value!;
    this.#gone.delete(oldest);
    this.#forgotten = addAccounts(this.#forgotten, theirs);
  }

  /** A sniffer has no queue any more. */
  leave(name: string): void {
    const before = this.#present.get(name);
    if (before === undefined) return;
    this.#present.delete(name);
    this.#gone.set(name, before);
  }

  /** It has one again, or another one. */
  return(name: string): void {
    const before = this.#gone.get(name);
    if (before === undefined) return;
    this.#gone.delete(name);
    this.#present.set(name, addAccounts(this.#present.get(name), before));
  }

  /** By name, and of all that are forgotten as REMOVED_SNIFFERS. */
  all(): Map<string, SnifferAccounts> {
    const all = new Map([...this.#gone, ...this.#present]);
    if (this.#forgotten !== undefined) all.set(REMOVED_SNIFFERS, this.#forgotten);
    return all;
  }
}
