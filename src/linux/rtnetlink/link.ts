// A network interface as rtnetlink describes it (rtnetlink(7), include/uapi/linux/if_link.h):
//
//     ifinfomsg   0 family:8 | 2 type:16 | 4 index:32 | 8 flags:32 | 12 change:32 | 16 attributes

import { attribute, attributesAt, numberOf, textOf, u32, viewOf, zeroEnded } from "../netlink-message.js";

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTMGRP_LINK = 0x1;

const HEADER = 16;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_EXT_MASK = 29;
const IFLA_XDP = 43;
const IFLA_XDP_ATTACHED = 2;
const IFLA_ALT_IFNAME = 53;
const RTEXT_FILTER_SKIP_STATS = 8;
const IFF_UP = 0x1;
const IFF_RUNNING = 0x40;
/** include/uapi/linux/if_link.h, XDP_ATTACHED_*; of several the driver's is the first. */
const XDP_PLACES: Readonly<Record<number, XdpPlace>> = { 1: "native", 2: "skb", 3: "hardware", 4: "native" };
/** Names longer than this, without the NUL, are alternative ones (`ip link property`). */
const LONGEST_NAME = 15;

/** Where an XDP program runs. */
export type XdpPlace = "native" | "skb" | "hardware";

export interface Link {
  readonly index: number;
  readonly name: string;
  /** 6 bytes; none for an interface without addresses. */
  readonly mac: Uint8Array;
  readonly mtu: number;
  /** Set up by the administrator; its carrier is another matter. */
  readonly up: boolean;
  /** Up, with a carrier. */
  readonly running: boolean;
  /** Where a program is attached; undefined when none is. */
  readonly xdp: XdpPlace | undefined;
}

/** For one link by its name, or for a dump of all. */
export function linkQuestion(name?: string): Uint8Array {
  const withoutStatistics = attribute(IFLA_EXT_MASK, u32(RTEXT_FILTER_SKIP_STATS));
  if (name === undefined) return Buffer.concat([new Uint8Array(HEADER), withoutStatistics]);
  const text = zeroEnded(name);
  const named = attribute(text.length > LONGEST_NAME + 1 ? IFLA_ALT_IFNAME : IFLA_IFNAME, text);
  return Buffer.concat([new Uint8Array(HEADER), withoutStatistics, named]);
}

/** Undefined for what a bridge says of its ports and IPv6 of its settings, which come under the same message types. */
export function readLink(body: Uint8Array): Link | undefined {
  const view = viewOf(body);
  if (view.getUint8(0) !== 0) return undefined;
  const attributes = attributesAt(body, HEADER);
  return {
    index: view.getInt32(4, true),
    name: textOf(attributes.get(IFLA_IFNAME)),
    mac: Uint8Array.from(attributes.get(IFLA_ADDRESS) ?? []),
    mtu: numberOf(attributes.get(IFLA_MTU)),
    up: (view.getUint32(8, true) & IFF_UP) !== 0,
    xdp: xdpOf(attributes.get(IFLA_XDP)),
    running: (view.getUint32(8, true) & IFF_RUNNING) !== 0,
  };
}

function xdpOf(nested: Uint8Array | undefined): XdpPlace | undefined {
  const attached = nested && attributesAt(nested, 0).get(IFLA_XDP_ATTACHED)?.[0];
  return attached === undefined ? undefined : XDP_PLACES[attached];
}
