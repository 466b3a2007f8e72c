// UDP sockets for tunnels (udp(7), ip(7), ipv6(7), socket(7), include/uapi/linux/udp.h): one that datagrams to an address and a port come
// in by, and one that datagrams go out by. An ordinary user may have both, for ports from 1024 on.

import { SpangateError } from "../errors.js";
import { SO_TIMESTAMPNS } from "./datagrams.js";
import { close } from "./descriptor.js";
import { type Address, addressFamily, addressText, socketAddress } from "./ip.js";
import { check, isErrno, libc } from "./libc.js";
import { u32 } from "./netlink-message.js";
import { openSocket, SOCK_DGRAM, SOL_SOCKET } from "./socket.js";
import { dropEverything } from "./socket-filter.js";

const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_NO_CHECK = 11;
const SO_REUSEPORT = 15;
const SO_BINDTODEVICE = 25;
const SO_DETACH_FILTER = 27;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_MEMINFO = 55;
const MEMINFO_DROPS = 8;
const MEMINFO_SIZE = 9 * 4;
const SOL_IP = 0;
const IP_MTU_DISCOVER = 10;
const IP_FREEBIND = 15;
const SOL_UDP = 17;
const UDP_NO_CHECK6_RX = 102;
const SOL_IPV6 = 41;
const IPV6_MTU_DISCOVER = 23;
const IPV6_MTU = 24;
const IPV6_V6ONLY = 26;
const IPV6_FREEBIND = 78;
/** RFC 8200 5. */
const IPV6_LEAST_MTU = 1280;
const PMTUDISC_DONT = 0;
const PMTUDISC_PROBE = 3;

export interface UdpReceiveOptions {
  readonly address: Address;
  readonly port: number;
  /** Name of the interface that datagrams have to come in by. */
  readonly device: string;
  /** Bytes of the kernel's memory for datagrams that wait, as far as it gives them. */
  readonly buffer: number;
  /** Others of this process have the same address and port, and the kernel shares out who sends. */
  readonly shared: boolean;
}

export class UdpReceiveSocket {
  readonly fd: number;
  readonly address: Address;
  readonly port: number;
  readonly #about: string;
  /** As the kernel has it, which counts modulo 2^32, from the beginning. */
  #dropped = 0;
  #lost = 0;
  #refuses = true;

  private constructor(fd: number, { address, port }: UdpReceiveOptions, about: string) {
    this.fd = fd;
    this.address = address;
    this.port = port;
    this.#about = about;
  }

  /**
   * That nobody has the address and port, not to share them either, who would get some of the datagrams. Before the first of those
   * that share them.
   *
   * @throws SpangateError NOT_PERMITTED for a port below 1024, SYSTEM_CALL (EADDRINUSE: another program has the port)
   */
  static expectFree(place: Pick<UdpReceiveOptions, "address" | "port">): void {
    close(bound({ ...place, shared: false }, aboutReceiving(place)));
  }

  /**
   * Receives nothing before `accept`.
   *
   * @throws SpangateError NOT_PERMITTED for a port below 1024, SYSTEM_CALL (EADDRINUSE: another program has the port)
   */
  static open(options: UdpReceiveOptions): UdpReceiveSocket {
    const { address, buffer } = options;
    const about = aboutReceiving(options);
    const fd = bound(options, about);
    try {
      enlarge(fd, SO_RCVBUFFORCE, SO_RCVBUF, buffer, about);
      set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1, about);
      // VXLAN, GENEVE and GRE come over IPv6 with checksum 0, too (RFC 6935): the kernel drops those otherwise.
      if (address.family === 6) set(fd, SOL_UDP, UDP_NO_CHECK6_RX, 1, about);
    } catch (error) {
      close(fd);
      throw error;
    }
    return new UdpReceiveSocket(fd, options, about);
  }

  /** From now on it receives. */
  accept(): void {
    set(this.fd, SOL_SOCKET, SO_DETACH_FILTER, 0, this.#about);
    this.#dropped = this.#drops();
    this.#refuses = false;
  }

  /** And from now on nothing more, and nobody is told so. What has come can still be taken. */
  refuse(): void {
    if (this.#refuses) return;
    this.lost();
    this.#refuses = true;
    dropEverything(this.fd);
  }

  /** Datagrams that the kernel has dropped since `accept`: of a buffer that was full, and of a wrong UDP checksum. */
  lost(): number {
    if (this.#refuses) return this.#lost;
    const dropped = this.#drops();
    this.#lost += (dropped - this.#dropped) >>> 0;
    this.#dropped = dropped;
    return this.#lost;
  }

  #drops(): number {
    const bytes = new Uint8Array(MEMINFO_SIZE);
    const result = libc.getsockopt(this.fd, SOL_SOCKET, SO_MEMINFO, bytes, u32(MEMINFO_SIZE));
    check(result, "getsockopt", `read what was lost to ${this.#about}`);
    return new DataView(bytes.buffer).getUint32(4 * MEMINFO_DROPS, true);
  }

  /** Bytes that it was given for datagrams that wait. The kernel counts what it keeps beside them, and so doubles what was asked for. */
  get buffer(): number {
    return Math.floor(numberOf(this.fd, SO_RCVBUF, this.#about) / 2);
  }

  close(): void {
    close(this.fd);
  }
}

function aboutReceiving({ address, port }: Pick<UdpReceiveOptions, "address" | "port">): string {
  return `receive UDP at port ${port} of ${addressText(address)}`;
}

type Place = Pick<UdpReceiveOptions, "address" | "port" | "shared"> & Partial<UdpReceiveOptions>;

/** A socket at the address that drops what comes. */
function bound({ address, port, shared, device }: Place, about: string): number {
  const fd = openSocket(addressFamily(address), SOCK_DGRAM, 0, about);
  try {
    dropEverything(fd);
    if (shared) set(fd, SOL_SOCKET, SO_REUSEPORT, 1, about);
    if (address.family === 6) set(fd, SOL_IPV6, IPV6_V6ONLY, 1, about);
    // The address may come later, or go and come back: a link that flaps, an IPv6 address that is still tentative.
    if (address.family === 4) set(fd, SOL_IP, IP_FREEBIND, 1, about);
    else set(fd, SOL_IPV6, IPV6_FREEBIND, 1, about);
    // Before the address: only sockets of the same device share a port.
    if (device !== undefined) setText(fd, SO_BINDTODEVICE, device, `${about} from ${device}`);
    const name = socketAddress(address, port);
    check(libc.bind(fd, name, name.length), "bind", about);
    return fd;
  } catch (error) {
    close(fd);
    if (!isErrno(error, "EACCES")) throw error;
    const message =
      `Cannot ${about}: ports below 1024 take CAP_NET_BIND_SERVICE, or a kernel that gives them to everybody: ` +
      `sysctl -w net.ipv4.ip_unprivileged_port_start=${port}.`;
    throw new SpangateError("NOT_PERMITTED", message, { cause: error, details: { port } });
  }
}

export interface UdpSendOptions {
  readonly family: 4 | 6;
  /** Name of the interface that datagrams leave by. */
  readonly device: string;
  /** Where they come from; the kernel chooses when absent. */
  readonly source: Address | undefined;
  /** IPv4: whether they have a checksum. Over IPv6 they have. */
  readonly checksum: boolean;
  /** One that is too long for its way is cut into fragments; else it is refused (EMSGSIZE), and marked so that no router cuts it. */
  readonly fragment: boolean;
  /** Of fragments over IPv6, which no router cuts, in bytes. */
  readonly mtu: number;
  /** Bytes of the kernel's memory for datagrams that wait for the interface, as far as it gives them. */
  readonly buffer: number;
}

export class UdpSendSocket {
  private constructor(readonly fd: number) {}

  /** @throws SpangateError SYSTEM_CALL (EADDRNOTAVAIL: this machine does not have the source address) */
  static open(options: UdpSendOptions): UdpSendSocket {
    const { family, device, source, checksum, fragment, mtu, buffer } = options;
    const about = `send UDP over IPv${family}${source === undefined ? "" : ` from ${addressText(source)}`}`;
    const unspecified: Address = { family, bytes: new Uint8Array(family === 4 ? 4 : 16) };
    const fd = openSocket(addressFamily(unspecified), SOCK_DGRAM, 0, about);
    try {
      // Nobody reads what is sent to it.
      dropEverything(fd);
      setText(fd, SO_BINDTODEVICE, device, `${about} by ${device}`);
      enlarge(fd, SO_SNDBUFFORCE, SO_SNDBUF, buffer, about);
      // PROBE and not DO: ICMP that tells of a shorter way can be forged, and would end a sniffer's packets.
      const discovery = fragment ? PMTUDISC_DONT : PMTUDISC_PROBE;
      if (family === 4) {
        set(fd, SOL_IP, IP_MTU_DISCOVER, discovery, about);
        set(fd, SOL_SOCKET, SO_NO_CHECK, checksum ? 0 : 1, about);
      } else {
        set(fd, SOL_IPV6, IPV6_V6ONLY, 1, about);
        set(fd, SOL_IPV6, IPV6_MTU_DISCOVER, discovery, about);
        if (fragment) set(fd, SOL_IPV6, IPV6_MTU, Math.max(mtu, IPV6_LEAST_MTU), about);
      }
      const name = socketAddress(source ?? unspecified, 0);
      check(libc.bind(fd, name, name.length), "bind", about);
    } catch (error) {
      close(fd);
      throw error;
    }
    return new UdpSendSocket(fd);
  }

  close(): void {
    close(this.fd);
  }
}

/** Beyond net.core.rmem_max and wmem_max it takes CAP_NET_ADMIN; without that the kernel gives as much as everybody may have. */
function enlarge(fd: number, force: number, option: number, bytes: number, about: string): void {
  if (libc.setsockopt(fd, SOL_SOCKET, force, u32(bytes), 4) >= 0) return;
  set(fd, SOL_SOCKET, option, bytes, about);
}

function set(fd: number, level: number, option: number, value: number, about: string): void {
  check(libc.setsockopt(fd, level, option, u32(value), 4), "setsockopt", about);
}

function setText(fd: number, option: number, text: string, about: string): void {
  const bytes = new TextEncoder().encode(`${text}\0`);
  check(libc.setsockopt(fd, SOL_SOCKET, option, bytes, bytes.length), "setsockopt", about);
}

function numberOf(fd: number, option: number, about: string): number {
  const bytes = new Uint8Array(4);
  check(libc.getsockopt(fd, SOL_SOCKET, option, bytes, u32(4)), "getsockopt", about);
  return new DataView(bytes.buffer).getUint32(0, true);
}
