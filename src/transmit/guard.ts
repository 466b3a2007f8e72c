// What may come in by the delivery interface: an XDP program gives the kernel what it needs to find neighbours (ARP, ND) and drops
// everything else, so that no sniffer reaches the host's services, the control API or the tunnel.

import {
  attachXdp,
  BpfProgram,
  close,
  type Link,
  loadProgram,
  R,
  XDP_ACTIONS,
  XDP_CONTEXT,
  XDP_HAS_FRAGS,
} from "../linux/index.js";

const ARP = 0x0608; // 08 06, as a load of the machine's byte order sees it
const IPV6 = 0xdd86; // 86 dd
const ICMPV6 = 58;
// RFC 4861 4.3, 4.4: neighbour solicitation and advertisement. Routers' advertisements and redirects could make a sniffer the host's router.
const FIRST_ND = 135;
const LAST_ND = 136;
const NETWORK = 14;
const NEXT_HEADER = NETWORK + 6;
const ICMP_TYPE = NETWORK + 40;

/** The program, in instructions. A tag is part of what the kernel has no use for. */
export function deliveryProgram(): Uint8Array {
  const [packet, end, field] = [R.r2, R.r3, R.r4];
  return new BpfProgram()
    .load("u32", packet, R.r1, XDP_CONTEXT.data)
    .load("u32", end, R.r1, XDP_CONTEXT.dataEnd)
    .alu("mov", field, packet)
    .alu("add", field, { value: NETWORK })
    .jumpIf("gt", field, end, "drop")
    .load("u16", field, packet, NETWORK - 2)
    .jumpIf("eq", field, { value: ARP }, "pass")
    .jumpIf("ne", field, { value: IPV6 }, "drop")
    .alu("mov", field, packet)
    .alu("add", field, { value: ICMP_TYPE + 1 })
    .jumpIf("gt", field, end, "drop")
    .load("u8", field, packet, NEXT_HEADER)
    .jumpIf("ne", field, { value: ICMPV6 }, "drop")
    .load("u8", field, packet, ICMP_TYPE)
    .jumpIf("lt", field, { value: FIRST_ND }, "drop")
    .jumpIf("gt", field, { value: LAST_ND }, "drop")
    .label("pass")
    .alu("mov", R.r0, { value: XDP_ACTIONS.pass })
    .exit()
    .label("drop")
    .alu("mov", R.r0, { value: XDP_ACTIONS.drop })
    .exit()
    .bytes();
}

/** The program on an interface, until it is closed or the process ends. */
export class Guard {
  readonly #descriptors: readonly number[];

  private constructor(descriptors: readonly number[]) {
    this.#descriptors = descriptors;
  }

  /**
   * In the driver where that is possible, whatever `tunnel.xdp` says: that is of another interface.
   *
   * @throws SpangateError NOT_PERMITTED, SYSTEM_CALL (EBUSY: another program is there)
   */
  static attach(link: Link): Guard {
    const program = loadProgram(deliveryProgram(), "spangate_guard", XDP_HAS_FRAGS);
    try {
      return new Guard([attachXdp(program, link, "auto").fd, program]);
    } catch (error) {
      close(program);
      throw error;
    }
  }

  close(): void {
    for (const fd of this.#descriptors) close(fd);
  }
}

/** What is to be known of an interface by which the tunnel comes in, too. */
export function unguarded({ name }: Link): string {
  return reachable(`${name} is the tunnel's, too`);
}

export function reachable(why: string): string {
  return `what arrives at the delivery interface reaches the host: ${why}`;
}
