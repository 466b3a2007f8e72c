// What explain says of a sniffer is what `decap --as-delivered` writes for it: the same frames, and the headers that explain
// finds when it is shown that file.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readFrames } from "../../src/capture/index.js";
import { decap } from "../../src/datapath/index.js";
import type { DeliveryRecord, PacketRecord } from "../../src/explain/index.js";
import { configOf, deliveryOf, explainFile } from "./explained.js";

const FIXTURES = fileURLToPath(new URL("../fixtures/", import.meta.url));
const CAPTURES = [
  "demo-mixed",
  "scapy-erspan2-vlan",
  "kernel-geneve",
  "scapy-snaplen60",
  "scapy-raw",
  "kernel-vxlan",
];

const SNIFFERS = {
  mac: 'deliver: mac, mac: "02:00:00:00:0a:01"',
  tagged: 'deliver: mac, mac: "02:00:00:00:0a:02", vlan: 210, sourceMac: interface',
  ip: 'deliver: ip, mac: "02:00:00:00:0a:03", ip: 203.0.113.99, vlan: 3',
  ip6: 'deliver: ip, mac: "02:00:00:00:0a:04", ip: "2001:db8:ff::99"',
  vxlan: "deliver: vxlan, to: 203.0.113.10, vni: 77, udpChecksum: true",
  geneve: 'deliver: geneve, to: "2001:db8:ff::12", vni: 81, fit: fragment',
  gre: "deliver: gre, to: 203.0.113.13, key: 9, vlan: 9",
  erspan2: 'deliver: erspan2, to: "2001:db8:ff::14", session: 1023, index: 1048575',
  erspan3: "deliver: erspan3, to: 203.0.113.15, session: 6",
  share: "deliver: vxlan, to: 203.0.113.16, vni: 82, fit: fragment",
  file: "queue: 1",
};
const ENCAPSULATIONS = ["erspan", "gre", "vxlan", "vxlan-gpe", "geneve", "tzsp", "hp-erm"];

const YAML = `
tunnel: { addresses: [203.0.113.1, "2001:db8:ff::1"] }
delivery: { mtu: 1280 }
sniffers:
${Object.entries(SNIFFERS)
  .map(([name, text]) => `- { name: ${name}, ${text} }`)
  .join("\n")}
tenants:
- name: all
  sources: [${ENCAPSULATIONS.map((word) => `{ encapsulation: ${word} }`).join(", ")}]
  sniffers: [${Object.keys(SNIFFERS).join(", ")}]
`;

const folder = mkdtempSync(join(tmpdir(), "spangate-explained-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function framesOf(path: string): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  for await (const { data } of readFrames(path)) frames.push(data);
  return frames;
}

let told: Map<string, DeliveryRecord[]>;

beforeAll(async () => {
  told = new Map(Object.keys(SNIFFERS).map((name) => [name, []]));
  for (const capture of CAPTURES) {
    const input = `${FIXTURES}${capture}.pcap`;
    const directory = join(folder, capture);
    const request = { inputs: [input], config: configOf(YAML), engine: {}, directory, comments: false };
    await decap({ ...request, asDelivered: true });
    for (const { deliveries = [] } of await explainFile(input, deliveryOf(YAML))) {
      for (const delivery of deliveries) told.get(delivery.sniffer)!.push(delivery);
    }
  }
}, 60_000);

/** What the sniffer was sent, capture after capture. */
async function sentTo<T>(sniffer: string, read: (path: string) => Promise<T[]>): Promise<T[]> {
  const all: T[] = [];
  for (const capture of CAPTURES) all.push(...(await read(join(folder, capture, `${sniffer}.pcapng`))));
  return all;
}

test.each(Object.keys(SNIFFERS))("%s: as many frames, each as long", async (name) => {
  const lengths = (await sentTo(name, framesOf)).map(({ length }) => length);
  expect(lengths.length).toBeGreaterThan(200);
  expect(told.get(name)!.flatMap(({ frames }) => frames.map(({ length }) => length))).toEqual(lengths);
});

test("some were cut, some went in fragments", () => {
  const count = (name: string, what: (delivery: DeliveryRecord) => boolean) =>
    told.get(name)!.filter(what).length;
  expect(count("vxlan", ({ cuts }) => cuts.length > 0)).toBeGreaterThan(0);
  expect(count("geneve", ({ frames }) => frames.length > 1)).toBeGreaterThan(0);
  expect(count("share", ({ frames }) => frames.length > 1)).toBeGreaterThan(0);
});

test.each(["mac", "tagged", "ip", "ip6"])(
  "%s: the changes make of the decoded frame what was sent",
  async (name) => {
    const [sent, decoded] = [await sentTo(name, framesOf), await sentTo("file", framesOf)];
    for (const [i, { changes, frames }] of told.get(name)!.entries()) {
      const frame = sent[i]!;
      const isTagged = changes.some(({ field }) => field === "VLAN tag");
      const back = isTagged ? [...frame.subarray(0, 12), ...frame.subarray(16)] : [...frame];
      for (const { field, offset, before } of changes) {
        expect(field).not.toMatch(/^byte/);
        if (before === undefined) continue;
        const at = isTagged && offset >= 12 ? offset - 4 : offset;
        back.splice(at, bytesOf(before).length, ...bytesOf(before));
      }
      const padding = frames[0]!.padding ?? 0;
      expect(back.slice(0, back.length - padding), `packet ${i + 1}`).toEqual([...decoded[i]!]);
      expect(back.slice(back.length - padding)).toEqual(Array(padding).fill(0));
    }
  },
);

/** The bytes of a MAC address, an IP address or a number in hexadecimal. */
function bytesOf(text: string): Uint8Array {
  if (text.startsWith("0x")) return Buffer.from(text.slice(2), "hex");
  if (/^(\w\w:){5}\w\w$/.test(text)) return Buffer.from(text.replaceAll(":", ""), "hex");
  if (text.includes(".")) return Uint8Array.from(text.split("."), Number);
  const [front = "", back] = text.split("::");
  const groups = (part: string) => part.split(":").filter((group) => group !== "");
  const [first, last] = [groups(front), groups(back ?? "")];
  const zeros = Array(8 - first.length - last.length).fill("0");
  return Uint8Array.from(
    [...first, ...zeros, ...last].flatMap((group) => [
      Number.parseInt(group, 16) >> 8,
      Number.parseInt(group, 16) & 0xff,
    ]),
  );
}

test.each(["vxlan", "geneve", "gre", "erspan2", "erspan3", "share"])(
  "%s: the headers that the frame has",
  async (name) => {
    const records = await sentTo(name, (path) => explainFile(path));
    // Of an IP fragment the one that completes its packet tells the tunnel's headers.
    const first = records.filter(({ headers }) => isFirst(headers));
    expect(first.length).toBe(told.get(name)!.length);
    for (const [i, { headers, frames, sentLength }] of told.get(name)!.entries()) {
      const own = first[i]!.headers.filter(({ datagram, name: header }) => !datagram && isOuter(header));
      const said = frames.length > 1 ? headers.slice(0, own.length) : headers;
      expect(said, `packet ${i + 1}`).toEqual(own);
      if (frames.length === 1) expect(first[i]!.innerLength).toBe(sentLength);
    }
  },
);

function isOuter(name: string): boolean {
  return name === "inner frame" || !name.startsWith("inner ");
}
function isFirst(headers: PacketRecord["headers"]): boolean {
  const ip = headers.find(({ name }) => name === "fragment") ?? headers.find(({ name }) => name === "IPv4");
  return (ip?.fields.fragmentOffset ?? 0) === 0;
}
