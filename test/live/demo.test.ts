// The live demo as a user runs it: what it says at the end, and that nothing is left of it, however it ends.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { Lab } from "./lab.js";
import { lacks } from "./requirements.js";
import { Running } from "./running.js";
import { until } from "./until.js";

const DEMO = fileURLToPath(new URL("demo.mjs", import.meta.url));
const CLEAN = "Cleaned up: no namespace, interface, process or file of the demo is left.\n";

async function start(ready: RegExp): Promise<Running> {
  const demo = await Running.start(process.execPath, [DEMO], { ready, timeout: 50_000 });
  onTestFinished(async () => {
    await demo.stop("SIGKILL");
  });
  return demo;
}

describe.skipIf(lacks("ovs-vswitchd", "ovsdb-server", "ovs-vsctl"))("the live demo", () => {
  test("each sniffer has its tenant's frames, and the accounts balance", async () => {
    const demo = await start(/Cleaned up|failed/);
    expect(await demo.ended, demo.output).toEqual({ code: 0, signal: null });
    const frames = (name: string) =>
      Number(new RegExp(`^${name}: (\\d+) frames`, "m").exec(demo.output)?.[1]);
    const [acme, globex] = [frames("acme-ids"), frames("globex-ids")];
    expect(acme).toBeGreaterThan(100);
    expect(globex).toBeGreaterThan(100);
    expect(frames("nobody-ids")).toBe(0);
    expect(demo.output).toMatch(/^\d+\.\d s: acme-ids \d+ .*; gateway: \d+ received/m);
    const total = acme + globex;
    const sum = `received ${total} = delivered ${total} + reassembled 0 + held 0 + drops 0`;
    expect(demo.output).toContain(`\n${sum}\n`);
    expect(demo.output.endsWith(`\n${CLEAN}`), demo.output).toBe(true);
    expect(Lab.leftovers(demo.pid)).toEqual([]);
  });

  test.each([
    ["while it builds", /Building/],
    ["while it counts", /\d s: /],
  ])("Ctrl-C %s", async (_, ready) => {
    const demo = await start(ready);
    demo.kill("SIGINT");
    expect(await demo.ended, demo.output).toEqual({ code: 130, signal: null });
    expect(demo.output.endsWith(`\nInterrupted.\n${CLEAN}`), demo.output).toBe(true);
    expect(Lab.leftovers(demo.pid)).toEqual([]);
  });

  test("killed", async () => {
    const demo = await start(/\d s: /);
    expect(Lab.leftovers(demo.pid)).not.toEqual([]);
    demo.kill("SIGKILL");
    await demo.ended;
    const isGone = () => Lab.leftovers(demo.pid).length === 0;
    await until(isGone, () => `the keeper to take away ${Lab.leftovers(demo.pid)}`);
  });

  test("without root it says one sentence", () => {
    const user = "data:text/javascript,process.getuid = () => 1000";
    const options = { encoding: "utf8" } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", user, DEMO], options);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^The live demo .* takes root: sudo npm run demo:live\n$/);
  });

  test("without its programs it says how to install them", () => {
    const options = { encoding: "utf8", env: { PATH: "/nowhere" } } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, [DEMO], options);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("sudo apt-get install iproute2 ethtool tcpdump openvswitch-switch\n");
  });
});
