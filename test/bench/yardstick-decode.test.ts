// The yardstick in C decides as the reference does, on real and on mutated packets: whoever measures the engine against it
// compares equal work. Where there is no C compiler there is no yardstick, and nothing to test.

import { afterAll, describe, expect, test } from "vitest";
import { compileYardstick, type Passes } from "../../bench/native.js";
import type { Image } from "../../bench/race.js";
import { engineOptions } from "../engine/agreement.js";
import { fixtures, seeds, sharedCaptures } from "../engine/corpus.js";
import type { Frame } from "../engine/harness.js";
import { compileReferenceMap } from "../engine/reference-map.js";
import {
  DEFAULTS,
  mutations,
  ReferenceDecoder,
  type ReferenceMap,
  type ReferenceOptions,
} from "../reference/index.js";
import {
  decodeNatively,
  describePacket,
  describeSession,
  LEFT_OUT,
  scenarioOf,
  type YardstickPacket,
} from "./yardstick-results.js";

const compiled = compileYardstick();
afterAll(() => compiled?.remove());

const MUTATIONS = 10_000;
const TIME = 1_700_000_000_000_000_000n;

type Options = Partial<Omit<ReferenceOptions, "ports">>;

function referenceResults(
  frames: readonly Frame[],
  options: Options,
): { packets: string[]; sessions: string[] } {
  const decoder = new ReferenceDecoder({ ...DEFAULTS, ...options });
  const packets = frames.map(({ frame, originalLength, linkType }, i) => {
    const [settled] = decoder.packet(i + 1, frame, originalLength, TIME + BigInt(i) * 1000n, linkType);
    const { inner, layers: _, sniffers: __, time: ___, ...rest } = settled!.result;
    if (inner === undefined) return settled!.result.verdict;
    const bytes = rest.verdict === "delivered" ? Buffer.from(inner).toString("hex") : inner.length;
    return describePacket({ ...rest, bytes });
  });
  const sessions = decoder
    .sessions()
    .map(({ hasSequence: _, ...session }) => describeSession({ ...session }));
  return { packets, sessions };
}

/** Runs all frames, then those that the yardstick takes on, and fails on the first difference. Gives how many they were. */
async function expectEqual(
  passes: Passes,
  all: readonly Frame[],
  options: Options,
  image?: Image,
): Promise<number> {
  const engine = engineOptions(options);
  const tenants = options.map?.tenants ?? [];
  const decode = (frames: readonly Frame[]) =>
    decodeNatively(compiled!, passes, scenarioOf(frames, engine, image), tenants);
  const isTakenOn = (await decode(all)).packets.map(({ verdict }: YardstickPacket) => verdict !== LEFT_OUT);
  const frames = all.filter((_, i) => isTakenOn[i]);
  const { packets, sessions } = await decode(frames);
  const reference = referenceResults(frames, options);
  for (const [i, expected] of reference.packets.entries()) {
    expect(packets[i]!.text, `packet ${i}: ${Buffer.from(frames[i]!.frame).toString("hex")}`).toBe(expected);
  }
  expect(sessions).toEqual(reference.sessions);
  return frames.length;
}

const VARIANTS: Options[] = [
  {},
  { restoreVlan: "always", lenient: true, checksums: "ignore" },
  { restoreVlan: "never", sessions: 20 },
];

describe.skipIf(compiled === undefined)("decoding", () => {
  const captured = [...fixtures, ...sharedCaptures].flatMap(({ frames }) => frames);
  for (const [variant, options] of VARIANTS.entries()) {
    const words = JSON.stringify(options);
    for (const passes of ["one-pass", "two-pass"] as const) {
      test(`captures, ${passes}, with ${words}`, async () => {
        expect(await expectEqual(passes, captured, options)).toBeGreaterThan(captured.length / 2);
      });
    }
    test(`${MUTATIONS} mutated packets with ${words}`, async () => {
      const stream = mutations(7000 + variant, seeds);
      const frames = Array.from({ length: MUTATIONS }, () => stream.next().value);
      expect(await expectEqual("two-pass", frames, options)).toBeGreaterThan(MUTATIONS / 2);
    });
  }
});

describe.skipIf(compiled === undefined)("the tenant map", () => {
  const tenant = (name: string, ...sources: ReferenceMap["tenants"][number]["sources"]) => ({
    name,
    sources,
    addresses: [],
    nonIp: "drop" as const,
    sniffers: [`${name}-ids`],
  });
  const map: ReferenceMap = {
    gateway: ["192.0.2.250", "2001:db8::250"],
    sniffers: [
      { name: "a-ids", deliver: "mac", mac: "02:00:00:00:0a:01" },
      { name: "b-ids", deliver: "vxlan", to: "10.1.0.2", vni: 1 },
    ],
    sharedSources: [],
    tenants: [
      tenant(
        "a",
        { encapsulation: "erspan", session: 1, from: "192.0.2.0/24" },
        { encapsulation: "vxlan", vni: 2 },
      ),
      tenant(
        "b",
        { encapsulation: "erspan", session: 1, from: "192.0.2.1" },
        { encapsulation: "nvgre", vsid: 1 },
      ),
      tenant(
        "c",
        { encapsulation: "erspan", vlan: 3 },
        { encapsulation: "gre" },
        { encapsulation: "geneve" },
      ),
      tenant(
        "d",
        { encapsulation: "erspan", from: "2001:db8::/32" },
        { encapsulation: "tzsp", from: "192.0.2.2" },
      ),
      tenant("e", { encapsulation: "erspan" }, { encapsulation: "vxlan-gpe", vni: 1, vlan: 1 }),
    ],
  };

  for (const passes of ["one-pass", "two-pass"] as const) {
    test(`finds who a packet belongs to, ${passes}`, async () => {
      const image = compileReferenceMap(map)!.image;
      const stream = mutations(8000, seeds);
      const frames = Array.from({ length: MUTATIONS }, () => stream.next().value);
      expect(await expectEqual(passes, frames, { map }, image)).toBeGreaterThan(MUTATIONS / 2);
    });
  }
});
