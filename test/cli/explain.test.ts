// spangate explain on the command line, and how commands end when somebody interrupts or stops reading.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { readFrames } from "../../src/capture/index.js";
import { DEMO, DEMO_MAP, FIXTURES, MAIN, ownFolder, shell, spangate } from "./command.js";

const folder = ownFolder();

test("one object a line, one for every packet, in order", async () => {
  const { code, stdout, stderr } = await spangate([
    "explain",
    `${FIXTURES}scapy-fragments-ipv4.pcap`,
    "--json",
  ]);
  expect([code, stderr]).toEqual([0, ""]);
  const records = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(records.map(({ packet }) => packet)).toEqual(Array.from({ length: 41 }, (_, i) => i + 1));
});

test("a record has what exists for its packet", async () => {
  const { stdout } = await spangate(["explain", DEMO, "--config", DEMO_MAP, "--packet", "7", "--json"]);
  expect(JSON.parse(stdout)).toEqual({
    packet: 7,
    verdict: "delivered",
    reason: expect.stringContaining("rule 2: tenants[1].sources[0]"),
    timestamp: "1767225600.198000000",
    capturedLength: 96,
    frameLength: 96,
    encapsulation: "erspan",
    erspanType: 3,
    session: 200,
    sequence: 1,
    direction: "out",
    hardwareId: 4,
    source: "192.0.2.1",
    destination: "192.0.2.2",
    tenant: "globex",
    sniffers: ["globex-ids"],
    rule: 2,
    claim: { path: "tenants[1].sources[0]", text: "erspan 200 from 192.0.2.1" },
    layers: 1,
    innerOffset: 54,
    innerLength: 42,
    originalLength: 42,
    headers: expect.arrayContaining([
      expect.objectContaining({ name: "ERSPAN III", offset: 42, length: 12 }),
      expect.objectContaining({ name: "inner ARP", offset: 68, length: 28 }),
    ]),
    deliveries: [
      {
        sniffer: "globex-ids",
        deliver: "file",
        way: "file",
        verdict: "delivered",
        frames: [{ length: 42 }],
        sentLength: 42,
        cuts: [],
        changes: [],
        headers: [],
      },
    ],
  });
});

test("text for people", async () => {
  const { stdout } = await spangate(["explain", DEMO, "--packet", "141"]);
  expect(stdout).toBe(`packet 141  2026-01-01 00:00:04.620000000  124 bytes
      0  Ethernet              02:00:5e:00:00:01 -> 02:00:5e:00:00:02, type 0x0800 (IPv4)
     14  IPv4                  192.0.2.1 -> 192.0.2.2, protocol 47 (GRE), total length 110, id 1, TTL 64, checksum
                               0x1234
  bad-checksum: the IPv4 checksum at offset 24 is 0x1234, its bytes give 0xf65c; --checksums ignore accepts it

`);
  const all = await spangate(["explain", DEMO]);
  expect(all.stdout.match(/^packet \d+ /gm)).toHaveLength(300);
});

test("with --packet every header that a sniffer gets has a line, without it a few words", async () => {
  const config = `${folder}/gateway.yaml`;
  writeFileSync(
    config,
    `sniffers: [{ name: ids, deliver: vxlan, to: 203.0.113.10, vni: 77 }]
tenants: [{ name: all, sources: [{ encapsulation: vxlan }], sniffers: [ids] }]
`,
  );
  const lines = async (...args: string[]) => {
    const { stdout } = await spangate(["explain", DEMO, "--config", config, ...args]);
    const packet = stdout.slice(stdout.indexOf("packet 4 "), stdout.indexOf("packet 5 ")).trimEnd();
    return packet.slice(packet.indexOf("  to ids")).split("\n");
  };
  expect(await lines()).toEqual([
    expect.stringMatching(/^ {2}to ids \(VXLAN to 203\.0\.113\.10\): 92 bytes, 50 bytes in front: IPv4 /),
    expect.stringMatching(/VNI 77$/),
  ]);
  const whole = await lines("--packet", "4");
  expect(whole[0]).toMatch(/50 bytes in front:$/);
  expect(whole.at(-2)).toBe("     42  VXLAN                 flags 8, VNI 77");
});

test("flags of decoding have their effect", async () => {
  const verdict = async (...args: string[]) =>
    JSON.parse((await spangate(["explain", DEMO, "--packet", "141", "--json", ...args])).stdout).verdict;
  expect(await verdict()).toBe("bad-checksum");
  expect(await verdict("--checksums", "ignore")).toBe("delivered");
});

test("a fragment asked for by number is told of when its fate is settled", async () => {
  const explain = (packet: string) =>
    spangate(["explain", `${FIXTURES}kernel-vxlan.pcap`, "--packet", packet, "--json"]);
  const { stdout } = await explain("31");
  expect(JSON.parse(stdout)).toMatchObject({ packet: 31, verdict: "reassembled" });
});

test("a damaged capture: every packet before the fault, then the fault", async () => {
  const cut = `${folder}/cut.pcap`;
  writeFileSync(cut, readFileSync(DEMO).subarray(0, 10_000));
  const { code, stdout, stderr } = await spangate(["explain", cut, "--json"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/\[CAPTURE_TRUNCATED\]/);
  let frames = 0;
  try {
    for await (const _ of readFrames(cut)) frames++;
  } catch {}
  expect(stdout.trim().split("\n").length).toBe(frames);
});

test("a reader that goes away ends it quietly", async () => {
  const big = `${folder}/big.pcap`;
  const demo = readFileSync(DEMO);
  writeFileSync(big, Buffer.concat([demo, ...Array.from({ length: 60 }, () => demo.subarray(24))]));
  const { stdout, stderr } = await shell(
    `"$NODE" "$MAIN" explain "${big}" | head -1; echo "\${PIPESTATUS[0]}"`,
  );
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^packet 1 .*\n0\n$/);
});

test.each([
  ["Ctrl-C", ["SIGINT"], [130]],
  ["two signals in one moment, as timeout(1) sends them", ["SIGINT", "SIGTERM"], [130, 143]], // which of them comes first the kernel says
] as const)(
  "%s: the files end with a whole packet, the accounts are given, the exit code is the signal's",
  async (_, signals, codes) => {
    const out = `${folder}/interrupted-${signals.length}.pcapng`;
    const child = spawn(process.execPath, [MAIN, "strip", "-", "-w", out]);
    let printed = "";
    child.stdout.on("data", (data) => {
      printed += data;
    });
    child.stderr.on("data", (data) => {
      printed += data;
    });
    child.stdin.write(readFileSync(DEMO));
    await expect.poll(() => existsSync(out), { timeout: 10_000 }).toBe(true);
    await setTimeout(700);
    for (const signal of signals) child.kill(signal);
    const [code] = await once(child, "close");
    expect(codes).toContain(code);
    expect(printed).toMatch(/^received 300 = /m);
    expect(printed.match(/^spangate: .*$/gm)).toEqual([expect.stringMatching(/^spangate: interrupted; /)]);
    let frames = 0;
    for await (const _ of readFrames(out)) frames++;
    expect(frames).toBe(288);
  },
);
