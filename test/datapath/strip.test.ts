// What strip writes: the reference's frames, lengths, times and order; read without complaint by tshark and capinfos.

import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readFrames } from "../../src/capture/index.js";
import { strip } from "../../src/datapath/index.js";
import { missing, tshark } from "../capture/programs.js";
import { type Capture, fixtures, sharedCaptures } from "../engine/corpus.js";
import type { Frame } from "../engine/harness.js";
import { DEFAULTS, ReferenceDecoder, type ReferenceResult } from "../reference/index.js";

const folder = mkdtempSync(join(tmpdir(), "spangate-strip-"));
afterAll(() => rmSync(folder, { recursive: true }));

const captures = [...fixtures, ...sharedCaptures];
const named = (name: string): Capture => fixtures.find((capture) => capture.name === name)!;
const plain = { engine: {}, keepOthers: false, comments: false };

/** Delivered packets of captures one after another, in the order in which they become complete. */
function expected(frames: readonly Frame[]): ReferenceResult[] {
  const decoder = new ReferenceDecoder(DEFAULTS);
  const settled = frames.flatMap(({ frame, originalLength, time, linkType }, i) =>
    decoder.packet(i + 1, frame, originalLength, time, linkType),
  );
  return settled.map(({ result }) => result).filter(({ verdict }) => verdict === "delivered");
}

async function framesOf(path: string) {
  const frames = [];
  for await (const frame of readFrames(path)) frames.push(frame);
  return frames;
}

describe.each(["pcapng", "pcap"])("all captures in one run, to %s", (format) => {
  const output = join(folder, `all.${format}`);
  const wanted = expected(captures.flatMap(({ frames }) => frames));

  test("has every delivered frame, in order", async () => {
    const report = await strip({ ...plain, inputs: captures.map(({ path }) => path), output });
    expect(report.failure).toBeUndefined();
    expect(report.counters.delivered).toBe(wanted.length);
    const bytes = statSync(output).size;
    expect(report.files).toEqual([{ path: output, packets: wanted.length, bytes, isWhole: true }]);
    const written = await framesOf(output);
    expect(written.length).toBe(wanted.length);
    for (const [i, { data, originalLength, timestamp, linkType }] of written.entries()) {
      const { inner, time, originalLength: original } = wanted[i]!;
      expect(Buffer.from(data).equals(inner!), `frame ${i + 1}`).toBe(true);
      expect({ originalLength, timestamp, linkType }).toEqual({
        originalLength: original,
        timestamp: time,
        linkType: 1,
      });
    }
  });

  test.skipIf(missing("tshark"))("is read by tshark without a complaint", () => {
    const { status, stderr } = spawnSync("tshark", ["-r", output, "-w", "/dev/null"], { encoding: "utf8" });
    expect(status).toBe(0);
    expect(stderr.replace(/^Running as user .*\n/m, "").trim()).toBe("");
  });

  test.skipIf(missing("capinfos"))("is counted by capinfos", () => {
    const report = execFileSync("capinfos", ["-T", "-m", "-c", "-M", output], { encoding: "utf8" });
    expect(report.trim().split("\n").at(-1)).toContain(`${wanted.length}`);
  });
});

describe.skipIf(missing("tshark"))("tshark sees", () => {
  test("an interface for each mirror session, directions, comments", async () => {
    const output = join(folder, "sessions.pcapng");
    const inputs = [named("ovs-erspan3").path, named("ovs-vxlan").path, named("scapy-erspan1").path];
    await strip({ inputs, output, engine: {}, keepOthers: false, comments: true });
    const rows = tshark(output, ["frame.interface_name", "frame.packet_flags_direction", "frame.comment"]);
    const sessions = new Set(rows.map(([name, direction]) => `${name} ${direction}`));
    expect(sessions).toEqual(
      new Set([
        "erspan/192.0.2.1/100 0x00000001",
        "erspan/192.0.2.1/100 0x00000002",
        "erspan/192.0.2.1/200 0x00000001",
        "erspan/192.0.2.1/200 0x00000002",
        "vxlan/192.0.2.1/5000 ",
        "vxlan/192.0.2.1/6000 ",
        "erspan/192.0.2.1 ",
      ]),
    );
    expect(rows[0]![2]).toMatch(
      /^packet 1 erspan type 3 192\.0\.2\.1 > 192\.0\.2\.2 id \d+ sequence \d+ direction/,
    );
  });
});

describe("others", () => {
  test("pass when they are asked for, as they came", async () => {
    const { path, frames } = named("demo-mixed");
    const output = join(folder, "others.pcapng");
    const report = await strip({ inputs: [path], output, engine: {}, keepOthers: true, comments: false });
    const written = await framesOf(output);
    expect(written.length).toBe(report.counters.delivered + report.counters["not-tunnel"]);
    const tcp = frames[119]!.frame;
    expect(written.some(({ data }) => Buffer.from(data).equals(tcp))).toBe(true);
  });

  test("of another link type do not fit into a pcap file, which says so", async () => {
    const output = join(folder, "others.pcap");
    const inputs = [named("demo-mixed").path, named("scapy-sll").path];
    const report = await strip({ inputs, output, engine: {}, keepOthers: true, comments: false });
    expect(report.failure?.code).toBe("OUTPUT_LINK_TYPE");
  });
});

describe("a file that ends in mid-record", () => {
  test("is written and counted up to there, and the report says where", async () => {
    const cut = join(folder, "cut.pcap");
    copyFileSync(named("ovs-erspan2").path, cut);
    truncateSync(cut, statSync(cut).size - 10);
    const output = join(folder, "cut.pcapng");
    const report = await strip({ ...plain, inputs: [cut, named("ovs-vxlan").path], output });
    expect(report.failure?.code).toBe("CAPTURE_TRUNCATED");
    expect(report.failure?.message).toMatch(/cut\.pcap.*byte \d+/);
    expect(report.counters).toMatchObject({ received: 29, delivered: 29 });
    expect((await framesOf(output)).length).toBe(29);
  });
});

describe("a live source", () => {
  test("is written while it has nothing more to say, not when a block is full", async () => {
    const pipe = join(folder, "live");
    execFileSync("mkfifo", [pipe]);
    const output = join(folder, "live.pcapng");
    const running = strip({ ...plain, inputs: [pipe], output });
    const source = await open(pipe, "w");
    await source.writeFile(readFileSync(named("ovs-vxlan").path));
    const written = () => statSync(output, { throwIfNoEntry: false })?.size ?? 0;
    while (written() < 4000) await new Promise((resolve) => setTimeout(resolve, 20));
    await source.close();
    expect((await running).counters.delivered).toBe(30);
  });
});
