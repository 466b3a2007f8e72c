// A route as rtnetlink describes it (rtnetlink(7), include/uapi/linux/rtnetlink.h):
//
//     rtmsg   0 family:8 | 1 destination length:8 | 2 source length:8 | 3 tos:8
//             4 table:8 | 5 protocol:8 | 6 scope:8 | 7 type:8 | 8 flags:32 | 12 attributes

import { type Address, AF_INET, AF_INET6, addressFamily, addressOfBytes } from "../ip.js";
import { attribute, attributesAt, numberOf, viewOf } from "../netlink-message.js";

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
export const RTMGRP_IPV4_ROUTE = 0x40;
export const RTMGRP_IPV6_ROUTE = 0x400;

const HEADER = 12;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTAX_MTU = 2;
/** An IPv4 route by way of an IPv6 neighbour: family:16, address. */
const RTA_VIA = 18;
const TYPES: Readonly<Record<number, RouteType>> = {
  1: "unicast",
  2: "local",
  3: "broadcast",
  4: "anycast",
  5: "multicast",
  6: "blackhole",
  7: "unreachable",
  8: "prohibit",
};

export type RouteType =
  | "unicast"
  | "local"
  | "broadcast"
  | "anycast"
  | "multicast"
  | "blackhole"
  | "unreachable"
  | "prohibit"
  | "other";

export interface Route {
  readonly type: RouteType;
  /** Undefined for the default route; of a look-up the address that was asked for. */
  readonly destination: Address | undefined;
  readonly prefixLength: number;
  /** Of the interface that packets leave by; 0 when there are several ways. */
  readonly index: number;
  /** The router; undefined when the destination is on the link. */
  readonly gateway: Address | undefined;
  /** The source address that the kernel would choose. */
  readonly source: Address | undefined;
  /** In bytes, when it is less than the interface's: of the route, or found out (RFC 1191, RFC 8201). */
  readonly mtu: number | undefined;
}

/** What the kernel would do with a packet to this address. */
export function routeQuestion(destination: Address): Uint8Array {
  const header = new Uint8Array(HEADER);
  header[0] = addressFamily(destination);
  header[1] = destination.bytes.length * 8;
  return Buffer.concat([header, attribute(RTA_DST, destination.bytes)]);
}

/** Undefined for the routes of multicast routers, which have families of their own. */
export function readRoute(body: Uint8Array): Route | undefined {
  const view = viewOf(body);
  const family = view.getUint8(0);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const attributes = attributesAt(body, HEADER);
  const addressOf = (type: number) => {
    const bytes = attributes.get(type);
    return bytes === undefined ? undefined : addressOfBytes(bytes);
  };
  const via = attributes.get(RTA_VIA);
  const metrics = attributes.get(RTA_METRICS);
  const mtu = metrics === undefined ? 0 : numberOf(attributesAt(metrics, 0).get(RTAX_MTU));
  return {
    type: TYPES[view.getUint8(7)] ?? "other",
    destination: addressOf(RTA_DST),
    prefixLength: view.getUint8(1),
    index: numberOf(attributes.get(RTA_OIF)),
    gateway: addressOf(RTA_GATEWAY) ?? (via === undefined ? undefined : addressOfBytes(via.subarray(2))),
    source: addressOf(RTA_PREFSRC),
    mtu: mtu === 0 ? undefined : mtu,
  };
}
