// The control API's map: what each request does and answers, also the odd ones; and the description that it gives of itself.

import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { Ajv } from "ajv";
import { expect, onTestFinished, test } from "vitest";
import { PROBLEM_TYPE } from "../../src/control/problem.js";
import { ControlServer } from "../../src/control/server.js";
import { SpangateError } from "../../src/errors.js";
import { FakeGateway, sockets } from "./fake.js";

const newSocket = sockets();
const IDS = { name: "acme-ids", deliver: "mac", mac: "02:00:00:00:0a:01" };
const ACME = { name: "acme", sources: [{ encapsulation: "erspan", session: 1 }], sniffers: ["acme-ids"] };
const GLOBEX_IDS = { name: "globex-ids", deliver: "mac", mac: "02:00:00:00:0a:02" };
const GLOBEX = { sources: [{ encapsulation: "vxlan", vni: 7 }], sniffers: ["globex-ids"] };

interface Options {
  readonly body?: unknown;
  readonly raw?: string;
  readonly type?: string;
  readonly match?: string;
}

async function api(gateway = new FakeGateway()) {
  const socketPath = newSocket();
  const server = await ControlServer.listen(gateway, { socket: socketPath });
  onTestFinished(() => server.close());
  return async (method: string, path: string, { body, raw, type, match }: Options = {}) => {
    const text = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const headers = {
      ...(text !== undefined && { "content-type": type ?? "application/json" }),
      ...(match !== undefined && { "if-match": match }),
    };
    const asked = request({ socketPath, path, method, headers, agent: false });
    asked.end(text);
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    let answer = "";
    for await (const piece of response.setEncoding("utf8")) answer += piece;
    const { etag, "content-type": kind } = response.headers;
    return { status: response.statusCode, etag, type: kind, body: JSON.parse(answer || "null") };
  };
}

test("the map in force, with its generation", async () => {
  const ask = await api();
  expect(await ask("GET", "/map")).toMatchObject({
    status: 200,
    etag: '"1"',
    body: { generation: 1, sharedSources: [], sniffers: [IDS, GLOBEX_IDS], tenants: [ACME] },
  });
  expect((await ask("GET", "/tenants")).body).toEqual([ACME]);
  expect((await ask("GET", "/sniffers/acme-ids")).body).toEqual(IDS);
});

test("what is read can be written back, and is the same", async () => {
  const ask = await api();
  const { body, etag } = await ask("GET", "/map");
  expect(await ask("PUT", "/map", { body, match: etag! })).toMatchObject({ status: 200, etag: '"1"' });
});

test("a tenant is added, replaced in its place, and removed", async () => {
  const ask = await api();
  expect(await ask("PUT", "/tenants/globex", { body: GLOBEX })).toMatchObject({
    status: 200,
    etag: '"2"',
    body: { generation: 2, applied: true, difference: { tenants: { added: ["globex"] } } },
  });
  const more = { ...ACME, nonIp: "deliver" };
  expect((await ask("PUT", "/tenants/acme", { body: more })).body.difference.tenants.changed).toEqual([
    { name: "acme", keys: ["nonIp"] },
  ]);
  expect((await ask("GET", "/tenants")).body).toEqual([more, { name: "globex", ...GLOBEX }]);
  expect((await ask("DELETE", "/tenants/globex")).body.difference.tenants.removed).toEqual(["globex"]);
  expect(await ask("GET", "/tenants/globex")).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
});

test("only if it is of the generation that was meant", async () => {
  const ask = await api();
  expect((await ask("PUT", "/tenants/globex", { body: GLOBEX, match: '"1"' })).status).toBe(200);
  expect(await ask("DELETE", "/tenants/globex", { match: '"1"' })).toMatchObject({
    status: 412,
    type: expect.stringContaining(PROBLEM_TYPE),
    body: { code: "GENERATION_CHANGED", details: { generation: 2, wanted: 1 } },
  });
  expect((await ask("DELETE", "/tenants/globex", { match: "*" })).status).toBe(200);
});

test("asked what would be, it changes nothing", async () => {
  const ask = await api();
  expect(await ask("PUT", "/map?dryRun=true", { body: {} })).toMatchObject({
    status: 200,
    etag: '"1"',
    body: {
      applied: false,
      difference: { tenants: { removed: ["acme"] }, sniffers: { removed: ["acme-ids", "globex-ids"] } },
    },
  });
  expect((await ask("GET", "/map")).body).toMatchObject({ generation: 1, tenants: [ACME] });
});

test("all mistakes at once, and the map stays", async () => {
  const ask = await api();
  const bad = {
    sniffers: [{ ...IDS, mac: "x" }],
    tenants: [
      { ...ACME, rate: 5 },
      { name: "b", colour: 1 },
    ],
  };
  const { status, body } = await ask("PUT", "/map", { body: bad });
  expect([status, body.code]).toEqual([422, "CONFIG_INVALID"]);
  const paths = body.details.mistakes.map(({ path }: { path: string }) => path);
  expect(paths).toEqual(expect.arrayContaining(["sniffers[0].mac", "tenants[0].rate", "tenants[1].colour"]));
  expect((await ask("GET", "/map")).body.generation).toBe(1);
});

test.each<[string, string, Options, number, string]>([
  ["DELETE", "/tenants/nobody", {}, 404, "NOT_FOUND"],
  ["PUT", "/tenants/other", { body: ACME }, 400, "USAGE"],
  ["PUT", "/tenants/acme", { body: [] }, 400, "USAGE"],
  ["PUT", "/tenants/acme", { body: null }, 400, "USAGE"],
  ["PUT", "/tenants/acme", { body: "acme" }, 400, "USAGE"],
  ["PUT", "/tenants/acme", {}, 400, "USAGE"],
  ["PUT", "/tenants/acme", { raw: "{" }, 400, "USAGE"],
  ["PUT", "/tenants/acme", { raw: "name: acme", type: "application/yaml" }, 400, "USAGE"],
  ["PUT", "/tenants/acme", { raw: '{"__proto__": {"name": "x"}}' }, 400, "USAGE"],
  ["PUT", "/tenants/no%20name", { body: GLOBEX }, 422, "CONFIG_INVALID"],
  ["PUT", "/tenants/%ff", { body: GLOBEX }, 400, "USAGE"],
  ["PUT", "/map", { body: { tunnel: { queues: 2 } } }, 400, "USAGE"],
  ["PUT", "/map", { body: { tenants: {} } }, 422, "CONFIG_INVALID"],
  ["PUT", "/map", { body: { tenants: null, sniffers: 5 } }, 422, "CONFIG_INVALID"],
  ["PUT", "/map", { body: {}, match: "1" }, 400, "USAGE"],
  ["PUT", "/map", { body: {}, match: '"x"' }, 400, "USAGE"],
  ["PUT", "/map?dryRun=perhaps", { body: {} }, 400, "USAGE"],
  ["POST", "/map", { body: {} }, 404, "NOT_FOUND"],
])("%s %s %j: %i %s", async (method, path, options, status, code) => {
  const ask = await api();
  const answer = await ask(method, path, options);
  expect(answer).toMatchObject({ status, body: { code } });
  expect(answer.type).toContain(PROBLEM_TYPE);
  expect((await ask("GET", "/map")).body).toMatchObject({
    generation: 1,
    tenants: [ACME],
    sniffers: [IDS, GLOBEX_IDS],
  });
});

test("before there is a map", async () => {
  const gateway = new FakeGateway();
  Object.defineProperty(gateway, "mapping", {
    get: () => {
      throw new SpangateError("NOT_READY");
    },
  });
  const ask = await api(gateway);
  for (const path of ["/map", "/tenants", "/sniffers/acme-ids"])
    expect(await ask("GET", path)).toMatchObject({ status: 503, body: { code: "NOT_READY" } });
});

test("it describes itself, and answers as it says", async () => {
  const ask = await api();
  const { body: description } = await ask("GET", "/openapi.json");
  expect(description).toMatchObject({ openapi: "3.1.0", info: { title: "Spangate control API" } });
  expect(Object.keys(description.paths)).toEqual(
    expect.arrayContaining(["/status", "/health", "/map", "/tenants", "/tenants/{name}", "/sniffers/{name}"]),
  );
  const put = description.paths["/tenants/{name}"].put;
  expect(put.requestBody.content["application/json"].schema.properties).toHaveProperty("sources");
  const ajv = new Ajv({ strict: false });
  for (const [method, path, options] of [
    ["get", "/map", {}],
    ["get", "/tenants", {}],
    ["put", "/map", { body: { sniffers: [IDS], tenants: [] } }],
  ] as const) {
    const { body } = await ask(method.toUpperCase(), path, options);
    const { schema } = description.paths[path][method].responses["200"].content["application/json"];
    expect(ajv.validate(schema, body), ajv.errorsText()).toBe(true);
  }
});
