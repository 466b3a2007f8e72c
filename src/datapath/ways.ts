// How packets for sniffers get from the delivery interface to where they go: what the live map needs to know of it.

import { type Address, formatAddress } from "../config/addresses.js";
import { SpangateError } from "../errors.js";
import type { Link } from "../linux/index.js";
import type { Origin } from "../mapping/index.js";

export interface Ways {
  /** What packets get that leave by the delivery interface now. */
  readonly origin: Origin;
  /** Destinations without a next hop now. */
  readonly unknown: readonly string[];
  /**
   * Finds the ways to other destinations. They count when what it gives is called, which in its turn gives what goes back to those before.
   *
   * @throws SpangateError CONFIG_INVALID when one of the new is not behind the delivery interface
   */
  aim(destinations: readonly Address[]): Promise<() => () => void>;
  /** Calls `changed` whenever an address or the way to one is another one, and `failed` when the kernel does not answer. */
  follow(changed: () => void, failed: (error: unknown) => void): void;
  close(): void;
}

export function noWay({ name }: Link, address: Address, advice: string): SpangateError {
  const to = formatAddress(address);
  const message = `${name} is no way to ${to}: there is no route, or it leaves by another interface. ${advice}`;
  return new SpangateError("CONFIG_INVALID", message, { details: { to, interface: name } });
}
