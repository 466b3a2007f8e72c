// The scene for what happens to a gateway while it forwards: one tenant, whose packets come without a pause, and one sniffer behind the
// delivery interface.

import { chmodSync } from "node:fs";
import { join } from "node:path";
import { Gateway, type GatewayObject, type StartOptions } from "./gateway.js";
import type { Lab } from "./lab.js";
import { GATEWAY, Site, V4 } from "./site.js";
import { Sniffer } from "./sniffer.js";
import { Steady } from "./steady.js";
import type { Tenant } from "./tenant-traffic.js";

const MAC = "02:00:00:00:0a:01";
const SESSION = 100;

export class SteadySite {
  private constructor(
    readonly lab: Lab,
    readonly site: Site,
    private readonly tenant: Tenant,
    private readonly cable: string,
    /** The control socket of every gateway. */
    readonly socket: string,
  ) {}

  static async build(lab: Lab): Promise<SteadySite> {
    // The gateway's user comes through.
    chmodSync(lab.directory, 0o755);
    const site = await Site.build(lab, { host: "nothing" });
    const tenant = await site.tenant({ name: "acme", number: 1 });
    const socket = join(lab.directory, "run", "api.sock");
    return new SteadySite(lab, site, tenant, await site.deliveryCable(), socket);
  }

  start(tunnel: object, more: object = {}, options: StartOptions = {}): Promise<Gateway> {
    const config: GatewayObject = {
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], ...tunnel },
      delivery: { interface: "delivery" },
      api: { socket: this.socket },
      sniffers: [{ name: "ids", deliver: "mac", mac: MAC }],
      tenants: [
        { name: "acme", sources: [{ encapsulation: "erspan", session: SESSION }], sniffers: ["ids"] },
      ],
      ...more,
    };
    return Gateway.start(this.lab, this.site.gateway, config, options);
  }

  /** @param rate packets a second */
  sending(rate: number): Steady {
    const port = this.lab.port(this.site.host, "under");
    return new Steady(port, this.tenant, { session: SESSION, rate, underlay: V4 });
  }

  listen(): Promise<Sniffer> {
    return Sniffer.start(this.lab, this.cable, "cable", { filter: `ether dst ${MAC}` });
  }
}
