// Queues as such: they keep to their limit, lose what they say and nothing else, and never change the order; slots are shared as
// the document says, and none is lost.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as at from "../../assembly/memory/layout.js";
import { QUANTUM } from "../../src/engine/deliveries.js";
import { VERDICTS } from "../../src/engine/index.js";
import { mapOf, mirrored, numberIn, type Origin, QueueGateway } from "./queue-gateway.js";

const DELIVERED = VERDICTS.indexOf("delivered");
const QUEUE_FULL = VERDICTS.indexOf("queue-full");

const sniffer = fc.record({
  queue: fc.integer({ min: 1, max: 8 }),
  overflow: fc.constantFrom("drop-newest" as const, "drop-oldest" as const),
});
const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ what: fc.constant("offer" as const), to: fc.nat(2) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant("take" as const),
      to: fc.nat(2),
      most: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant("settle" as const), to: fc.nat(2), sent: fc.boolean() }),
  },
);

/** What a queue should be. */
class Model {
  readonly queued: number[] = [];
  readonly inFlight: { entry: number; number: number }[] = [];
  offered = 0;
  sent = 0;
  sendError = 0;
  droppedNewest = 0;
  droppedOldest = 0;

  constructor(
    private readonly limit: number,
    private readonly dropsOldest: boolean,
  ) {}

  offer(number: number): boolean {
    this.offered++;
    if (this.queued.length === this.limit) {
      if (!this.dropsOldest) {
        this.droppedNewest++;
        return false;
      }
      this.queued.shift();
      this.droppedOldest++;
    }
    this.queued.push(number);
    return true;
  }

  account() {
    const { offered, sent, sendError, droppedNewest, droppedOldest } = this;
    const [queued, inFlight] = [this.queued.length, this.inFlight.length];
    return { offered, sent, sendError, droppedNewest, droppedOldest, queued, inFlight, rate: 0, tooLarge: 0 };
  }
}

test.each<Origin>(["slot", "lent"])("are what a list is: frames that are in a %s", async (from) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(sniffer, { minLength: 3, maxLength: 3 }),
      fc.array(action, { maxLength: 150 }),
      async (sniffers, actions) => {
        const named = sniffers.map((fields, i) => ({ name: `s${i}`, ...fields }));
        const gateway = await QueueGateway.create(mapOf(...named.map((each) => [each])), {
          slots: 200,
          largeSlots: 4,
        });
        const { engine } = gateway;
        const { deliveries, queues } = engine;
        const models = sniffers.map(({ queue, overflow }) => new Model(queue, overflow === "drop-oldest"));
        const frameOf = (entry: number) =>
          deliveries.frame(
            engine.memory.u32[(engine.worker + at.WORKER_RECORDS) >>> 2]! + entry * at.RECORD_SIZE,
          );
        for (const [number, each] of actions.entries()) {
          const model = models[each.to]!;
          if (each.what === "offer") {
            const verdict = gateway.offer(mirrored(each.to, number), from);
            expect(verdict).toBe(model.offer(number) ? DELIVERED : QUEUE_FULL);
          } else if (each.what === "take") {
            const taken = gateway.takeFrom(each.to, each.most);
            const expected = model.queued.splice(0, each.most);
            expect(taken.map((entry) => numberIn(frameOf(entry)))).toEqual(expected);
            for (const [i, entry] of taken.entries()) model.inFlight.push({ entry, number: expected[i]! });
          } else {
            const { entry, number: was } = model.inFlight.shift() ?? {};
            if (entry === undefined) continue;
            expect(numberIn(frameOf(entry))).toBe(was);
            gateway.settleFrom(each.to, entry, each.sent);
            if (each.sent) model.sent++;
            else model.sendError++;
          }
          for (const [i, { queue }] of sniffers.entries()) {
            const account = queues.accounts().get(`s${i}`)!;
            expect(account).toMatchObject(models[i]!.account());
            expect(account.queued).toBeLessThanOrEqual(queue);
          }
        }
        for (const [i, model] of models.entries()) {
          for (const { entry } of model.inFlight) gateway.settleFrom(i, entry, true);
        }
        while (gateway.take().length > 0);
        expect(engine.slots.free).toBe(engine.slots.count);
      },
    ),
    { seed: 1, numRuns: 25 },
  );
});

test("a worker's own sender takes turns of as many bytes, each sniffer's packets in order", async () => {
  const lengths = { a: 1500, b: 100, c: 9000 };
  const names = Object.keys(lengths) as (keyof typeof lengths)[];
  const gateway = await QueueGateway.create(mapOf(...names.map((name) => [{ name }])), { largeSlots: 256 });
  const bytes = 90_000;
  const counts = names.map((name) => Math.floor(bytes / lengths[name]));
  for (const [session, name] of names.entries()) {
    for (let i = 0; i < counts[session]!; i++) gateway.offer(mirrored(session, i, lengths[name]));
  }
  const taken: string[] = [];
  for (let some = gateway.take(70); some.length > 0; some = gateway.take(70)) taken.push(...some);
  const sent = { a: 0, b: 0, c: 0 };
  for (const each of taken) {
    const name = each[0] as keyof typeof sent;
    sent[name] += lengths[name];
    if (Object.values(sent).some((so) => so > bytes - 2 * QUANTUM)) break;
    // The bound of the method: a turn, and the longest frame.
    const [least, , most] = Object.values(sent).sort((x, y) => x - y);
    expect(most! - least!).toBeLessThanOrEqual(QUANTUM + 9000);
  }
  for (const [session, name] of names.entries()) {
    const own = taken.filter((each) => each.startsWith(name));
    expect(own).toEqual(Array.from({ length: counts[session]! }, (_, i) => `${name} ${i}`));
  }
});

describe("slots", () => {
  const pool = { slots: 100, reserved: 20, largeSlots: 8 };
  const long = 3000;

  test.each<Origin>(["slot", "lent"])(
    "a queue nobody empties leaves half of the spare ones: %s",
    async (from) => {
      const gateway = await QueueGateway.create(mapOf([{ name: "a", queue: 4096 }], [{ name: "b" }]), pool);
      const verdicts = Array.from({ length: 200 }, (_, i) => gateway.offer(mirrored(0, i), from));
      expect(verdicts.filter((verdict) => verdict === DELIVERED)).toHaveLength(40);
      expect(verdicts.slice(40).every((verdict) => verdict === QUEUE_FULL)).toBe(true);
      expect(gateway.engine.slots.free).toBe(60);
      expect(gateway.offer(mirrored(1, 0), from)).toBe(DELIVERED);
    },
  );

  test("queues nobody empties never have those kept for receiving", async () => {
    const tenants = Array.from({ length: 40 }, (_, i) => [{ name: `s${i}`, queue: 4096 }]);
    const gateway = await QueueGateway.create(mapOf(...tenants), pool);
    for (let i = 0; i < 2000; i++) gateway.offer(mirrored(i % 40, i), "lent");
    expect(gateway.engine.slots.free).toBeGreaterThanOrEqual(20);
    expect(gateway.engine.slots.free).toBeLessThanOrEqual(22);
  });

  test("drop-oldest gives up its own, and keeps to its share", async () => {
    const overflow = "drop-oldest" as const;
    const gateway = await QueueGateway.create(mapOf([{ name: "a", queue: 4096, overflow }]), pool);
    for (let i = 0; i < 200; i++) expect(gateway.offer(mirrored(0, i))).toBe(DELIVERED);
    expect(gateway.engine.slots.free).toBe(60);
    expect(gateway.take().map((each) => Number(each.slice(2)))).toEqual(
      Array.from({ length: 40 }, (_, i) => 160 + i),
    );
  });

  test("long frames have their own", async () => {
    const gateway = await QueueGateway.create(mapOf([{ name: "a", queue: 4096 }]), pool);
    const verdicts = Array.from({ length: 20 }, (_, i) => gateway.offer(mirrored(0, i, long), "lent"));
    expect(verdicts.filter((verdict) => verdict === DELIVERED)).toHaveLength(4);
    expect(gateway.engine.slots.free).toBe(100);
    expect(gateway.offer(mirrored(0, 20), "lent")).toBe(DELIVERED);
    expect(gateway.take()).toEqual(["a 0", "a 1", "a 2", "a 3", "a 20"]);
  });

  test.each([
    ["of which there are none", 0, long],
    ["for which none is long enough", 8, 66_000],
  ])("a frame that fits nowhere costs a queue nothing: a long slot %s", async (_, largeSlots, length) => {
    const overflow = "drop-oldest" as const;
    const map = mapOf([{ name: "a", queue: 8, overflow }]);
    const gateway = await QueueGateway.create(map, { ...pool, largeSlots });
    for (let i = 0; i < 3; i++) gateway.offer(mirrored(0, i));
    expect(gateway.offer(mirrored(0, 3, length), "lent")).toBe(QUEUE_FULL);
    expect(gateway.take()).toEqual(["a 0", "a 1", "a 2"]);
  });

  test("a packet for which no sniffer of its tenant has one is delivered to nobody, and says so", async () => {
    const map = mapOf([{ name: "a" }, { name: "b" }, { name: "c" }]);
    const gateway = await QueueGateway.create(map, { ...pool, largeSlots: 0 });
    expect(gateway.offer(mirrored(0, 1, long), "lent")).toBe(QUEUE_FULL);
    const accounts = gateway.engine.queues.accounts();
    for (const name of ["a", "b", "c"]) {
      expect(accounts.get(name)).toMatchObject({ offered: 1, droppedNewest: 1, queued: 0 });
    }
    expect(gateway.engine.counters()).toMatchObject({ received: 1, delivered: 0, "queue-full": 1 });
  });

  test("packets that nobody takes give theirs back", async () => {
    const gateway = await QueueGateway.create(mapOf([{ name: "a", queue: 1 }]), pool);
    for (let i = 0; i < 500; i++) gateway.offer(mirrored(i % 3, i));
    expect(gateway.engine.slots.free).toBe(99);
    expect(gateway.take()).toEqual(["a 0"]);
    expect(gateway.engine.slots.free).toBe(100);
  });
});
