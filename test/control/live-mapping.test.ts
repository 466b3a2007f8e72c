// A running gateway's map under change: one after the other, each checked whole, and what is refused leaves everything as it was.

import { expect, test } from "vitest";
import { configFor } from "../../src/config/check.js";
import type { LiveGatewayConfig } from "../../src/config/schema.js";
import { LiveMapping, type MapChange, type MapDocument } from "../../src/control/live-mapping.js";
import { SpangateError } from "../../src/errors.js";

const LIVE = { live: true } as const;
const WRITTEN = {
  tunnel: { interface: "eth0", addresses: ["10.77.0.2"] },
  sniffers: [
    { name: "ids", deliver: "mac", mac: "02:00:00:00:0a:01" },
    // For tenants that come.
    ...[2, 3, 4].map((i) => ({ name: `s${i}`, deliver: "mac", mac: `02:00:00:00:0a:0${i}` })),
  ],
  tenants: [{ name: "acme", sources: [{ encapsulation: "erspan", session: 1 }], sniffers: ["ids"] }],
};
const loaded = (written: Record<string, unknown>) => ({ written, config: configFor(written, LIVE) });
const tenant = (name: string, session: number) => ({
  name,
  sources: [{ encapsulation: "erspan", session }],
  sniffers: [`s${session}`],
});
const withTenants = (...more: object[]) => ({ tenants: [...WRITTEN.tenants, ...more] });
const BY = { by: "a test" };

class FakeMapped {
  readonly maps: LiveGatewayConfig[] = [];
  readonly said: [MapChange, string][] = [];
  refusal: Error | undefined;
  /** Resolves what is under way. */
  finish: (() => void) | undefined;
  isSlow = false;
  readonly mapping = new LiveMapping(this, loaded(WRITTEN), LIVE, (change, by) => {
    this.said.push([change, by]);
  });

  async replaceMap(config: LiveGatewayConfig): Promise<number> {
    if (this.isSlow)
      await new Promise<void>((resolve) => {
        this.finish = resolve;
      });
    if (this.refusal !== undefined) throw this.refusal;
    this.maps.push(config);
    return this.maps.length + 1;
  }

  get inForce(): string[] | undefined {
    return this.maps.at(-1)?.tenants.map(({ name }) => name);
  }
}

test("a change is put in force, and told of", async () => {
  const gateway = new FakeMapped();
  const { mapping } = gateway;
  expect(mapping.generation).toBe(1);
  const change = await mapping.change(() => withTenants(tenant("globex", 2)), BY);
  expect(change).toMatchObject({
    generation: 2,
    applied: true,
    difference: { tenants: { added: ["globex"] } },
  });
  expect(gateway.inForce).toEqual(["acme", "globex"]);
  expect(gateway.said).toEqual([[change, "a test"]]);
  expect(mapping.generation).toBe(2);
  expect(mapping.document).toEqual({
    sharedSources: [],
    sniffers: WRITTEN.sniffers,
    ...withTenants(tenant("globex", 2)),
  });
});

test("two at once: the second sees what the first has made", async () => {
  const gateway = new FakeMapped();
  const add = (name: string, session: number) => (document: MapDocument) => ({
    tenants: [...document.tenants, tenant(name, session)],
  });
  const changes = [2, 3, 4].map((session) => gateway.mapping.change(add(`t${session}`, session), BY));
  expect((await Promise.all(changes)).map(({ generation }) => generation)).toEqual([2, 3, 4]);
  expect(gateway.inForce).toEqual(["acme", "t2", "t3", "t4"]);
});

test("of two that were meant for one generation the second is refused", async () => {
  const gateway = new FakeMapped();
  gateway.isSlow = true;
  const first = gateway.mapping.change(() => withTenants(tenant("globex", 2)), { ...BY, generation: 1 });
  const second = gateway.mapping.change(() => ({ tenants: [] }), { ...BY, generation: 1 });
  await expect.poll(() => gateway.finish).toBeDefined();
  gateway.finish!();
  expect(await first).toMatchObject({ generation: 2 });
  await expect(second).rejects.toMatchObject({
    code: "GENERATION_CHANGED",
    httpStatus: 412,
    details: { generation: 2, wanted: 1 },
  });
  expect(gateway.inForce).toEqual(["acme", "globex"]);
});

test("asked only, nothing changes", async () => {
  const gateway = new FakeMapped();
  const change = await gateway.mapping.change(() => ({ tenants: [], sniffers: [] }), { ...BY, dryRun: true });
  expect(change).toMatchObject({
    generation: 1,
    applied: false,
    difference: { tenants: { removed: ["acme"] }, sniffers: { removed: ["ids", "s2", "s3", "s4"] } },
  });
  expect([gateway.maps, gateway.said]).toEqual([[], []]);
  expect(gateway.mapping.document.tenants).toEqual(WRITTEN.tenants);
});

test("what is the same is not put in force again", async () => {
  const gateway = new FakeMapped();
  expect(await gateway.mapping.change((document) => document, BY)).toMatchObject({
    generation: 1,
    applied: true,
  });
  expect(await gateway.mapping.load(async () => loaded(WRITTEN), BY)).toMatchObject({ generation: 1 });
  expect(gateway.maps).toEqual([]);
});

test("a bad map is refused with all of its mistakes, and the next is taken", async () => {
  const gateway = new FakeMapped();
  const bad = { sniffers: [{ name: "ids", deliver: "mac" }], tenants: [tenant("a", 5000), tenant("a", 1)] };
  await expect(gateway.mapping.change(() => bad, BY)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    details: {
      mistakes: expect.arrayContaining([
        expect.objectContaining({ path: "sniffers[0].mac" }),
        expect.objectContaining({ path: "tenants[0].sources[0].session" }),
        expect.objectContaining({ path: "tenants[1].name" }),
      ]),
    },
  });
  expect(gateway.mapping.document.tenants).toEqual(WRITTEN.tenants);
  expect(await gateway.mapping.change(() => withTenants(tenant("b", 3)), BY)).toMatchObject({
    generation: 2,
  });
});

test("what the gateway refuses does not count", async () => {
  const gateway = new FakeMapped();
  gateway.refusal = new SpangateError("MAP_TOO_LARGE");
  const change = () => gateway.mapping.change(() => withTenants(tenant("b", 3)), BY);
  await expect(change()).rejects.toMatchObject({ code: "MAP_TOO_LARGE" });
  expect([gateway.mapping.generation, gateway.said]).toEqual([1, []]);
  gateway.refusal = undefined;
  expect(await change()).toMatchObject({ generation: 2 });
});

test("a file with anything else in it that is new takes a restart", async () => {
  const gateway = new FakeMapped();
  const file = { ...WRITTEN, ...withTenants(tenant("b", 3)), delivery: { mtu: 9000 } };
  await expect(gateway.mapping.load(async () => loaded(file), BY)).rejects.toMatchObject({
    code: "RESTART_NEEDED",
    details: { keys: ["delivery.mtu"] },
  });
  expect(gateway.maps).toEqual([]);
});
