// A hundred thousand mirror sessions to ten thousand sniffers. ERSPAN's session id has 10 bits, so a session is an id and where it comes
// from. Each packet carries its tenant's number, and has to be addressed to that tenant's sniffer.
//
//   source 10.77.<group>.<0 to 9>, session <0 to 999>  ->  tenant 1000 · group + session

import { expect, onTestFinished, test } from "vitest";
import { formatMac } from "../../src/config/addresses.js";
import { Gateway } from "./gateway.js";
import { Lab } from "./lab.js";
import { macOf, numberedPacket } from "./numbered-packets.js";
import { lacks } from "./requirements.js";
import { GATEWAY, Site } from "./site.js";
import { Sniffer } from "./sniffer.js";
import { numberOf } from "./tenant-frames.js";

const TIMEOUT = 180_000;
const GROUPS = 10;
const SOURCES = 10; // of a group
const IDS = 1000;
const TENANTS = GROUPS * IDS;
const SESSIONS = TENANTS * SOURCES;
/** Packets a second: each is made as it is sent. */
const RATE = 12_000;
/** One session in so many loses packets, each another number. */
const LOSSY = 1000;

const lossOf = (session: number) => (session % LOSSY === 0 ? 1 + session / LOSSY : 0);

/** The first packet of every session, then the second, with a gap where there is loss. */
function* packets(round: 0 | 1): Generator<Uint8Array> {
  for (let session = 0; session < SESSIONS; session++) {
    const tenant = session % TENANTS;
    const source = `10.77.${Math.floor(tenant / IDS)}.${Math.floor(session / TENANTS)}`;
    const sequence = round === 0 ? 1 : 2 + lossOf(session);
    yield* numberedPacket({ tenant, counter: 2 * session + round, source, session: tenant % IDS, sequence });
  }
}

test.skipIf(lacks())(
  "a hundred thousand mirror sessions to ten thousand sniffers",
  async () => {
    const lab = new Lab();
    onTestFinished(() => lab.close());
    const site = await Site.build(lab, { host: "nothing" });
    const namespace = await site.deliveryCable();
    const all = Array.from({ length: TENANTS }, (_, tenant) => tenant);
    const gateway = await Gateway.start(lab, site.gateway, {
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4] },
      delivery: { interface: "delivery" },
      sniffers: all.map((tenant) => ({ name: `s${tenant}`, deliver: "mac", mac: macOf(tenant), queue: 16 })),
      tenants: all.map((tenant) => ({
        name: `t${tenant}`,
        sources: [
          {
            encapsulation: "erspan",
            session: tenant % IDS,
            from: `10.77.${Math.floor(tenant / IDS)}.0/24`,
          },
        ],
        sniffers: [`s${tenant}`],
      })),
    });
    const sniffer = await Sniffer.start(lab, namespace, "cable", { buffer: 128 * 1024 });
    const port = lab.port(site.host, "under");
    for (const round of [0, 1] as const) await port.replay(packets(round), { rate: RATE });
    await gateway.has({ received: 2 * SESSIONS });

    const now = await gateway.status();
    expect(now).toMatchObject({ holds: true, sessionCount: SESSIONS });
    const losses = Array.from({ length: SESSIONS / LOSSY }, (_, i) => SESSIONS / LOSSY - i);
    expect(now.sessions.map(({ sequence }) => sequence?.lost)).toEqual(losses);

    const balance = await gateway.stop();
    expect(balance).toMatchObject({
      received: 2 * SESSIONS,
      delivered: 2 * SESSIONS,
      drops: 0,
      kernel: { dropped: 0, ringFull: 0 },
      sessionCount: SESSIONS,
    });
    expect(balance.counters.untracked).toBe(0);
    expect(balance.sessions.slice(0, losses.length)).toEqual(now.sessions);
    expect(Object.values(balance.sniffers).map(({ sent }) => sent)).toEqual(all.map(() => 2 * SOURCES));

    await sniffer.has(2 * SESSIONS, 60_000);
    const seen = new Set<number>();
    const faults: string[] = [];
    for (const frame of await sniffer.finish()) {
      const number = numberOf(frame);
      const to = formatMac(frame.subarray(0, 6));
      if (number === undefined || to !== macOf(number.tenant))
        faults.push(`${JSON.stringify(number)} to ${to}`);
      else if (seen.has(number.counter)) faults.push(`${number.counter} once more`);
      else if ((number.counter >> 1) % TENANTS !== number.tenant)
        faults.push(`${number.counter} of ${number.tenant}`);
      else seen.add(number.counter);
    }
    expect(faults.slice(0, 5)).toEqual([]);
    expect(seen.size).toBe(2 * SESSIONS);
  },
  TIMEOUT,
);
