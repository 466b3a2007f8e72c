// A gateway between UDP sockets, which an ordinary user runs.
//
//   host ── under ════════ tunnel ── gateway ── delivery ════════ eth0 ── sniffers
//   192.0.2.1            192.0.2.2            198.51.100.1      198.51.100.9

import { expect, onTestFinished } from "vitest";
import { Gateway, type GatewayObject, gatewayCommand } from "./gateway.js";
import type { Lab } from "./lab.js";
import { DELIVERY, GATEWAY, NEIGHBOUR, Site, V4 } from "./site.js";
import { Sniffer } from "./sniffer.js";
import type { Tenant } from "./tenant-traffic.js";
import { tunnelFrames } from "./tunnel-packets.js";

const PORTS = { vxlan: 4789, geneve: 6081 };

/** A sniffer behind a tunnel of these words. */
export interface Ids {
  readonly deliver: "vxlan" | "geneve";
  readonly to: string;
  readonly vni: number;
  readonly fit?: "truncate" | "fragment" | "drop";
  readonly udpChecksum?: boolean;
}
export const IDS: Ids = { deliver: "vxlan", to: NEIGHBOUR.ipv4, vni: 77 };

export const SOURCES = [
  { encapsulation: "vxlan", vni: 100 },
  { encapsulation: "geneve", vni: 100 },
];

interface More {
  readonly tunnel?: object;
  readonly delivery?: object;
  readonly sources?: readonly object[];
}

/** What a delivery interface forgets that has been down. Without the neighbours the first packets wait for an answer, in a queue that is short. */
const PATHS = [
  `addr replace ${DELIVERY.ipv6}/64 dev delivery nodad`,
  ...[NEIGHBOUR.ipv4, NEIGHBOUR.ipv6].map(
    (ip) => `neigh replace ${ip} lladdr ${NEIGHBOUR.mac} dev delivery nud permanent`,
  ),
];

export class UdpSite {
  #sequence = 0;

  private constructor(
    readonly site: Site,
    readonly tenant: Tenant,
    /** The namespace of the host with the sniffers. */
    readonly destination: string,
  ) {}

  static async build(lab: Lab): Promise<UdpSite> {
    const site = await Site.build(lab, { host: "nothing" });
    const tenant = await site.tenant({ name: "acme", number: 1 });
    const destination = await site.deliveryHost();
    await lab.ip(site.gateway, ...PATHS);
    return new UdpSite(site, tenant, destination);
  }

  config(ids: object, { tunnel = {}, delivery = {}, sources = SOURCES }: More = {}): GatewayObject {
    return {
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4, GATEWAY.ipv6], backend: "udp", ...tunnel },
      delivery: { interface: "delivery", backend: "udp", mtu: 1900, ...delivery },
      sniffers: [{ name: "ids", ...ids }],
      tenants: [{ name: "acme", sources, sniffers: ["ids"] }],
    };
  }

  /** A gateway of an ordinary user. */
  start(ids: object, more: More = {}): Promise<Gateway> {
    return Gateway.forTest(this.site.lab, this.site.gateway, this.config(ids, more), { unprivileged: true });
  }

  /** What a gateway says that does not start. */
  async refused(ids: object, more: More = {}): Promise<string> {
    const { lab, gateway } = this.site;
    const { command, args } = gatewayCommand(lab, this.config(ids, more), { unprivileged: true });
    const running = await lab.start(gateway, command, args);
    expect((await running.ended).code, running.output).toBeGreaterThan(0);
    return running.output;
  }

  /** Gives the delivery interface another MTU, for this test. Below 1,280 it forgets all of IPv6. */
  async narrow(mtu: number): Promise<void> {
    const { lab, gateway } = this.site;
    await lab.ip(gateway, `link set delivery mtu ${mtu}`);
    onTestFinished(() => lab.ip(gateway, "link set delivery mtu 2000", ...PATHS));
  }

  async interrupt(): Promise<void> {
    await this.site.lab.ip(this.site.gateway, "link set delivery down");
  }
  async mend(): Promise<void> {
    await this.site.lab.ip(this.site.gateway, "link set delivery up", ...PATHS);
  }

  listen({ deliver }: Ids): Promise<Sniffer> {
    return Sniffer.start(this.site.lab, this.destination, "eth0", {
      filter: `udp and dst port ${PORTS[deliver]}`,
    });
  }

  mirrored(frames: readonly Uint8Array[], underlay = V4, way: keyof typeof PORTS = "vxlan"): Uint8Array[] {
    return frames.flatMap((frame) => tunnelFrames(way, 100, frame, this.#sequence++, underlay));
  }

  async send(packets: readonly Uint8Array[]): Promise<void> {
    await this.site.lab.port(this.site.host, "under").replay(packets, { rate: 4000 });
  }
}
