// A sniffer that stops reading: its filesystem is frozen in the middle of a write, or its TAP interface is down. What it loses is exact,
// what was queued for it arrives when it goes on, and nobody beside it notices.

import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addressedTo, expectExactly } from "./exactly.js";
import type { Gateway } from "./gateway.js";
import { Lab } from "./lab.js";
import { lacks } from "./requirements.js";
import { filed, MAC, NAMES, SinkSite, TAP, type TenantName, untilSent } from "./sinks.js";
import { UNTAGGED } from "./tenant-traffic.js";
import { until } from "./until.js";

/** Packets for each in each phase: while it is stalled more than its queue holds, and that is more than comes while a thread waits for a processor. */
const COUNT = 1500;
const QUEUE = 512;
const SIZE = 32 << 20;

interface Stall {
  begin(): Promise<void> | void;
  end(): Promise<void> | void;
}

describe.skipIf(lacks("mkfs.ext4", "fsfreeze", "mount")).each(["drop-newest", "drop-oldest"])(
  "%s",
  (overflow) => {
    let lab: Lab;
    let place: SinkSite;
    let thaw: () => void;
    beforeEach(async () => {
      thaw = () => {};
      lab = new Lab();
      place = await SinkSite.build(lab);
    });
    afterEach(async () => {
      thaw(); // before: who waits in a write cannot be ended
      await lab.close();
    });

    /** A folder on a filesystem of its own, which can be frozen: whoever writes waits. */
    function frozen(directory: string): Stall {
      const image = join(lab.directory, "filesystem");
      closeSync(openSync(image, "w"));
      truncateSync(image, SIZE);
      execFileSync("mkfs.ext4", ["-q", "-F", image]);
      mkdirSync(directory);
      execFileSync("mount", ["-o", "loop", image, directory]);
      let isFrozen = false;
      const set = (frozen: boolean) => {
        if (isFrozen !== frozen) execFileSync("fsfreeze", [frozen ? "-f" : "-u", directory]);
        isFrozen = frozen;
      };
      lab.onClose(() => execFileSync("umount", ["-l", directory]));
      thaw = () => set(false);
      return { begin: () => set(true), end: () => set(false) };
    }

    const tapDown: Stall = {
      begin: () => lab.ip(place.site.gateway, `link set ${TAP} down`),
      end: () => lab.ip(place.site.gateway, `link set ${TAP} up`),
    };

    test.each([
      ["a filesystem that is frozen", "globex", "per-sniffer", "afxdp"],
      ["a filesystem that is frozen", "globex", "per-sniffer", "afpacket"],
      ["a TAP interface that is down", "acme", "inline", "afxdp"],
      ["a TAP interface that is down", "acme", 2, "afpacket"],
    ] as const)(
      "%s: %s stands still, others do not (senders: %s, %s)",
      async (_, stalled, senders, backend) => {
        const directory = place.folder();
        const stall = stalled === "globex" ? frozen(directory) : tapDown;
        const config = place.config(directory, { senders }, {}, { backend });
        const sniffers = (config.sniffers as { name: string }[]).map((sniffer) =>
          sniffer.name === stalled ? { ...sniffer, queue: QUEUE, overflow } : sniffer,
        );
        const gateway = await place.start({ ...config, sniffers });
        const wire = await place.behindDelivery();
        // tcpdump would end when the interface goes down.
        const port = lab.port(place.site.gateway, TAP, { receiveBuffer: SIZE });
        const tap: Uint8Array[] = [];
        /** What each has by now. */
        const got = async (name: TenantName) => {
          if (name === "globex") return filed(directory, name);
          if (name === "initech") return wire.flush();
          tap.push(...port.receiveAll());
          return tap;
        };
        const expected: Record<TenantName, Uint8Array[]> = { acme: [], globex: [], initech: [] };
        const expectGot = async (names: readonly TenantName[]) => {
          for (const name of names) {
            await untilSent(gateway, name, expected[name].length);
            const frames = name === "initech" ? addressedTo(MAC, expected[name]) : expected[name];
            expectExactly(await got(name), frames, name);
          }
        };
        const others = NAMES.filter((name) => name !== stalled);
        const all = async () => {
          const frames = await place.send(COUNT, NAMES, UNTAGGED);
          for (const name of NAMES) expected[name].push(...frames[name]);
        };

        await all();
        await expectGot(NAMES);
        await stall.begin();
        const frames = await place.send(COUNT, NAMES, UNTAGGED);
        for (const name of others) expected[name].push(...frames[name]);
        await expectGot(others);
        const stuck = await quiet(gateway, stalled, 2 * COUNT);
        const { queued, inFlight, sent, droppedNewest, droppedOldest } = stuck;
        // What was under way when it stalled is not in its queue any more.
        expect([sent, sent + queued + inFlight + droppedNewest + droppedOldest]).toEqual([COUNT, 2 * COUNT]);
        expect(queued + inFlight).toBeGreaterThanOrEqual(QUEUE);
        expect(overflow === "drop-newest" ? droppedOldest : droppedNewest).toBe(0);
        const kept =
          overflow === "drop-newest"
            ? frames[stalled].slice(0, queued + inFlight)
            : [...frames[stalled].slice(0, inFlight), ...frames[stalled].slice(COUNT - queued)];
        expected[stalled].push(...kept);

        await stall.end();
        await expectGot([stalled]);
        await all();
        await expectGot(NAMES);
        const balance = await gateway.stop();
        for (const name of others)
          expect(balance.sniffers[name], name).toMatchObject({ offered: 3 * COUNT, sent: 3 * COUNT });
        expect(balance.sniffers[stalled]).toMatchObject({
          offered: 3 * COUNT,
          sent: expected[stalled].length,
          droppedNewest,
          droppedOldest,
          sendError: 0,
        });
        await wire.stop();
      },
    );
  },
);

/** Waits until all that is known of a sniffer's packets has been decided. */
async function quiet(gateway: Gateway, name: string, offered: number) {
  const accounts = await until(
    async () => {
      const now = (await gateway.status()).sniffers[name]!;
      return now.offered === offered && now;
    },
    () => `${offered} packets offered to ${name}`,
  );
  return accounts;
}
