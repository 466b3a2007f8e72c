// An IP address of an interface as rtnetlink describes it (rtnetlink(7), include/uapi/linux/if_addr.h):
//
//     ifaddrmsg   0 family:8 | 1 prefix length:8 | 2 flags:8 | 3 scope:8 | 4 index:32 | 8 attributes

import { type Address, AF_INET, AF_INET6, addressOfBytes } from "../ip.js";
import { attributesAt, numberOf, viewOf } from "../netlink-message.js";

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTMGRP_IPV4_IFADDR = 0x10;
export const RTMGRP_IPV6_IFADDR = 0x100;

const HEADER = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
const IFA_F_DADFAILED = 0x08;
const IFA_F_DEPRECATED = 0x20;
const IFA_F_TENTATIVE = 0x40;
/** include/uapi/linux/rtnetlink.h, rt_scope_t */
const SCOPES: Readonly<Record<number, AddressScope>> = { 0: "global", 200: "site", 253: "link", 254: "host" };

export type AddressScope = "global" | "site" | "link" | "host" | "nowhere";

export interface InterfaceAddress {
  /** Of the interface. */
  readonly index: number;
  readonly address: Address;
  readonly prefixLength: number;
  readonly scope: AddressScope;
  /** Not tentative (RFC 4862: the kernel still asks whether another machine has it), not a duplicate, not deprecated. */
  readonly usable: boolean;
}

/** For a dump of the addresses of one interface. */
export function addressQuestion(index: number): Uint8Array {
  const body = new Uint8Array(HEADER);
  viewOf(body).setUint32(4, index, true);
  return body;
}

export function readAddress(body: Uint8Array): InterfaceAddress | undefined {
  const view = viewOf(body);
  const family = view.getUint8(0);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const attributes = attributesAt(body, HEADER);
  // Of a point-to-point link IFA_ADDRESS is the other end; IPv6 gives IFA_LOCAL only then.
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  if (bytes === undefined) return undefined;
  const flags = numberOf(attributes.get(IFA_FLAGS));
  return {
    index: view.getUint32(4, true),
    address: addressOfBytes(bytes),
    prefixLength: view.getUint8(1),
    scope: SCOPES[view.getUint8(3)] ?? "nowhere",
    usable: (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED)) === 0,
  };
}
