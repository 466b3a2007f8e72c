// Files and a quarantine behind a gateway in memory: senders in threads of their own beside one worker, without any privilege.

import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { readFrames } from "../../src/capture/index.js";
import { statusDocument } from "../../src/control/status.js";
import { type Balance, expectBalance } from "../live/gateway.js";
import { tunnelFrames, type Underlay } from "../live/tunnel-packets.js";
import { MemoryGateway } from "./memory-gateway.js";

const UNDERLAY: Underlay = {
  from: "192.0.2.1",
  to: "192.0.2.2",
  fromMac: "02:00:5e:00:00:01",
  toMac: "02:00:5e:00:00:02",
};
const NAMES = ["acme", "globex", "initech"];
const PER_TENANT = 2000;
/** Frames that are pushed before the gateway is waited for: fewer than a queue holds. */
const AT_ONCE = 300;

/** A frame of tenant `tenant`, which tells its number. */
function inner(tenant: number, number: number): Uint8Array {
  const frame = new Uint8Array(60 + (number % 1400)).fill(tenant + 1);
  frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5]);
  new DataView(frame.buffer).setUint32(14, number);
  return frame;
}
const mirrored = (tenant: number, number: number) =>
  tunnelFrames("vxlan", tenant, inner(tenant, number), number, UNDERLAY);
const hex = (frame: Uint8Array) => Buffer.from(frame).toString("hex");

async function framesOf(paths: readonly string[]): Promise<string[]> {
  const frames: string[] = [];
  for (const path of paths) for await (const { data } of readFrames(path)) frames.push(hex(data));
  return frames;
}

describe.skipIf(process.platform !== "linux")("files of a gateway in memory", () => {
  test.each(["inline", 2, "per-sniffer"] as const)("senders: %s", async (senders) => {
    const directory = mkdtempSync(join(tmpdir(), "spangate-senders-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const file = join(directory, "unmapped.pcapng");
    const gateway = await MemoryGateway.start({
      senders,
      quarantine: { file },
      sniffers: [
        ...NAMES.map((name) => ({
          name,
          deliver: "pcap",
          directory,
          rotate: { size: "100KiB", keep: 1000 },
        })),
        { name: "wire", deliver: "mac", mac: "02:00:00:00:0a:01" },
      ],
      tenants: [
        ...NAMES.map((name, vni) => ({
          name,
          sources: [{ encapsulation: "vxlan", vni }],
          sniffers: name === "acme" ? ["acme", "wire"] : [name],
        })),
      ],
    });
    for (let first = 0; first < PER_TENANT; first += AT_ONCE / 4) {
      const numbers = Array.from({ length: AT_ONCE / 4 }, (_, i) => first + i).filter((n) => n < PER_TENANT);
      await gateway.send(numbers.flatMap((number) => [0, 1, 2, 9].flatMap((vni) => mirrored(vni, number))));
      await gateway.tunnel.done("settled");
    }
    const balance = statusDocument(await gateway.stop()) as unknown as Balance;
    expectBalance(balance);
    expect(balance).toMatchObject({ delivered: 3 * PER_TENANT, drops: PER_TENANT });
    const all = Array.from({ length: PER_TENANT }, (_, number) => number);
    for (const [tenant, name] of NAMES.entries()) {
      const paths = readdirSync(directory).filter((each) => each.startsWith(`${name}-`));
      expect(paths.length).toBeGreaterThan(5);
      const written = await framesOf(paths.sort().map((each) => join(directory, each)));
      expect(written).toEqual(all.map((number) => hex(inner(tenant, number))));
      expect(balance.sniffers[name]).toMatchObject({ offered: PER_TENANT, sent: PER_TENANT });
    }
    expect(gateway.frames.length).toBe(PER_TENANT);
    expect(await framesOf([file])).toEqual(all.map((number) => hex(mirrored(9, number)[0]!)));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(balance.quarantine).toMatchObject({ offered: PER_TENANT, sent: PER_TENANT });
  });
});
