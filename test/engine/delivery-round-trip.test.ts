// What the engine wraps, the engine unwraps: a frame to a sniffer behind any tunnel, in one piece or in fragments, is the frame
// again at a gateway at the far end, with the id, the order, the direction and the time that were put into the headers.

import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULT_OPTIONS, type EngineOptions } from "../../src/engine/index.js";
import type { ReferenceMap, ReferenceResult, ReferenceSniffer } from "../reference/index.js";
import { seeded } from "../reference/mutate.js";
import { join } from "../reference/octets.js";
import { erspan3, ethernet, gre, ipv4 } from "../reference/packets.js";
import { onesComplementSum } from "../reference/region.js";
import { DeliveringEngine } from "./delivering.js";
import { EngineHarness, type Frame } from "./harness.js";
import { hostFrame } from "./random-delivery.js";
import { compileReferenceMap } from "./reference-map.js";

const MODES = ["vxlan", "geneve", "gre", "erspan2", "erspan3"] as const;
const ENCAPSULATION = { vxlan: "vxlan", geneve: "geneve", gre: "gre", erspan2: "erspan", erspan3: "erspan" };
const MTU = 1400;

interface Mirrored {
  inner: Uint8Array;
  truncated: boolean;
  outgoing: boolean;
  hardwareId: number;
  time: bigint;
}

/** Every mode over both families, by truncation and by fragments, each to a destination of its own. */
function everyTunnel(ids: { vni: number; key: number; session: number; index: number }, vlan?: number) {
  const sniffers: ReferenceSniffer[] = [];
  for (const fit of ["truncate", "fragment"] as const) {
    for (const family of [4, 6]) {
      for (const deliver of MODES) {
        const host = 10 + sniffers.length;
        const to = family === 4 ? `198.51.100.${host}` : `2001:db8:5::${host}`;
        const fields = { name: `${deliver}-${family}-${fit}`, deliver, to, fit, udpChecksum: true, ...ids };
        sniffers.push(vlan === undefined ? fields : { ...fields, vlan });
      }
    }
  }
  return sniffers;
}

function mapOf(sniffers: ReferenceSniffer[]): ReferenceMap {
  const acme = {
    name: "acme",
    sources: [{ encapsulation: "erspan" }],
    addresses: [],
    nonIp: "drop" as const,
  };
  const tenants = [{ ...acme, sniffers: sniffers.map(({ name }) => name) }];
  return { gateway: ["198.51.100.1", "2001:db8:5::1"], sniffers, sharedSources: [], tenants };
}

function carrier({ inner, time, ...fields }: Mirrored): Frame {
  const frame = ethernet(0x0800, ipv4(47, gre(0x22eb, erspan3(inner, { session: 5, ...fields }))));
  return { frame, originalLength: frame.length, time, linkType: 1 };
}

const SECOND = 1_000_000_000n;
const mirrored = fc
  .record({
    seed: fc.nat(),
    anything: fc.option(fc.uint8Array({ maxLength: 3000 }), { nil: undefined, freq: 4 }),
    truncated: fc.boolean(),
    outgoing: fc.boolean(),
    hardwareId: fc.nat(63),
    wait: fc.bigInt(0n, SECOND / 2n - 1n),
  })
  .map(({ seed, anything, ...fields }) => ({ inner: anything ?? hostFrame(seeded(seed)), ...fields }));

const OPTIONS: Partial<EngineOptions> = {
  time: "mirror",
  sessions: 64,
  decode: { ...DEFAULT_OPTIONS.decode, restoreVlan: "auto" },
};

test("decapsulation undoes encapsulation", { timeout: 120_000 }, async () => {
  const ids = fc.record({
    vni: fc.nat(0xffffff),
    key: fc.nat(0xffffffff),
    session: fc.nat(1023),
    index: fc.nat(0xfffff),
  });
  const property = fc.asyncProperty(
    ids,
    fc.option(fc.integer({ min: 1, max: 4094 }), { nil: undefined }),
    fc.array(mirrored, { minLength: 1, maxLength: 8 }),
    async (ids, vlan, list) => {
      let time = 1_700_000_000n * SECOND;
      const packets: Mirrored[] = list.map(({ wait, ...fields }) => {
        time += wait;
        return { ...fields, time };
      });
      const sniffers = everyTunnel(ids, vlan);
      const compiled = compileReferenceMap(mapOf(sniffers), { mtu: MTU })!;
      const near = await DeliveringEngine.create("slots", compiled, { sessions: 64 });
      near.announce(packets.map(carrier));
      near.process(0, new Map());
      const far = await EngineHarness.create(OPTIONS);
      for (const sniffer of sniffers) {
        const sent = near.take(sniffer.name, packets.length);
        expect(sent).toHaveLength(packets.length);
        for (const [i, packet] of sent.entries()) {
          expectChecksum(sniffer, packet.frames);
          const settled = far.run(packet.frames.map((frame) => onWire(frame, packet.time)));
          const whole = settled.filter(({ result }) => result.verdict !== "reassembled");
          expect(whole).toHaveLength(1);
          expectSame(sniffer, whole[0]!.result, packets[i]!, i, vlan);
        }
      }
    },
  );
  await fc.assert(property, { seed: 1, numRuns: 20 });
});

function onWire(frame: Uint8Array, time: bigint): Frame {
  return { frame, originalLength: frame.length, time, linkType: 1 };
}

function expectSame(
  sniffer: ReferenceSniffer,
  came: ReferenceResult,
  { inner, truncated, outgoing, hardwareId, time }: Mirrored,
  sequence: number,
  vlan: number | undefined,
): void {
  const { deliver, fit, to } = sniffer;
  const mode = deliver as (typeof MODES)[number];
  const headers = to!.includes(":") ? 40 : 20;
  const room = MTU - headers - { vxlan: 16, geneve: 16, gre: 8, erspan2: 16, erspan3: 20 }[mode];
  const arrived = fit === "truncate" ? inner.subarray(0, room) : inner;
  expect(Buffer.from(came.inner!).equals(arrived), `${sniffer.name}: the frame`).toBe(true);
  const id = {
    vxlan: sniffer.vni,
    geneve: sniffer.vni,
    gre: sniffer.key,
    erspan2: sniffer.session,
    erspan3: sniffer.session,
  };
  const isErspan = mode === "erspan2" || mode === "erspan3";
  expect(came).toMatchObject({
    verdict: "delivered",
    encapsulation: ENCAPSULATION[mode],
    id: id[mode],
    source: to!.includes(":") ? "2001:db8:5::1" : "198.51.100.1",
    destination: to,
    ...(vlan === undefined ? {} : { outerVlan: vlan }),
    ...(isErspan ? { sequence, erspanType: mode === "erspan2" ? 2 : 3 } : {}),
    ...(mode === "erspan3" ? { direction: outgoing ? "out" : "in", hardwareId, time } : {}),
  });
  // With T the original length may be what the frame's own header says, of which the near gateway knew as much.
  if (isErspan && (truncated || arrived.length < inner.length)) expect(came.truncated).toBe(true);
  if (!isErspan) expect(came.originalLength).toBe(arrived.length);
}

/** The UDP checksum of a packet in one piece, computed anew. */
function expectChecksum({ to, deliver, vlan }: ReferenceSniffer, frames: readonly Uint8Array[]): void {
  if (frames.length > 1 || (deliver !== "vxlan" && deliver !== "geneve")) return;
  const ip = frames[0]!.subarray(vlan === undefined ? 14 : 18);
  const isIpv6 = to!.includes(":");
  const length = isIpv6 ? ip[4]! * 256 + ip[5]! : ip[2]! * 256 + ip[3]! - 20;
  const datagram = ip.subarray(isIpv6 ? 40 : 20).subarray(0, length);
  const addresses = isIpv6 ? ip.subarray(8, 40) : ip.subarray(12, 20);
  const sum = join(addresses, [length >> 8, length & 0xff, 0, 17], datagram);
  expect(datagram[6]! * 256 + datagram[7]!).not.toBe(0);
  expect(onesComplementSum(sum, 0, sum.length)).toBe(0xffff);
}
