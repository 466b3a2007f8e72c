// Which of several workers gets a packet, in classic BPF: the outer addresses decide, and the ports of UDP that is in one piece. So the
// sequence numbers of a mirror session are counted in one place, and fragments meet. The kernel's own hash (PACKET_FANOUT_HASH) looks
// into GRE that carries Ethernet, and spreads one session by what is in it.

import { NETWORK_HEADER, SocketFilter } from "../linux/index.js";
import { IPV4, IPV6, MOST_TAGS, TAGS, UDP } from "./tunnel-protocols.js";

const TAG = 4;
const WITHOUT_OPTIONS = 0x45;
/** 2^32 divided by the golden ratio (Knuth 6.4): the upper half of a product depends on every bit. */
const SPREAD = 0x9e3779b1;

const words = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + 4 * i);

/** Gives a number made of the words at these offsets behind the Ethernet header. */
function give(program: SocketFilter, offsets: readonly number[]): void {
  program.index(0);
  for (const offset of offsets)
    program
      .load("u32", NETWORK_HEADER + offset)
      .xorIndex()
      .toIndex();
  program.alu("mul", SPREAD).alu("shr", 16).give();
}

/** A packet behind so many bytes of tags that the kernel has left, its EtherType in the accumulator. */
function network(program: SocketFilter, at: number): void {
  const names = {
    ipv4: `ipv4 at ${at}`,
    ipv6: `ipv6 at ${at}`,
    plain4: `ipv4 at ${at}, addresses only`,
    plain6: `ipv6 at ${at}, addresses only`,
  };
  const byte = (offset: number) => program.load("u8", NETWORK_HEADER + at + offset);
  program.jumpIf("eq", IPV4, names.ipv4).jumpIf("eq", IPV6, names.ipv6).jump("other");

  const addresses4 = words(at + 12, 2);
  program.label(names.ipv4);
  byte(0).jumpUnless(WITHOUT_OPTIONS, names.plain4);
  byte(9).jumpUnless(UDP, names.plain4);
  // A fragment all the same: behind two tags the kernel has not put it together.
  program.load("u16", NETWORK_HEADER + at + 6).jumpIf("set", 0x3fff, names.plain4);
  give(program, [...addresses4, at + 20]);
  program.label(names.plain4);
  give(program, addresses4);

  const addresses6 = words(at + 8, 8);
  program.label(names.ipv6);
  byte(6).jumpUnless(UDP, names.plain6);
  give(program, [...addresses6, at + 40]);
  program.label(names.plain6);
  give(program, addresses6);
}

/** What it gives is taken modulo the number of workers. */
export function workerProgram(): Uint8Array {
  const program = new SocketFilter().loadType();
  for (let tags = 0; tags <= MOST_TAGS; tags++) {
    for (const type of tags < MOST_TAGS ? TAGS : []) program.jumpIf("eq", type, `tag ${tags}`);
    network(program, tags * TAG);
    if (tags < MOST_TAGS) program.label(`tag ${tags}`).load("u16", NETWORK_HEADER + tags * TAG + 2);
  }
  return program.label("other").index(0).fromIndex().give().bytes();
}
