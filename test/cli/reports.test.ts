// strip and decap: what they write, and the accounts they give.

import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readFrames } from "../../src/capture/index.js";
import { VERDICTS } from "../../src/engine/index.js";
import { DEMO, DEMO_MAP, FIXTURES, ownFolder, shell, spangate } from "./command.js";

const folder = ownFolder();

async function frames(path: string): Promise<number> {
  let count = 0;
  for await (const _ of readFrames(path)) count++;
  return count;
}

async function stripped(args: readonly string[]) {
  const out = `${folder}/stripped.pcapng`;
  const { code, stdout, stderr } = await spangate(["strip", ...args, "-w", out, "--json"]);
  expect([code, stderr]).toEqual([0, ""]);
  const report = JSON.parse(stdout);
  expect(report.holds).toBe(true);
  expect(report.files).toEqual([
    { isWhole: true, path: out, packets: await frames(out), bytes: statSync(out).size },
  ]);
  return report;
}

describe("strip", () => {
  test("tables for people", async () => {
    const out = `${folder}/people.pcapng`;
    const { code, stdout, stderr } = await spangate(["strip", DEMO, "-w", out]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^verdict +packets\ndelivered +288 {2}taken out of its tunnel\n/);
    expect(stdout).toMatch(/^received 300 = delivered 288 \+ reassembled 0 \+ held 0 \+ drops 12$/m);
    expect(stdout).toMatch(
      /^erspan +192\.0\.2\.1 +192\.0\.2\.2 +100 +129 +16651 +9\/138 \(6\.52%\) +0 +0 +0$/m,
    );
    expect(stdout).toMatch(/^vxlan .* n\/a +n\/a +n\/a +n\/a$/m);
    expect(stdout).toMatch(/people\.pcapng: 288 packets, /);
    expect(stdout).not.toContain("\u001b");
    expect(await frames(out)).toBe(288);
  });

  test("one document for programs", async () => {
    const report = await stripped([DEMO]);
    expect(report).toMatchObject({ command: "strip", received: 300, delivered: 288, drops: 12, held: 0 });
    expect(Object.keys(report.verdicts)).toEqual(VERDICTS);
    expect(report.sessions[0]).toMatchObject({
      encapsulation: "erspan",
      id: 100,
      sequence: { lost: 9, expected: 138 },
    });
  });

  test("more than 20 sessions are counted, not shown", async () => {
    const all = [
      "ovs-erspan2",
      "ovs-geneve",
      "ovs-vxlan",
      "kernel-erspan2",
      "kernel-gretap",
      "scapy-gre",
      "scapy-udp-tunnels",
      "demo-mixed",
      "scapy-erspan1",
    ];
    const { stdout } = await spangate([
      "strip",
      ...all.map((name) => `${FIXTURES}${name}.pcap`),
      "-w",
      `${folder}/many.pcap`,
    ]);
    expect(stdout).toMatch(/\nand \d+ more\n/);
  });

  test("flags have their effect", async () => {
    const verdicts = async (args: readonly string[]) => (await stripped(args)).verdicts;
    expect((await verdicts([DEMO, "--session", "100"])).delivered).toBe(129);
    expect((await verdicts([DEMO, "--vni", "4242"])).delivered).toBe(10);
    expect((await verdicts([DEMO, "--vni", "4242", "--session", "100"])).filtered).toBe(149);
    expect((await verdicts([DEMO, "--checksums", "ignore"]))["bad-checksum"]).toBe(0);
    const udp = `${FIXTURES}scapy-udp-tunnels.pcap`;
    expect((await verdicts([udp]))["critical-option"]).toBe(2);
    expect((await verdicts([udp, "--lenient"]))["critical-option"]).toBe(0);
    expect((await verdicts([udp, "--port", "vxlan=53"]))["not-tunnel"]).toBe(0);
  });

  test("a port named for one tunnel is no other's", async () => {
    const { sessions } = await stripped([`${FIXTURES}ovs-geneve.pcap`, "--port", "vxlan-gpe=6081"]);
    expect(
      sessions.filter(({ encapsulation }: { encapsulation: string }) => encapsulation === "geneve"),
    ).toEqual([]);
  });

  test("depth, restored tags, the mirror's clock, the scope of sequence numbers", async () => {
    const bytes = async (args: readonly string[]) => {
      await stripped(args);
      return readFileSync(`${folder}/stripped.pcapng`).toString("hex");
    };
    const nested = `${FIXTURES}scapy-nested.pcap`;
    expect(await bytes([nested])).not.toBe(await bytes([nested, "--depth", "2"]));
    const tags = `${FIXTURES}scapy-erspan2-vlan.pcap`;
    expect(await bytes([tags, "--restore-vlan", "never"])).not.toBe(await bytes([tags]));
    expect(await bytes([tags, "--restore-vlan", "always"])).not.toBe(await bytes([tags]));
    const clock = `${FIXTURES}scapy-erspan3-subheaders.pcap`;
    expect(await bytes([clock, "--time", "mirror"])).not.toBe(await bytes([clock]));
    expect(await bytes([tags, "--comments"])).not.toBe(await bytes([tags]));
    const ovs = `${FIXTURES}ovs-erspan2.pcap`;
    const lost = async (scope: string) => {
      const { sessions } = await stripped([ovs, "--sequence-scope", scope]);
      return sessions.reduce(
        (sum: number, session: { sequence?: { lost: number } }) => sum + (session.sequence?.lost ?? 0),
        0,
      );
    };
    expect(await lost("session")).toBeGreaterThan(0);
    expect(await lost("tunnel")).toBe(0);
  });

  test("packets in no tunnel pass when they are asked to", async () => {
    const { delivered, passed, drops, files } = await stripped([DEMO, "--keep-others"]);
    expect([delivered, passed, drops, files[0].packets]).toEqual([288, 10, 2, 298]);
    const { stdout } = await spangate(["strip", DEMO, "-w", `${folder}/others.pcapng`, "--keep-others"]);
    expect(stdout).toMatch(
      /^received 300 = delivered 288 \+ passed 10 \+ reassembled 0 \+ held 0 \+ drops 2$/m,
    );
  });

  test("standard input to standard output; the report goes to stderr", async () => {
    const input = readFileSync(DEMO);
    const { code, stderr } = await shell(
      `"$NODE" "$MAIN" strip - -w - < "${DEMO}" > "${folder}/piped.pcapng"`,
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(/^received 300 = /m);
    expect(await frames(`${folder}/piped.pcapng`)).toBe(288);
    const quiet = await spangate(["strip", "-", "-w", `${folder}/quiet.pcap`, "-q"], { input });
    expect(quiet).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await frames(`${folder}/quiet.pcap`)).toBe(288);
  });

  test("a damaged capture: what came before the fault is written and counted", async () => {
    const cut = `${folder}/cut.pcap`;
    writeFileSync(cut, readFileSync(DEMO).subarray(0, 10_000));
    const out = `${folder}/before.pcapng`;
    const { code, stdout, stderr } = await spangate(["strip", cut, "-w", out, "--json"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^spangate: .*, byte \d+: .* \[CAPTURE_TRUNCATED\]$/m);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ holds: true, failure: { code: "CAPTURE_TRUNCATED" } });
    expect(report.delivered).toBeGreaterThan(0);
    expect(await frames(out)).toBe(report.delivered);
  });

  test("neither zod nor yaml is loaded", async () => {
    const hook =
      "export async function resolve(s, c, next) { if (/^(zod|yaml|ipaddr\\.js)($|\\/)/.test(s)) throw new Error('loads ' + s); return next(s, c); }";
    const register = `import { register } from "node:module"; register("data:text/javascript,${encodeURIComponent(hook)}");`;
    const options = {
      env: { NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(register)}"` },
    };
    const strip = await spangate(["strip", DEMO, "-w", `${folder}/light.pcapng`, "-q"], options);
    expect(strip).toEqual({ code: 0, stdout: "", stderr: "" });
    const check = await spangate(["check", DEMO_MAP], options);
    expect(check.stderr).toMatch(/loads (zod|yaml|ipaddr)/);
  });
});

describe("decap", () => {
  const decap = (name: string, ...args: string[]) =>
    spangate(["decap", DEMO, "--config", DEMO_MAP, "--out", `${folder}/${name}`, ...args]);

  test("tables for people, a file for each sniffer", async () => {
    const { code, stdout, stderr } = await decap("tables");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^tenant +sniffer +encapsulation +packets +bytes +upstream loss$/m);
    expect(stdout).toMatch(/^acme +acme-ids +erspan +119 +15991 +9\/138 \(6\.52%\)$/m);
    expect(stdout).toMatch(/^globex +globex-ids +geneve +30 +3946 +n\/a$/m);
    expect(stdout).toMatch(/^unmapped +20 {2}no tenant claims it$/m);
    expect(stdout).toMatch(/^received 300 = delivered 258 \+ reassembled 0 \+ held 0 \+ drops 42$/m);
    expect(await frames(`${folder}/tables/acme-ids.pcapng`)).toBe(168);
    expect(await frames(`${folder}/tables/globex-ids.pcapng`)).toBe(90);
  });

  test("as JSON, with a quarantine", async () => {
    const quarantine = `${folder}/unmapped.pcapng`;
    const { stdout } = await decap("json", "--json", "--quarantine", quarantine);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ command: "decap", received: 300, delivered: 258, drops: 42, holds: true });
    expect(report.deliveries).toContainEqual({
      ...{ tenant: "acme", sniffer: "acme-ids", encapsulation: "vxlan", packets: 49 },
      bytes: expect.any(Number),
    });
    expect(await frames(quarantine)).toBe(20);
    expect(statSync(quarantine).mode & 0o777).toBe(0o600);
  });

  test("flags on the command line override the configuration, and only those", async () => {
    const config = `${folder}/ignore.yaml`;
    writeFileSync(config, `decode: { checksums: ignore }\n${readFileSync(DEMO_MAP, "utf8")}`);
    const bad = async (...args: string[]) => {
      const { stdout } = await spangate([
        "decap",
        DEMO,
        "--config",
        config,
        "--out",
        `${folder}/override`,
        "--json",
        ...args,
      ]);
      return JSON.parse(stdout).verdicts["bad-checksum"];
    };
    expect(await bad()).toBe(0);
    expect(await bad("--depth", "2")).toBe(0);
    expect(await bad("--checksums", "verify")).toBe(2);
  });

  test("nothing is written when the configuration is wrong", async () => {
    const config = `${folder}/wrong.yaml`;
    writeFileSync(config, "sniffers: 7\n");
    const { code } = await spangate(["decap", DEMO, "--config", config, "--out", `${folder}/never`]);
    expect([code, existsSync(`${folder}/never`)]).toEqual([2, false]);
  });
});
