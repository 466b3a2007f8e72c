// Of a changed map only what is new is read and checked: whatever comes of it must be what comes of the whole.

import fc from "fast-check";
import { expect, test } from "vitest";
import { configFor } from "../../src/config/check.js";
import { mapDifference } from "../../src/config/difference.js";
import type { LiveGatewayConfig } from "../../src/config/schema.js";
import { Predecessor } from "../../src/config/successor.js";
import type { SpangateError } from "../../src/errors.js";

const LIVE = { live: true } as const;
const BASE = { tunnel: { interface: "t0", addresses: ["10.77.0.1"] }, delivery: { interface: "d0" } };

type Written = Record<string, unknown>;

/** Few of everything, so that two entries often want the same. */
const small = fc.nat(3);
const name = fc.constantFrom("a", "b", "c", "A", "d");
const from = fc.constantFrom(undefined, "10.0.0.1", "10.0.0.0/24", "fd00::/64");
const source = fc.oneof(
  fc.record({ encapsulation: fc.constant("erspan"), session: small, from }),
  fc.record({ encapsulation: fc.constant("vxlan"), vni: small }),
  fc.record({ encapsulation: fc.constant("gre"), key: small, from }),
  fc.record({ encapsulation: fc.constant("nvgre"), vsid: small, from }),
  fc.record({ encapsulation: fc.constant("erspan"), session: fc.constant(5000) }),
);
const mac = fc.constantFrom(
  "02:00:00:00:00:01",
  "02-00-00-00-00-01",
  "02:00:00:00:00:02",
  "02:00:00:00:00:03",
);
const sniffer = fc.oneof(
  { weight: 3, arbitrary: fc.record({ name, deliver: fc.constant("mac"), mac }) },
  {
    weight: 2,
    arbitrary: fc.record({
      name,
      deliver: fc.constant("ip"),
      mac,
      ip: fc.constantFrom("10.9.0.1", "10.9.0.2"),
    }),
  },
  fc.record({ name, deliver: fc.constant("vxlan"), to: fc.constantFrom("10.9.0.1", "fd09::1"), vni: small }),
  fc.record({ name, deliver: fc.constant("pcap"), directory: fc.constant("x") }),
  fc.record({ name }),
  fc.record({ name, deliver: fc.constant("mac") }),
);
const address = fc.constantFrom("10.1.0.0/16", "10.2.0.1", "02:00:00:00:0a:01", "fd01::/64");
const tenant = fc.record({
  name,
  sources: fc.array(source, { maxLength: 2 }),
  addresses: fc.array(address, { maxLength: 2 }),
  sniffers: fc.array(name, { minLength: 1, maxLength: 2 }),
});
const valid = (written: Written): Written | undefined => {
  try {
    configFor(written, LIVE);
    return written;
  } catch {
    return undefined;
  }
};

/** What a list is made into: entries removed, put in another's place, added, moved. */
const edit = (entry: fc.Arbitrary<unknown>) =>
  fc.array(fc.tuple(fc.constantFrom("remove", "set", "add", "move", "copy"), fc.nat(), entry), {
    maxLength: 2,
  });

function edited(list: readonly unknown[], edits: readonly (readonly [string, number, unknown])[]): unknown[] {
  // As it comes from JSON: not the same objects.
  const after = structuredClone(list) as unknown[];
  for (const [how, at, entry] of edits) {
    const place = after.length === 0 ? 0 : at % after.length;
    if (how === "remove") after.splice(place, 1);
    else if (how === "set") after.splice(place, 1, entry);
    else if (how === "add") after.splice(place, 0, entry);
    else if (how === "move" && after.length > 0) after.push(...after.splice(place, 1));
    else if (after.length > 0) after.push(structuredClone(after[place]));
  }
  return after;
}

function outcome(read: () => LiveGatewayConfig): unknown {
  try {
    return read();
  } catch (error) {
    return (error as SpangateError).details;
  }
}

const map = fc.record({
  sharedSources: fc.array(source, { maxLength: 1 }),
  sniffers: fc.array(sniffer, { maxLength: 4 }),
  tenants: fc.array(tenant, { maxLength: 4 }),
});
const step = fc.record({
  sharedSources: edit(source),
  sniffers: edit(sniffer),
  tenants: edit(tenant),
  isAccepted: fc.boolean(),
});

test("a map that follows another is what it is by itself, or refused with the same mistakes", () => {
  let quick = 0;
  let refused = 0;
  fc.assert(
    fc.property(map, fc.constantFrom(1500, 1000), fc.array(step, { maxLength: 8 }), (first, mtu, steps) => {
      let written: Written = { ...BASE, delivery: { interface: "d0", mtu }, ...repaired(first) };
      if (valid(written) === undefined) written = { ...BASE, sharedSources: [], sniffers: [], tenants: [] };
      const predecessor = new Predecessor({ written, config: configFor(written, LIVE) }, LIVE);
      for (const { isAccepted, ...edits } of steps) {
        const lists = Object.entries(edits).map(([list, each]) => [
          list,
          edited(written[list] as unknown[], each),
        ]);
        const next = { ...written, ...Object.fromEntries(lists) };
        const alone = outcome(() => configFor(next, LIVE));
        const before = predecessor.loaded.config;
        const after = outcome(() => {
          const { loaded, difference } = predecessor.read(next);
          expect(difference).toEqual(mapDifference(before, loaded.config));
          if (isAccepted) {
            predecessor.accept(loaded);
            written = next;
            quick++;
          }
          return loaded.config;
        });
        expect(after).toEqual(alone);
        if ((alone as Written).mistakes !== undefined) refused++;
      }
    }),
    { numRuns: 1500 },
  );
  // Neither is rare.
  expect(quick).toBeGreaterThan(500);
  expect(refused).toBeGreaterThan(500);
});

/** Fewer mistakes, so that there is a map to begin with. */
function repaired({
  sharedSources,
  sniffers,
  tenants,
}: {
  sharedSources: unknown[];
  sniffers: unknown[];
  tenants: unknown[];
}): Written {
  const kept: Record<"sharedSources" | "sniffers" | "tenants", unknown[]> = {
    sharedSources: [],
    sniffers: [],
    tenants: [],
  };
  const add = (list: keyof typeof kept, entry: unknown) => {
    kept[list].push(entry);
    if (valid({ ...BASE, ...kept }) === undefined) kept[list].pop();
  };
  for (const each of sniffers) add("sniffers", each);
  for (const each of tenants) add("tenants", each);
  for (const each of sharedSources) add("sharedSources", each);
  return kept;
}

test("what stays as it is written is not read again", () => {
  const written = {
    ...BASE,
    sniffers: ["a", "b", "c"].map((name) => ({ name, deliver: "pcap", directory: name })),
    tenants: ["a", "b", "c"].map((name, session) => ({
      name,
      sources: [{ encapsulation: "erspan", session }],
      sniffers: [name],
    })),
  };
  const config = configFor(written, LIVE);
  const predecessor = new Predecessor({ written, config }, LIVE);
  const next = structuredClone(written);
  next.sniffers.splice(1, 1);
  next.tenants.splice(1, 1);
  next.tenants.reverse();
  next.sniffers[1]!.directory = "elsewhere";
  const { loaded } = predecessor.read(next);
  const [first, second] = loaded.config.tenants;
  expect([first === config.tenants[2], second === config.tenants[0]]).toEqual([true, true]);
  expect(loaded.config.sniffers[0]).toBe(config.sniffers[0]);
  expect(loaded.config.sniffers[1]).toMatchObject({ name: "c", directory: "elsewhere" });
});

test("two sniffers at a MAC address must be one tenant's, also when one of them comes to it", () => {
  const ip = (name: string, mac: string, ip: string) => ({ name, deliver: "ip", mac, ip });
  const tenant = (name: string, session: number) => ({
    name,
    sources: [{ encapsulation: "erspan", session }],
    sniffers: [name],
  });
  const [one, two] = ["02:00:00:00:00:01", "02:00:00:00:00:02"] as const;
  const tenants = [tenant("a", 1), tenant("b", 2)];
  const written = { ...BASE, sniffers: [ip("a", one, "10.9.0.1"), ip("b", two, "10.9.0.2")], tenants };
  const predecessor = new Predecessor({ written, config: configFor(written, LIVE) }, LIVE);
  const met = { ...written, sniffers: [written.sniffers[0], ip("b", one, "10.9.0.2")] };
  expect(() => predecessor.read(met)).toThrow("of another tenant");
  // A mistake leaves nothing behind.
  const apart = { ...written, sniffers: [written.sniffers[0], ip("b", two, "10.9.0.3")] };
  predecessor.accept(predecessor.read(apart).loaded);
  expect(() => predecessor.read(met)).toThrow("of another tenant");
});
