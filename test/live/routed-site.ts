// A host with Open vSwitch behind a router: the way to the gateway has a shorter link than the host's, and the router's kernel cuts
// packets for it.
//
//   acme1, acme2 ── host ── under ════ near ── router ── far ════════ tunnel ── gateway
//                   198.51.100.1       198.51.100.254    192.0.2.254      192.0.2.2

import type { Lab } from "./lab.js";
import { OpenVSwitch } from "./open-vswitch.js";
import { GATEWAY } from "./site.js";
import { bridgeOf } from "./sources.js";
import { Tenant, type TenantOptions } from "./tenant-traffic.js";

const HOST = { ipv4: "198.51.100.1", mac: "02:00:5e:00:00:03" };
const NEAR = { ipv4: "198.51.100.254", mac: "02:00:5e:00:00:04" };
const FAR = "192.0.2.254";

export class RoutedSite {
  private constructor(
    readonly lab: Lab,
    /** Namespaces. */
    readonly host: string,
    readonly gateway: string,
    readonly ovs: OpenVSwitch,
  ) {}

  /** @param options `mtu` of the router's link to the gateway */
  static async build(lab: Lab, { mtu }: { readonly mtu: number }): Promise<RoutedSite> {
    const [host, router, gateway] = [
      await lab.namespace("host"),
      await lab.namespace("router"),
      await lab.namespace("gateway", { ipv6: true }),
    ];
    await lab.link(
      { namespace: host, name: "under", silent: true },
      { namespace: router, name: "near", mac: NEAR.mac, addresses: [`${NEAR.ipv4}/24`] },
    );
    await lab.link(
      { namespace: router, name: "far", addresses: [`${FAR}/24`] },
      { namespace: gateway, name: "tunnel", mac: GATEWAY.mac, addresses: [`${GATEWAY.ipv4}/24`] },
      { mtu },
    );
    lab.sysctl(router, { "net.ipv4.ip_forward": 1 });
    await lab.ip(router, `neigh replace ${GATEWAY.ipv4} lladdr ${GATEWAY.mac} dev far nud permanent`);
    const ovs = await OpenVSwitch.start(lab, host);
    await ovs.underlay({
      port: "under",
      mac: HOST.mac,
      addresses: [`${HOST.ipv4}/24`],
      neighbours: { [NEAR.ipv4]: NEAR.mac },
      routers: { [`${GATEWAY.ipv4}/32`]: NEAR.ipv4 },
    });
    return new RoutedSite(lab, host, gateway, ovs);
  }

  async tenant(options: Omit<TenantOptions, "switch">): Promise<Tenant> {
    const tenant = await Tenant.plugIn(this.lab, { ...options, switch: this.host });
    await this.ovs.bridge(bridgeOf(tenant), tenant.ports);
    return tenant;
  }
}
