// What packets get that leave by the delivery interface: its MAC address, and the addresses they are sent from.

import type { GatewayConfig } from "../config/schema.js";
import type { InterfaceAddress } from "../linux/index.js";
import type { Origin } from "../mapping/index.js";

/** What the kernel says of the delivery interface. */
export interface DeliveryInterface {
  readonly hardwareAddress: Uint8Array;
  readonly addresses: readonly InterfaceAddress[];
}

/** The interface's own addresses, for families that the configuration does not name. */
export function originOf(
  { delivery }: GatewayConfig,
  { hardwareAddress, addresses }: DeliveryInterface,
): Origin {
  const configured = (family: 4 | 6) =>
    delivery.addresses.find((address) => address.family === family)?.bytes;
  const first = (family: 4 | 6) =>
    addresses.find(({ address, scope }) => address.family === family && scope === "global")?.address.bytes;
  const ipv4 = configured(4) ?? first(4);
  const ipv6 = configured(6) ?? first(6);
  return {
    mac: delivery.mac ?? hardwareAddress,
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
  };
}
