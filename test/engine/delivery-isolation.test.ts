// Isolation: whatever comes and in whatever order, no byte of a packet reaches a sniffer of a tenant that the reference does not
// name. Every payload is full of its packet's number, and every byte that is delivered is looked at, padding too.

import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULTS, mutations } from "../reference/index.js";
import { seeded } from "../reference/mutate.js";
import { type Shape, wrap } from "../reference/mutate-shapes.js";
import { ethernet } from "../reference/packets.js";
import { frame, type Transport } from "../reference/transport-packets.js";
import { engineOptions } from "./agreement.js";
import { DeliveringEngine, type Way } from "./delivering.js";
import { type Decoded, decodeAll } from "./delivery-compare.js";
import type { Frame } from "./harness.js";
import { bothForms, randomMap } from "./random-delivery.js";

const MAPS = Number(process.env.SPANGATE_MAPS ?? 20);
const SEED = Number(process.env.SPANGATE_SEED ?? 1);
const STEPS = 25;

// A stamp: this word, the packet's number, and the number again in another form, so that half a stamp is none.
const MAGIC = 0xf00dcafe;
const FORM = 0x5a3c9669;
const STAMP = 12;

const random = seeded(SEED);
const corpus: Shape[] = Array.from({ length: 60 }, (_, i) => {
  const data = new Uint8Array(STAMP * (1 + (i % 7) * (i % 5)));
  const view = new DataView(data.buffer);
  for (let at = 0; at < data.length; at += STAMP) view.setUint32(at, MAGIC);
  const transport = (["tcp", "udp", "icmpv6"] as Transport[])[i % 3]!;
  const [source, destination] =
    i % 3 === 2 ? [`2001:db8:1::${i % 9}`, "2001:db8::2"] : [`10.${i % 3}.0.${i % 7}`, `10.${i % 4}.0.5`];
  const inner = i % 10 === 9 ? ethernet(0x88b5, data) : frame(transport, data, source, destination);
  return wrap(inner, random);
});

/** Where stamps stand in the frame. */
function* stampsIn(bytes: Uint8Array): Generator<DataView> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + STAMP <= bytes.length; at++) {
    if (bytes[at] !== MAGIC >>> 24 || view.getUint32(at) !== MAGIC) continue;
    yield new DataView(bytes.buffer, bytes.byteOffset + at, STAMP);
  }
}

function stamp(bytes: Uint8Array, number: number): Uint8Array {
  for (const view of stampsIn(bytes)) {
    view.setUint32(4, number);
    view.setUint32(8, (number ^ FORM) >>> 0);
  }
  return bytes;
}

/** Whose each packet is, by number; that of a fragment is its datagram's. */
function ownersOf(decoded: Decoded): Map<number, string> {
  const owners = new Map<number, string>();
  for (const settled of decoded) {
    const tenant = settled.find(({ result }) => result.verdict === "delivered")?.result.tenant;
    if (tenant === undefined) continue;
    for (const { packet, result } of settled) {
      if (result.verdict === "delivered" || result.verdict === "reassembled") owners.set(packet, tenant);
    }
  }
  return owners;
}

test("no sniffer gets a byte of another tenant's packet", { timeout: 24 * 3_600_000 }, async () => {
  const stream = mutations(SEED * 1000 + 5, corpus);
  let seen = 0;
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(randomMap, async (random) => {
      const forms = bothForms(random);
      fc.pre(forms !== undefined && random.tenants.length > 1);
      accepted++;
      const { reference: map, compiled } = forms;
      let number = 0;
      const next = (): Frame => {
        const packet = stream.next().value;
        return { ...packet, frame: stamp(packet.frame.slice(), ++number) };
      };
      const steps = Array.from({ length: STEPS }, () => ({
        frames: Array.from({ length: 1 + (accepted % 30) }, next),
        takes: new Map(),
      }));
      const owners = ownersOf(decodeAll({ ...DEFAULTS, map }, steps));
      const tenantOf = new Map(
        map.tenants.flatMap(({ name, sniffers }) => sniffers.map((each) => [each, name])),
      );
      for (const way of ["lent", "copied", "slots"] satisfies Way[]) {
        const engine = await DeliveringEngine.create(way, compiled, engineOptions({}));
        for (const { frames } of steps) {
          for (let done = 0; done < frames.length; ) {
            const announced = engine.announce(frames.slice(done));
            for (let from = 0; from < announced; ) {
              from = engine.process(from, new Map());
              if (engine.settlesAtOnce || done % 3 === 0) seen += expectOwn(engine, tenantOf, owners);
            }
            done += announced;
          }
        }
        seen += expectOwn(engine, tenantOf, owners);
      }
    }),
    { numRuns: MAPS, seed: SEED, endOnFailure: true },
  );
  expect(seen).toBeGreaterThan(MAPS * 1000);
});

/** Of everything that is queued. Gives how many stamps there were. */
function expectOwn(
  engine: DeliveringEngine,
  tenantOf: ReadonlyMap<string, string>,
  owners: ReadonlyMap<number, string>,
): number {
  let stamps = 0;
  for (const [sniffer, packets] of engine.drain()) {
    for (const bytes of packets.flatMap(({ frames }) => frames)) {
      for (const view of stampsIn(bytes)) {
        const number = view.getUint32(4);
        if ((number ^ FORM) >>> 0 !== view.getUint32(8)) continue;
        stamps++;
        const owner = owners.get(number);
        if (owner !== tenantOf.get(sniffer)) expect.fail(`${sniffer} got packet ${number} of ${owner}`);
      }
    }
  }
  return stamps;
}
