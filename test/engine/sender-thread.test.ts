// A sender's part of the engine: batches out of several workers' queues, IP fragments, what a thread before it left, packets of no tenant.

import { expect, test } from "vitest";
import * as at from "../../assembly/memory/layout.js";
import { SenderThread } from "../../src/engine/index.js";
import { compileMap } from "../../src/mapping/index.js";
import { mapOf, mirrored } from "./queue-gateway.js";
import { configOf } from "./random-map.js";
import { Bench, frames } from "./sender-bench.js";

test("one queue after the other, of all workers, in each one's order", async () => {
  const bench = await Bench.create({ workers: 2 });
  const queue = bench.queue();
  expect(queue.isWaiting).toBe(false);
  expect(queue.take()).toBe(0);
  bench.receive(frames(5), 0);
  bench.receive(frames(3, 100), 1);
  expect(queue.isWaiting).toBe(true);
  const seen: number[][] = [];
  while (queue.isWaiting) {
    const count = queue.take();
    seen.push(bench.numbers(queue, count));
    queue.settle(count, false);
  }
  expect(seen.sort((a, b) => a[0]! - b[0]!)).toEqual([
    [0, 1, 2, 3, 4],
    [100, 101, 102],
  ]);
  expect(bench.engine.queues.accountsOf("a")).toMatchObject({ offered: 8, sent: 8, queued: 0, inFlight: 0 });
});

test("what is not sent stays the first; what cannot be is a send error", async () => {
  const bench = await Bench.create();
  const queue = bench.queue();
  bench.receive(frames(4));
  expect(queue.take()).toBe(4);
  queue.settle(1, false);
  expect(queue.take()).toBe(3);
  expect(bench.numbers(queue, 3)).toEqual([1, 2, 3]);
  queue.settle(1, true);
  expect(bench.numbers(queue, queue.take())).toEqual([3]);
  expect(bench.engine.queues.accountsOf("a")).toMatchObject({ sent: 2, sendError: 1, inFlight: 1 });
  queue.settle(1, false);
  expect(queue.take()).toBe(0);
});

test("slots come back round by round, and the worker knows of what is lent", async () => {
  const bench = await Bench.create();
  const queue = bench.queue();
  const [worker] = bench.workers;
  const { slots } = bench.engine;
  bench.receive(frames(100));
  expect(worker!.lent).toBe(100);
  expect(worker!.isEmpty).toBe(true);
  expect(slots.free).toBe(slots.count - 100);
  queue.settle(queue.take(), false);
  expect(worker!.lent).toBe(100);
  worker!.reclaim();
  expect(worker!.lent).toBe(0);
  expect(slots.free).toBe(slots.count);
});

test("no more is in flight than the worker has taken back", async () => {
  const bench = await Bench.create({ slots: 2048 });
  const queue = bench.queue();
  for (let i = 0; i < 3; i++) bench.receive(frames(200, 200 * i));
  let sent = 0;
  for (let count = queue.take(); count > 0; count = queue.take()) {
    queue.settle(count, false);
    sent += count;
  }
  expect(sent).toBe(at.IN_FLIGHT_MAX);
  expect(queue.isWaiting).toBe(true);
  bench.workers[0]!.reclaim();
  expect(queue.take()).toBe(at.IN_FLIGHT_MAX);
});

test("a bell for each sender, until it is heard", async () => {
  const map = mapOf([{ name: "a" }], [{ name: "b" }]);
  const bench = await Bench.create({ sender: (name) => (name === "a" ? 3 : 5) }, map);
  const [worker] = bench.workers;
  expect([3, 5].map((sender) => worker!.rings(sender))).toEqual([false, false]);
  bench.receive(frames(2, 0, 1));
  expect([3, 5].map((sender) => worker!.rings(sender))).toEqual([false, true]);
  expect(worker!.rings(5)).toBe(false);
});

test("what a thread had taken when it was ended is a send error, and what it had not is sent", async () => {
  const bench = await Bench.create();
  const notes = SenderThread.notes(bench.engine.memory);
  const first = bench.queue("a", notes);
  bench.receive(frames(10));
  expect(first.take()).toBe(10);
  first.settle(4, false);
  bench.receive(frames(3, 50));
  const second = bench.queue("a", notes);
  expect(bench.engine.queues.accountsOf("a")).toMatchObject({
    sent: 4,
    sendError: 6,
    queued: 3,
    inFlight: 0,
  });
  expect(bench.numbers(second, second.take())).toEqual([50, 51, 52]);
  second.settle(3, false);
  bench.workers[0]!.reclaim();
  expect(bench.engine.slots.free).toBe(bench.engine.slots.count);
  // Nothing is left to be found.
  bench.queue("a", notes);
  expect(bench.engine.queues.accountsOf("a")).toMatchObject({ sent: 7, sendError: 6, inFlight: 0 });
});

test("all fragments of a packet, or none", async () => {
  const config = configOf(
    JSON.stringify({
      delivery: { mtu: 600 },
      sniffers: [{ name: "a", deliver: "gre", to: "198.51.100.9", fit: "fragment" }],
      tenants: [{ name: "a", sources: [{ encapsulation: "erspan", session: 0 }], sniffers: ["a"] }],
    }),
  );
  const bench = await Bench.create({}, compileMap(config!, { delivery: "configured" }));
  const queue = bench.queue();
  bench.receive([1, 2, 3].map((number) => mirrored(0, number, 1400)));
  expect(queue.take()).toBe(9);
  queue.settle(4, false);
  expect(bench.engine.queues.accountsOf("a")).toMatchObject({ sent: 1 });
  // The second one's second fragment is refused, and its third is not sent either.
  queue.settle(0, true);
  expect(queue.take()).toBe(3);
  queue.settle(3, false);
  expect(bench.engine.queues.accountsOf("a")).toMatchObject({ sent: 2, sendError: 1, inFlight: 0 });
  bench.workers[0]!.reclaim();
  expect(bench.engine.slots.free).toBe(bench.engine.slots.count);
});

test("a sniffer that nobody can reach is accounted for beside its sender", async () => {
  const config = configOf(
    JSON.stringify({
      sniffers: [{ name: "a", deliver: "vxlan", vni: 1, to: "198.51.100.9" }],
      tenants: [{ name: "a", sources: [{ encapsulation: "erspan", session: 0 }], sniffers: ["a"] }],
    }),
  );
  const image = (nextHop: () => Uint8Array | undefined) =>
    compileMap(config!, { delivery: "configured", origin: { nextHop, ipv4: Uint8Array.of(10, 0, 0, 1) } });
  const bench = await Bench.create(
    {},
    image(() => Uint8Array.of(2, 0, 0, 0, 0, 9)),
  );
  const queue = bench.queue();
  bench.receive(frames(5));
  queue.settle(queue.take(), false);
  bench.engine.replaceMap(image(() => undefined).image);
  bench.receive(frames(4));
  expect(bench.engine.queues.accountsOf("a")).toMatchObject({
    offered: 9,
    sent: 5,
    sendError: 4,
    inFlight: 0,
  });
});

test("a queue that a sender looks at is nobody else's, nor one whose slots are not back", async () => {
  const bench = await Bench.create({ queues: 2 });
  const { engine } = bench;
  const number = engine.queues.present("a")!;
  const queue = bench.queue();
  bench.receive(frames(2));
  queue.settle(queue.take(), false);
  engine.queues.attend(number);
  const rename = (name: string) => engine.replaceMap(mapOf([{ name }]).image);
  rename("b");
  bench.receive([]);
  rename("b");
  bench.receive([]);
  expect(() => rename("c")).toThrow(/no queue left for sniffer c/);
  engine.queues.unattend(number);
  expect(() => rename("c")).toThrow(/no queue left for sniffer c/);
  bench.workers[0]!.reclaim();
  rename("c");
  expect(engine.queues.present("c")).toBe(number);
  bench.receive(frames(2));
  const next = bench.queue("c");
  expect(next.take()).toBe(2);
  expect(engine.queues.accounts().get("a")).toMatchObject({ offered: 2, sent: 2 });
});

test("packets of no tenant go into the quarantine as they came, and are unmapped all the same", async () => {
  const bench = await Bench.create();
  const { engine } = bench;
  const number = engine.queues.openQuarantine(8, 1);
  const queue = bench.sender.queue(number, SenderThread.notes(engine.memory));
  const foreign = frames(10, 0, 9);
  bench.receive([...frames(2), ...foreign]);
  expect(engine.counters()).toMatchObject({ delivered: 2, unmapped: 10 });
  expect(engine.queues.quarantine).toMatchObject({ offered: 10, droppedNewest: 2, queued: 8 });
  expect([...engine.queues.accounts().keys()]).toEqual(["a"]);
  expect(bench.workers[0]!.rings(1)).toBe(true);
  expect(queue.take()).toBe(8);
  for (let i = 0; i < 8; i++) {
    const start = queue.address(i);
    expect(engine.memory.u8.slice(start, start + queue.length(i))).toEqual(foreign[i]);
    expect([queue.session(i), queue.linkType(i)]).toEqual([-1, 1]);
  }
  queue.settle(8, false);
  bench.workers[0]!.reclaim();
  expect(engine.slots.free).toBe(engine.slots.count - 2);
});
