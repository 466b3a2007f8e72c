// Sending by UDP sockets, which any user may have: what a sniffer behind VXLAN or GENEVE gets, and the kernel finds the way, the next hop
// and the source address. A datagram goes from one port of each worker, so that its order is kept.

import type { Address } from "../config/addresses.js";
import { isErrno, UdpSendSocket } from "../linux/index.js";
import { SocketDelivery, type SocketDeliveryOptions } from "./socket-delivery.js";

/** Sockets that differ in what the kernel makes of a datagram. */
const KINDS = ([4, 6] as const).flatMap((family) =>
  [false, true].flatMap((checksum) => [false, true].map((fragment) => ({ family, checksum, fragment }))),
);

/** Place among a worker's sockets of the one for such datagrams. Over IPv6 all have a checksum, and there is one socket whichever. */
export function kindOf(family: 4 | 6, checksum: boolean, fragment: boolean): number {
  return (family === 4 ? 0 : 4) + (family === 6 || checksum ? 2 : 0) + (fragment ? 1 : 0);
}

/**
 * Next hops as the engine writes them for the kernel, which finds the real ones: the byte at FRAGMENTS_AT says whether the packet may be
 * cut into fragments, which no header of IPv6 says.
 */
export function markerMac(fragments: boolean): Uint8Array {
  return Uint8Array.of(2, 0, 0, 0, 0, fragments ? 1 : 0);
}
export const FRAGMENTS_AT = 5;

/** Bytes of a socket's buffer: what waits for an interface with a queue. */
const BUFFER = 8 << 20;
const NONE = -1;

export interface UdpDeliveryOptions extends SocketDeliveryOptions {
  /** Where datagrams come from, at most one address a family; the kernel chooses for the others. */
  readonly sources: readonly Address[];
  /** Path MTU in bytes. */
  readonly mtu: number;
}

/** A worker's descriptors by kind; -1: this machine has none of it. */
export interface UdpSenders {
  readonly fds: readonly number[];
}

/** @throws SpangateError SYSTEM_CALL */
export async function udpDelivery(options: UdpDeliveryOptions): Promise<SocketDelivery<UdpSenders>> {
  return await SocketDelivery.open("udp", options, (keep) => ({
    fds: KINDS.map((kind) => {
      if (kind.family === 6 && !kind.checksum) return NONE;
      const socket = openKind(options, kind);
      return socket === undefined ? NONE : keep(socket).fd;
    }),
  }));
}

/** Undefined where the kernel has no IPv6. */
function openKind(
  { link, sources, mtu }: UdpDeliveryOptions,
  kind: (typeof KINDS)[number],
): UdpSendSocket | undefined {
  const source = sources.find(({ family }) => family === kind.family);
  try {
    return UdpSendSocket.open({ ...kind, device: link.name, source, mtu, buffer: BUFFER });
  } catch (error) {
    if (kind.family === 6 && isErrno(error, "EAFNOSUPPORT")) return undefined;
    throw error;
  }
}
