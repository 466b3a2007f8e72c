// The system's clock is set while packets come: an hour forward, two hours back, a day forward. No packet is lost by it, a rate neither
// stands still nor gives more than its bucket, fragments are put together, and files are whole.

import { mkdirSync, readdirSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readFrames } from "../../src/capture/index.js";
import type { StatusDocument } from "../../src/control/status.js";
import { addressedTo, expectExactly } from "./exactly.js";
import { Gateway } from "./gateway.js";
import { Lab } from "./lab.js";
import { lacks } from "./requirements.js";
import { filed } from "./sinks.js";
import { GATEWAY, Site, V4 } from "./site.js";
import { Sniffer } from "./sniffer.js";
import { SteppingClock } from "./stepping-clock.js";
import type { Tenant } from "./tenant-traffic.js";
import { tunnelFrames } from "./tunnel-packets.js";
import { pause, until } from "./until.js";

const MACS = { all: "02:00:00:00:0a:01", some: "02:00:00:00:0a:02" };
const HOUR = 3600;
/** Seconds ahead of the machine's clock, one after the other. */
const OFFSETS = [HOUR, -HOUR, 23 * HOUR];
/** Packets a second: some four times what `some` may have. */
const RATE = 1200;
/** One frame in so many comes in fragments. */
const CUT = 15;
/** Bytes a second, and what a bucket holds at least. */
const ALLOWED = 125_000;
const BUCKET = 131_072;

describe.skipIf(lacks("faketime")).each(["afxdp", "afpacket"])("%s", (backend) => {
  let lab: Lab;
  let site: Site;
  let tenant: Tenant;
  let cable: string;
  beforeEach(async () => {
    lab = new Lab();
    site = await Site.build(lab, { host: "nothing" });
    tenant = await site.tenant({ name: "acme", number: 1 });
    cable = await site.deliveryCable();
  });
  afterEach(() => lab.close());

  test("the clock is set forward and back while packets come", async () => {
    const directory = join(lab.directory, "files");
    mkdirSync(directory);
    const clock = new SteppingClock(lab);
    const begin = performance.now();
    const gateway = await Gateway.start(
      lab,
      site.gateway,
      {
        tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend },
        delivery: { interface: "delivery" },
        sniffers: [
          { name: "all", deliver: "mac", mac: MACS.all, queue: 4096 },
          { name: "some", deliver: "mac", mac: MACS.some, rate: `${(8 * ALLOWED) / 1e6}Mbit` },
          { name: "files", deliver: "pcap", directory, queue: 4096, rotate: { size: "64KiB", keep: 10_000 } },
        ],
        tenants: [
          { name: "acme", sources: [{ encapsulation: "erspan" }], sniffers: ["all", "some", "files"] },
        ],
      },
      { env: clock.env },
    );
    const sniffer = await Sniffer.start(lab, cable, "cable", { filter: `ether dst ${MACS.all}` });
    const frames: Uint8Array[] = [];
    let fragments = 0;
    let isOver = false;
    const packets = function* () {
      for (let i = 0; !isOver; i++) {
        const [frame] = tenant.frames(1, { kinds: ["udp"] });
        const underlay = i % CUT === 0 ? { ...V4, mtu: 256 } : V4;
        const cut = tunnelFrames("erspan2", 1, frame!, i, underlay);
        frames.push(frame!);
        fragments += cut.length - 1;
        yield* cut;
      }
    };
    const sending = lab.port(site.host, "under").replay(packets(), { rate: RATE });

    const looks: StatusDocument[] = [];
    const asking = (async () => {
      for (; !isOver; await pause(20)) looks.push((await gateway.ask("/status")) as StatusDocument);
    })();
    const sentTo = async (name: string, bytes: number) => {
      const from = (await gateway.status()).sniffers[name]!.sentBytes;
      await until(
        () => looks.at(-1)!.sniffers[name]!.sentBytes > from + bytes,
        () => `${bytes} bytes more for ${name} than ${from}: ${JSON.stringify(looks.at(-1))}`,
      );
    };
    await sentTo("some", 2 * BUCKET);
    for (const offset of OFFSETS) {
      clock.set(offset);
      await until(
        async () => Math.abs((await aheadOf(gateway)) - offset) < 60,
        () => `the clock to be set by ${offset} s`,
      );
      await sentTo("some", 2 * BUCKET);
      await sentTo("files", 2 * BUCKET);
    }
    isOver = true;
    const sent = await sending;
    await asking;
    await gateway.has({ received: sent });
    const balance = await gateway.stop();
    const seconds = (performance.now() - begin) / 1000;

    expect(fragments).toBeGreaterThan(100);
    expect(balance).toMatchObject({
      received: sent,
      delivered: frames.length,
      reassembled: fragments,
      held: 0,
      drops: 0,
      kernel: { dropped: 0, ringFull: 0 },
      sniffers: { all: { sent: frames.length }, files: { sent: frames.length } },
    });
    const { rate, sentBytes } = balance.sniffers.some!;
    expect(rate).toBeGreaterThan(0);
    expect(sentBytes).toBeLessThan(ALLOWED * seconds + BUCKET * (OFFSETS.length + 1));
    expectExactly(await sniffer.finish(), addressedTo(MACS.all, frames), "wire");
    expectExactly(await filed(directory, "files"), frames, "files");

    const uptimes = looks.map((look) => look.seconds);
    expect(uptimes).toEqual(uptimes.toSorted((a, b) => a - b));
    expect(uptimes.at(-1)).toBeLessThan(seconds);
    // Names and, where the gateway tells the time itself, packets are of every time that it was.
    const names = readdirSync(directory);
    const begun = new Set(names.map((name) => hourOf(timeOf(name))));
    const now = Date.now() / 1000;
    for (const offset of [0, ...OFFSETS]) expect(begun).toContain(hourOf(now + offset));
    if (backend === "afxdp") expect(await hoursIn(directory, names)).toEqual(begun);
  });
});

/** Seconds by which its clock is ahead, as its answers say. */
async function aheadOf({ socket }: Gateway): Promise<number> {
  const said = await new Promise<string>((resolve, reject) => {
    get({ socketPath: socket, path: "/health", agent: false }, (response) => {
      response.resume();
      resolve(response.headers.date!);
    }).on("error", reject);
  });
  return (Date.parse(said) - Date.now()) / 1000;
}

/** Nearest hours from now: the test may run over the end of one. */
const hourOf = (seconds: number) => Math.round((seconds - START) / HOUR);
const START = Date.now() / 1000;

/** Seconds since 1970 in the name of a file. */
function timeOf(name: string): number {
  const [, date, time] = /-(\d{8})T(\d{6})Z-/.exec(name)!;
  const [hours, minutes, seconds] = time!.match(/../g)!;
  return Date.parse(`${date!.replace(/(....)(..)(..)/, "$1-$2-$3")}T${hours}:${minutes}:${seconds}Z`) / 1000;
}

async function hoursIn(directory: string, names: readonly string[]): Promise<Set<number>> {
  const hours = new Set<number>();
  for (const name of names)
    for await (const { timestamp } of readFrames(join(directory, name)))
      hours.add(hourOf(Number(timestamp) / 1e9));
  return hours;
}
