// The network behind a gateway's delivery interface: a switch, and sniffers with an interface each. The switch knows where each
// sniffer is and floods nothing to the others, so that a sniffer gets what was addressed to it and only that.

import { existsSync } from "node:fs";
import type { End, Lab } from "./lab.js";

export interface SnifferHost {
  readonly name: string;
  readonly mac: string;
  /** With prefix length; without them it is silent. */
  readonly addresses?: readonly string[];
}

export interface DeliveryNetwork {
  /** Of the sniffers, by name; the interface is `eth0` in each. */
  readonly namespaces: ReadonlyMap<string, string>;
  /** The switch's end of the gateway's cable: setting it down takes the delivery link down. */
  readonly uplink: { readonly namespace: string; readonly name: string };
}

/** Makes the gateway's delivery interface, too. */
export async function deliveryNetwork(
  lab: Lab,
  gateway: End,
  sniffers: readonly SnifferHost[],
  { mtu = 2000 } = {},
): Promise<DeliveryNetwork> {
  const network = await lab.namespace("delivery-switch");
  // A bridge that watches multicast asks for routers by itself.
  await lab.ip(network, "link add br0 type bridge mcast_snooping 0", `link set br0 mtu ${mtu} up`);
  // Else the bridge checks IP headers and cuts off the padding of Ethernet.
  const netfilter = ["iptables", "ip6tables", "arptables"].map((table) => [
    `net.bridge.bridge-nf-call-${table}`,
    0,
  ]);
  // Where br_netfilter is not loaded there is nothing to turn off.
  if (existsSync("/proc/sys/net/bridge")) lab.sysctl(network, Object.fromEntries(netfilter));
  const uplink = { namespace: network, name: "uplink", silent: true };
  await lab.link(gateway, uplink, { mtu });
  await lab.ip(network, "link set uplink master br0");
  const namespaces = new Map<string, string>();
  for (const [i, { name, mac, addresses = [] }] of sniffers.entries()) {
    const namespace = await lab.namespace(name, { ipv6: addresses.some((address) => address.includes(":")) });
    const port = `port${i}`;
    await lab.link(
      { namespace, name: "eth0", mac, addresses, silent: addresses.length === 0 },
      { namespace: network, name: port, silent: true },
      { mtu },
    );
    await lab.ip(
      network,
      `link set ${port} master br0`,
      `link set ${port} type bridge_slave flood off learning off`,
    );
    await lab.run(network, "bridge", ["fdb", "replace", mac, "dev", port, "master", "static"]);
    namespaces.set(name, namespace);
  }
  return { namespaces, uplink };
}
