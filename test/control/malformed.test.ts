// Requests of every kind that the control API describes, right and wrong, made from its own description: none is a mistake of the
// server's, each answer is of a kind that is described, and what is refused changes nothing.

import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PROBLEM_TYPE } from "../../src/control/problem.js";
import { ControlServer } from "../../src/control/server.js";
import { Tails } from "../../src/control/tails.js";
import { peerOf } from "../../src/linux/peer.js";
import { FakeGateway, sockets } from "./fake.js";
import { FakeWorker } from "./fake-worker.js";

const RUNS = Number(process.env.SPANGATE_REQUESTS ?? 3000);
const SEED = Number(process.env.SPANGATE_SEED ?? 1);
const LINES = "application/x-ndjson";
/** What the description has to have, so that nothing is left out here. */
const PATHS = [
  "/handover",
  "/handover/commit",
  "/handover/lend",
  "/health",
  "/map",
  "/metrics",
  "/sniffers",
  "/sniffers/{name}",
  "/status",
  "/tail",
  "/tenants",
  "/tenants/{name}",
];
const socketPath = sockets()();

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}
type Description = { paths: Record<string, Record<string, { requestBody?: unknown }>> };

let gateway: FakeGateway;
let server: ControlServer;
let operations: { method: string; path: string; hasBody: boolean }[];
beforeAll(async () => {
  gateway = new FakeGateway();
  // It hands over to nobody, however often it is asked.
  const offered = { takesFirst: false };
  const letGo = async () => ({ received: 0 });
  Object.assign(gateway, { handsOver: { offer: () => offered, lend: () => ({}), letGo } });
  const worker = new FakeWorker();
  const { explainerFor } = worker;
  const tails = new Tails({ gateway: worker, explainerFor, log: () => {} });
  server = await ControlServer.listen(gateway, { socket: socketPath }, { peerOf, tails: () => tails });
  const { text } = await ask({ method: "GET", path: "/openapi.json", headers: {}, body: undefined });
  operations = Object.entries((JSON.parse(text) as Description).paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { requestBody }]) => ({
      method: method.toUpperCase(),
      path,
      hasBody: requestBody !== undefined,
    })),
  );
});
afterAll(() => server.close());

async function ask({ method, path, headers, body }: Asked) {
  // Node says how long a body is only where it expects one.
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const asked = request({ socketPath, path, method, headers: { ...headers, ...length }, agent: false });
  asked.end(body);
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const type = response.headers["content-type"] ?? "";
  let text = "";
  for await (const piece of response.setEncoding("utf8")) {
    text += piece;
    if (type === LINES) break; // there is no end
  }
  return { status: response.statusCode!, type, text };
}

// ── what is asked ──

const NAMES = [
  "acme",
  "acme-ids",
  "globex-ids",
  "globex",
  "",
  "..",
  "a".repeat(300),
  "%00",
  "x y",
  "\u00e9",
  "__proto__",
  "constructor",
];
const name = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom("acme", "globex-ids") },
  { weight: 2, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme" }) },
);

/** Values as gateway.yaml has them, each of which may be something else. */
const mostly = (right: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 6, arbitrary: right }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) });
const source = fc.record(
  {
    encapsulation: mostly(fc.constantFrom("erspan", "gre", "vxlan", "geneve", "nvgre")),
    session: mostly(fc.integer({ min: -1, max: 1100 })),
    vni: mostly(fc.integer({ min: -1, max: 2 ** 24 })),
    from: mostly(fc.constantFrom("192.0.2.1", "10.0.0.0/8", "2001:db8::/32", "10.0.0.1/33")),
  },
  { requiredKeys: [] },
);
const tenant = fc.record(
  {
    name: mostly(name),
    sources: mostly(fc.array(mostly(source), { maxLength: 3 })),
    addresses: mostly(
      fc.array(mostly(fc.constantFrom("10.1.0.0/16", "02:00:00:00:00:01")), { maxLength: 2 }),
    ),
    sniffers: mostly(fc.array(mostly(fc.constantFrom("acme-ids", "globex-ids", "nobody")), { maxLength: 2 })),
    rate: mostly(fc.constantFrom("1Gbit", "5", 5, "-1bit")),
  },
  { requiredKeys: [] },
);
const sniffer = fc.record(
  {
    name: mostly(name),
    deliver: mostly(fc.constantFrom("mac", "vxlan", "gre", "pcap", "tap", "carrier pigeon")),
    mac: mostly(fc.constantFrom("02:00:00:00:0a:01", "02:00:00:00:0a:02", "no")),
    to: mostly(fc.constantFrom("192.0.2.10", "2001:db8::1")),
    vni: mostly(fc.nat(10)),
    queue: mostly(fc.integer({ min: 0, max: 70_000 })),
  },
  { requiredKeys: [] },
);
const map = fc.record(
  {
    tenants: mostly(fc.array(mostly(tenant), { maxLength: 3 })),
    sniffers: mostly(fc.array(mostly(sniffer), { maxLength: 3 })),
    sharedSources: mostly(fc.array(mostly(source), { maxLength: 2 })),
    generation: fc.nat(5),
  },
  { requiredKeys: [] },
);
const text = fc.oneof(
  { weight: 8, arbitrary: fc.oneof(map, tenant, sniffer).map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string() },
  { weight: 1, arbitrary: fc.constantFrom("", "{", "[[[[", '{"a":1,"a":2}', "null", "1e999", "\ufeff{}") },
);
const anyQuery = fc.constantFrom(
  "?dryRun=true",
  "?dryRun=false",
  "?dryRun",
  "?dryRun=1&dryRun=2",
  "?sessions=-1",
  "?sessions=9e9",
  "?%",
  "?__proto__=1",
  "?tenant=acme",
  "?tenant=acme&rate=50&count=1",
  "?tenant=nobody",
  "?tenant=&rate=x",
  "?tenant=acme&tenant=globex",
  "?tenant=acme&rate=1e999",
  "?tenant=acme&count=0",
  "?mailbox=@spangate-1",
  "?mailbox=@spangate-2",
  "?mailbox=@spangate-3",
  "?mailbox=../x",
  "?mailbox=@",
);
const query = fc.oneof(fc.constant(""), anyQuery);
const match = fc.constantFrom(
  undefined,
  undefined,
  '"1"',
  '"2"',
  "*",
  "1",
  'W/"1"',
  '""',
  '"99999999999999999999"',
);
const type = fc.constantFrom(
  "application/json",
  "application/json",
  "application/json; charset=utf-8",
  "text/plain",
  "application/yaml",
  "x",
);

const anyRequest = () =>
  fc
    .record({
      operation: fc.constantFrom(...operations),
      method: fc.option(fc.constantFrom("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS")),
      name,
      query,
      match,
      type,
      text,
      withBody: fc.boolean(),
    })
    .map(({ operation, method, name, query, match, type, text, withBody }): Asked => {
      const hasBody = operation.hasBody || withBody;
      return {
        method: method ?? operation.method,
        path: operation.path.replace("{name}", encodeURIComponent(name)) + query,
        headers: {
          ...(match !== undefined && { "if-match": match }),
          ...(hasBody && { "content-type": type }),
        },
        body: hasBody ? text : undefined,
      };
    });

function operationOf({ method, path }: Asked): string {
  return `${method} ${path.replace(/\?.*/, "").replace(/(?<=^\/(?:tenants|sniffers)\/).+/, "{name}")}`;
}

test("the description has every route", () => {
  expect([...new Set(operations.map(({ path }) => path))].sort()).toEqual(PATHS);
});

test("any of them", { timeout: 600_000 }, async () => {
  const seen = new Map<string, number>();
  const answered = new Set<string>();
  const first = gateway.mapping.document;
  let count = 0;
  await fc.assert(
    fc.asyncProperty(anyRequest(), async (asked) => {
      // Now and then there is again what can be found, changed and removed.
      if (count++ % 20 === 0) await gateway.mapping.change(() => first, { by: "api" });
      const before = gateway.mapping.generation;
      const { status, type, text } = await ask(asked);
      const kind = `${asked.method} ${Math.floor(status / 100)}xx`;
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      if (status < 300) answered.add(operationOf(asked));
      expect(status, text).toBeLessThan(500);
      if (status >= 400) {
        expect(type).toContain(PROBLEM_TYPE);
        expect(JSON.parse(text)).toMatchObject({ status, code: expect.stringMatching(/^[A-Z_]+$/) });
      }
      if (status >= 400 || asked.method === "GET") expect(gateway.mapping.generation).toBe(before);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  // Some of each kind, or this shows little.
  // What takes neither a name nor a body can be had of each route; what does, of some.
  const bare = operations.filter(({ hasBody, path }) => !hasBody && !path.includes("{name}"));
  for (const { method, path } of bare) expect([...answered]).toContain(`${method} ${path}`);
  for (const kind of ["GET 2xx", "GET 4xx", "PUT 2xx", "PUT 4xx", "DELETE 2xx", "DELETE 4xx"])
    expect(seen.get(kind), JSON.stringify([...seen])).toBeGreaterThan(0);
});

test.each([
  ["nothing", ""],
  ["no HTTP", "\u0016\u0003\u0001\r\n\r\n"],
  ["a header without end", `GET /health HTTP/1.1\r\nx: ${"y".repeat(100_000)}`],
  ["a length that is no number", "PUT /map HTTP/1.1\r\ncontent-length: x\r\n\r\n{}"],
  ["two lengths", "PUT /map HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"],
  [
    "a body that never comes",
    "PUT /map HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{",
  ],
])("%s by the socket", async (_, bytes) => {
  const before = gateway.mapping.generation;
  const socket = connect(socketPath);
  socket.on("error", () => {});
  socket.end(bytes);
  socket.resume();
  await once(socket, "close");
  expect((await ask({ method: "GET", path: "/health", headers: {}, body: undefined })).status).toBe(200);
  expect(gateway.mapping.generation).toBe(before);
});
