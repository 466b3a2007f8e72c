// `run --replace` where frames go to a TAP interface and into files, what is nobody's into a quarantine, and the API answers by TCP, too:
// two gateways have the same, one after the other.

import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { expectExactly, hex } from "./exactly.js";
import { framesIn } from "./frames-in.js";
import type { Balance } from "./gateway.js";
import { Lab } from "./lab.js";
import { lacks } from "./requirements.js";
import { filed, MAC, NAMES, SinkSite, untilSent } from "./sinks.js";
import { Sniffer } from "./sniffer.js";
import { missingOf, takenOver } from "./taken-over.js";
import { pause, until } from "./until.js";

/** Packets of each in a round, and of nobody. */
const COUNT = 100;
const FOREIGN = 10;
const FOREIGN_SESSION = 999;
const PORT = 9480;
const TOKEN = "0123456789abcdef0123456789abcdef";

describe.skipIf(lacks("curl")).each(["afxdp", "afpacket"])("run --replace, %s", (backend) => {
  let lab: Lab;
  let place: SinkSite;
  let socket: string;
  beforeEach(async () => {
    lab = new Lab();
    chmodSync(lab.directory, 0o755);
    place = await SinkSite.build(lab);
    socket = join(lab.directory, "run", "api.sock");
  });
  afterEach(() => lab.close());

  test("every frame is once at the TAP interface, once in the files, once in a quarantine", async () => {
    const directory = place.folder();
    mkdirSync(directory);
    const quarantine = join(lab.directory, "unmapped.pcapng");
    const more = { api: { socket }, quarantine: { file: quarantine }, senders: "per-sniffer" };
    const config = place.config(directory, more, {}, { backend });
    const first = await place.start(config);
    const tap = await place.onTap();
    const wire = await Sniffer.start(lab, place.behind, "cable", { filter: `ether dst ${MAC}` });
    const sent = { acme: [] as Uint8Array[], globex: [] as Uint8Array[], initech: [] as Uint8Array[] };
    const foreign: Uint8Array[] = [];
    let isOver = false;
    const sending = (async () => {
      while (!isOver) {
        const frames = await place.send(COUNT);
        for (const name of NAMES) sent[name].push(...frames[name]);
        const nobody = place.tenants.acme.frames(FOREIGN);
        const packets = nobody.flatMap((frame) => place.mirrored(frame, FOREIGN_SESSION));
        await lab.port(place.site.host, "under").replay(packets, { rate: 5000 });
        foreign.push(...packets);
        await pause(1);
      }
    })();
    await first.has({ received: 3 * COUNT });
    const second = await place.start(config, { flags: ["--replace"] });
    const before = await first.end();
    const { received } = await second.status();
    await second.has({ received: received + 3 * COUNT });
    isOver = true;
    await sending;
    const all = NAMES.reduce((sum, name) => sum + sent[name].length, foreign.length);
    const { between } = takenOver(second);
    let missing = all;
    await until(
      async () => {
        missing = missingOf(all, before, await second.status());
        return missing <= between;
      },
      () => `all but ${between} of ${all} packets, of which ${missing} are missing: ${second.process.output}`,
    );
    for (const [name, { offered }] of Object.entries((await second.status()).sniffers))
      await untilSent(second, name, offered);
    // The one that ended has taken nothing of the TAP interface with it: who listens there has both's.
    await tap.has(sentOf(before, "acme") + sentOf(await second.status(), "acme"));
    const after = await second.stop();

    for (const balance of [before, after])
      for (const name of NAMES) {
        const { offered } = balance.sniffers[name]!;
        expect(balance.sniffers[name], name).toMatchObject({ offered, sent: offered });
        expect(offered, name).toBeGreaterThan(0);
      }
    const arrived = {
      acme: await tap.frames(),
      globex: await filed(directory, "globex"),
      initech: await wire.finish(),
    };
    for (const name of NAMES) {
      const both = sentOf(before, name) + sentOf(after, name);
      expect(arrived[name].length, name).toBe(both);
    }
    // Nobody had what is missing: with a bridge there is no such packet.
    expect(missingOf(all, before, after)).toBeLessThanOrEqual(between);
    const isWhole = before.received + after.received === all;
    if (isWhole) {
      expectExactly(arrived.acme, sent.acme, "TAP");
      expectExactly(arrived.globex, sent.globex, "files");
    } else for (const name of ["acme", "globex"] as const) expectOnce(arrived[name], sent[name]);

    const kept = [await framesIn(`${quarantine}.old`), await framesIn(quarantine)];
    expect(kept.map(({ length }) => length)).toEqual([before.quarantine!.sent, after.quarantine!.sent]);
    if (isWhole) expect(kept.flat().map(hex)).toEqual(foreign.map(hex));
    await tap.stop().catch(() => {}); // its interface is gone
  });

  test("the API by TCP is the second one's", async () => {
    const token = join(lab.directory, "token");
    writeFileSync(token, TOKEN);
    const config = place.config(
      place.folder(),
      { api: { socket, listen: { port: PORT, token } } },
      {},
      { backend },
    );
    const first = await place.start(config);
    expect(await pidByTcp(place)).toBe(first.process.pid);
    const second = await place.start(config, { flags: ["--replace"] });
    await first.end();
    await until(
      async () => (await pidByTcp(place)) === second.process.pid,
      () => `the second's answer by TCP: ${second.process.output}`,
    );
    await second.stop();
    expect(existsSync(socket)).toBe(false);
  });
});

const sentOf = (balance: Balance, name: string) => balance.sniffers[name]!.sent;

/** Nothing but what was sent, and nothing twice. */
function expectOnce(arrived: readonly Uint8Array[], sent: readonly Uint8Array[]): void {
  const frames = arrived.map(hex);
  expect(new Set(frames).size).toBe(frames.length);
  const known = new Set(sent.map(hex));
  expect(frames.filter((frame) => !known.has(frame))).toEqual([]);
}

/** Of the process that answers by TCP, if one does. */
async function pidByTcp({ lab, site }: SinkSite): Promise<number | undefined> {
  const asked = ["-s", "-H", `Authorization: Bearer ${TOKEN}`, `http://127.0.0.1:${PORT}/health`];
  const text = await lab.run(site.gateway, "curl", asked).catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as { pid: number }).pid;
}
