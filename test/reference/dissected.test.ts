// Every tunnel frame that delivery makes, read by a stranger: tshark finds each header where it should be, every checksum
// good, and nothing malformed.

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { decoded, mapOf } from "./delivery-rows.js";
import { ReferenceDelivery, type ReferenceSniffer } from "./index.js";
import { ethernet, hex, tag } from "./packets.js";
import { frame } from "./transport-packets.js";

const TSHARK = "/usr/bin/tshark";
const folder = mkdtempSync(path(tmpdir(), "spangate-"));
afterAll(() => rmSync(folder, { recursive: true }));

function writePcap(file: string, frames: Uint8Array[]): void {
  const words = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
  const parts = [words(0xa1b2c3d4, 0x0004_0002, 0, 0, 262_144, 1)];
  for (const bytes of frames) parts.push(words(0, 0, bytes.length, bytes.length), bytes);
  writeFileSync(file, Buffer.concat(parts));
}

/** The fields of every frame, as text. */
function dissect(frames: Uint8Array[], fields: string[]): Record<string, string>[] {
  const file = path(folder, "sent.pcap");
  writePcap(file, frames);
  const checks = ["ip.check_checksum", "udp.check_checksum", "tcp.check_checksum"];
  const preferences = [...checks.map((each) => `${each}:TRUE`), "ip.defragment:TRUE", "ipv6.defragment:TRUE"];
  const output = execFileSync(
    TSHARK,
    [
      ...["-r", file, "-n", "-T", "fields", "-E", "separator=|", "-E", "occurrence=a", "-E", "aggregator=,"],
      ...preferences.flatMap((each) => ["-o", each]),
      ...fields.flatMap((field) => ["-e", field]),
    ],
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
  );
  return output
    .trimEnd()
    .split("\n")
    .map((line) => Object.fromEntries(line.split("|").map((value, at) => [fields[at]!, value])));
}

const data = new Uint8Array(300).fill(0x5a);
const inners: [string, Uint8Array][] = [
  ["tcp4", frame("tcp", data, "10.1.0.1", "10.1.0.2")],
  ["udp6", frame("udp", data, "2001:db8::1", "2001:db8::2")],
  ["tagged", ethernet(0x8100, tag(0xa00c, 0x0800, frame("tcp", data, "10.1.0.1", "10.1.0.2").subarray(14)))],
  ["arp", ethernet(0x0806, hex("0001 0800 0604 0001 02aa0000000a 0a010001 000000000000 0a010002"))],
];
const tunnels: Partial<ReferenceSniffer>[] = [
  { deliver: "vxlan", vni: 0x123456 },
  { deliver: "vxlan", vni: 0x123456, udpChecksum: true },
  { deliver: "geneve", vni: 0xabcdef },
  { deliver: "gre", key: 0xfedcba98 },
  { deliver: "erspan2", session: 1001, index: 0xabcde },
  { deliver: "erspan3", session: 1002 },
];
const ways: Partial<ReferenceSniffer>[] = [
  { to: "192.0.2.10" },
  { to: "2001:db8:5::10" },
  { to: "192.0.2.11", vlan: 33, fit: "fragment" },
  { to: "2001:db8:5::11", vlan: 33, fit: "fragment" },
];

interface Sent {
  sniffer: ReferenceSniffer;
  inner: string;
  frames: Uint8Array[];
  sequence: number;
}

/** Every frame through every tunnel over every way. */
function sendAll(mtu: number): Sent[] {
  const sniffers = ways.flatMap((way, w) =>
    tunnels.map((tunnel, t): ReferenceSniffer => ({ name: `${w}-${t}`, ...way, ...tunnel })),
  );
  const options = { mtu, addresses: ["198.51.100.1", "2001:db8:f::1"] };
  const delivery = new ReferenceDelivery(mapOf(sniffers), options);
  const about = { time: 9_000_000_042n, direction: "out", hardwareId: 0x15 } as const;
  const sent: Sent[] = [];
  for (const [sequence, [inner, bytes]] of inners.entries()) {
    expect(delivery.deliver(decoded(bytes, about)).verdict).toBe("delivered");
    for (const sniffer of sniffers) {
      sent.push({ sniffer, inner, sequence, frames: delivery.take(sniffer.name)[0]!.frames });
    }
  }
  return sent;
}

const FIELDS = `
  _ws.malformed vlan.id ip.dst ipv6.dst ip.checksum.status tcp.checksum.status udp.checksum.status vxlan.vni geneve.vni
  gre.key gre.sequence_number erspan.version erspan.spanid erspan.index erspan.truncated erspan.vlan erspan.cos
  erspan.encap erspan.timestamp erspan.gra erspan.hw erspan.direction erspan.p erspan.ft erspan.o`
  .trim()
  .split(/\s+/);

const GOOD = 1;
const UNVERIFIED = 2;
const NOT_PRESENT = 3;

/** What tshark should find in the frame that has, or completes, this packet. */
function expected({ sniffer, inner, sequence }: Sent, mtu: number): Record<string, string> {
  const { deliver, to, fit, vlan } = sniffer;
  const isIpv4 = !to!.includes(":");
  const isUdp = deliver === "vxlan" || deliver === "geneve";
  const isErspan = deliver === "erspan2" || deliver === "erspan3";
  const isIII = deliver === "erspan3";
  const isTagged = inner === "tagged";
  const isCut = mtu < 400 && fit !== "fragment" && inner !== "arp";
  const when = (condition: boolean, value: string | number) => (condition ? `${value}` : "");
  const list = (...values: (string | number | undefined | false)[]) =>
    values.filter((value) => value !== undefined && value !== false).join(",");
  const outerUdp = isIpv4 && sniffer.udpChecksum !== true ? NOT_PRESENT : GOOD;
  const innerIpv4 = inner === "tcp4" || isTagged;
  return {
    // A datagram that was cut tshark calls malformed, and the checksum of a cut segment bad.
    ...(isCut && inner === "udp6" ? {} : { "_ws.malformed": "" }),
    ...(isCut ? {} : { "tcp.checksum.status": when(innerIpv4, GOOD) }),
    "udp.checksum.status": list(isUdp && outerUdp, inner === "udp6" && (isCut ? UNVERIFIED : GOOD)),
    "vlan.id": list(vlan, isTagged && 12),
    "ip.dst": list(isIpv4 && to, innerIpv4 && "10.1.0.2"),
    "ipv6.dst": list(!isIpv4 && to, inner === "udp6" && "2001:db8::2"),
    "ip.checksum.status": list(isIpv4 && GOOD, innerIpv4 && GOOD),
    "vxlan.vni": when(deliver === "vxlan", 0x123456),
    "geneve.vni": when(deliver === "geneve", "0xabcdef"),
    "gre.key": when(deliver === "gre", "0xfedcba98"),
    "gre.sequence_number": when(isErspan, sequence),
    "erspan.version": when(isErspan, isIII ? 2 : 1),
    "erspan.spanid": when(isErspan, sniffer.session ?? ""),
    "erspan.index": when(deliver === "erspan2", 0xabcde),
    "erspan.truncated": when(isErspan, isCut ? 1 : 0),
    "erspan.vlan": when(isErspan, isTagged ? 12 : 0),
    "erspan.cos": when(isErspan, isTagged ? 5 : 0),
    "erspan.encap": when(deliver === "erspan2", isTagged ? 3 : 0),
    "erspan.timestamp": when(isIII, 42),
    "erspan.gra": when(isIII, 2),
    "erspan.hw": when(isIII, 0x15),
    "erspan.direction": when(isIII, 1),
    "erspan.p": when(isIII, 1),
    "erspan.ft": when(isIII, 0),
    "erspan.o": when(isIII, 0),
  };
}

describe.skipIf(!existsSync(TSHARK))("tshark", () => {
  test.each([1500, 250])("reads every tunnel, with an MTU of %i", (mtu) => {
    const sent = sendAll(mtu);
    const read = dissect(
      sent.flatMap(({ frames }) => frames),
      FIELDS,
    );
    for (const each of sent) {
      const rows = read.splice(0, each.frames.length);
      const name = `${each.inner} to ${each.sniffer.to} by ${each.sniffer.deliver}`;
      expect({ name, ...rows.at(-1) }).toMatchObject({ name, ...expected(each, mtu) });
      for (const row of rows.slice(0, -1)) {
        expect(row["_ws.malformed"]).toBe("");
        expect(row["ip.checksum.status"]).toBe(each.sniffer.to!.includes(":") ? "" : `${GOOD}`);
      }
      if (mtu === 250 && each.inner === "tcp4") expect(rows.length > 1).toBe(each.sniffer.fit === "fragment");
    }
    expect(read).toEqual([]);
  });
});
