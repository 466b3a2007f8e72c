// Which backend works with which sniffer: the README's table, run. Every way to receive beside every way to send, and behind them a sniffer of
// every kind that goes with it, all of which get each frame.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type DeliveryBackend, SENT_BESIDE, SENT_BY } from "../../src/config/backends.js";
import { addressedTo, expectExactly } from "../live/exactly.js";
import type { Gateway } from "../live/gateway.js";
import { filed, TAP, untilSent } from "../live/sinks.js";
import { DELIVERY, NEIGHBOUR, V4 } from "../live/site.js";
import { Sniffer } from "../live/sniffer.js";
import { parseMac } from "../reference/address.js";
import { DEFAULTS, ReferenceDecoder } from "../reference/index.js";
import { rewritten } from "../reference/rewrite.js";
import { overEach, SNIFFER } from "./place.js";
import { RECEIVERS } from "./subjects.js";

const COUNT = 50;
const BY_IP = { mac: "02:00:00:00:0a:02", ip: "198.51.100.77" };
/** What is written of a sniffer of each kind, beside its name. Ids tell tunnels apart. */
const SNIFFERS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  mac: { mac: SNIFFER },
  ip: BY_IP,
  vxlan: { to: NEIGHBOUR.ipv4, vni: 71 },
  geneve: { to: NEIGHBOUR.ipv4, vni: 72 },
  gre: { to: NEIGHBOUR.ipv4, key: 73 },
  erspan2: { to: NEIGHBOUR.ipv4, session: 74 },
  erspan3: { to: NEIGHBOUR.ipv4, session: 75 },
  tap: { interface: TAP },
};

interface Row {
  readonly backend: DeliveryBackend;
  readonly senders: "inline" | 2;
}
const ROWS: Row[] = (Object.keys(SENT_BY) as DeliveryBackend[]).flatMap((backend): Row[] => [
  { backend, senders: "inline" },
  // Not beside UDP sockets; by AF_PACKET whatever the backend is.
  ...(backend === "udp" ? [] : [{ backend, senders: 2 } as const]),
]);

overEach(RECEIVERS, (place) => {
  test.each(ROWS)("sends by $backend, senders: $senders: to every kind of sniffer", async (row) => {
    const { backend, senders } = row;
    const kinds: readonly string[] = [...SENT_BY[backend], ...SENT_BESIDE];
    const directory = join(place.lab.directory, `files-${backend}-${senders}`);
    mkdirSync(directory);
    const sniffers = kinds.map((kind) => ({
      name: kind,
      deliver: kind,
      ...(kind === "pcap" ? { directory } : SNIFFERS[kind]),
    }));
    const way = place.ways[0]!;
    const gateway = (await place.start({
      delivery: { interface: "delivery", mtu: 1900, backend },
      senders,
      sniffers,
      tenants: [{ name: "acme", sources: place.claims, sniffers: kinds }],
    })) as Gateway;
    const own = `ether src ${DELIVERY.mac} and (arp or icmp or icmp6)`; // the kernel's
    const filter = `not (${own}) and (ether dst ${SNIFFER} or ether dst ${BY_IP.mac} or src host ${DELIVERY.ipv4})`;
    const wire = await Sniffer.start(place.lab, place.destination, "eth0", { filter });
    const tap = await Sniffer.start(place.lab, place.site.gateway, TAP);
    const frames = place.tenant.frames(COUNT);
    await place.send(place.packets(way, frames, V4));
    for (const kind of kinds) await untilSent(gateway, kind, COUNT);
    await tap.has(COUNT);
    await wire.has(COUNT * (kinds.length - SENT_BESIDE.length));
    const balance = await gateway.stop();
    expect(balance).toMatchObject({ received: COUNT, delivered: COUNT, drops: 0 });
    for (const kind of kinds)
      expect(balance.sniffers[kind], kind).toMatchObject({ offered: COUNT, sent: COUNT });

    const arrived = sorted(await wire.finish());
    for (const kind of SENT_BY[backend]) {
      const got = arrived.get(kind) ?? [];
      if (kind === "mac") expectExactly(got, addressedTo(SNIFFER, frames), kind);
      else if (kind === "ip") expectExactly(got, frames.map(byIp), kind);
      else expectExactly(got, frames, kind);
    }
    expect([...arrived.keys()].sort()).toEqual([...SENT_BY[backend]].sort());
    expectExactly(await tap.frames(), frames, "tap");
    expectExactly(await filed(directory, "pcap"), frames, "pcap");
    await tap.stop().catch(() => {}); // its interface is gone
  });
});

/** What arrived for each, without the tunnel that it came in. */
function sorted(wire: readonly Uint8Array[]): Map<string, Uint8Array[]> {
  const decoder = new ReferenceDecoder(DEFAULTS);
  const arrived = new Map<string, Uint8Array[]>();
  for (const [i, frame] of wire.entries()) {
    const to = frame.subarray(0, 6).join();
    let [kind, inner] = [to === parseMac(BY_IP.mac).join() ? "ip" : "mac", frame];
    const [settled] = decoder.packet(i, frame, frame.length, 0n, 1);
    const { verdict, id, inner: carried } = settled!.result;
    if (verdict === "delivered") {
      const of = Object.entries(SNIFFERS).find(([, words]) =>
        [words.vni, words.key, words.session].includes(id),
      );
      [kind, inner] = [of![0], carried!];
    }
    arrived.set(kind, [...(arrived.get(kind) ?? []), inner]);
  }
  return arrived;
}

/** The frame as the reference gives it to the sniffer by IP. */
function byIp(frame: Uint8Array): Uint8Array {
  return rewritten(frame, { name: "ip", deliver: "ip", ...BY_IP }, DELIVERY.mac);
}
