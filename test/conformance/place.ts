// Where the suites of all backends run: one of them between a host and a sniffer.
//
//   host ── under ════════ tunnel ── gateway ── delivery ════════ eth0 ── sniffer
//   192.0.2.1            192.0.2.2            198.51.100.1      198.51.100.9
//
// Frames are made by hand and sent with a raw port: what goes in, what comes out and every verdict are known.

import { afterAll, beforeAll, describe, expect } from "vitest";
import { addressedTo, type Expected, expectExactly, hex } from "../live/exactly.js";
import { type Balance, Gateway } from "../live/gateway.js";
import { Lab } from "../live/lab.js";
import { lacks } from "../live/requirements.js";
import { DELIVERY, GATEWAY, NEIGHBOUR, Site } from "../live/site.js";
import { Sniffer } from "../live/sniffer.js";
import { everyClaim, WAYS, type Way } from "../live/sources.js";
import type { ExchangeOptions, Tenant } from "../live/tenant-traffic.js";
import { tunnelFrames, type Underlay } from "../live/tunnel-packets.js";
import { until } from "../live/until.js";
import type { Subject } from "./subjects.js";
import type { Arrivals, Ending, WithoutInterfaces } from "./without-interfaces.js";

const TIMEOUT = 60_000;
export const SNIFFER = NEIGHBOUR.mac;
/** Errors, of which the gateway's host tells nobody. */
export const ICMP =
  "icmp[icmptype] == 3 or icmp[icmptype] == 11 or icmp[icmptype] == 12 or (icmp6 and ip6[40] < 128)";

/** Of every source's tunnel. */
const ID = 100;

/** Runs a suite over backends, each in a place of its own. */
export function overEach(subjects: readonly Subject[], suite: (place: Place) => void): void {
  describe.skipIf(lacks("ping")).each(subjects)("$name", (subject) => {
    const place = new Place(subject);
    beforeAll(() => place.build(), TIMEOUT);
    afterAll(() => place.lab.close(), TIMEOUT);
    suite(place);
  });
}

export class Place {
  lab!: Lab;
  site!: Site;
  tenant!: Tenant;
  /** The sniffer's namespace. */
  destination!: string;
  /** Tunnels that it can take. */
  readonly ways: readonly Way[];
  #inMemory: WithoutInterfaces | undefined;
  #errors!: Sniffer;
  #sequence = 0;

  constructor(readonly subject: Subject) {
    this.ways = WAYS.filter((way) => this.lacking.GRE === undefined || way === "vxlan" || way === "geneve");
  }

  get lacking(): Subject["lacking"] {
    return this.subject.lacking;
  }

  /** Sources of those tunnels. */
  get claims(): ReturnType<typeof everyClaim> {
    return everyClaim(ID).filter(
      ({ encapsulation }) =>
        this.lacking.GRE === undefined || encapsulation === "vxlan" || encapsulation === "geneve",
    );
  }

  async build(): Promise<void> {
    this.lab = new Lab();
    const { lab } = this;
    this.site = await Site.build(lab, { host: "kernel" });
    this.tenant = await this.site.tenant({ name: "acme", number: 1 });
    // No switch between: it would take a while to believe in a link that is up again, and what tc redirects no program in skb mode
    // sees, whatever links it passes later (netif_receive_generic_xdp: "reinjected packets").
    this.destination = await this.site.deliveryHost();
    this.#errors = await Sniffer.start(lab, this.site.gateway, "tunnel", { direction: "out", filter: ICMP });
    this.#inMemory = this.subject.memory?.(lab.directory);
  }

  async start(more: Readonly<Record<string, unknown>> = {}): Promise<Ending> {
    const { tunnel, delivery } = this.subject;
    const config = {
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4, GATEWAY.ipv6], ...tunnel },
      delivery: { interface: "delivery", ...delivery },
      sniffers: [{ name: "acme", deliver: "mac", mac: SNIFFER }],
      tenants: [{ name: "acme", sources: this.claims, sniffers: ["acme"] }],
      ...more,
    };
    if (this.#inMemory !== undefined) return this.#inMemory.start(config);
    return Gateway.forTest(this.lab, this.site.gateway, config);
  }

  async listen(): Promise<Arrivals> {
    return (
      this.#inMemory?.listen() ??
      Sniffer.start(this.lab, this.destination, "eth0", { filter: `not ether src ${DELIVERY.mac}` })
    );
  }

  async send(frames: readonly Uint8Array[]): Promise<void> {
    if (this.#inMemory !== undefined) await this.#inMemory.send(frames);
    else await this.lab.port(this.site.host, "under").replay(frames, { rate: 20_000 });
  }

  /** Packets that carry `frames`. */
  packets(way: Way, frames: readonly Uint8Array[], underlay: Underlay): Uint8Array[] {
    return frames.flatMap((frame) => tunnelFrames(way, ID, frame, this.#sequence++, underlay));
  }

  /** Every way's packets of frames of its own. */
  mirrored(
    underlay: Underlay,
    count = 20,
    options: ExchangeOptions = {},
  ): { frames: Uint8Array[]; packets: Uint8Array[] } {
    const all = this.ways.map((way) => ({ way, frames: this.tenant.frames(count, options) }));
    const packets = all.flatMap(({ way, frames }) => this.packets(way, frames, underlay));
    return { frames: all.flatMap(({ frames }) => frames), packets };
  }

  /** The gateway's host has told nobody of an error. */
  async expectNoErrors(): Promise<void> {
    expect((await this.#errors.flush()).map(hex)).toEqual([]);
  }

  async expectThrough(
    sniffer: Arrivals,
    gateway: Ending,
    frames: readonly Uint8Array[],
    order: Expected = {},
  ): Promise<Balance> {
    await sniffer.has(frames.length).catch(async (error: Error) => {
      throw new Error(`${error.message}\n${JSON.stringify(await gateway.stop())}`);
    });
    const balance = await gateway.stop();
    expectExactly(await sniffer.finish(), addressedTo(SNIFFER, frames), "sniffer", order);
    return balance;
  }

  async untilUp(namespace: string, name: string): Promise<void> {
    const state = () => this.lab.run(namespace, "cat", [`/sys/class/net/${name}/operstate`]);
    await until(
      async () => (await state()).trim() === "up",
      () => `${name} to be up`,
    );
  }
}
