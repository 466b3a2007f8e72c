// Senders in threads of their own, with TAP interfaces, files and the delivery interface: each gets exactly its tenant's frames, whatever
// becomes of the others.

import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { findUser } from "../../src/linux/users.js";
import { missing, tshark } from "../capture/programs.js";
import * as make from "../reference/packets.js";
import { addressedTo, expectExactly, hex } from "./exactly.js";
import { framesIn } from "./frames-in.js";
import { type Balance, expectBalance } from "./gateway.js";
import { Lab } from "./lab.js";
import { lacks } from "./requirements.js";
import { filed, MAC, NAMES, SinkSite, TAP, untilSent } from "./sinks.js";
import { GATEWAY, HOST } from "./site.js";
import { Sniffer } from "./sniffer.js";
import { until } from "./until.js";

const COUNT = 300;
const TIMEOUT = 60_000;
const USER = "nobody";
const FOREIGN = 999;

describe.skipIf(lacks())("senders", () => {
  let lab: Lab;
  let place: SinkSite;
  beforeAll(async () => {
    lab = new Lab();
    place = await SinkSite.build(lab);
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);

  test.each([
    ["inline", "afxdp", {}],
    ["inline", "afpacket", {}],
    [2, "afxdp", {}],
    [1, "afpacket", {}],
    ["per-sniffer", "afxdp", {}],
    ["per-sniffer", "afpacket", { user: USER, sealed: true }],
  ] as const)("%s, %s, %j: to each its own, byte for byte", async (senders, backend, more) => {
    const directory = place.folder();
    const quarantine = join(lab.directory, `unmapped-${senders}-${backend}.pcapng`);
    chmodSync(lab.directory, 0o711);
    const config = place.config(
      directory,
      { senders, quarantine: { file: quarantine }, ...more },
      {},
      { backend },
    );
    const gateway = await place.start(config);
    const tap = await place.onTap();
    const wire = await place.behindDelivery();
    const frames = await place.send(COUNT);
    const foreign = place.tenants.acme.frames(20).flatMap((frame) => place.mirrored(frame, FOREIGN));
    await lab.port(place.site.host, "under").replay(foreign, { rate: 2000 });
    await gateway.has({ received: 3 * COUNT + foreign.length });
    await tap.has(COUNT);
    await wire.has(COUNT);
    await untilSent(gateway, "globex", COUNT);
    // While the gateway runs everything that was sent is in the file, and the file is whole.
    expectExactly(await filed(directory, "globex"), frames.globex, "files");
    const balance = await gateway.stop();
    expect(balance).toMatchObject({ delivered: 3 * COUNT, drops: foreign.length });
    for (const name of NAMES)
      expect(balance.sniffers[name], name).toMatchObject({ offered: COUNT, sent: COUNT });
    expectExactly(await tap.frames(), frames.acme, "TAP");
    expectExactly(await filed(directory, "globex"), frames.globex, "files");
    expectExactly(await wire.stop(), addressedTo(MAC, frames.initech), "wire");
    await tap.stop().catch(() => {}); // its interface is gone
    expect(balance.quarantine).toMatchObject({ offered: foreign.length, sent: foreign.length });
    const kept = await framesIn(quarantine);
    expect(kept.map(hex)).toEqual(foreign.map(hex));
    const owner = "user" in more ? findUser(USER).uid : 0;
    expect([statSync(quarantine).mode & 0o777, statSync(quarantine).uid]).toEqual([0o600, owner]);
    expect(statSync(join(directory, readdirSync(directory)[0]!)).uid).toBe(owner);
  });

  test("each mirror session is an interface of the file; times are the packets'", async () => {
    if (missing("tshark")) return;
    const directory = place.folder();
    const gateway = await place.start(place.config(directory));
    const before = Date.now() / 1000;
    await place.send(10);
    await untilSent(gateway, "globex", 10);
    await gateway.stop();
    const fields = ["frame.interface_name", "frame.time_epoch", "_ws.malformed"];
    const rows = tshark(join(directory, readdirSync(directory)[0]!), fields);
    expect(rows).toHaveLength(10);
    for (const [name, time] of rows) {
      expect(name).toBe(`erspan/${HOST.ipv4}/101`);
      expect(Number(time)).toBeGreaterThan(before - 5);
      expect(Number(time)).toBeLessThan(Date.now() / 1000 + 5);
    }
  });

  test("what arrives at a TAP interface is for who listens, never for the host", async () => {
    const gateway = await place.start(place.config(place.folder()));
    const tap = await place.onTap("inout");
    const answers = await Sniffer.start(lab, place.site.host, "under", { filter: "icmp" });
    const echo = echoRequest();
    const frame = make.ethernet(
      0x0800,
      make.ipv4(1, echo, { source: HOST.ipv4, destination: GATEWAY.ipv4 }),
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      [2, 0, 0, 0, 0, 9],
    );
    await lab.port(place.site.host, "under").replay(place.mirrored(frame, 100));
    const arrived = await tap.has((each) => hex(each) === hex(frame));
    const ipv4 = arrived.filter((each) => each[12] === 8 && each[13] === 0);
    expect(ipv4.map(hex)).toEqual([hex(frame)]);
    expect(await answers.finish()).toEqual([]);
    await gateway.stop();
  });

  test("a TAP interface that is there is taken and stays; one of another kind is refused", async () => {
    const { gateway: namespace } = place.site;
    await lab.run(namespace, "ip", ["tuntap", "add", TAP, "mode", "tap", "multi_queue"]);
    onTestFinished(async () => {
      await lab.run(namespace, "ip", ["link", "del", TAP]);
    });
    const gateway = await place.start(place.config(place.folder()));
    const tap = await place.onTap();
    const { acme } = await place.send(COUNT, ["acme"]);
    await tap.has(COUNT);
    await gateway.stop();
    expectExactly(await tap.stop(), acme, "TAP");
    const config = place.config(place.folder()) as { sniffers: { interface?: string }[] };
    config.sniffers[0]!.interface = "delivery";
    await expect(place.start(config)).rejects.toThrow(
      /delivery is there, and is no TAP interface.*CONFIG_INVALID/s,
    );
  });

  test("a delivery interface that takes nothing keeps nobody waiting that shares its sender", async () => {
    const directory = place.folder();
    const gateway = await place.start(place.config(directory, { senders: 1 }, {}, { backend: "afpacket" }));
    const wire = await place.behindDelivery();
    await lab.ip(place.site.gateway, "link set delivery down");
    onTestFinished(() => lab.ip(place.site.gateway, "link set delivery up"));
    const frames = await place.send(COUNT);
    await untilSent(gateway, "globex", COUNT);
    await untilSent(gateway, "acme", COUNT);
    expectExactly(await filed(directory, "globex"), frames.globex, "files");
    expect((await gateway.status()).sniffers.initech).toMatchObject({ sent: 0, droppedNewest: 0 });
    await lab.ip(place.site.gateway, "link set delivery up");
    await wire.has(COUNT);
    const balance = await gateway.stop();
    expect(balance.sniffers.initech).toMatchObject({ offered: COUNT, sent: COUNT });
    expectExactly(await wire.stop(), addressedTo(MAC, frames.initech), "wire");
  });

  test.each(NAMES)("the sender of %s breaks: it is started again, and others do not notice", async (name) => {
    const directory = place.folder();
    const trigger = join(lab.directory, `break-${name}`);
    const breaker = fileURLToPath(new URL("broken-sender.mjs", import.meta.url));
    const gateway = await place.start(place.config(directory, { senders: "per-sniffer" }), {
      env: { NODE_OPTIONS: `--import ${breaker}`, SPANGATE_BREAK: trigger },
    });
    await place.send(COUNT);
    for (const each of NAMES) await untilSent(gateway, each, COUNT);
    writeFileSync(trigger, name);
    await place.send(COUNT);
    await until(
      () => !existsSync(trigger),
      () => "the sender to break",
    );
    await place.send(COUNT);
    const others = NAMES.filter((each) => each !== name);
    for (const each of others) await untilSent(gateway, each, 3 * COUNT);
    let last: Balance | undefined;
    await until(
      async () => {
        last = await gateway.status();
        const { queued, inFlight, offered } = last.sniffers[name]!;
        return offered === 3 * COUNT && queued + inFlight === 0;
      },
      () => JSON.stringify(last?.sniffers),
    );
    const balance = await gateway.stop();
    const { sent, sendError, droppedNewest } = balance.sniffers[name]!;
    expect(sent + sendError + droppedNewest).toBe(3 * COUNT);
    expect(droppedNewest).toBe(0);
    // No more than was in its hands.
    expect(sendError).toBeLessThanOrEqual(256);
    for (const each of others) expect(balance.sniffers[each]).toMatchObject({ sent: 3 * COUNT });
    expect(gateway.process.output).toContain(
      `spangate: the sender of ${name} broke: The sender broke.; it is started again`,
    );
  });

  test.each(["inline", "per-sniffer"])("%s: sniffers come and go while it runs", async (senders) => {
    const directory = place.folder();
    const whole = place.config(directory, { senders }) as {
      sniffers: { name: string }[];
      tenants: { name: string }[];
    };
    const few = {
      ...whole,
      sniffers: whole.sniffers.filter(({ name }) => name === "initech"),
      tenants: whole.tenants.filter(({ name }) => name === "initech"),
    };
    const gateway = await place.start(few);
    const reload = async (config: object) => {
      const { generation } = (await gateway.status()).map;
      gateway.rewrite(config);
      await until(
        async () => (await gateway.status()).map.generation > generation,
        () => `another map: ${gateway.process.output}`,
      );
    };
    const hasTap = async () => (await lab.run(place.site.gateway, "ip", ["-o", "link"])).includes(TAP);
    const written: Uint8Array[] = [];
    for (let round = 1; round <= 2; round++) {
      expect(await hasTap()).toBe(false);
      await reload(whole);
      const tap = await place.onTap();
      const frames = await place.send(COUNT);
      await tap.has(COUNT);
      for (const name of NAMES) await untilSent(gateway, name, COUNT * round);
      await reload(few);
      await until(
        async () => !(await hasTap()),
        () => "the TAP interface to go",
      );
      written.push(...frames.globex);
      expectExactly(await filed(directory, "globex"), written, "files");
      expectExactly(await tap.frames(), frames.acme, "TAP");
      await tap.stop().catch(() => {});
    }
    const balance = await gateway.stop();
    for (const name of NAMES)
      expect(balance.sniffers[name], name).toMatchObject({ offered: 2 * COUNT, sent: 2 * COUNT });
  });

  test("several workers, several senders: every packet is accounted for", async () => {
    const own = new Lab();
    onTestFinished(() => own.close());
    const wide = await SinkSite.build(own, 2);
    const directory = wide.folder();
    const gateway = await wide.start(
      wide.config(directory, { senders: 3 }, {}, { backend: "afpacket", queues: 2 }),
    );
    const tap = await wide.onTap();
    const frames = await wide.send(2000);
    await gateway.has({ received: 6000 });
    for (const name of NAMES) await untilSent(gateway, name, 2000);
    await tap.has(2000);
    const balance = await gateway.stop();
    expect(balance.workers.length).toBe(2);
    expect(balance).toMatchObject({ delivered: 6000, drops: 0 });
    expectExactly(await filed(directory, "globex"), frames.globex, "files", { ordered: false });
    expectExactly(await tap.frames(), frames.acme, "TAP", { ordered: false });
    await tap.stop().catch(() => {});
  });

  test("what is queued is in the file at the end", async () => {
    const directory = place.folder();
    const gateway = await place.start(place.config(directory, {}, { rotate: { size: "64KiB", keep: 100 } }));
    const { globex } = await place.send(2000, ["globex"]);
    await gateway.has({ received: 2000 });
    const balance = await gateway.stop();
    expect(balance.sniffers.globex).toMatchObject({ offered: 2000, sent: 2000 });
    expectExactly(await filed(directory, "globex"), globex, "files");
    expect(readdirSync(directory).length).toBeGreaterThan(10);
  });

  test("a quarantine that is full is said once, and further packets are counted", async () => {
    const file = join(lab.directory, "small.pcapng");
    const gateway = await place.start(place.config(place.folder(), { quarantine: { file, limit: "4KiB" } }));
    const foreign = place.tenants.acme.frames(100).flatMap((frame) => place.mirrored(frame, FOREIGN));
    await lab.port(place.site.host, "under").replay(foreign, { rate: 2000 });
    await gateway.has({ received: foreign.length });
    const balance = await gateway.stop();
    expect(statSync(file).size).toBeLessThanOrEqual(4096);
    const kept = await framesIn(file);
    expect(balance.quarantine).toMatchObject({ offered: foreign.length, sent: kept.length });
    expect(kept.length).toBeGreaterThan(2);
    const full = /^spangate: .*small\.pcapng has reached its limit of 4096 bytes: .*$/gm;
    expect(gateway.process.output.match(full)).toHaveLength(1);
    expect(balance.notes.join()).toContain("has reached its limit");
  });

  test("diskFull: stop ends the gateway in order, with the balance", async () => {
    const directory = place.folder();
    mkdirSync(directory);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "spangate-test", directory]);
    onTestFinished(() => {
      execFileSync("umount", ["-l", directory]);
      rmSync(directory, { recursive: true });
    });
    const gateway = await place.start(place.config(directory, {}, { diskFull: "stop" }));
    await place.send(COUNT);
    expect(await gateway.process.ended).toEqual({ code: 1, signal: null });
    expect(gateway.process.output).toMatch(
      /cannot write .*: the disk is full \(diskFull: stop\)\. \[IO_FAILED\]/,
    );
    const balance = JSON.parse(gateway.process.stdout) as Balance;
    expectBalance(balance);
    expect(balance.sniffers.globex!.sendError).toBeGreaterThan(0);
  });

  test("a folder that the user may not write into is refused", async () => {
    const directory = place.folder();
    mkdirSync(directory, { mode: 0o755 });
    await expect(place.start(place.config(directory, { user: USER }))).rejects.toThrow(
      /User nobody may not write into .*, the folder of globex: .*NOT_PERMITTED/s,
    );
  });
});

/** ICMP echo request: type, code, checksum, identifier, sequence, and enough for the least frame. */
function echoRequest(): Uint8Array {
  const bytes = new Uint8Array(40);
  bytes.set([8, 0, 0xf7, 0xfd, 0, 1, 0, 1]);
  return bytes;
}
