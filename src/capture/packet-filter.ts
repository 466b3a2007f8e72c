// Which packets an AF_PACKET socket takes: those that the XDP program takes (steering.ts, where the picture is), in classic BPF. The
// kernel has taken the outermost tag off before, and of several sockets that share an interface each sees IPv4 datagrams whole.

import type { Address } from "../config/addresses.js";
import { SocketFilter } from "../linux/index.js";
import { EXTENSIONS, FRAGMENT, GRE, IPV4, IPV6, MOST_EXTENSIONS, TAGS, UDP } from "./tunnel-protocols.js";

/** Offset of the EtherType, and of what follows it, in a frame without tags; the index counts the bytes of tags and headers. */
const TYPE = 12;
const NETWORK = 14;

/** Moves the index on by what the accumulator is. */
function advance(filter: SocketFilter): void {
  filter.addIndex().toIndex();
}

function jumpIfAny(filter: SocketFilter, values: readonly number[], label: string): void {
  for (const value of values) filter.jumpIf("eq", value, label);
}

/** Tags that the kernel has left: two, or one behind the one that it took. Ends with the EtherType in the accumulator. */
function link(filter: SocketFilter): void {
  filter.index(0).loadAtIndex("u16", TYPE);
  jumpIfAny(filter, TAGS, "first tag");
  filter.jump("network").label("first tag").index(4).loadAtIndex("u16", TYPE);
  jumpIfAny(filter, TAGS, "second tag");
  filter
    .jump("network")
    .label("second tag")
    .loadHasTag()
    .jumpIf("eq", 1, "other")
    .index(8)
    .loadAtIndex("u16", TYPE)
    .label("network");
}

/** Jumps to `ours` when the address at `offset` is one of `addresses`, else to `other`. */
function compareAddress(
  filter: SocketFilter,
  offset: number,
  addresses: readonly Address[],
  ours: string,
): void {
  for (const [i, { bytes }] of addresses.entries()) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const next = `${ours}, not ${i}`;
    for (let at = 0; at < bytes.length; at += 4)
      filter.loadAtIndex("u32", NETWORK + offset + at).jumpUnless(view.getUint32(at), next);
    filter.jump(ours).label(next);
  }
  filter.jump("other");
}

function ipv4(filter: SocketFilter, addresses: readonly Address[]): void {
  filter.label("ipv4");
  compareAddress(filter, 16, addresses, "ipv4 to us");
  filter
    .label("ipv4 to us")
    .loadAtIndex("u16", NETWORK + 6)
    .jumpIf("set", 0x1fff, "ours")
    .loadAtIndex("u8", NETWORK + 9)
    .jumpIf("eq", GRE, "ours")
    .jumpUnless(UDP, "other")
    .loadAtIndex("u8", NETWORK)
    .alu("and", 15)
    .jumpIf("ge", 5, "udp behind ipv4")
    .jump("other")
    .label("udp behind ipv4")
    .alu("shl", 2);
  advance(filter);
  filter.jump("udp");
}

function ipv6(filter: SocketFilter, addresses: readonly Address[]): void {
  filter.label("ipv6");
  compareAddress(filter, 24, addresses, "ipv6 to us");
  filter.label("ipv6 to us").loadAtIndex("u8", NETWORK + 6);
  skip(filter, 40);
  for (let i = 0; i < MOST_EXTENSIONS; i++) {
    jumpIfAny(filter, EXTENSIONS, `extension ${i}`);
    filter.jumpUnless(FRAGMENT, "ipv6 payload");
    whole(filter, 8);
    filter
      .loadAtIndex("u16", NETWORK + 2)
      .jumpIf("set", 0xfff8, "ours")
      .loadAtIndex("u8", NETWORK);
    skip(filter, 8);
    filter.jump(`after ${i}`).label(`extension ${i}`);
    whole(filter, 8);
    filter.loadAtIndex("u8", NETWORK).keep();
    filter
      .loadAtIndex("u8", NETWORK + 1)
      .alu("add", 1)
      .alu("shl", 3);
    advance(filter);
    filter.restore().label(`after ${i}`);
  }
  filter.label("ipv6 payload").jumpIf("eq", GRE, "ours").jumpUnless(UDP, "other").jump("udp");
}

/** Moves the index on; the accumulator stays. */
function skip(filter: SocketFilter, length: number): void {
  filter.keep().fromIndex().alu("add", length).toIndex().restore();
}

/** Refuses a packet that has not so many bytes more. */
function whole(filter: SocketFilter, length: number): void {
  filter.loadAtIndex("u8", NETWORK + length - 1);
}

/**
 * The filter of the tunnel interface.
 *
 * @param addresses the gateway's own tunnel addresses
 * @param ports UDP ports on which tunnels arrive
 * @param index of the interface, for a socket that sees every one's packets
 */
export function tunnelFilter(
  addresses: readonly Address[],
  ports: readonly number[],
  index?: number,
): Uint8Array {
  const filter = new SocketFilter();
  if (index !== undefined) filter.loadInterface().jumpUnless(index, "other");
  const of = (family: 4 | 6) => addresses.filter((address) => address.family === family);
  link(filter);
  filter.jumpIf("eq", IPV4, "ipv4").jumpIf("eq", IPV6, "ipv6").jump("other");
  ipv4(filter, of(4));
  ipv6(filter, of(6));
  filter.label("udp");
  whole(filter, 8);
  filter.loadAtIndex("u16", NETWORK + 2);
  jumpIfAny(filter, ports, "ours");
  return filter.label("other").refuse().label("ours").accept().bytes();
}
