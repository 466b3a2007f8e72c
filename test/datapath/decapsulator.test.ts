// The library's way through the engine: what it delivers is what the reference decodes and the tenant map says, whatever the
// frames are and whenever deliveries are taken.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  type AboutFrame,
  captureBytes,
  Decapsulator,
  type DecapsulatorOptions,
  type Delivery,
  type FrameIn,
  type GatewayInput,
  parseConfig,
  readFrames,
  SlotPool,
  type SpangateError,
  type VerdictName,
} from "../../src/index.js";
import { type Capture, fixtures, sharedCaptures } from "../engine/corpus.js";
import { DEFAULTS, ReferenceDecoder, type ReferenceResult } from "../reference/index.js";
import { erspan2, ethernet, gre, ipv4, tag } from "../reference/packets.js";

const capture = (name: string): Capture => fixtures.find((fixture) => fixture.name === name)!;

function framesIn({ frames }: Capture): FrameIn[] {
  return frames.map(({ frame, originalLength, time, linkType }) => {
    return { data: frame, originalLength, timestamp: time, linkType };
  });
}

/** Deliveries with their bytes copied. */
async function decapsulated(gateway: Decapsulator, frames: Iterable<FrameIn>): Promise<Delivery[]> {
  const deliveries: Delivery[] = [];
  for await (const delivery of gateway.decapsulate(frames)) deliveries.push(kept(delivery));
  return deliveries;
}
function kept(delivery: Delivery): Delivery {
  return { ...delivery, data: delivery.data.slice() };
}

/** What the reference says of the capture, packet by packet in the order in which they are settled. */
function reference({ frames }: Capture) {
  const decoder = new ReferenceDecoder(DEFAULTS);
  const settled = frames.flatMap(({ frame, originalLength, time, linkType }, i) =>
    decoder.packet(i + 1, frame, originalLength, time, linkType),
  );
  return [...settled, ...decoder.finish()];
}

/** An ERSPAN II packet of session 100 whose inner frame is `length` bytes long and says `mark`. */
function mirrored(length: number, mark = 0, session = 100): Uint8Array {
  const inner = ethernet(0x9999, new Uint8Array(length - 14).fill(mark));
  return ethernet(0x0800, ipv4(47, gre(0x88be, erspan2(inner, { session }), { sequence: mark })));
}

const about = (timestamp: number): AboutFrame => ({ timestamp: BigInt(timestamp) });

const toAcme = (...sniffers: GatewayInput["sniffers"] & object): GatewayInput => ({
  sniffers,
  tenants: [
    {
      name: "acme",
      sources: [{ encapsulation: "erspan", session: 100 }],
      sniffers: sniffers.map(({ name }) => name),
    },
  ],
});

function codeOf(call: () => unknown): string | undefined {
  try {
    call();
  } catch (error) {
    return (error as SpangateError).code;
  }
  return undefined;
}

describe("without a map", () => {
  test.each([...fixtures, ...sharedCaptures].map((one) => [one.name, one] as const))(
    "%s: everything that comes out of a tunnel, as the reference decodes it",
    async (_name, one) => {
      const verdicts: [number, VerdictName][] = [];
      const onVerdict = (packet: number, verdict: VerdictName) => verdicts.push([packet, verdict]);
      const gateway = await Decapsulator.create({ onVerdict });
      const deliveries = await decapsulated(gateway, framesIn(one));
      const settled = reference(one).map(({ packet, result }) => {
        const isLong = (result.inner?.length ?? 0) > SlotPool.LONGEST_LARGE; // as BIG TCP makes: no slot takes it
        return { packet, result: isLong ? { ...result, verdict: "queue-full" } : result };
      });
      const wanted = settled.map(({ result }) => result).filter(({ verdict }) => verdict === "delivered");
      expect(deliveries.length).toBe(wanted.length);
      for (const [i, delivery] of deliveries.entries())
        expect(told(delivery)).toEqual(toldBy(wanted[i] as ReferenceResult));
      const inOrder = verdicts.sort(([a], [b]) => a - b);
      const results = settled.map(({ packet, result }) => [packet, result.verdict] as [number, string]);
      expect(inOrder).toEqual(results.sort(([a], [b]) => a - b));
    },
  );

  const told = (delivery: Delivery) => ({
    data: Buffer.from(delivery.data).toString("hex"),
    originalLength: delivery.originalLength,
    timestamp: delivery.timestamp,
    encapsulation: delivery.encapsulation,
    id: delivery.id,
    sequence: delivery.sequence,
    erspanType: delivery.erspanType,
    direction: delivery.direction,
    hardwareId: delivery.hardwareId,
    outerVlan: delivery.outerVlan,
    interface: delivery.interface,
  });
  const toldBy = (result: ReferenceResult): ReturnType<typeof told> => ({
    data: Buffer.from(result.inner!).toString("hex"),
    originalLength: result.originalLength!,
    timestamp: result.time!,
    encapsulation: result.encapsulation as Delivery["encapsulation"],
    id: result.id,
    sequence: result.sequence,
    erspanType: result.erspanType,
    direction: result.direction,
    hardwareId: result.hardwareId,
    outerVlan: result.outerVlan,
    interface: [result.encapsulation, result.source, ...(result.id === undefined ? [] : [result.id])].join(
      "/",
    ),
  });

  test("the VLANs of the ERSPAN header and of the tunnel packet", async () => {
    const inner = ethernet(0x9999, new Uint8Array(46));
    const packet = ipv4(47, gre(0x88be, erspan2(inner, { session: 7, vlan: 30 }), { sequence: 1 }));
    const gateway = await Decapsulator.create();
    gateway.write(ethernet(0x8100, tag(210, 0x0800, packet)));
    gateway.write(ethernet(0x0800, packet));
    gateway.flush();
    expect([...gateway.deliveries()].map(({ vlan, outerVlan }) => [vlan, outerVlan])).toEqual([
      [30, 210],
      [30, undefined],
    ]);
  });

  test("frames become a capture that is read again", async () => {
    const gateway = await Decapsulator.create();
    const bytes = await captureBytes(gateway.decapsulate(framesIn(capture("ovs-erspan3"))));
    const wanted = await decapsulated(await Decapsulator.create(), framesIn(capture("ovs-erspan3")));
    const frames: unknown[] = [];
    for await (const frame of readFrames(bytes)) frames.push(frame);
    expect(frames).toEqual(
      wanted.map(({ data, originalLength, timestamp, linkType }) => {
        return { data, originalLength, timestamp, linkType };
      }),
    );
  });

  test("what the frames throw comes through, after the deliveries of those before", async () => {
    const broken = async function* () {
      for (let i = 0; i < 300; i++) yield { data: mirrored(64) };
      throw new Error("mine");
    };
    const gateway = await Decapsulator.create();
    let deliveries = 0;
    const run = async () => {
      for await (const _ of gateway.decapsulate(broken())) deliveries++;
    };
    await expect(run()).rejects.toThrow("mine");
    expect(deliveries).toBe(300);
  });

  test("options of the engine are followed", async () => {
    const nested = framesIn(capture("scapy-nested"));
    const once = await decapsulated(await Decapsulator.create(), nested);
    const twice = await decapsulated(await Decapsulator.create({ decode: { depth: 2 } }), nested);
    expect(once.map(({ data }) => data)).not.toEqual(twice.map(({ data }) => data));
    const vxlan = framesIn(capture("ovs-vxlan"));
    expect(await decapsulated(await Decapsulator.create({ ports: { vxlan: [] } }), vxlan)).toEqual([]);
    const map: GatewayInput = { ...toAcme({ name: "ids" }), tunnel: { ports: { vxlan: [] } } };
    const mapped = await Decapsulator.create({ map });
    await decapsulated(mapped, vxlan);
    expect(mapped.counters()["not-tunnel"]).toBe(vxlan.length);
  });
});

describe("with a map", () => {
  const text = readFileSync(new URL("../examples/demo.yaml", import.meta.url), "utf8");
  const demo = framesIn(capture("demo-mixed"));
  const expected = JSON.parse(
    readFileSync(new URL("../fixtures/demo-mixed.expected.json", import.meta.url), "utf8"),
  ) as { packets: { packet: number; verdict: string; decap?: string; tenant?: string; inner?: string }[] };

  test("every tenant's packets go to its sniffers, and their verdicts are told", async () => {
    const verdicts = new Map<number, string>();
    const gateway = await Decapsulator.create({
      map: parseConfig(text, "demo.yaml").config!,
      delivery: "plain",
      onVerdict: (packet, verdict) => verdicts.set(packet, verdict),
    });
    const deliveries = await decapsulated(gateway, demo);
    for (const { packet, verdict, decap } of expected.packets) {
      expect(verdicts.get(packet), `packet ${packet}`).toBe(decap ?? verdict);
    }
    const hash = async ({ data }: Delivery) =>
      Buffer.from(await crypto.subtle.digest("SHA-256", data as Uint8Array<ArrayBuffer>)).toString("hex");
    const sniffers = { "acme-ids": "acme", "acme-archive": "acme", "globex-ids": "globex" };
    for (const [sniffer, tenant] of Object.entries(sniffers)) {
      const own = deliveries.filter((delivery) => delivery.sniffer === sniffer);
      const wanted = expected.packets.filter((packet) => packet.tenant === tenant);
      expect(new Set(own.map((delivery) => delivery.tenant))).toEqual(new Set([tenant]));
      expect(await Promise.all(own.map(hash))).toEqual(wanted.map(({ inner }) => inner));
      const accounts = gateway.accounts().get(sniffer)!;
      expect([accounts.offered, accounts.sent, accounts.inFlight]).toEqual([own.length, own.length, 0]);
    }
  });

  test("an object in the form of gateway.yaml is the same as its text", async () => {
    const { parse } = await import("yaml");
    const maps: DecapsulatorOptions["map"][] = [parse(text), parseConfig(text, "demo.yaml").config!];
    const [object, parsed] = await Promise.all(
      maps.map(async (map) => decapsulated(await Decapsulator.create({ map: map! }), demo)),
    );
    expect(object).toEqual(parsed);
  });

  test("all mistakes of a map are in one error", async () => {
    const wrong = {
      sniffers: [{ name: "ids", rat: "1Gbit" }],
      tenants: [
        { name: "acme", sources: [{ encapsulation: "erspan", session: 5000 }], sniffers: ["ids", "nobody"] },
      ],
    } as unknown as GatewayInput;
    const error = await Decapsulator.create({ map: wrong }).catch((thrown: SpangateError) => thrown);
    expect(error).toMatchObject({
      code: "CONFIG_INVALID",
      details: {
        mistakes: [
          { path: "sniffers[0].rat" },
          { path: "tenants[0].sources[0].session", expected: "an integer from 0 to 1023 (10 bits)" },
          { path: "tenants[0].sniffers[1]" },
        ],
      },
    });
    expect((error as SpangateError).message.split("\n")).toHaveLength(3);
    for (const nothing of [null, 7, "map", []]) {
      const map = nothing as unknown as GatewayInput;
      await expect(Decapsulator.create({ map })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    }
  });

  test("frames go out as the sniffer's `deliver` says, or as they were decoded", async () => {
    const map = toAcme({ name: "ids", deliver: "mac", mac: "02:00:00:00:0a:01", vlan: 210 });
    for (const delivery of ["configured", "plain"] as const) {
      const gateway = await Decapsulator.create({ map, delivery });
      const [one] = await decapsulated(gateway, [{ data: mirrored(100) }]);
      const start = Buffer.from(one!.data.subarray(0, 18)).toString("hex");
      if (delivery === "plain") expect(start.slice(0, 28)).toBe(plainStart);
      else expect(start).toBe(`020000000a01${plainStart.slice(12, 24)}810000d29999`);
    }
  });
  const plainStart = Buffer.from(ethernet(0x9999, [])).toString("hex");

  test("a packet too long for the sniffer's path is several deliveries", async () => {
    const map = toAcme({ name: "far", deliver: "vxlan", to: "192.0.2.10", vni: 7, fit: "fragment" });
    const gateway = await Decapsulator.create({ map });
    const deliveries = await decapsulated(gateway, [{ data: mirrored(3000) }, { data: mirrored(100) }]);
    expect(deliveries.map(({ fragment, data }) => [fragment, data.length])).toEqual([
      [0, 1514],
      [1, 1514],
      [2, 14 + 20 + 3000 + 16 - 2 * 1480],
      [undefined, 150],
    ]);
    const sentBytes = deliveries.reduce((sum, { data }) => sum + data.length, 0);
    expect(gateway.accounts().get("far")).toMatchObject({ offered: 2, sent: 2, sentBytes });
  });
});

describe("replacing the map", () => {
  test("packets written before it follow the old one, those after it the new one", async () => {
    const gateway = await Decapsulator.create({ map: toAcme({ name: "old" }) });
    gateway.write(mirrored(100, 1), about(1));
    const globex: GatewayInput = {
      sniffers: [{ name: "other" }, { name: "new" }],
      tenants: [
        { name: "initech", sources: [{ encapsulation: "vxlan" }], sniffers: ["other"] },
        { name: "globex", sources: [{ encapsulation: "erspan" }], sniffers: ["new"] },
      ],
    };
    expect(gateway.replaceMap(globex)).toBe(2);
    gateway.write(mirrored(100, 2), about(2));
    gateway.flush();
    expect(
      [...gateway.deliveries()].map(({ sniffer, tenant, sequence }) => [sniffer, tenant, sequence]),
    ).toEqual([
      ["old", "acme", 1],
      ["new", "globex", 2],
    ]);
    expect([...gateway.accounts()].map(([name, { sent }]) => [name, sent])).toEqual([
      ["old", 1],
      ["other", 0],
      ["new", 1],
    ]);
  });

  test("one that is refused changes nothing", async () => {
    const gateway = await Decapsulator.create({ map: toAcme({ name: "ids" }) });
    const wrong = { tenants: [{ name: "acme" }] } as unknown as GatewayInput;
    expect(codeOf(() => gateway.replaceMap(wrong))).toBe("CONFIG_INVALID");
    gateway.write(mirrored(100));
    gateway.flush();
    expect([...gateway.deliveries()].map(({ sniffer }) => sniffer)).toEqual(["ids"]);
    expect(gateway.replaceMap(toAcme({ name: "ids" }))).toBe(2);
  });
});

describe("frames", () => {
  test("are written into slots without a copy", async () => {
    const gateway = await Decapsulator.create();
    const packet = mirrored(200, 3);
    const slot = gateway.slot(2000);
    expect(slot.length).toBe(2000);
    slot.set(packet);
    expect(gateway.commit({ ...about(9), length: packet.length, originalLength: packet.length + 50 })).toBe(
      1,
    );
    gateway.slot(60_000); // taken back by the next call
    expect(gateway.write(packet, about(10))).toBe(2);
    gateway.flush();
    const [first, second] = [...gateway.deliveries()].map(({ data, timestamp }) => [data.buffer, timestamp]);
    expect([first![1], second![1]]).toEqual([9n, 10n]);
    expect(first![0]).toBe(slot.buffer);
  });

  test("calls that make no sense are USAGE", async () => {
    const gateway = await Decapsulator.create();
    expect(codeOf(() => gateway.commit())).toBe("USAGE");
    gateway.slot(100);
    expect(codeOf(() => gateway.commit({ length: 101 }))).toBe("USAGE");
    for (const length of [-1, 262_145, Number.NaN]) expect(codeOf(() => gateway.slot(length))).toBe("USAGE");
    expect(gateway.counters().received).toBe(0);
  });

  test.each([60, 1984, 1985, 9000, 60_000, 65_000])("of %d bytes inside arrive whole", async (length) => {
    const map = toAcme({ name: "one" }, { name: "two" });
    const gateway = await Decapsulator.create({ map, slots: 1024 });
    const frames = Array.from({ length: 700 }, (_, i) => ({ data: mirrored(length, i % 251) }));
    const marks = { one: [] as number[], two: [] as number[] };
    for await (const { sniffer, data } of gateway.decapsulate(frames)) {
      marks[sniffer as "one"].push(data.length === length ? data.at(-1)! : -1);
    }
    const wanted = frames.map((_, i) => i % 251);
    expect(marks).toEqual({ one: wanted, two: wanted });
  });

  test("too long for any slot have a verdict too", async () => {
    const verdicts: string[] = [];
    const gateway = await Decapsulator.create({ onVerdict: (_packet, verdict) => verdicts.push(verdict) });
    gateway.write(new Uint8Array(262_144));
    const huge = new Uint8Array(200_000);
    huge.set(mirrored(100)); // its IP packet ends long before
    gateway.write(huge);
    expect(verdicts).toEqual(["not-tunnel", "delivered"]);
    expect([...gateway.deliveries()].map(({ data }) => data.length)).toEqual([100]);
  });

  test("have the present time when nobody says which", async () => {
    const gateway = await Decapsulator.create();
    const before = BigInt(Date.now()) * 1_000_000n;
    gateway.write(mirrored(100));
    gateway.finish();
    const [delivery] = gateway.deliveries();
    expect(delivery!.timestamp).toBeGreaterThanOrEqual(before);
    expect(delivery!.timestamp).toBeLessThanOrEqual(BigInt(Date.now()) * 1_000_000n);
  });
});

describe("deliveries", () => {
  test("are not lost for a queue shorter than a batch, when they are taken after each", async () => {
    for (const queue of [1, 3, 200]) {
      const gateway = await Decapsulator.create({ map: toAcme({ name: "ids", queue }) });
      const frames = Array.from({ length: 600 }, (_, i) => ({ data: mirrored(64, i % 251) }));
      expect(await decapsulated(gateway, frames)).toHaveLength(600);
    }
  });

  test("that nobody takes fill the queue, and the rest is counted", async () => {
    const gateway = await Decapsulator.create({ map: toAcme({ name: "ids", queue: 300 }) });
    for (let i = 0; i < 5000; i++) gateway.write(mirrored(64));
    gateway.flush();
    expect(gateway.counters()).toMatchObject({ received: 5000, delivered: 300, "queue-full": 4700 });
    expect([...gateway.deliveries()]).toHaveLength(300);
    expect(gateway.accounts().get("ids")).toMatchObject({ offered: 5000, sent: 300, droppedNewest: 4700 });
    const unbounded = await Decapsulator.create();
    for (let i = 0; i < 20_000; i++) unbounded.write(mirrored(64));
    unbounded.flush();
    const { delivered } = unbounded.counters();
    expect(delivered).toBeGreaterThan(1500);
    expect([...unbounded.deliveries()]).toHaveLength(delivered);
  });

  test("go on where the last one stopped, and frames stay while others are written", async () => {
    const gateway = await Decapsulator.create();
    for (let i = 0; i < 10; i++) gateway.write(mirrored(64, i));
    gateway.flush();
    const seen: number[] = [];
    for (const { data, sequence } of gateway.deliveries()) {
      for (let i = 0; i < 300; i++) gateway.write(mirrored(64, 99));
      expect(data.at(-1)).toBe(sequence);
      seen.push(sequence!);
      if (seen.length % 3 === 0) break;
    }
    const [next] = gateway.deliveries();
    expect([...seen, next!.sequence]).toEqual([0, 1, 2, 3]);
    let more = 0;
    for (const _ of gateway.deliveries()) more++;
    gateway.flush();
    for (const _ of gateway.deliveries()) more++;
    expect(more).toBe(6 + 900);
  });

  test("a fragment that stays alone is told at the end", async () => {
    const verdicts: [number, string][] = [];
    const gateway = await Decapsulator.create({ onVerdict: (...told) => verdicts.push(told) });
    const packet = ipv4(47, new Uint8Array(64), { fragment: 0x2000 });
    gateway.write(ethernet(0x0800, packet));
    gateway.flush();
    expect(verdicts).toEqual([]);
    gateway.finish();
    expect(verdicts).toEqual([[1, "fragment-timeout"]]);
  });
});

test("sessions tell what was lost", async () => {
  const gateway = await Decapsulator.create();
  for (const sequence of [1, 2, 5]) gateway.write(mirrored(64, sequence));
  gateway.flush();
  const [delivery] = gateway.deliveries();
  expect(gateway.sessions.session(delivery!.session)).toMatchObject({
    id: 100,
    packets: 3,
    sequence: { lost: 2 },
  });
});

test("after dispose every call is DISPOSED", async () => {
  const gateway = await Decapsulator.create();
  gateway.write(mirrored(64));
  gateway.write(mirrored(64));
  gateway.flush();
  const deliveries = gateway.deliveries();
  deliveries.next();
  gateway[Symbol.dispose]();
  const calls = [
    () => gateway.write(mirrored(64)),
    () => gateway.slot(64),
    () => gateway.commit(),
    () => gateway.flush(),
    () => gateway.finish(),
    () => gateway.deliveries(),
    () => deliveries.next(),
    () => gateway.replaceMap({}),
    () => gateway.counters(),
    () => gateway.accounts(),
    () => gateway.sessions,
  ];
  for (const call of calls) expect(codeOf(call), call.toString()).toBe("DISPOSED");
  gateway.dispose();
});
