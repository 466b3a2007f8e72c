// An entry of the neighbour table, ARP's or ND's, as rtnetlink describes it (rtnetlink(7), include/uapi/linux/neighbour.h):
//
//     ndmsg   0 family:8 | 4 index:32 | 8 state:16 | 10 flags:8 | 11 type:8 | 12 attributes

import { type Address, AF_INET, AF_INET6, addressFamily, addressOfBytes } from "../ip.js";
import { attribute, attributesAt, u32, viewOf } from "../netlink-message.js";

export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;
export const RTMGRP_NEIGH = 0x4;

const HEADER = 12;
const NDA_DST = 1;
const NDA_LLADDR = 2;
const NDA_IFINDEX = 8;
const NTF_USE = 0x01;
const STATES: Readonly<Record<number, NeighbourState>> = {
  1: "incomplete",
  2: "reachable",
  4: "stale",
  8: "delay",
  16: "probe",
  32: "failed",
  64: "noarp",
  128: "permanent",
};

/** RFC 4861 7.3.2, and Linux's: `noarp` needs no answer, `permanent` was entered by the administrator. */
export type NeighbourState =
  | "none"
  | "incomplete"
  | "reachable"
  | "stale"
  | "delay"
  | "probe"
  | "failed"
  | "noarp"
  | "permanent";

export interface Neighbour {
  /** Of the interface. */
  readonly index: number;
  readonly address: Address;
  /** As long as the kernel would send to it: not while `none`, `incomplete` or `failed`. */
  readonly mac: Uint8Array | undefined;
  readonly state: NeighbourState;
}

/** For a dump of the neighbours on one interface. The header's index must be 0 there (neigh_valid_dump_req). */
export function neighboursQuestion(index: number): Uint8Array {
  return Buffer.concat([new Uint8Array(HEADER), attribute(NDA_IFINDEX, u32(index))]);
}

/** For one neighbour. */
export function neighbourQuestion(index: number, address: Address): Uint8Array {
  return ofNeighbour(index, address, 0);
}

/** The order to use the entry as a packet to that address would (neigh_event_send): to ask for its MAC, or whether it holds. */
export function useOrder(index: number, address: Address): Uint8Array {
  return ofNeighbour(index, address, NTF_USE);
}

function ofNeighbour(index: number, address: Address, flags: number): Uint8Array {
  const header = new Uint8Array(HEADER);
  const view = viewOf(header);
  view.setUint8(0, addressFamily(address));
  view.setInt32(4, index, true);
  view.setUint8(10, flags);
  return Buffer.concat([header, attribute(NDA_DST, address.bytes)]);
}

/** Undefined for what a bridge says of MAC addresses behind its ports. */
export function readNeighbour(body: Uint8Array): Neighbour | undefined {
  const view = viewOf(body);
  const family = view.getUint8(0);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const attributes = attributesAt(body, HEADER);
  const address = attributes.get(NDA_DST);
  if (address === undefined) return undefined;
  return {
    index: view.getInt32(4, true),
    address: addressOfBytes(address),
    // neigh_fill_info gives it only of states that are valid.
    mac: attributes.get(NDA_LLADDR)?.slice(),
    state: STATES[view.getUint16(8, true)] ?? "none",
  };
}
