// A thousand maps a minute, of thousands of tenants, while packets of tenants that stay, of such that come and go and of sessions that
// change hands come in: none is lost by it, and none goes to a sniffer that is not its tenant's.

import { expect, onTestFinished, test } from "vitest";
import { formatMac } from "../../src/config/addresses.js";
import { Gateway } from "./gateway.js";
import { Lab } from "./lab.js";
import { macOf, numberedPacket } from "./numbered-packets.js";
import { lacks } from "./requirements.js";
import { GATEWAY, Site } from "./site.js";
import { Sniffer } from "./sniffer.js";
import { numberOf } from "./tenant-frames.js";
import { pause } from "./until.js";

const TIMEOUT = 180_000;
/** Tenants' numbers begin there; a group's sessions come from addresses of its own. */
const STAYS = 0;
const COMES_AND_GOES = 1000;
/** Groups that have the same sessions, those of the first, one after the other. */
const HANDED = [2000, 2300, 2600] as const;
/** Tenants that stay, and of any other group: those that are gone are never more than the 1,024 that the gateway tells of by name. */
const [MANY, FEW] = [1000, 300];
const CHANGES = 85;
/** Milliseconds from one to the next: 17 a second. */
const INTERVAL = 59;
/** Packets a second. */
const RATE = 6000;

const sizeOf = (group: number) => (group === STAYS ? MANY : FEW);
const numbers = (first: number) => Array.from({ length: sizeOf(first) }, (_, i) => first + i);
const sourceOf = (group: number) => `10.77.${group / 100}.1`;

/** Of groups of tenants and those whose sessions they have. */
function mapOf(groups: readonly (readonly [tenants: number, sessions: number])[], isReversed: boolean) {
  const all = groups.flatMap(([first, sessions]) =>
    numbers(first).map((tenant) => ({ tenant, session: tenant - first, from: sourceOf(sessions) })),
  );
  if (isReversed) all.reverse(); // nobody has the number within the map that he had
  return {
    sniffers: all.map(({ tenant }) => ({
      name: `s${tenant}`,
      deliver: "mac",
      mac: macOf(tenant),
      queue: 64,
    })),
    tenants: all.map(({ tenant, session, from }) => ({
      name: `t${tenant}`,
      sources: [{ encapsulation: "erspan", session, from }],
      sniffers: [`s${tenant}`],
    })),
  };
}

/** Who is gone is so for two maps: his sniffer's queue is another's then. */
const MAPS = HANDED.map((tenants, i) =>
  mapOf(
    [[STAYS, STAYS], [tenants, HANDED[0]], ...(i === 0 ? [[COMES_AND_GOES, COMES_AND_GOES] as const] : [])],
    i === 1,
  ),
);

/** To whom packets of the session of this tenant may go, by each of the maps. */
function sniffersOf(tenant: number): number[] {
  const place = tenant - HANDED[0];
  return place >= 0 && place < FEW ? HANDED.map((first) => first + place) : [tenant];
}

test.skipIf(lacks()).each([
  ["afxdp", 1],
  ["afpacket", 2],
] as const)(
  "%s, %i workers: no packet is lost or goes astray",
  async (backend, queues) => {
    const lab = new Lab();
    onTestFinished(() => lab.close());
    const site = await Site.build(lab, { host: "nothing", queues });
    const namespace = await site.deliveryCable();
    const gateway = await Gateway.start(lab, site.gateway, {
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend, queues },
      delivery: { interface: "delivery" },
      ...MAPS[0],
    });
    const sniffer = await Sniffer.start(lab, namespace, "cable", { buffer: 128 * 1024 });
    let isOver = false;
    const packets = function* () {
      for (let counter = 0; !isOver; counter++) {
        const group = [STAYS, HANDED[0], COMES_AND_GOES][counter % 3]!;
        const session = Math.floor(counter / 3) % sizeOf(group);
        const sequence = Math.floor(counter / 3 / sizeOf(group));
        yield* numberedPacket({
          tenant: group + session,
          counter,
          source: sourceOf(group),
          session,
          sequence,
        });
      }
    };
    const sending = lab.port(site.host, "under").replay(packets(), { rate: RATE });
    for (let i = 1; i <= CHANGES; i++) {
      const next = pause(INTERVAL);
      await gateway.ask("/map", { method: "PUT", body: MAPS[i % MAPS.length] });
      await next;
    }
    isOver = true;
    const sent = await sending;
    await gateway.has({ received: sent });
    const balance = await gateway.stop();
    expect(balance).toMatchObject({ received: sent, held: 0, map: { generation: CHANGES + 1 } });
    expect(balance.kernel).toMatchObject({ dropped: 0, ringFull: 0, noFrames: 0 });
    const { delivered, unmapped } = balance.counters as { delivered: number; unmapped: number };
    expect(delivered + unmapped).toBe(sent);

    await sniffer.has(delivered, 60_000);
    const arrived = new Map<number, number>();
    const atSniffer = new Map<string, number>();
    const faults: string[] = [];
    for (const frame of await sniffer.finish()) {
      const number = numberOf(frame)!;
      const to = formatMac(frame.subarray(0, 6));
      atSniffer.set(to, (atSniffer.get(to) ?? 0) + 1);
      const which = sniffersOf(number.tenant).findIndex((tenant) => macOf(tenant) === to);
      if (which < 0) faults.push(`FOREIGN: ${JSON.stringify(number)} to ${to}`);
      else if (arrived.has(number.counter)) faults.push(`${number.counter} once more`);
      else arrived.set(number.counter, which);
    }
    expect(faults.slice(0, 5)).toEqual([]);
    expect(arrived.size).toBe(delivered);
    // What did not arrive is of tenants that had gone.
    const missing = Array.from({ length: sent }, (_, i) => i).filter((counter) => !arrived.has(counter));
    expect(missing.filter((counter) => counter % 3 !== 2)).toEqual([]);
    expect(missing.length).toBe(unmapped);
    for (const [name, { sent }] of Object.entries(balance.sniffers))
      expect(sent, name).toBe(atSniffer.get(macOf(Number(name.slice(1)))) ?? 0);
    // All maps were in force, and packets went by each.
    const handed = [...arrived].filter(([counter]) => counter % 3 === 1).map(([, which]) => which);
    for (const map of HANDED.keys())
      expect(handed.filter((which) => which === map).length).toBeGreaterThan(handed.length / 10);
    expect(unmapped).toBeGreaterThan(0);
  },
  TIMEOUT,
);
