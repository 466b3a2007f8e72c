// What may come in by the delivery interface: an XDP program gives the kernel what it needs to find neighbours (ARP, ND) and drops
// everything else, so that no sniffer reaches the host's services, the control API or the tunnel.

import {
  attachIngress,
  attachXdp,
  BpfProgram,
  close,
  type Link,
  loadIngressProgram,
  loadProgram,
  R,
  updateLink,
  whileBusy,
  XDP_ACTIONS,
  XDP_CONTEXT,
  XDP_HAS_FRAGS,
} from "../linux/index.js";
import type { AttachedGuard } from "./live.js";

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

/** The program, and from `attach` on on an interface, until it is closed or the process ends. */
export class Guard {
  #attached: number | undefined;
  readonly #program: number;
  readonly #link: Link;

  private constructor(link: Link, program: number) {
    this.#link = link;
    this.#program = program;
  }

  /** @throws SpangateError NOT_PERMITTED, SYSTEM_CALL */
  static load(link: Link): Guard {
    return new Guard(link, loadProgram(deliveryProgram(), "spangate_guard", XDP_HAS_FRAGS));
  }

  /**
   * In the driver where that is possible, whatever `tunnel.xdp` says: that is of another interface.
   *
   * @param patience how long it waits for another program to go, in milliseconds
   * @throws SpangateError NOT_PERMITTED, SYSTEM_CALL (EBUSY: another program is there)
   */
  async attach(patience = 0): Promise<void> {
    if (this.#attached !== undefined) return;
    const { fd } = await whileBusy(() => attachXdp(this.#program, this.#link, "auto"), patience);
    this.#attached = fd;
  }

  get attached(): AttachedGuard | undefined {
    return this.#attached === undefined ? undefined : { link: this.#attached, index: this.#link.index };
  }

  /** Puts its program in the place of another gateway's. */
  adopt({ link, index }: AttachedGuard): boolean {
    if (index !== this.#link.index) return false;
    updateLink(link, this.#program);
    this.#attached = link;
    return true;
  }

  close(): void {
    if (this.#attached !== undefined) close(this.#attached);
    close(this.#program);
  }
}

/** What is to be known of an interface by which the tunnel comes in, too. */
export function unguarded({ name }: Link): string {
  return reachable(`${name} is the tunnel's, too`);
}

export function reachable(why: string): string {
  return `what arrives at the delivery interface reaches the host: ${why}`;
}

/** include/uapi/linux/pkt_cls.h */
const TC_ACT_SHOT = 2;

/**
 * On a TAP interface: what arrives there is for those who listen (AF_PACKET comes first) and never for the host, whose services a tenant
 * could otherwise reach with frames of its own making.
 */
export class TapGuard {
  readonly #descriptors: readonly number[];

  private constructor(descriptors: readonly number[]) {
    this.#descriptors = descriptors;
  }

  /** @throws SpangateError NOT_PERMITTED, SYSTEM_CALL (Linux before 6.6) */
  static attach(tap: { readonly index: number; readonly name: string }): TapGuard {
    const drop = new BpfProgram().alu("mov", R.r0, { value: TC_ACT_SHOT }).exit().bytes();
    const program = loadIngressProgram(drop, "spangate_tap");
    try {
      return new TapGuard([attachIngress(program, tap), program]);
    } catch (error) {
      close(program);
      throw error;
    }
  }

  close(): void {
    for (const fd of this.#descriptors) close(fd);
  }
}
