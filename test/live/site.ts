// The usual site: a host whose switch mirrors its tenants' ports, a gateway with an interface to the tunnel, one cable between.
//
//   acme1, acme2 ── host ── under ════════ tunnel ── gateway ── delivery ── (deliveryNetwork)
//   globex1, ...    192.0.2.1            192.0.2.2

import type { End, Lab } from "./lab.js";
import { OpenVSwitch } from "./open-vswitch.js";
import { Sniffer, type SnifferOptions } from "./sniffer.js";
import { bridgeOf } from "./sources.js";
import { Tenant, type TenantOptions } from "./tenant-traffic.js";
import type { Underlay } from "./tunnel-packets.js";

export const HOST = { ipv4: "192.0.2.1", ipv6: "2001:db8:77::1", mac: "02:00:5e:00:00:01" };
export const GATEWAY = { ipv4: "192.0.2.2", ipv6: "2001:db8:77::2", mac: "02:00:5e:00:00:02" };
/** From the host to the gateway. */
export const V4: Underlay = { from: HOST.ipv4, to: GATEWAY.ipv4, fromMac: HOST.mac, toMac: GATEWAY.mac };
export const V6: Underlay = { ...V4, from: HOST.ipv6, to: GATEWAY.ipv6 };
/** The gateway's end of `deliveryHost`, and the other one. */
export const DELIVERY = { ipv4: "198.51.100.1", ipv6: "2001:db8:99::1", mac: "02:00:00:00:0d:01" };
export const NEIGHBOUR = { ipv4: "198.51.100.9", ipv6: "2001:db8:99::9", mac: "02:00:00:00:0a:01" };
/** Everything but what machines say by themselves: ARP, ND, MLD, IGMP. */
const MIRRORED = "not arp and not icmp6 and not ip6 multicast and not igmp";

/** With the lengths of their prefixes. */
export function addressesOf({ ipv4, ipv6 }: { readonly ipv4: string; readonly ipv6: string }): string[] {
  return [`${ipv4}/24`, `${ipv6}/64`];
}

export interface SiteOptions {
  /**
   * What switches and mirrors on the host: Open vSwitch, or the kernel, with the underlay's address on `under` itself. Nothing: what
   * is sent with a raw port on `under` is all there is.
   */
  readonly host: "open-vswitch" | "kernel" | "nothing";
  /** Of the cable; 2,000 when absent. */
  readonly mtu?: number;
  /** Of the gateway's interface and the host's. */
  readonly queues?: number;
  /** Left on at both ends of the cable. */
  readonly offloads?: readonly string[];
}

export interface DeliveryCable {
  readonly near?: Omit<End, "namespace" | "name">;
  /** Its name is `cable`. */
  readonly far?: Omit<End, "namespace" | "name">;
  /** 2,000 when absent. */
  readonly mtu?: number;
}

export class Site {
  private constructor(
    readonly lab: Lab,
    /** Namespaces. */
    readonly host: string,
    readonly gateway: string,
    private readonly openVSwitch: OpenVSwitch | undefined,
  ) {}

  static async build(lab: Lab, { host, mtu = 2000, queues = 1, offloads = [] }: SiteOptions): Promise<Site> {
    const gateway = await lab.namespace("gateway", { ipv6: true });
    const hostNamespace = await lab.namespace("host", { ipv6: true });
    const byKernel = host === "kernel";
    await lab.link(
      {
        ...{ namespace: hostNamespace, name: "under", queues, offloads, silent: !byKernel },
        ...(byKernel && { mac: HOST.mac, addresses: addressesOf(HOST) }),
      },
      {
        namespace: gateway,
        name: "tunnel",
        mac: GATEWAY.mac,
        addresses: addressesOf(GATEWAY),
        queues,
        offloads,
      },
      { mtu },
    );
    await lab.ip(
      gateway,
      ...[HOST.ipv4, HOST.ipv6].map(
        (ip) => `neigh replace ${ip} lladdr ${HOST.mac} dev tunnel nud permanent`,
      ),
    );
    const to = [GATEWAY.ipv4, GATEWAY.ipv6];
    if (host === "nothing") return new Site(lab, hostNamespace, gateway, undefined);
    if (byKernel) {
      // Else the first packets wait for ARP's answer, in a queue that is short.
      const lines = to.map((ip) => `neigh replace ${ip} lladdr ${GATEWAY.mac} dev under nud permanent`);
      await lab.ip(hostNamespace, ...lines);
      return new Site(lab, hostNamespace, gateway, undefined);
    }
    const ovs = await OpenVSwitch.start(lab, hostNamespace);
    const neighbours = Object.fromEntries(to.map((ip) => [ip, GATEWAY.mac]));
    await ovs.underlay({ port: "under", mac: HOST.mac, addresses: addressesOf(HOST), neighbours, mtu });
    return new Site(lab, hostNamespace, gateway, ovs);
  }

  get ovs(): OpenVSwitch {
    if (this.openVSwitch === undefined) throw new Error("The host of this site has no Open vSwitch");
    return this.openVSwitch;
  }

  /** Two machines at the host's switch; with Open vSwitch in a bridge of their own. */
  async tenant(options: Omit<TenantOptions, "switch">): Promise<Tenant> {
    const tenant = await Tenant.plugIn(this.lab, { ...options, switch: this.host });
    await this.openVSwitch?.bridge(bridgeOf(tenant), tenant.ports);
    return tenant;
  }

  /**
   * The gateway's delivery interface, and a cable from there to a new namespace, which this gives. Both ends are silent unless something
   * else is said of them.
   */
  async deliveryCable({
    near = { silent: true },
    far = { silent: true },
    mtu,
  }: DeliveryCable = {}): Promise<string> {
    const namespace = await this.lab.namespace("sniffer");
    await this.lab.link(
      { namespace: this.gateway, name: "delivery", ...near },
      { namespace, name: "cable", ...far },
      mtu === undefined ? {} : { mtu },
    );
    return namespace;
  }

  /**
   * The gateway's delivery interface, and a cable from there to a host, whose interface is `eth0`; gives the host's namespace. Both ends
   * have addresses, and their kernels speak.
   */
  async deliveryHost(): Promise<string> {
    const namespace = await this.lab.namespace("sniffer", { ipv6: true });
    await this.lab.link(
      { namespace: this.gateway, name: "delivery", mac: DELIVERY.mac, addresses: addressesOf(DELIVERY) },
      { namespace, name: "eth0", mac: NEIGHBOUR.mac, addresses: addressesOf(NEIGHBOUR) },
    );
    return namespace;
  }

  /** Listens at the gateway's end of the cable to what a mirror source sends. */
  atGateway(options: SnifferOptions = {}): Promise<Sniffer> {
    return Sniffer.start(this.lab, this.gateway, "tunnel", { filter: MIRRORED, ...options });
  }
}
