// Isolation: with random maps and random packets the engine names the tenant that the reference names, or none. Maps go the
// whole way, from text through the schema and the compiler into linear memory.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Engine } from "../../src/engine/index.js";
import { compileMap } from "../../src/mapping/index.js";
import { DEFAULTS, mutations, ReferenceDecoder, type ReferenceMap } from "../reference/index.js";
import { expectEqual } from "./compare.js";
import { seeds } from "./corpus.js";
import { DeliveringEngine } from "./delivering.js";
import { EngineHarness } from "./harness.js";
import { ADDRESSES, configOf, GATEWAYS, identity, optional, shared } from "./random-map.js";

const MACS = ["02:aa:bb:cc:dd:02", "02:00:00:00:0a:01", "02:00:00:00:0a:02", "02:aa:bb:cc:ee:02"];

const tenant = fc.record({
  sources: fc.array(identity, { maxLength: 4 }),
  addresses: fc.oneof(
    { weight: 1, arbitrary: fc.constant([]) },
    { weight: 4, arbitrary: fc.subarray(ADDRESSES) },
  ),
  nonIp: fc.constantFrom("drop", "deliver"),
});
const map = fc.record({
  tenants: fc.array(tenant, { minLength: 1, maxLength: 4 }),
  sharedSources: fc.oneof(fc.constant([]), fc.array(shared, { maxLength: 3 })),
  gateway: optional(fc.subarray(GATEWAYS, { minLength: 1 })),
  delivery: fc.subarray(MACS),
});
type RandomMap = typeof map extends fc.Arbitrary<infer T> ? T : never;

/** The same map in the reference's form, and as the text of a gateway.yaml. */
function bothForms({ tenants, sharedSources, gateway, delivery }: RandomMap): {
  reference: ReferenceMap;
  text: string;
} {
  const named = tenants.map((each, i) => ({ name: `tenant-${i}`, ...each, sniffers: [`sniffer-${i}`] }));
  const sniffers = tenants.map((_, i) => {
    const mac = delivery[i];
    return { name: `sniffer-${i}`, ...(mac === undefined ? {} : { deliver: "mac", mac }) };
  });
  const reference = { gateway: gateway ?? [], sniffers, sharedSources, tenants: named } as ReferenceMap;
  const text = JSON.stringify({
    tunnel: { addresses: gateway ?? [] },
    sniffers,
    sharedSources,
    tenants: named,
  });
  return { reference, text };
}

describe("random maps", () => {
  test("give every packet to the tenant the reference names", { timeout: 600_000 }, async () => {
    const stream = mutations(7, seeds);
    const seen: Record<string, number> = {};
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(map, async (random) => {
        const { reference, text } = bothForms(random);
        const config = configOf(text);
        fc.pre(config !== undefined);
        accepted++;
        const frames = Array.from({ length: 400 }, (_, i) =>
          i % 4 === 0 ? stream.next().value : seeds[(accepted * 97 + i * 13) % seeds.length]!,
        );
        const harness = await EngineHarness.create({}, undefined, compileMap(config));
        const verdicts = expectEqual([harness], { ...DEFAULTS, map: reference }, frames);
        for (const [name, count] of Object.entries(verdicts)) seen[name] = (seen[name] ?? 0) + count;
      }),
      { numRuns: Number(process.env.SPANGATE_MAPS ?? 150), seed: 20261121, endOnFailure: true },
    );
    for (const verdict of ["delivered", "unmapped", "foreign-address", "ambiguous-tenant", "loop"]) {
      expect(seen[verdict], verdict).toBeGreaterThan(0);
    }
  });
});

describe("random maps, one after another", () => {
  const accepted = map.map(bothForms).filter(({ text }) => configOf(text) !== undefined);

  test("each decides alone, whatever was kept of the one before it", { timeout: 600_000 }, async () => {
    const stream = mutations(11, seeds);
    await fc.assert(
      fc.asyncProperty(fc.array(accepted, { minLength: 3, maxLength: 3 }), fc.nat(), async (maps, offset) => {
        const compiled = maps.map(({ text }) => compileMap(configOf(text)!, { delivery: "plain" }));
        const references = maps.map(({ reference }) => new ReferenceDecoder({ ...DEFAULTS, map: reference }));
        const engine = await DeliveringEngine.create("slots", compiled[0]!);
        for (let chunk = 0, packet = 0; chunk < 12; chunk++) {
          // Back to the first, and sometimes the same once more.
          const present = (chunk >> 1) % 3;
          if (chunk > 0) engine.replaceMap(compiled[present]!);
          const frames = Array.from({ length: 60 }, (_, i) =>
            i % 4 === 0 ? stream.next().value : seeds[(offset + i * 13) % seeds.length]!,
          );
          const expected = new Map<number, string>();
          for (const { frame, originalLength, time, linkType } of frames) {
            packet++;
            for (const [i, reference] of references.entries()) {
              for (const each of reference.packet(packet, frame, originalLength, time, linkType)) {
                const { verdict, tenant } = each.result;
                if (i === present)
                  expected.set(each.packet, tenant === undefined ? verdict : `${verdict} ${tenant}`);
              }
            }
          }
          expect(engine.announce(frames)).toBe(frames.length);
          const verdicts = new Map<number, string>();
          for (let from = 0; from < frames.length; ) from = engine.process(from, verdicts);
          expect(verdicts).toEqual(expected);
          const counts = new Map([...engine.drain()].map(([sniffer, { length }]) => [sniffer, length]));
          for (const i of [0, 1, 2, 3]) {
            const own = [...expected.values()].filter((verdict) => verdict === `delivered tenant-${i}`);
            expect(counts.get(`sniffer-${i}`) ?? 0).toBe(own.length);
          }
        }
      }),
      {
        numRuns: Math.ceil(Number(process.env.SPANGATE_MAPS ?? 150) / 8),
        seed: 20261122,
        endOnFailure: true,
      },
    );
  });
});

describe("generations", () => {
  const text = (name: string) =>
    JSON.stringify({
      sniffers: [{ name: "file" }],
      tenants: [{ name, sources: [{ encapsulation: "erspan" }], sniffers: ["file"] }],
    });

  test("a new map holds from the next batch on, and packets before it keep their tenant", async () => {
    const frames = seeds.slice(0, 200);
    const first = compileMap(configOf(text("first"))!);
    const harness = await EngineHarness.create({}, undefined, first);
    const before = harness.run(frames);
    expect(harness.engine.replaceMap(compileMap(configOf(JSON.stringify({}))!).image)).toBe(2);
    const after = harness.run(frames);
    expect(before.filter(({ result }) => result.verdict === "delivered").length).toBeGreaterThan(0);
    expect(after.filter(({ result }) => result.verdict === "delivered")).toEqual([]);
    expect(harness.engine.replaceMap(first.image)).toBe(3);
    expect(harness.run(frames).map(({ result }) => result.verdict)).toEqual(
      before.map(({ result }) => result.verdict),
    );
  });

  test("a map that is refused leaves the one in force as it is", async () => {
    const good = compileMap(configOf(text("good"))!);
    const harness = await EngineHarness.create({}, undefined, good);
    const { slots } = good.image;
    const twice = new Uint8Array(slots.length * 2);
    twice.set(slots);
    twice.set(slots, slots.length);
    for (let i = 0; i < 3; i++)
      expect(() => harness.engine.replaceMap({ ...good.image, slots: twice })).toThrow();
    const delivered = harness.run(seeds.slice(0, 200)).filter(({ result }) => result.verdict === "delivered");
    expect(delivered.length).toBeGreaterThan(0);
    expect(new Set(delivered.map(({ result }) => result.tenant))).toEqual(new Set(["good"]));
    expect(harness.engine.replaceMap(good.image)).toBe(2);
  });

  test("a hundred replacements take no more memory than two", async () => {
    const engine = await Engine.create();
    const { image } = compileMap(configOf(text("only"))!);
    engine.replaceMap(image);
    engine.replaceMap(image);
    const size = engine.memory.memory.buffer.byteLength;
    for (let i = 0; i < 98; i++) engine.replaceMap(image);
    expect(engine.memory.memory.buffer.byteLength).toBe(size);
  });
});
