// GET /tail and `spangate tail` against a gateway whose workers are the test: who may look, at what, and what the log says of it.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { followGateway } from "../../src/control/client.js";
import { ControlServer } from "../../src/control/server.js";
import { Tails } from "../../src/control/tails.js";
import { peerOf } from "../../src/linux/peer.js";
import { MAIN } from "../cli/command.js";
import { until } from "../live/until.js";
import { FakeGateway, sockets } from "./fake.js";
import { FakeWorker } from "./fake-worker.js";

const newSocket = sockets();

interface Told {
  readonly code: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>> | undefined;
}

async function listening() {
  const worker = new FakeWorker();
  const log: Told[] = [];
  const tails = new Tails({
    gateway: worker,
    explainerFor: worker.explainerFor,
    log: (code, message, fields) => log.push({ code, message, fields }),
  });
  const gateway = new FakeGateway();
  const socket = newSocket();
  const options = { tails: () => (gateway.state === "running" ? tails : undefined), peerOf };
  const server = await ControlServer.listen(gateway, { socket }, options);
  onTestFinished(() => server.close());
  return { worker, log, tails, gateway, socket, server };
}

/** Asks, and gives the answer's head. */
async function asking(socketPath: string, path: string): Promise<IncomingMessage> {
  const asked = get({ socketPath, path, agent: false });
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  response.on("error", () => {});
  onTestFinished(() => void response.destroy());
  return response;
}

async function take(socket: string, path: string, count: number): Promise<unknown[]> {
  const packets: unknown[] = [];
  for await (const packet of followGateway(socket, path)) {
    packets.push(packet);
    if (packets.length === count) break;
  }
  return packets;
}

const over = (log: readonly Told[]) =>
  until(
    () => log.some(({ code }) => code === "TAIL_ENDED"),
    () => `the end of a tail in ${JSON.stringify(log)}`,
  );

test("packets of the tenant, numbered, and a record of who looked", async () => {
  const { socket, log, worker } = await listening();
  const packets = await take(socket, "/tail?tenant=globex&rate=100&count=3", 99);
  expect(packets).toEqual([1, 2, 3].map((packet) => ({ packet, tenant: "globex", verdict: "delivered" })));
  await over(log);
  const who = { tenant: "globex", uid: process.getuid!(), pid: process.pid };
  expect(log).toEqual([
    { code: "TAIL_BEGUN", message: expect.stringContaining("of globex"), fields: { ...who, rate: 100 } },
    {
      code: "TAIL_ENDED",
      message: expect.stringMatching(
        /^uid \d+, pid \d+ has looked at packets of globex \(seconds .*, packets 3\)$/,
      ),
      fields: { ...who, seconds: expect.any(Number), packets: 3 },
    },
  ]);
  expect([worker.watched, worker.explainers]).toEqual([undefined, 0]);
});

test("no more than are asked for", async () => {
  const { socket, worker, log } = await listening();
  const begin = performance.now();
  await take(socket, "/tail?tenant=acme&rate=20&count=10", 99);
  expect(performance.now() - begin).toBeGreaterThan(400);
  await over(log);
  expect(worker.made).toBeLessThan(30);
});

test.each([
  ["another tenant's", { tenant: 0 }],
  ["nobody's", { tenant: 7 }],
  ["of another map", { generation: 9 }],
])("what is %s is not shown", async (_, amiss) => {
  const { socket, worker } = await listening();
  worker.amiss = amiss;
  const packets: unknown[] = [];
  const response = await asking(socket, "/tail?tenant=globex&rate=100");
  response.on("data", (piece) => packets.push(piece));
  await until(
    () => worker.made > 10,
    () => "samples",
  );
  expect(packets).toEqual([]);
});

describe("a map", () => {
  test("that comes meanwhile: the tenant by its name", async () => {
    const { socket, worker } = await listening();
    const seen: string[] = [];
    let explainers = 0;
    for await (const packet of followGateway(socket, "/tail?tenant=globex&rate=100")) {
      seen.push((packet as { tenant: string }).tenant);
      if (seen.length === 3) {
        worker.tenants = ["globex", "newcomer"];
        worker.generation = 2;
      }
      explainers = worker.explainers;
      if (worker.watched?.[0] === 2 && seen.length > 6) break;
    }
    expect(worker.watched).toEqual([2, 0]);
    expect(new Set(seen)).toEqual(new Set(["globex"]));
    expect(explainers).toBe(1);
  });

  test("without the tenant ends it, and says so", async () => {
    const { socket, worker, log } = await listening();
    const all = async () => {
      for await (const _ of followGateway(socket, "/tail?tenant=globex&rate=100")) {
        worker.tenants = ["acme"];
        worker.generation = 2;
      }
    };
    await expect(all()).rejects.toMatchObject({ code: "NOT_FOUND", details: { tenant: "globex" } });
    await over(log);
    expect(worker.watched).toBeUndefined();
  });
});

describe("one at a time", () => {
  test("a second one is refused, until the first has gone", async () => {
    const { socket, log } = await listening();
    const first = await asking(socket, "/tail?tenant=acme");
    await expect(take(socket, "/tail?tenant=globex", 1)).rejects.toMatchObject({
      code: "TAIL_BUSY",
      details: { tenant: "acme" },
    });
    first.destroy();
    await over(log);
    expect(await take(socket, "/tail?tenant=globex", 1)).toHaveLength(1);
  });

  test("the end of the gateway is its end", async () => {
    const { socket, tails, log, worker } = await listening();
    const response = await asking(socket, "/tail?tenant=acme");
    response.resume();
    const ended = once(response, "end");
    tails.close();
    await ended;
    expect([worker.watched, log.at(-1)?.code]).toEqual([undefined, "TAIL_ENDED"]);
  });
});

test.each([
  ["", "USAGE"],
  ["?tenant=", "USAGE"],
  ["?tenant=acme&rate=101", "USAGE"],
  ["?tenant=acme&rate=0", "USAGE"],
  ["?tenant=acme&count=0", "USAGE"],
  ["?tenant=nobody", "NOT_FOUND"],
])("/tail%s is refused, and nobody has looked", async (query, code) => {
  const { socket, log, worker } = await listening();
  await expect(take(socket, `/tail${query}`, 1)).rejects.toMatchObject({ code });
  expect([log, worker.watched]).toEqual([[], undefined]);
  // Nor is anybody else kept from it.
  expect(await take(socket, "/tail?tenant=acme", 1)).toHaveLength(1);
});

test("of a gateway that starts there is nothing to see", async () => {
  const { socket, gateway } = await listening();
  gateway.state = "starting";
  await expect(take(socket, "/tail?tenant=acme", 1)).rejects.toMatchObject({ code: "NOT_READY" });
});

describe("spangate tail", () => {
  test("--json: a line a packet, and the end after so many", async () => {
    const { socket } = await listening();
    const args = [MAIN, "tail", "acme", "--socket", socket, "--rate", "100", "--count", "2", "--json"];
    const { stdout, code } = await new Promise<{ stdout: string; code: number }>((resolve) => {
      execFile(process.execPath, args, (error, stdout) =>
        resolve({ stdout, code: Number(error?.code ?? 0) }),
      );
    });
    expect([
      code,
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).packet),
    ]).toEqual([0, [1, 2]]);
  });

  test("the end of the gateway", async () => {
    const { socket, tails } = await listening();
    const child = spawn(process.execPath, [MAIN, "tail", "acme", "--socket", socket, "--json"]);
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    await once(child.stdout, "data");
    tails.close();
    const [code] = await once(child, "close");
    expect([code, stderr]).toEqual([
      1,
      `spangate: The gateway at ${socket} has ended. [GATEWAY_UNREACHABLE]\n`,
    ]);
  });

  test.each([
    [["--rate", "200"], /Expected packets a second from 0\.1 to 100\. \[USAGE\]/],
    [["--count", "0"], /Expected an integer from 1 /],
  ])("%j", async (flags, says) => {
    const stderr = await new Promise<string>((resolve) => {
      execFile(process.execPath, [MAIN, "tail", "acme", ...flags], (_, __, text) => resolve(text));
    });
    expect(stderr).toMatch(says);
  });
});
