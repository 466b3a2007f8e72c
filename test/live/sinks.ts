// A gateway whose tenants' sniffers are of every kind: a TAP interface, files, and one behind the delivery interface.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { framesIn } from "./frames-in.js";
import { Gateway, type GatewayObject, type StartOptions } from "./gateway.js";
import type { Lab } from "./lab.js";
import { GATEWAY, Site, V4 } from "./site.js";
import { Sniffer } from "./sniffer.js";
import type { ExchangeOptions, Tenant } from "./tenant-traffic.js";
import { tunnelFrames } from "./tunnel-packets.js";
import { until } from "./until.js";

const SESSION = 100;
/** Tenants, and the kind of their sniffers, which are called as they are. */
export const KINDS = { acme: "tap", globex: "pcap", initech: "mac" } as const;
export type TenantName = keyof typeof KINDS;
export const NAMES = Object.keys(KINDS) as TenantName[];
export const MAC = "02:00:00:00:0a:01";
export const TAP = "sgtap0";

let folders = 0;

export class SinkSite {
  #sequence = 0;

  private constructor(
    readonly lab: Lab,
    readonly site: Site,
    readonly tenants: Readonly<Record<TenantName, Tenant>>,
    /** The namespace of the sniffer behind the delivery interface. */
    readonly behind: string,
  ) {}

  static async build(lab: Lab, queues = 1): Promise<SinkSite> {
    const site = await Site.build(lab, { host: "nothing", queues });
    const tenants = {
      acme: await site.tenant({ name: "acme", number: 1, overlapping: true }),
      globex: await site.tenant({ name: "globex", number: 2, overlapping: true }),
      initech: await site.tenant({ name: "initech", number: 3, overlapping: true }),
    };
    return new SinkSite(lab, site, tenants, await site.deliveryCable());
  }

  /** A folder of its own for files. */
  folder(): string {
    return join(this.lab.directory, `files-${++folders}`);
  }

  config(directory: string, more: object = {}, pcap: object = {}, tunnel: object = {}): GatewayObject {
    return {
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], ...tunnel },
      delivery: { interface: "delivery", mtu: 1900 },
      sniffers: [
        { name: "acme", deliver: "tap", interface: TAP, queue: 4096 },
        { name: "globex", deliver: "pcap", directory, queue: 4096, ...pcap },
        { name: "initech", deliver: "mac", mac: MAC, queue: 4096 },
      ],
      tenants: NAMES.map((name, i) => ({
        name,
        sources: [{ encapsulation: "erspan", session: SESSION + i }],
        sniffers: [name],
      })),
      ...more,
    };
  }

  start(config: GatewayObject, options: StartOptions = {}): Promise<Gateway> {
    return Gateway.forTest(this.lab, this.site.gateway, config, options);
  }

  /** tcpdump on the TAP interface, which the gateway has made. */
  onTap(direction: "in" | "inout" = "in"): Promise<Sniffer> {
    return Sniffer.start(this.lab, this.site.gateway, TAP, { direction });
  }
  behindDelivery(): Promise<Sniffer> {
    return Sniffer.start(this.lab, this.behind, "cable");
  }

  /** The next frames of each tenant, sent in turn. */
  async send(
    count: number,
    names: readonly TenantName[] = NAMES,
    options: ExchangeOptions = {},
  ): Promise<Record<TenantName, Uint8Array[]>> {
    const frames = { acme: [], globex: [], initech: [] } as Record<TenantName, Uint8Array[]>;
    for (const name of names) frames[name] = this.tenants[name].frames(count, options);
    const packets = Array.from({ length: count }, (_, i) =>
      names.flatMap((name) => this.mirrored(frames[name][i]!, SESSION + NAMES.indexOf(name))),
    ).flat();
    await this.lab.port(this.site.host, "under").replay(packets, { rate: 5000 });
    return frames;
  }

  mirrored(frame: Uint8Array, session: number): Uint8Array[] {
    return tunnelFrames("erspan2", session, frame, this.#sequence++, V4);
  }
}

/** Frames in the files of a sniffer, in their order. */
export async function filed(directory: string, sniffer: string): Promise<Uint8Array[]> {
  const names = readdirSync(directory).filter((name) => name.startsWith(`${sniffer}-`));
  if (new Set(names.map(numberOf)).size < names.length) throw new Error(`Numbers come twice: ${names}`);
  const frames: Uint8Array[] = [];
  for (const name of names.sort((a, b) => numberOf(a) - numberOf(b)))
    frames.push(...(await framesIn(join(directory, name))));
  return frames;
}

/** Clocks go back, numbers do not. */
const numberOf = (name: string) => Number(/(\d+)\.pcapng$/.exec(name)![1]);

/** Waits until a sniffer has been sent so many. */
export async function untilSent(gateway: Gateway, sniffer: string, count: number): Promise<void> {
  let last: object | undefined;
  await until(
    async () => {
      const accounts = (await gateway.status()).sniffers[sniffer];
      last = accounts;
      return accounts !== undefined && accounts.sent >= count;
    },
    () => `${count} packets sent to ${sniffer}: ${JSON.stringify(last)}`,
  );
}
