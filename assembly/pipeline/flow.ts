// The flow of a decoded frame as one number, the same for both directions: which sniffer of several gets it, and the source
// port of a tunnel to one. Not seeded: every gateway comes to the same (assembly/README.md, "Flow hash").

import { BARE, END, INNER, INNER_TYPE } from "../memory/layout";
import * as etherTypes from "../wire/ether-type";
import * as ethernet from "../wire/ethernet";
import * as protocols from "../wire/ip-protocol";
import * as ipv4 from "../wire/ipv4";
import * as ipv6 from "../wire/ipv6";
import { innerNetworkHeader } from "./inner";
import { etherType } from "./link";
import { afterExtensions, isFragment, upperProtocol } from "./upper";

const K1: u64 = 0x9e3779b97f4a7c15;
const K2: u64 = 0xbf58476d1ce4e5b9;
const K3: u64 = 0x94d049bb133111eb;

function endpoint(high: u64, low: u64, port: u32): u64 {
  let mixed = (high ^ port) * K1;
  mixed = (mixed ^ (mixed >> 29) ^ low) * K2;
  mixed = (mixed ^ (mixed >> 32)) * K3;
  return mixed ^ (mixed >> 32);
}

function flow(source: u64, destination: u64, protocol: u32): u32 {
  return <u32>(((source + destination + protocol) * K3) >> 32);
}

function mapped(address: usize): u64 {
  return ((<u64>load<u32>(address)) << 32) | 0xffff0000;
}

/** Of the whole decoded frame of `d`, which is dressed. */
export function flowHash(d: usize): u32 {
  const bare = <usize>load<u32>(d, BARE);
  const end = <usize>load<u32>(d, END);
  const ip = innerNetworkHeader(bare, end, load<u16>(d, INNER_TYPE));
  if (ip != 0) {
    if (etherType() == etherTypes.IPV4) {
      if (ipv4.fits(ip, end) && ipv4.version(ip) == 4 && ipv4.headerLength(ip) >= <u32>ipv4.HEADER_LEN)
        return flow4(ip, end);
    } else if (etherType() == etherTypes.IPV6) {
      if (ipv6.fits(ip, end) && ipv6.version(ip) == 6) return flow6(ip, end);
    }
  }
  if (ip == 0) return flow(endpoint(0, 0, 0), endpoint(0, 0, 0), 0);
  return flowOfLink(load<u32>(d, INNER), etherType());
}

function flowOfLink(frame: usize, type: u32): u32 {
  const source = endpoint(0, ethernet.mac(frame + ethernet.SOURCE), 0);
  const destination = endpoint(0, ethernet.mac(frame + ethernet.DESTINATION), 0);
  return flow(source, destination, type);
}

function flow4(ip: usize, end: usize): u32 {
  const protocol = ipv4.protocol(ip);
  // Of the type that is written: beside a literal 0 it would be signed, and so would be the shift.
  const ports: u32 = ipv4.isFragment(ip)
    ? 0
    : portsAt(ip + ipv4.headerLength(ip), ipv4.packetEnd(ip, end), protocol);
  const source = endpoint(0, mapped(ip + ipv4.SOURCE), ports >> 16);
  const destination = endpoint(0, mapped(ip + ipv4.DESTINATION), ports & 0xffff);
  return flow(source, destination, protocol);
}

function flow6(ip: usize, end: usize): u32 {
  const packetEnd = ipv6.packetEnd(ip, end);
  const upper = afterExtensions(ip, packetEnd, true);
  const protocol = upperProtocol();
  const ports: u32 = isFragment() ? 0 : portsAt(upper, packetEnd, protocol);
  const from = ip + ipv6.SOURCE;
  const to = ip + ipv6.DESTINATION;
  const source = endpoint(load<u64>(from), load<u64>(from, 8), ports >> 16);
  const destination = endpoint(load<u64>(to), load<u64>(to, 8), ports & 0xffff);
  return flow(source, destination, protocol);
}

/** Source and destination port, 0 for a protocol without. */
function portsAt(header: usize, end: usize, protocol: u32): u32 {
  return protocols.hasPorts(protocol) && header + 4 <= end ? bswap<u32>(load<u32>(header)) : 0;
}
