// Queues across changes of the tenant map: who is gone drains, who stays goes on, accounts stay with their names, and a number is
// given to another sniffer only when nothing of the former one is left.

import { describe, expect, test } from "vitest";
import { REMOVED_SNIFFERS, VERDICTS } from "../../src/engine/index.js";
import { mapOf, mirrored, QueueGateway } from "./queue-gateway.js";

const DELIVERED = VERDICTS.indexOf("delivered");
const QUEUE_FULL = VERDICTS.indexOf("queue-full");
const a = { name: "a" };
const b = { name: "b" };
const c = { name: "c" };

async function gatewayWith(...tenants: Parameters<typeof mapOf>) {
  const gateway = await QueueGateway.create(mapOf(...tenants), { queues: 3 });
  const { engine } = gateway;
  return {
    gateway,
    queues: engine.queues,
    offer: (number: number) => gateway.offer(mirrored(0, number)),
    replace: (...next: Parameters<typeof mapOf>) => engine.replaceMap(mapOf(...next).image),
    account: (name: string) => engine.queues.accounts().get(name)!,
  };
}

test("a sniffer that is removed drains", async () => {
  const { gateway, offer, replace, account } = await gatewayWith([a]);
  for (const number of [1, 2, 3]) offer(number);
  replace([b]);
  expect(offer(4)).toBe(DELIVERED);
  expect(account("a")).toMatchObject({ offered: 3, queued: 3 });
  expect(gateway.take()).toEqual(["a 1", "a 2", "a 3", "b 4"]);
  expect(account("a")).toMatchObject({ offered: 3, sent: 3, queued: 0 });
});

test("one that stays keeps its queue, its packets and its account, in a tenant of another name too", async () => {
  const { gateway, offer, replace, account, queues } = await gatewayWith([a], [b]);
  const number = queues.present("a");
  for (let map = 1; map < 6; map++) {
    offer(map);
    replace(...(map % 2 === 0 ? [[a], [b]] : [[a, b]]));
  }
  expect(queues.present("a")).toBe(number);
  expect(gateway.take().filter((each) => each.startsWith("a"))).toEqual(["a 1", "a 2", "a 3", "a 4", "a 5"]);
  expect(account("a")).toMatchObject({ offered: 5, sent: 5 });
});

test("a queue of another length: the old one drains, the account is one", async () => {
  const { gateway, offer, replace, account } = await gatewayWith([{ ...a, queue: 4 }]);
  for (const number of [1, 2, 3]) offer(number);
  replace([{ ...a, queue: 1 }]);
  expect([4, 5].map(offer)).toEqual([DELIVERED, QUEUE_FULL]);
  expect(account("a")).toMatchObject({ offered: 5, droppedNewest: 1, queued: 4 });
  replace([{ ...a, queue: 1, overflow: "drop-oldest" }]);
  expect([6, 7].map(offer)).toEqual([DELIVERED, DELIVERED]);
  expect(gateway.take()).toEqual(["a 1", "a 2", "a 3", "a 4", "a 7"]);
  expect(account("a")).toMatchObject({ offered: 7, droppedNewest: 1, droppedOldest: 1, sent: 5, queued: 0 });
});

describe("the number of a sniffer that is gone", () => {
  test("goes to another with the second map after it, when its queue is empty", async () => {
    const { gateway, offer, replace, account, queues } = await gatewayWith([a]);
    const number = queues.present("a")!;
    offer(1);
    gateway.take();
    replace([b]);
    expect(queues.present("b")).not.toBe(number);
    replace([c]);
    expect(queues.present("c")).toBe(number);
    offer(2);
    expect(gateway.take()).toEqual(["c 2"]);
    expect(account("a")).toMatchObject({ offered: 1, sent: 1 });
    expect(account("c")).toMatchObject({ offered: 1, sent: 1 });
    replace([b]);
    replace([a]);
    offer(3);
    expect(account("a")).toMatchObject({ offered: 2, sent: 1, queued: 1 });
  });

  test("does not while a packet waits in it or is in flight", async () => {
    const { gateway, offer, replace, queues } = await gatewayWith([a]);
    const number = queues.present("a")!;
    offer(1);
    replace([b]);
    replace([c]);
    expect(queues.present("c")).not.toBe(number);
    const [entry] = gateway.takeFrom(number, 1);
    replace([b]);
    expect(queues.present("b")).not.toBe(number);
    gateway.settleFrom(number, entry!, true);
    gateway.take(); // its place on the ready list
    replace([c]);
    replace([{ name: "d" }]);
    expect(queues.present("d")).not.toBe(queues.present("c"));
    expect(gateway.engine.slots.free).toBe(gateway.engine.slots.count);
  });

  test("stands on the ready list once, though it stood there for the former one: each packet is taken once", async () => {
    const { gateway, offer, replace, queues } = await gatewayWith([a]);
    const number = queues.present("a")!;
    offer(1);
    const [entry] = gateway.takeFrom(number, 1);
    gateway.settleFrom(number, entry!, true);
    for (const [i, next] of [b, c, { name: "d" }, { name: "e" }].entries()) {
      replace([next]);
      for (let packet = 0; packet < 3; packet++) offer(10 * i + packet);
      expect(gateway.take(2)).toHaveLength(2);
      expect(gateway.take()).toEqual([`${next.name} ${10 * i + 2}`]);
      expect(gateway.take()).toEqual([]);
    }
  });
});

test("of sniffers that are gone the last thousand are told by name, all others together: no packet is lost from the sums", async () => {
  const { gateway, offer, replace, account, queues } = await gatewayWith([{ name: "stays" }]);
  const COUNT = 1030;
  const sniffers = () => [...queues.accounts().values()].reduce((sum, { offered }) => sum + offered, 0);
  for (let i = 0; i < COUNT; i++) {
    replace([{ name: `s${i}` }]);
    offer(i);
    expect(gateway.take()).toEqual([`s${i} ${i}`]);
  }
  replace([a]);
  replace([a]);
  replace([b]);
  expect(sniffers()).toBe(COUNT);
  const names = [...queues.accounts().keys()];
  expect(names.length).toBeLessThan(1024 + 5);
  expect(names).not.toContain("s0");
  expect(account(`s${COUNT - 1}`)).toMatchObject({ offered: 1, sent: 1 });
  const { offered, sent, sentBytes } = account(REMOVED_SNIFFERS);
  expect([offered, sentBytes > 0]).toEqual([sent, true]);
  // Who comes back goes on counting, unless forgotten.
  const last = { name: `s${COUNT - 1}` };
  replace([last]);
  offer(1);
  expect(account(last.name)).toMatchObject({ offered: 2 });
  expect(() => replace([last, { name: "x" }, { name: "y" }, { name: "s500" }])).toThrow("no queue left");
  expect(sniffers()).toBe(COUNT + 1);
  replace([{ name: "s0" }]);
  expect(account("s0")).toMatchObject({ offered: 0 });
  expect(sniffers()).toBe(COUNT + 1);
});

test("a map that is refused for want of queues changes nothing, however often", async () => {
  const { gateway, offer, replace, account, queues } = await gatewayWith([a]);
  const number = queues.present("a");
  for (let attempt = 0; attempt < 5; attempt++) {
    const [d, e, f] = ["d", "e", "f"].map((name) => ({ name: `${name}${attempt}` }));
    expect(() => replace([{ ...a, queue: 7 }], [d!, e!, f!])).toThrow("no queue left");
    expect(queues.present("a")).toBe(number);
    expect(offer(attempt)).toBe(DELIVERED);
    expect(gateway.take()).toEqual([`a ${attempt}`]);
  }
  expect(account("a")).toMatchObject({ offered: 5, sent: 5 });
  expect([...queues.accounts().keys()].filter((name) => account(name).offered > 0)).toEqual(["a"]);
  replace([a], [b, c]);
  expect(queues.present("a")).toBe(number);
});
