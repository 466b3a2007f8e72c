// Sockets that take packets for the gateway's addresses and keep none. The kernel answers packets that nobody takes with ICMP, and
// mirrored traffic has nobody where it is received beside the kernel's stack (AF_PACKET): the mirror source would get an error for
// every packet. As long as such a socket is open it gets none.
//
// Not silenced: a first fragment without the others, which draws time exceeded after 30 s (RFC 792, RFC 4443 3.3); and GRE where
// the kernel has a GRE handler (ip_gre), which answers for itself when no tunnel fits.

import { close } from "./descriptor.js";
import { type Address, addressFamily, addressText, socketAddress } from "./ip.js";
import { check, libc } from "./libc.js";
import { u32 } from "./netlink-message.js";
import { openSocket, SOCK_DGRAM, SOCK_RAW, SOL_SOCKET } from "./socket.js";
import { dropEverything } from "./socket-filter.js";

const SO_REUSEADDR = 2;
const SOL_IP = 0;
const SOL_IPV6 = 41;
const IP_FREEBIND = 15;
const IPV6_FREEBIND = 78;

interface Kind {
  readonly type: number;
  readonly protocol: number;
  /** 0 for a protocol without ports. */
  readonly port: number;
  readonly isShared: boolean;
}

export class SilentSocket {
  private constructor(readonly fd: number) {}

  /**
   * Takes every packet of an IP protocol to this address; others that receive the same packets still get them.
   *
   * @throws SpangateError NOT_PERMITTED without CAP_NET_RAW, SYSTEM_CALL
   */
  static forProtocol(address: Address, protocol: number): SilentSocket {
    const about = `take IP protocol ${protocol} to ${addressText(address)}`;
    return SilentSocket.#open(address, { type: SOCK_RAW, protocol, port: 0, isShared: false }, about);
  }

  /**
   * Takes every datagram to this address and port.
   *
   * @param isShared as if it had been told `share` already
   * @throws SpangateError SYSTEM_CALL (EADDRINUSE: another program takes them, and its answers are its own)
   */
  static forUdpPort(address: Address, port: number, isShared = false): SilentSocket {
    const about = `take UDP to port ${port} of ${addressText(address)}`;
    return SilentSocket.#open(address, { type: SOCK_DGRAM, protocol: 0, port, isShared }, about);
  }

  static #open(address: Address, { type, protocol, port, isShared }: Kind, about: string): SilentSocket {
    const fd = openSocket(addressFamily(address), type, protocol, about);
    const [level, option] = address.family === 4 ? [SOL_IP, IP_FREEBIND] : [SOL_IPV6, IPV6_FREEBIND];
    const bound = socketAddress(address, port);
    try {
      dropEverything(fd);
      if (isShared) setShared(fd, true);
      // The address may come later, or go and come back: a link that flaps, an IPv6 address that is still tentative.
      check(libc.setsockopt(fd, level, option, u32(1), 4), "setsockopt", about);
      check(libc.bind(fd, bound, bound.length), "bind", about);
    } catch (error) {
      close(fd);
      throw error;
    }
    return new SilentSocket(fd);
  }

  /** Whether another socket that is shared, too, may take the same: that of a gateway which takes over from this one. */
  share(isShared: boolean): void {
    setShared(this.fd, isShared);
  }

  close(): void {
    close(this.fd);
  }
}

/** The kernel looks at it in both sockets when the second is bound (udp_lib_lport_inuse in net/ipv4/udp.c). */
function setShared(fd: number, isShared: boolean): void {
  const about = "share what a socket takes";
  check(libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, u32(isShared ? 1 : 0), 4), "setsockopt", about);
}
