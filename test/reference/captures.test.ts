// The reference over captures made by others. What is expected here was read off with tshark 4.0, field by field.

import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  DEFAULTS,
  ReferenceDecoder,
  type ReferenceOptions,
  type ReferenceResult,
  type SessionReport,
} from "./index.js";
import { readPcap } from "./pcap.js";

const FOLDER = process.env.SPANGATE_CAPTURES ?? "/work/shared/captures";
const present = existsSync(FOLDER);
if (!present) console.info(`no captures in ${FOLDER}: the reference is not checked against real traffic`);

interface Expected {
  file: string;
  options?: Partial<ReferenceOptions>;
  verdicts: Record<string, number>;
  /** Of each session, in order. */
  sessions?: Partial<SessionReport>[];
  /** By packet number. */
  packets?: Record<number, Partial<ReferenceResult>>;
}

const erspanI = { encapsulation: "erspan", hasSequence: false };
const typeIII: Partial<ReferenceResult> = {
  erspanType: 3,
  idKind: "session",
  id: 0,
  originalLength: 102,
  restored: false,
};

const LIST: Expected[] = [
  // ip.len 126, less 20 of IP and 4 of GRE; the inner frame has its own 802.1Q tag
  ...["erspan-type-i-1", "erspan-type-i-2"].map((file) => ({
    file,
    verdicts: { delivered: 2 },
    sessions: [{ ...erspanI, source: "1.1.1.1", destination: "192.168.255.5", packets: 2, bytes: 204 }],
    packets: { 1: { erspanType: 1 as const, originalLength: 102 } },
  })),
  {
    file: "erspan-type-i-3",
    verdicts: { delivered: 1 },
    packets: { 1: { erspanType: 1, originalLength: 64 } },
  },
  // 88 x gre.proto 0x88be, 8 x 0x0800, 23 without GRE (OSPF)
  {
    file: "erspan-type-i-4",
    verdicts: { delivered: 96, "not-tunnel": 23 },
    sessions: [
      { ...erspanI, source: "20.1.1.1", destination: "30.1.1.2", packets: 88 },
      { encapsulation: "gre", packets: 8, bytes: 8 * (92 - 24 + 14) },
    ],
    packets: {
      5: { verdict: "not-tunnel" },
      9: { encapsulation: "gre", synthetic: true, originalLength: 82 },
    },
  },
  {
    file: "erspan-type-ii-1",
    verdicts: { delivered: 1 },
    packets: {
      1: { erspanType: 2, id: 666, sequence: 171, originalLength: 72, restored: false, truncated: false },
    },
  },
  // two switches, one session id, each its own unbroken sequence; every second frame En = ISL, untagged, VLAN 100 or 101
  {
    file: "erspan-type-ii-2",
    verdicts: { delivered: 16 },
    sessions: ["192.168.195.67", "192.168.195.73"].map((source) => ({
      encapsulation: "erspan",
      source,
      id: 1,
      packets: 8,
      lost: 0,
      reordered: 0,
      duplicates: 0,
      restarts: 0,
      hasSequence: true,
    })),
    packets: {
      1: { sequence: 1_086_760, restored: false, originalLength: 62 },
      2: { restored: true, originalLength: 66 },
    },
  },
  // 70 of 108 inner frames are untagged, all En = 802.1Q; the numbers have no gap
  {
    file: "erspan-type-ii-3",
    verdicts: { delivered: 108 },
    sessions: [{ id: 101, packets: 108, lost: 0, reordered: 0, duplicates: 0, restarts: 0 }],
    packets: { 1: { restored: true, originalLength: 64 }, 3: { restored: false, originalLength: 64 } },
  },
  {
    file: "erspan-type-iii-ft-0",
    options: { time: "mirror" },
    verdicts: { delivered: 9 },
    sessions: [{ id: 0, packets: 9, bytes: 9 * 102, hasSequence: false }],
    packets: { 1: { ...typeIII, direction: "in", hardwareId: 0 } },
  },
  { file: "erspan-type-iii-ft-7", verdicts: { "unsupported-payload": 58 }, sessions: [] },
  // 79 bytes: IPv6 40, destination options 16, GRE 8, ERSPAN III 12, then 3 of the 8 that O promises
  { file: "erspan-type-iii-pb-1", verdicts: { truncated: 1 } },
  // upper 368526056, lower 1884323413: 1582807360.128187989 s, 14 ms before the capture's clock
  {
    file: "erspan3-o-bit-dot1q",
    options: { time: "mirror", restoreVlan: "always" },
    verdicts: { delivered: 2 },
    packets: {
      1: { ...typeIII, direction: "in", time: 368_526_056n * 2n ** 32n + 1_884_323_413n },
      2: { ...typeIII, direction: "out", time: 1_582_807_360_128_624_324n },
    },
  },
  // every sequence number is 0
  {
    file: "erspan2-vxlan-nested",
    verdicts: { delivered: 7 },
    sessions: [{ id: 20, packets: 7, duplicates: 6, lost: 0, restarts: 0 }],
    packets: { 1: { layers: 1, originalLength: 140 - 36 } },
  },
  {
    file: "erspan2-vxlan-nested",
    options: { depth: 2 },
    verdicts: { delivered: 7 },
    sessions: [{ encapsulation: "erspan", id: 20, packets: 7 }],
    packets: { 1: { layers: 2, encapsulation: "erspan", id: 20, originalLength: 54 } },
  },
  // tshark reassembles to 248 GRE packets: 125 with key 0, 123 with key 0x02000000
  {
    file: "gre-teb-keyed-fragmented",
    verdicts: { delivered: 248, reassembled: 39 },
    sessions: [
      { encapsulation: "gre", id: 0, packets: 125 },
      { encapsulation: "gre", id: 0x02000000, packets: 123 },
    ],
    packets: {
      153: { verdict: "reassembled" },
      155: { verdict: "delivered", originalLength: 2982 - 8 },
      231: { verdict: "delivered", originalLength: 7476 - 8 },
    },
  },
  {
    file: "vxlan-aws-mirror",
    verdicts: { delivered: 100 },
    sessions: [
      {
        encapsulation: "vxlan",
        source: "172.31.0.238",
        destination: "172.31.17.188",
        id: 5_569_041,
        packets: 100,
        bytes: 21_048,
      },
    ],
  },
  {
    file: "geneve-gcp-inner-ip",
    verdicts: { delivered: 1 },
    packets: {
      1: { encapsulation: "geneve", idKind: "vni", id: 0, synthetic: true, originalLength: 40 + 14 },
    },
  },
  { file: "vxlan-gpe-nsh", verdicts: { "unsupported-payload": 1 } },
  {
    file: "vxlan-gso-giant",
    verdicts: { delivered: 1 },
    packets: { 1: { encapsulation: "vxlan", id: 5001, originalLength: 7042 + 14 } },
  },
  // total length and UDP length 0: all of 80,116 bytes but 50
  {
    file: "geneve-bigtcp",
    verdicts: { delivered: 1 },
    packets: { 1: { encapsulation: "geneve", id: 5001, originalLength: 80_066 } },
  },
];

describe.skipIf(!present)("captures", () => {
  test.each(LIST.map((row) => ({ ...row, depth: row.options?.depth ?? 1 })))("$file, depth $depth", (row) => {
    const decoder = new ReferenceDecoder({ ...DEFAULTS, ...row.options });
    const results = new Map<number, ReferenceResult>();
    readPcap(readFileSync(`${FOLDER}/${row.file}.pcap`)).forEach((each, index) => {
      const settled = decoder.packet(index + 1, each.frame, each.originalLength, each.time, each.linkType);
      for (const { packet, result } of settled) results.set(packet, result);
    });
    expect(decoder.finish()).toEqual([]);
    expect(decoder.counters.verdicts).toEqual(row.verdicts);
    if (row.sessions) {
      expect(decoder.sessions()).toHaveLength(row.sessions.length);
      expect(decoder.sessions()).toMatchObject(row.sessions);
    }
    for (const [packet, expected] of Object.entries(row.packets ?? {})) {
      expect(results.get(Number(packet))).toMatchObject(expected);
    }
  });

  test("what stands in the frames", () => {
    const inner = (file: string, number: number, options: Partial<ReferenceOptions> = {}) => {
      const decoder = new ReferenceDecoder({ ...DEFAULTS, ...options });
      const { frame, originalLength, time, linkType } = readPcap(readFileSync(`${FOLDER}/${file}.pcap`))[
        number - 1
      ]!;
      const [settled] = decoder.packet(number, frame, originalLength, time, linkType);
      return Buffer.from(settled!.result.inner!).toString("hex");
    };
    // VLAN 101, COS 0, put back behind the MACs
    expect(inner("erspan-type-ii-2", 2)).toMatch(/^01005e00000200000c07acfe81000065080045c0/);
    expect(inner("erspan-type-iii-ft-0", 1)).toMatch(/^.{24}8100/);
    expect(inner("geneve-gcp-inner-ip", 1)).toMatch(/^020000000002020000000001080045000028d944/);
    expect(inner("erspan2-vxlan-nested", 1, { depth: 2 })).toMatch(/^ddddddddddd1aabbccddccc1080045000028/);
  });
});
