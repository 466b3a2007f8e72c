// Which frames an XDP program gives to the gateway: tunnel packets to the gateway's own addresses. Everything else (ARP, ping, other
// hosts) stays the kernel's. Of tunnel packets none goes to the kernel, which would answer that it knows no such protocol.
//
//   Ethernet ─▶ up to two tags ─▶ IPv4 to us ─┬▶ a later fragment ───────────────────▶ ours
//                              └▶ IPv6 to us ─┤  (of what, its first fragment tells)
//                     extension headers ◀─────┴▶ GRE, or UDP to a tunnel port ───────▶ ours

import type { Address } from "../config/addresses.js";
import { BPF_REDIRECT_MAP, BpfProgram, R, type Register, XDP_ACTIONS, XDP_CONTEXT } from "../linux/index.js";
import {
  EXTENSIONS,
  FRAGMENT,
  GRE,
  IPV4,
  IPV6,
  MOST_EXTENSIONS,
  MOST_TAGS,
  TAGS,
  UDP,
} from "./tunnel-protocols.js";

/** Words of an IPv4 header at the least. */
const LEAST_WORDS = 5;
const LONGEST_EXTENSION = 2048; // 8 · (255 + 1)

/** What a field of the network's byte order looks like to a load of the machine's. */
const swap16 = (value: number) => ((value & 0xff) << 8) | (value >>> 8);

const [context, packet, end, type, protocol, scratch, other] = [
  R.r6,
  R.r2,
  R.r3,
  R.r4,
  R.r5,
  R.r7,
  R.r8,
] as const;

/** Jumps to `pass` unless there are `length` bytes more. */
function need(program: BpfProgram, length: number): void {
  program
    .alu("mov", scratch, packet)
    .alu("add", scratch, { value: length })
    .jumpIf("gt", scratch, end, "pass");
}

/** Jumps when `register` is any of `values`. */
function jumpIfAny(program: BpfProgram, register: Register, values: readonly number[], label: string): void {
  for (const value of values) program.jumpIf("eq", register, { value }, label);
}

/** Ethernet and tags: `packet` at the network header, `type` its EtherType as loaded. */
function link(program: BpfProgram): void {
  program
    .alu("mov", context, R.r1)
    .load("u32", packet, context, XDP_CONTEXT.data)
    .load("u32", end, context, XDP_CONTEXT.dataEnd);
  need(program, 14);
  program.load("u16", type, packet, 12).alu("add", packet, { value: 14 });
  for (let tag = 0; tag < MOST_TAGS; tag++) {
    jumpIfAny(program, type, TAGS.map(swap16), `tag ${tag}`);
    program.jump("network").label(`tag ${tag}`);
    need(program, 4);
    program.load("u16", type, packet, 2).alu("add", packet, { value: 4 });
  }
  program.label("network");
}

/** Jumps to `ours` when the address of `length` bytes at `offset` is one of `addresses`; else to `pass`. */
function compareAddress(
  program: BpfProgram,
  offset: number,
  addresses: readonly Address[],
  ours: string,
): void {
  for (const [i, { bytes }] of addresses.entries()) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const next = `${ours}, not ${i}`;
    for (let at = 0; at < bytes.length; at += 4) {
      program
        .load("u32", scratch, packet, offset + at)
        .jumpIf("ne", scratch, { value: view.getInt32(at, true) }, next);
    }
    program.jump(ours).label(next);
  }
  program.jump("pass");
}

function ipv4(program: BpfProgram, addresses: readonly Address[]): void {
  program.label("ipv4");
  if (addresses.length === 0) {
    program.jump("pass");
    return;
  }
  need(program, 20);
  compareAddress(program, 16, addresses, "ipv4 to us");
  program
    .label("ipv4 to us")
    .load("u16", scratch, packet, 6)
    .jumpIf("set", scratch, { value: swap16(0x1fff) }, "ours")
    .load("u8", protocol, packet, 9)
    .jumpIf("eq", protocol, { value: GRE }, "ours")
    .jumpIf("ne", protocol, { value: UDP }, "pass")
    .load("u8", scratch, packet, 0)
    .alu("and", scratch, { value: 15 })
    .jumpIf("lt", scratch, { value: LEAST_WORDS }, "pass")
    .alu("shl", scratch, { value: 2 })
    .alu("add", packet, scratch)
    .jump("udp");
}

function ipv6(program: BpfProgram, addresses: readonly Address[]): void {
  program.label("ipv6");
  if (addresses.length === 0) {
    program.jump("pass");
    return;
  }
  need(program, 40);
  compareAddress(program, 24, addresses, "ipv6 to us");
  program.label("ipv6 to us").load("u8", protocol, packet, 6).alu("add", packet, { value: 40 });
  for (let i = 0; i < MOST_EXTENSIONS; i++) {
    jumpIfAny(program, protocol, EXTENSIONS, `extension ${i}`);
    program.jumpIf("eq", protocol, { value: FRAGMENT }, `fragment ${i}`).jump("ipv6 payload");
    program.label(`fragment ${i}`);
    need(program, 8);
    program
      .load("u16", scratch, packet, 2)
      .jumpIf("set", scratch, { value: swap16(0xfff8) }, "ours")
      .load("u8", protocol, packet, 0)
      .alu("add", packet, { value: 8 })
      .jump(`after ${i}`);
    program.label(`extension ${i}`);
    need(program, 8);
    program
      .load("u8", protocol, packet, 0)
      .load("u8", other, packet, 1)
      .alu("add", other, { value: 1 })
      .alu("shl", other, { value: 3 })
      .alu("and", other, { value: 2 * LONGEST_EXTENSION - 1 })
      .alu("add", packet, other)
      .label(`after ${i}`);
  }
  program
    .label("ipv6 payload")
    .jumpIf("eq", protocol, { value: GRE }, "ours")
    .jumpIf("ne", protocol, { value: UDP }, "pass")
    .jump("udp");
}

/**
 * The program of the tunnel interface.
 *
 * @param addresses the gateway's own tunnel addresses
 * @param ports UDP ports on which tunnels arrive
 * @param sockets descriptor of the map (XSKMAP) of AF_XDP sockets by receive queue. What would be ours and comes in by a queue without
 *   a socket is dropped, and counted nowhere. While packets are taken in there is no such queue, as far as the driver says how many it has
 *   (XdpTunnelPort)
 * @param fallback what becomes of that; `pass` for a gateway that has no sockets yet, and takes it from AF_PACKET meanwhile
 */
export function tunnelProgram(
  addresses: readonly Address[],
  ports: readonly number[],
  sockets: number,
  fallback: "drop" | "pass" = "drop",
): Uint8Array {
  const program = new BpfProgram();
  // The verifier takes no program with instructions that nothing leads to.
  if (addresses.length === 0) return program.alu("mov", R.r0, { value: XDP_ACTIONS.pass }).exit().bytes();
  const of = (family: 4 | 6) => addresses.filter((address) => address.family === family);
  link(program);
  program
    .jumpIf("eq", type, { value: swap16(IPV4) }, "ipv4")
    .jumpIf("eq", type, { value: swap16(IPV6) }, "ipv6")
    .jump("pass");
  ipv4(program, of(4));
  ipv6(program, of(6));
  program.label("udp");
  need(program, 8);
  program.load("u16", scratch, packet, 2);
  jumpIfAny(program, scratch, ports.map(swap16), "ours");
  program.label("pass").alu("mov", R.r0, { value: XDP_ACTIONS.pass }).exit();
  program
    .label("ours")
    .loadMap(R.r1, sockets)
    .load("u32", R.r2, context, XDP_CONTEXT.queue)
    .alu("mov", R.r3, { value: XDP_ACTIONS[fallback] })
    .call(BPF_REDIRECT_MAP)
    .exit();
  return program.bytes();
}
