// decap --as-delivered: what comes out of every delivery mode is read back by our own decoder as the frame that went in, and by
// tshark without a complaint. Every fixture, so that frames are what switches and kernels sent.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readFrames } from "../../src/capture/index.js";
import { parseConfig } from "../../src/config/load.js";
import type { GatewayConfig } from "../../src/config/schema.js";
import { decap, type Report, strip } from "../../src/datapath/index.js";
import { missing, tshark } from "../capture/programs.js";
import { fixtures } from "../engine/corpus.js";

const TUNNELS = {
  vxlan: "deliver: vxlan, to: 203.0.113.10, vni: 77",
  "vxlan-sum": "deliver: vxlan, to: 203.0.113.11, vni: 78, udpChecksum: true, vlan: 9",
  vxlan6: 'deliver: vxlan, to: "2001:db8:ff::10", vni: 79',
  geneve: "deliver: geneve, to: 203.0.113.12, vni: 80",
  geneve6: 'deliver: geneve, to: "2001:db8:ff::12", vni: 81',
  gre: "deliver: gre, to: 203.0.113.13, key: 4294967295",
  "gre-keyless": 'deliver: gre, to: "2001:db8:ff::13"',
  erspan2: "deliver: erspan2, to: 203.0.113.14, session: 1023, index: 1048575",
  erspan3: 'deliver: erspan3, to: "2001:db8:ff::15", session: 6',
  pieces: "deliver: vxlan, to: 203.0.113.16, vni: 82, fit: fragment",
  pieces6: 'deliver: geneve, to: "2001:db8:ff::16", vni: 83, fit: fragment',
};
const SEGMENT = {
  mac: 'deliver: mac, mac: "02:00:00:00:0a:01"',
  "mac-vlan": 'deliver: mac, mac: "02:00:00:00:0a:02", vlan: 210, sourceMac: interface',
  ip: 'deliver: ip, mac: "02:00:00:00:0a:03", ip: 203.0.113.99',
  ip6: 'deliver: ip, mac: "02:00:00:00:0a:04", ip: "2001:db8:ff::99"',
};
const FILE = { file: "queue: 1" };
const ENCAPSULATIONS = ["erspan", "gre", "vxlan", "vxlan-gpe", "geneve", "tzsp", "hp-erm"];

function configOf(mtu: number): GatewayConfig {
  const sniffers = Object.entries({ ...FILE, ...SEGMENT, ...TUNNELS });
  const parsed = parseConfig(
    `
tunnel: { addresses: [203.0.113.1, "2001:db8:ff::1"] }
delivery: { mtu: ${mtu} }
sniffers:
${sniffers.map(([name, text]) => `  - { name: ${name}, ${text} }`).join("\n")}
tenants:
  - name: all
    sources: [${ENCAPSULATIONS.map((word) => `{ encapsulation: ${word} }`).join(", ")}]
    sniffers: [${sniffers.map(([name]) => name).join(", ")}]
`,
    "gateway.yaml",
  );
  if ("mistakes" in parsed) throw new Error(JSON.stringify(parsed.mistakes));
  return parsed.config;
}

/** More bytes than any mode adds. */
const OVERHEAD = 90;

const folder = mkdtempSync(join(tmpdir(), "spangate-delivered-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Seen {
  readonly hex: string;
  readonly originalLength: number;
  readonly timestamp: bigint;
}

async function framesOf(path: string): Promise<Seen[]> {
  const frames: Seen[] = [];
  for await (const { data, originalLength, timestamp } of readFrames(path))
    frames.push({ hex: Buffer.from(data).toString("hex"), originalLength, timestamp });
  return frames;
}

/** The frames inside what a sniffer got, by our own decoder. */
async function decoded(path: string): Promise<Seen[]> {
  const output = `${path}.decoded.pcapng`;
  const report = await strip({ inputs: [path], output, engine: {}, keepOthers: false, comments: false });
  const { received, delivered, reassembled } = report.counters;
  expect(delivered + reassembled, "all of it is a tunnel").toBe(received);
  return framesOf(output);
}

describe.each([1500, 1280])("an MTU of %i", (mtu) => {
  const directory = join(folder, `${mtu}`);
  const path = (sniffer: string) => join(directory, `${sniffer}.pcapng`);
  let report: Report;
  let plain: Seen[];
  beforeAll(async () => {
    const inputs = fixtures.map((capture) => capture.path);
    const request = { inputs, config: configOf(mtu), engine: {}, directory, comments: false };
    report = await decap({ ...request, asDelivered: true });
    plain = await framesOf(path("file"));
  }, 60_000);

  test("every sniffer takes everything", () => {
    expect(report.failure).toBeUndefined();
    expect(report.counters.delivered).toBeGreaterThan(1000);
    for (const [name, { offered, sent }] of report.sniffers!)
      expect({ name, offered, sent }).toEqual({ name, offered: report.counters.delivered, sent: offered });
  });

  test.each(Object.keys(TUNNELS))("%s gives back the frames that went in", async (name) => {
    const back = await decoded(path(name));
    expect(back.length).toBe(plain.length);
    for (const [i, { hex, timestamp }] of back.entries()) {
      const sent = plain[i]!;
      const whole = name.startsWith("pieces") || sent.hex.length / 2 + OVERHEAD <= mtu;
      if (whole) expect(hex, `packet ${i + 1}`).toBe(sent.hex);
      else expect(sent.hex.startsWith(hex) && hex.length / 2 > mtu - OVERHEAD, `packet ${i + 1}`).toBe(true);
      expect(timestamp, `packet ${i + 1}`).toBe(sent.timestamp);
    }
  });

  test.each(Object.keys(SEGMENT))("%s changes addresses only", async (name) => {
    const delivered = await framesOf(path(name));
    expect(delivered.length).toBe(plain.length);
    for (const [i, { hex, originalLength }] of delivered.entries()) {
      const sent = plain[i]!.hex;
      const tag = name === "mac-vlan" ? "810000d2" : "";
      const source = name === "mac-vlan" ? "020000000001" : sent.slice(12, 24);
      const mac = `020000000a0${1 + Object.keys(SEGMENT).indexOf(name)}`;
      const wanted = `${mac}${source}${tag}${sent.slice(24)}`.padEnd(120, "0");
      expect(originalLength).toBe(hex.length / 2);
      if (name.startsWith("mac")) expect(hex, `packet ${i + 1}`).toBe(wanted);
      else expect(hex.slice(0, 28) + hex.length, `packet ${i + 1}`).toBe(wanted.slice(0, 28) + wanted.length);
    }
  });

  test.each([...Object.keys(SEGMENT), ...Object.keys(TUNNELS)])("tshark reads %s", (name) => {
    if (missing("tshark")) return;
    const fields = ["_ws.malformed", "ip.checksum.status", "udp.checksum.status"];
    const checks = ["ip.check_checksum:TRUE", "udp.check_checksum:TRUE"];
    const rows = tshark(path(name), fields, checks);
    const before = tshark(path("file"), fields, checks);
    expect(rows.length).toBeGreaterThanOrEqual(plain.length);
    // The outer headers come first. GRE has no UDP header of its own.
    const outer = name.startsWith("gre") || name.startsWith("erspan") ? [1] : [1, 2];
    const isBad = (row: string[], field: number) => row[field]!.split(",")[0] === "0";
    if (name in TUNNELS) {
      for (const field of outer) expect(rows.filter((row) => isBad(row, field))).toEqual([]);
    }
    if (rows.length > plain.length) return; // fragments: tshark's rows are not packets
    for (const [i, row] of rows.entries()) {
      const { hex, originalLength } = plain[i]!;
      const isWhole = hex.length / 2 === originalLength && originalLength + OVERHEAD <= mtu;
      if (!isWhole) continue; // what was cut, tshark calls malformed when it is the whole of a frame
      if (!(name in TUNNELS) && originalLength < 60) continue; // and what is padded no more
      expect(row[0], `packet ${i + 1}`).toBe(before[i]![0]);
      if (!(name in TUNNELS)) for (const field of [1, 2]) expect(row[field]).toBe(before[i]![field]);
    }
  });
});
