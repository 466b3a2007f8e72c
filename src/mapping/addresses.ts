// Which inner addresses are whose, and which must never be seen inside a tunnel: slots of the kinds address, owner, sniffer, gateway.

import * as at from "../../assembly/memory/layout.js";
import type { Address, EndpointAddress } from "../config/addresses.js";
import type { GatewayConfig } from "../config/schema.js";
import type { Tenant } from "../config/tenants.js";
import { addressShape, familyOf, ShapeSet, shapeBits } from "./shapes.js";
import type { Slots } from "./slots.js";

const NO_SHAPES: readonly number[] = [];

/** Writes a tenant's own addresses. Gives their distinct shapes. */
export function addOwnAddresses(
  addresses: readonly EndpointAddress[],
  t: number,
  slots: Slots,
): readonly number[] {
  if (addresses.length === 0) return NO_SHAPES;
  if (addresses.length === 1) {
    const shape = addressShape(addresses[0]);
    slots.add(addresses[0], t, (shapeBits(shape) | at.KIND_ADDRESS) >>> 0, 0);
    return [shape];
  }
  const shapes = new Set<number>();
  for (const address of addresses) {
    const shape = addressShape(address);
    shapes.add(shape);
    slots.addOnce(address, t, (shapeBits(shape) | at.KIND_ADDRESS) >>> 0, 0);
  }
  return [...shapes];
}

/** Whose each address is, over all tenants: one that two claim with the same prefix has no single owner. Gives the shapes. */
export function addOwners(tenants: readonly Tenant[], slots: Slots): Uint8Array {
  const shapes = new ShapeSet();
  for (const [t, { addresses }] of tenants.entries()) {
    for (const address of addresses) {
      const shape = addressShape(address);
      shapes.add(shape);
      const slot = slots.addOnce(address, 0, (shapeBits(shape) | at.KIND_OWNER) >>> 0, t);
      if (slots.value(slot) !== t) slots.setValue(slot, at.OWNER_MANY);
    }
  }
  return shapes.encode();
}

/** Where copies go, and where tunnels end: a mirrored packet to either is a loop. Gives MAP_HAS_*, and how many there are. */
export function addLoopAddresses(
  { sniffers, tunnel }: GatewayConfig,
  slots: Slots,
): { flags: number; loopAddresses: number } {
  let flags = 0;
  let loopAddresses = 0;
  const add = (address: EndpointAddress, kind: number, flag: number) => {
    slots.addOnce(address, 0, kind | (familyOf(address) << at.BITS_FAMILY), 0);
    flags |= flag;
    loopAddresses++;
  };
  const addSniffers = (address: EndpointAddress) => add(address, at.KIND_SNIFFER, at.MAP_HAS_SNIFFERS);
  slots.expectOnce(sniffers.length);
  for (const sniffer of sniffers) {
    // The most common sniffer of a large map is a file.
    if (sniffer.deliver === undefined) continue;
    // Across routers `mac` is the next hop's, which a tenant's own packets may well be sent to.
    if (sniffer.deliver === "mac" || sniffer.deliver === "ip")
      addSniffers({ family: "mac", bytes: sniffer.mac });
    if (sniffer.deliver === "ip") addSniffers(hostPrefix(sniffer.ip));
    if ("to" in sniffer) addSniffers(hostPrefix(sniffer.to));
  }
  for (const address of tunnel.addresses) add(hostPrefix(address), at.KIND_GATEWAY, at.MAP_HAS_GATEWAY);
  return { flags, loopAddresses };
}

function hostPrefix(address: Address): EndpointAddress {
  return { ...address, prefixLength: address.bytes.length * 8 };
}
