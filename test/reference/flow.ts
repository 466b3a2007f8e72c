// The flow hash: symmetric, unseeded, 32 bits. assembly/README.md "Flow hash", in its letters.

import { innerType, readInnerIp } from "./inner-ip.js";
import { join } from "./octets.js";
import { fits, u16 } from "./region.js";

export const K1 = 0x9e3779b97f4a7c15n;
const K2 = 0xbf58476d1ce4e5b9n;
export const K3 = 0x94d049bb133111ebn;

/** One end of a flow: 16 address bytes and a port. */
interface End {
  address: Uint8Array;
  port: number;
}

interface Flow {
  source: End;
  destination: End;
  protocol: number;
}

const WITH_PORTS = [6, 17, 33, 132, 136]; // TCP, UDP, DCCP, SCTP, UDP-Lite

/** Of the whole captured frame. */
export function flowHash(frame: Uint8Array): number {
  const { source, destination, protocol } = flowOf(frame);
  return Number(u64((mix(source) + mix(destination) + BigInt(protocol)) * K3) >> 32n);
}

function mix({ address, port }: End): bigint {
  let e = u64((littleEndian(address.subarray(0, 8)) ^ BigInt(port)) * K1);
  e = u64((e ^ (e >> 29n) ^ littleEndian(address.subarray(8, 16))) * K2);
  e = u64((e ^ (e >> 32n)) * K3);
  return e ^ (e >> 32n);
}

export function u64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function flowOf(frame: Uint8Array): Flow {
  // All fragments of a datagram must hash alike, so nothing behind a fragment header counts.
  const ip = readInnerIp(frame, "stop-at-fragment");
  if (ip === undefined) return flowOfMacs(frame);
  const { payload, protocol } = ip;
  const ported = WITH_PORTS.includes(protocol) && ip.fragment === "none" && fits(payload, 4);
  const port = (offset: number) => (ported ? u16(payload.bytes, payload.at + offset) : 0);
  return {
    source: { address: sixteen(ip.source), port: port(0) },
    destination: { address: sixteen(ip.destination), port: port(2) },
    protocol,
  };
}

/** An IPv6 address as it is, an IPv4 address as ::ffff:a.b.c.d. */
function sixteen(address: Uint8Array): Uint8Array {
  return address.length === 16 ? address : join(new Uint8Array(10), [0xff, 0xff], address);
}

function flowOfMacs(frame: Uint8Array): Flow {
  const type = innerType(frame);
  const end = (mac: Uint8Array): End => ({ address: join(new Uint8Array(8), mac, [0, 0]), port: 0 });
  if (type === undefined) {
    const nobody = end(new Uint8Array(6));
    return { source: nobody, destination: nobody, protocol: 0 };
  }
  return {
    source: end(frame.subarray(6, 12)),
    destination: end(frame.subarray(0, 6)),
    protocol: type.etherType,
  };
}
