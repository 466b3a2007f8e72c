// What AF_PACKET takes beside receiving, whoever opens the socket: the kernel's own stack sees every packet, too. Sockets that take what is
// ours and keep nothing hold it silent; and what it makes of packets before sockets see them is said.

import { type Address, formatAddress } from "../config/addresses.js";
import { SpangateError } from "../errors.js";
import { isErrno, type Link, type Offload, offload, SilentSocket } from "../linux/index.js";
import { GRE } from "./tunnel-protocols.js";

/** What makes one packet of several before the sockets see them, and what `ethtool -K` calls it. */
const MERGING: Partial<Record<Offload, string>> = { gro: "gro", hardwareGro: "rx-gro-hw", lro: "lro" };

export interface SilenceOptions {
  /** Another gateway may hold the same. */
  readonly isShared?: boolean;
  /** A port that another program has does not matter. */
  readonly isOptional?: boolean;
  /** Is handed each socket as soon as it is open. */
  readonly keep: <T extends { close(): void }>(socket: T) => T;
}

/**
 * As long as they are open nobody gets an answer of the kernel's to a tunnel packet.
 *
 * @throws SpangateError BACKEND_UNAVAILABLE when another program has a port, NOT_PERMITTED, SYSTEM_CALL
 */
export function silence(
  addresses: readonly Address[],
  ports: readonly number[],
  { isShared = false, isOptional = false, keep }: SilenceOptions,
): SilentSocket[] {
  return addresses.flatMap((address) => [
    keep(SilentSocket.forProtocol(address, GRE)),
    ...ports.flatMap((port) => {
      const socket = silentPort(address, port, isShared, isOptional);
      return socket === undefined ? [] : [keep(socket)];
    }),
  ]);
}

/** AF_XDP needs none of this: where a program is attached the kernel merges nothing (netif_elide_gro). */
export function merged({ name }: Link): string | undefined {
  const on = Object.entries(MERGING).filter(([which]) => offload(name, which as Offload).on);
  if (on.length === 0) return undefined;
  const words = on.map(([, word]) => `${word} off`).join(" ");
  return `${name} may make one packet of several before they are received: ethtool -K ${name} ${words}`;
}

/** Undefined when another program has the port and that does not matter. */
function silentPort(
  address: Address,
  port: number,
  isShared: boolean,
  isOptional: boolean,
): SilentSocket | undefined {
  try {
    return SilentSocket.forUdpPort(address, port, isShared);
  } catch (error) {
    if (!isErrno(error, "EADDRINUSE")) throw error;
    if (isOptional) return undefined;
    const message =
      `Another program has UDP port ${port} of ${formatAddress(address)}, and would answer mirrored packets: ` +
      "end it, or take the port out of tunnel.ports.";
    throw new SpangateError("BACKEND_UNAVAILABLE", message, { cause: error, details: { port } });
  }
}
