// A compiled map in linear memory: numbers have become addresses, queues and cells are assigned, sniffers prepared; and a map
// that is refused changes nothing.

import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Delivery } from "../../assembly/delivery.js";
import * as at from "../../assembly/memory/layout.js";
import { LinearMemory } from "../../src/engine/memory.js";
import type { QueueBook } from "../../src/engine/queue-book.js";
import { MapStore } from "../../src/engine/tenant-map.js";
import { type EngineExports, instantiate, loadModule } from "../../src/engine/wasm.js";
import { compileMap } from "../../src/mapping/index.js";
import { configOf } from "../mapping/configuration.js";

const YAML = `
delivery: { addresses: [10.10.10.10] }
sniffers:
  - { name: nobody }
  - { name: left, deliver: mac, mac: "02:00:00:00:0a:01", queue: 4, rate: 1Mbit }
  - { name: file, overflow: drop-oldest, queue: 9 }
  - { name: right, deliver: erspan3, to: 192.0.2.10, session: 3 }
  - { name: single, deliver: vxlan, to: 192.0.2.10, vni: 1 }
tenants:
  - { name: many, sniffers: [right, left, file], fanout: balance, rate: 1Gbit, sources: [{ encapsulation: tzsp }],
      addresses: [10.0.0.0/8, 10.1.0.0/16, "2001:db8::/32"] }
  - { name: one, sniffers: [single], snaplen: 96, sources: [{ encapsulation: gre, key: 1 }], addresses: [10.9.0.1] }
`;

class Book implements QueueBook {
  readonly asked: [number, string, number, boolean][] = [];
  readonly #numbers = new Map<string, number>();
  #map = 0;
  refuse: string | undefined;

  refuseMap(): void {}
  beginMap(map: number): void {
    this.#map = map;
  }

  number(name: string, limit: number, dropOldest: boolean): number {
    if (name === this.refuse) throw new Error("no queue");
    this.asked.push([this.#map, name, limit, dropOldest]);
    const number = this.#numbers.get(name) ?? 100 + this.#numbers.size;
    this.#numbers.set(name, number);
    return number;
  }
}

describe.each(["plain", "shared"] as const)("a map in %s memory", (build) => {
  let module: WebAssembly.Module;
  let memory: LinearMemory;
  let book: Book;
  let store: MapStore;
  let prepared: number[];

  beforeAll(async () => {
    module = await loadModule(build);
  });
  beforeEach(async () => {
    memory = new LinearMemory(build, 2 ** 20);
    const exports = await instantiate(module, memory.memory);
    exports.attach(memory.allocate(at.WORKER_SIZE).address, 0);
    prepared = [];
    book = new Book();
    const watched: EngineExports = {
      ...exports,
      prepareSniffer(record) {
        prepared.push(record);
        exports.prepareSniffer(record);
      },
    };
    store = new MapStore(memory, watched, book);
  });

  const word = (address: number) => memory.u32[address >>> 2]!;
  const generation = () => word(at.CONFIG_GENERATION);
  const record = (number: number) => word(generation() + at.MAP_SNIFFERS) + number * at.SNIFFER_SIZE;
  const tenant = (number: number) => word(generation() + at.MAP_TENANTS) + number * at.TENANT_SIZE;
  const list = (address: number, length: number) => Array.from({ length }, (_, i) => word(address + i * 4));
  const delivering = (yaml = YAML) => compileMap(configOf(yaml), { delivery: "configured" }).image;

  test("has its sniffers' records, queues and prepared headers", () => {
    expect(store.install(delivering())).toBe(1);
    expect(word(generation() + at.MAP_SNIFFER_COUNT)).toBe(5);
    expect(prepared).toEqual([0, 1, 2, 3, 4].map(record));
    for (const address of prepared) expect(address % 64).toBe(0);
    expect(prepared.map((each) => word(each + at.SNIFFER_QUEUE))).toEqual([100, 101, 102, 103, 104]);
    expect(book.asked).toEqual([
      [1, "nobody", 1024, false],
      [1, "left", 4, false],
      [1, "file", 9, true],
      [1, "right", 1024, false],
      [1, "single", 1024, false],
    ]);
    const modes = prepared.map((each) => memory.u8[each + at.SNIFFER_MODE]);
    expect(modes).toEqual([Delivery.Plain, Delivery.Mac, Delivery.Plain, Delivery.Erspan3, Delivery.Vxlan]);
    // Ethernet and IPv4 in front of GRE with a sequence number and ERSPAN III.
    expect(memory.u8[record(3) + at.SNIFFER_LINK_LENGTH]).toBe(14);
    expect(memory.u8[record(3) + at.SNIFFER_OVERHEAD]).toBe(20 + 8 + 12);
  });

  test("leads from tenants to their sniffers, tables and shapes", () => {
    const image = delivering();
    store.install(image);
    const [many, one] = [tenant(0), tenant(1)];
    expect(many % 64).toBe(0);
    expect(word(many + at.TENANT_SNIFFER)).toBe(record(3));
    expect(list(word(many + at.TENANT_SNIFFERS), 3)).toEqual([3, 1, 2].map(record));
    expect(word(many + at.TENANT_BALANCE_MASK)).toBe(4095);
    const places = new Uint16Array(memory.memory.buffer, word(many + at.TENANT_BALANCE), 4096);
    expect(Array.from(places)).toEqual(Array.from(image.balance));
    expect([word(one + at.TENANT_SNIFFER), word(one + at.TENANT_SNIFFER_COUNT)]).toEqual([record(4), 1]);
    expect(list(word(one + at.TENANT_SNIFFERS), 1)).toEqual([record(4)]);
    expect([word(one + at.TENANT_BALANCE), word(one + at.TENANT_BUCKET)]).toEqual([0, 0]);
    expect([word(many + at.TENANT_SNAPLEN), word(one + at.TENANT_SNAPLEN)]).toEqual([0xffffffff, 96]);
    const bits = (each: number) =>
      list(word(each + at.TENANT_SHAPES), 1 + (word(each + at.TENANT_SHAPE_COUNT) - 1) * 6)
        .filter((_, i) => i % 6 === 0)
        .map((shape) => shape >>> at.BITS_PREFIX);
    expect(bits(many)).toEqual([32, 16, 8]);
    expect(bits(one)).toEqual([32]);
  });

  test("shares cells as it should, and keeps them from map to map", () => {
    store.install(delivering());
    const cells = () => ({
      many: word(tenant(0) + at.TENANT_BUCKET),
      left: word(record(1) + at.SNIFFER_BUCKET),
      session: word(record(3) + at.SNIFFER_STATE),
      end: word(record(3) + at.SNIFFER_DATAGRAMS),
    });
    const first = cells();
    expect(new Set(Object.values(first)).size).toBe(4);
    expect(Object.values(first).every((cell) => cell > 0 && cell % 8 === 0)).toBe(true);
    expect(word(record(4) + at.SNIFFER_STATE)).toBe(first.end);
    expect(word(record(0) + at.SNIFFER_BUCKET)).toBe(0);
    for (const cell of Object.values(first)) expect(memory.u64[cell >>> 3]).toBe(0n);
    memory.u64[first.session >>> 3] = 41n;
    expect(store.install(delivering())).toBe(2);
    expect(cells()).toEqual(first);
    expect(store.install(delivering(YAML.replace("1Gbit", "2Gbit")))).toBe(3);
    expect(cells()).toEqual(first);
    expect(memory.u64[first.session >>> 3]).toBe(41n);
  });

  test("after another map in the same stretch has nothing left of it", () => {
    store.install(delivering());
    store.install(delivering());
    store.install(compileMap(configOf(YAML), { delivery: "plain" }).image);
    for (const number of [0, 2, 3, 4]) {
      const rest = memory.u8.subarray(record(number) + 4, record(number) + at.SNIFFER_SIZE);
      expect(rest.every((byte) => byte === 0)).toBe(true);
    }
    store.install(compileMap(configOf(YAML)).image);
    expect(word(generation() + at.MAP_SNIFFER_COUNT)).toBe(0);
    expect(word(tenant(0) + at.TENANT_SNIFFER_COUNT)).toBe(0);
  });

  test("that is refused leaves the one in force, and its number to the next", () => {
    const image = delivering();
    store.install(image);
    const inForce = generation();
    const before = memory.u8.slice(inForce, record(5));
    const twice = new Uint8Array(image.slots.length * 2);
    twice.set(image.slots);
    twice.set(image.slots, image.slots.length);
    for (let i = 0; i < 3; i++) {
      expect(() => store.install({ ...image, slots: twice })).toThrow(
        expect.objectContaining({
          code: "CONFIG_INVALID",
          details: { entry: image.slots.length / at.KEY_SIZE },
        }),
      );
      book.refuse = "right";
      expect(() => store.install(image)).toThrow("no queue");
      book.refuse = undefined;
    }
    expect(generation()).toBe(inForce);
    expect(memory.u8.slice(inForce, record(5))).toEqual(before);
    expect(store.install(image)).toBe(2);
    expect(word(generation() + at.MAP_NUMBER)).toBe(2);
    expect(generation()).not.toBe(inForce);
  });
});

test("a map that memory cannot hold is MAP_TOO_LARGE, and changes nothing", async () => {
  const memory = new LinearMemory("shared", 2 ** 20);
  const exports = await instantiate(await loadModule("shared"), memory.memory);
  exports.attach(memory.allocate(at.WORKER_SIZE).address, 0);
  const book = new Book();
  const store = new MapStore(memory, exports, book);
  const image = compileMap(configOf(YAML), { delivery: "configured" }).image;
  store.install(image);
  const inForce = memory.u32[at.CONFIG_GENERATION >>> 2];
  const asked = book.asked.length;
  const large = { ...image, tenants: new Uint8Array(2 ** 20) };
  const names = Array.from({ length: 200_000 }, (_, i) => `${i}`);
  const greedy = { ...image, cells: { ...image.cells, sniffers: names } };
  for (const refused of [large, greedy]) {
    expect(() => store.install(refused)).toThrow(expect.objectContaining({ code: "MAP_TOO_LARGE" }));
    expect(memory.u32[at.CONFIG_GENERATION >>> 2]).toBe(inForce);
  }
  expect(book.asked).toHaveLength(asked);
  expect(store.install(image)).toBe(2);
});
