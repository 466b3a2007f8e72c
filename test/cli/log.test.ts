// What `spangate run` says on stderr: records for programs, lines for people, each by its level.

import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ERRORS } from "../../src/errors.js";
import { EVENTS } from "../../src/telemetry/events.js";
import { VERSION } from "../../src/version.js";
import { DEMO, ownFolder, shell, spangate } from "./command.js";

const folder = ownFolder();
const config = `${folder}/gateway.yaml`;
const sniffers = [{ name: "acme-ids", deliver: "mac", mac: "02:00:00:00:0a:01" }];
const tenants = [{ name: "acme", sources: [{ encapsulation: "erspan" }], sniffers: ["acme-ids"] }];
writeFileSync(config, JSON.stringify({ sniffers, tenants }));
const run = (...more: string[]) => [
  ...["run", config, "--replay", DEMO, "--speed", "max", "--record", `${folder}/out.pcapng`],
  ...more,
];

interface Told {
  readonly level: string;
  readonly time: string;
  readonly code: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

function records(stderr: string): Told[] {
  return stderr
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Told);
}

describe.skipIf(process.platform !== "linux")("spangate run", () => {
  test("--log json: a record for each event, the last with the balance", async () => {
    const { code, stderr } = await spangate(run("--log", "json"));
    expect(code).toBe(0);
    const told = records(stderr);
    expect(told.map((record) => record.code)).toEqual(["STARTING", "READY", "DRAINING", "ENDED"]);
    for (const { level, time, pid, version, code, message } of told) {
      expect(level).toBe(EVENTS[code as keyof typeof EVENTS].level);
      expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000);
      expect([typeof pid, version, message === ""]).toEqual(["number", VERSION, false]);
    }
    expect(told[1]).toMatchObject({ generation: 1, workers: 1, receive: expect.any(String) });
    expect(told.at(-1)!.balance).toMatchObject({
      received: 300,
      holds: true,
      sniffers: { count: 1, offered: expect.any(Number) },
      counters: { received: 300 },
      kernel: { ringFull: 0 },
    });
  });

  test("stderr that is no terminal gets records", async () => {
    const { stderr } = await shell(`unset SPANGATE_LOG; exec $NODE $MAIN ${run().join(" ")}`);
    expect(records(stderr).map(({ code }) => code)).toContain("READY");
  });

  test("at a terminal people get lines, as before", async () => {
    const said = `${folder}/typescript`;
    // Its own stderr is the pseudo-terminal's.
    const command = `unset SPANGATE_LOG; exec $NODE $MAIN ${run("--json").join(" ")} > ${folder}/balance.json`;
    await shell(`script -qec '${command}' ${said} < /dev/null > /dev/null`);
    const text = readFileSync(said, "utf8");
    expect(text).toMatch(/^spangate: ready: replay of .*\r$/m);
    expect(text).not.toContain("{");
  });

  test.each([
    [["--log-level", "error"], []],
    [["--log-level", "warn"], []],
    [["--quiet"], []],
    [
      ["--log-level", "info"],
      ["STARTING", "READY", "DRAINING", "ENDED"],
    ],
  ])("%j tells so much", async (flags, codes) => {
    const { stderr } = await spangate(run("--log", "json", ...flags));
    expect(stderr === "" ? [] : records(stderr).map(({ code }) => code)).toEqual(codes);
  });

  test("as the unit has it started, everything is in the log, and the balance is there once", async () => {
    const unit = readFileSync(new URL("../../appliance/systemd/spangate.service", import.meta.url), "utf8");
    const [, words = ""] = /^ExecStart=spangate run \S+gateway\.yaml (.*)$/m.exec(unit) ?? [];
    const flags = words.split(" ").filter((word) => word !== "--replace");
    // systemd takes both outputs to the journal.
    const { stdout } = await shell(`unset SPANGATE_LOG; exec $NODE $MAIN ${run(...flags).join(" ")} 2>&1`);
    const told = records(stdout);
    expect(told.map(({ code }) => code)).toEqual(["STARTING", "READY", "DRAINING", "ENDED"]);
    expect(told.filter((record) => "balance" in record)).toHaveLength(1);
  });

  test("the last record has the accounts of sniffers that missed something", async () => {
    const file = `${folder}/short.yaml`;
    const far = { deliver: "vxlan", to: "198.51.100.2", mac: "02:00:00:00:0a:02", vni: 7, fit: "drop" };
    const delivery = { mtu: 576, addresses: ["198.51.100.1"], mac: "02:00:00:00:00:01" };
    const two = [...sniffers, { name: "far-ids", ...far }];
    const both = [{ ...tenants[0], sniffers: ["acme-ids", "far-ids"] }];
    writeFileSync(file, JSON.stringify({ delivery, sniffers: two, tenants: both }));
    const [command, , ...flags] = run("--log", "json", "--quiet", "--log-level", "info");
    const { stderr } = await spangate([command!, file, ...flags]);
    const { sniffers: told } = records(stderr).at(-1)!.balance as { sniffers: { missing: object } };
    expect(Object.keys(told.missing)).toEqual(["far-ids"]);
    expect(told).toMatchObject({
      count: 2,
      missing: { "far-ids": { offered: 189, sent: 187, tooLarge: 2 } },
    });
  });

  test("an error that ends it is a record with its code, all mistakes in it", async () => {
    const file = `${folder}/broken.yaml`;
    writeFileSync(file, "sniffers: [{ name: 7 }]\ntenants: [{ name: x, sniffers: [y] }]\n");
    const { code, stderr } = await spangate(["run", file, "--log", "json"]);
    expect(code).toBe(2);
    const [, failure] = records(stderr);
    expect(failure).toMatchObject({ level: "error", code: "CONFIG_INVALID", details: { file } });
    expect((failure!.details as { mistakes: unknown[] }).mistakes.length).toBeGreaterThan(1);
  });

  test("a form and a level that there are not", async () => {
    for (const flags of [
      ["--log", "xml"],
      ["--log-level", "loud"],
    ]) {
      const { code, stderr } = await spangate(run(...flags));
      expect([code, stderr]).toEqual([2, expect.stringMatching(/Allowed choices are .* \[USAGE\]/s)]);
    }
  });
});

test("no event has the code of an error", () => {
  for (const [code, { description }] of Object.entries(EVENTS)) {
    expect(code in ERRORS).toBe(false);
    expect(description).toMatch(/^\S.*\.$/);
  }
});
