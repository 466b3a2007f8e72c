// GET /metrics of a gateway that only has accounts: names and values, and how sniffers are told of together when there are too many.

import { get } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { Metrics } from "../../src/control/metrics.js";
import { ControlServer } from "../../src/control/server.js";
import { Engine, type SnifferAccounts, VERDICTS } from "../../src/engine/index.js";
import { VERSION } from "../../src/version.js";
import * as make from "../reference/packets.js";
import { oneOf, readExposition, sumOf } from "./exposition.js";
import { accounts, FakeGateway, sockets } from "./fake.js";

const newSocket = sockets();

async function scrape(
  socketPath: string,
): Promise<{ type: string | undefined; text: string; status?: number }> {
  return await new Promise((resolve, reject) => {
    get({ socketPath, path: "/metrics", agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
      });
      response.on("end", () =>
        resolve({ type: response.headers["content-type"], text, status: response.statusCode! }),
      );
    }).on("error", reject);
  });
}

/** So many sniffers, one a tenant; sniffer i has sent i packets. */
function crowd(gateway: FakeGateway, count: number): void {
  const names = Array.from({ length: count }, (_, i) => `s${i}`);
  gateway.sniffers = new Map(names.map((name, i) => [name, accounts(i)]));
  gateway.tenants = new Map(names.map((name, i) => [`t${i}`, [name]]));
}

describe("over the control socket", () => {
  test("the accounts, with units in the names", async () => {
    const socket = newSocket();
    const gateway = new FakeGateway();
    const server = await ControlServer.listen(gateway, { socket });
    onTestFinished(() => server.close());
    const { type, text, status } = await scrape(socket);
    expect([status, type]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
    const page = readExposition(text);
    for (const [name, kind] of page.types) {
      if (!name.startsWith("spangate_")) continue;
      expect(page.help.get(name), name).toMatch(/^\S.*\.$/);
      expect(name.endsWith("_total"), name).toBe(kind === "counter");
    }
    expect(oneOf(page, "spangate_build_info", { version: VERSION, node: process.version })).toBe(1);
    expect(oneOf(page, "spangate_ready")).toBe(1);
    expect(oneOf(page, "spangate_uptime_seconds")).toBe(10);
    expect(oneOf(page, "spangate_map_generation")).toBe(3);
    expect(oneOf(page, "spangate_worker_map_generation", { worker: "0" })).toBe(3);
    expect(oneOf(page, "spangate_received_packets_total", { worker: "0" })).toBe(100);
    expect(oneOf(page, "spangate_delivered_packets_total")).toBe(80);
    expect(oneOf(page, "spangate_dropped_packets_total", { reason: "unmapped" })).toBe(20);
    expect(sumOf(page, "spangate_dropped_packets_total")).toBe(20);
    expect(oneOf(page, "spangate_kernel_lost_packets_total", { reason: "ring-full" })).toBe(7);
    const acme = { tenant: "acme", sniffer: "acme-ids" };
    expect(oneOf(page, "spangate_sniffer_sent_packets_total", acme)).toBe(80);
    expect(oneOf(page, "spangate_sniffer_sent_bytes_total", acme)).toBe(4800);
    expect(oneOf(page, "spangate_sniffer_queue_limit_packets", acme)).toBe(1024);
    expect(oneOf(page, "spangate_metrics_folded_sniffers")).toBe(0);
    expect(page.types.get("process_cpu_seconds_total")).toBe("counter");
    expect(page.types.get("nodejs_eventloop_lag_seconds")).toBe("gauge");
    // Every verdict is told of, be it 0.
    const reasons = page.samples.filter(({ name }) => name === "spangate_dropped_packets_total");
    expect(reasons.map(({ labels }) => labels.reason)).toEqual(
      VERDICTS.filter((verdict) => !["delivered", "reassembled"].includes(verdict)),
    );
  });

  test("a gateway that starts says so, and has no accounts", async () => {
    const gateway = new FakeGateway();
    gateway.state = "starting";
    const page = readExposition(await new Metrics(gateway).read());
    expect(oneOf(page, "spangate_ready")).toBe(0);
    expect(page.samples.some(({ name }) => name === "spangate_received_packets_total")).toBe(false);
    gateway.state = "running";
  });

  test("who asks meanwhile gets the same", async () => {
    const metrics = new Metrics(new FakeGateway());
    const [a, b] = await Promise.all([metrics.read(), metrics.read()]);
    expect(a).toBe(b);
  });
});

describe("more sniffers than series", () => {
  const SERIES = 3000;

  test("are one, always the same ones, and nothing is lost of the sums", async () => {
    const gateway = new FakeGateway();
    const metrics = new Metrics(gateway, SERIES);
    crowd(gateway, 1000);
    const first = readExposition(await metrics.read());
    expect(first.samples.length).toBeLessThanOrEqual(SERIES);
    expect(first.samples.length).toBeGreaterThan(SERIES - 400);
    expect(sumOf(first, "spangate_sniffer_sent_packets_total")).toBe(499_500);
    const shown = (page: typeof first) =>
      page.samples
        .filter(({ name }) => name === "spangate_sniffer_sent_packets_total")
        .map(({ labels }) => labels.sniffer!);
    const names = shown(first);
    expect(names.at(-1)).toBe("others");
    expect(names.slice(0, -1)).toEqual(names.slice(0, -1).map((_, i) => `s${i}`));
    expect(oneOf(first, "spangate_metrics_folded_sniffers")).toBe(1000 - (names.length - 1));
    const others = oneOf(first, "spangate_sniffer_sent_packets_total", { sniffer: "others" });

    // Fewer, and others first: who was told of by name still is, and a newcomer is one of the others.
    const all = gateway.sniffers!;
    gateway.sniffers = new Map([["new", accounts(5)], ...[...all].reverse()]);
    const second = readExposition(await metrics.read());
    expect(new Set(shown(second))).toEqual(new Set(names));
    expect(oneOf(second, "spangate_sniffer_sent_packets_total", { sniffer: "others" })).toBe(others + 5);
  });

  test("a sniffer that is called others is one of them", async () => {
    const gateway = new FakeGateway();
    crowd(gateway, 2);
    gateway.sniffers = new Map<string, SnifferAccounts>([...gateway.sniffers!, ["others", accounts(7)]]);
    const page = readExposition(await new Metrics(gateway).read());
    expect(oneOf(page, "spangate_sniffer_sent_packets_total", { sniffer: "others" })).toBe(7);
    expect(oneOf(page, "spangate_sniffer_sent_packets_total", { sniffer: "s1" })).toBe(1);
  });
});

test("upstream loss: sums of all sessions, and the worst by name", async () => {
  const engine = await Engine.create();
  const { batch } = engine;
  const area = engine.allocate(4096);
  const push = (session: number, sequence: number) => {
    const erspan = make.gre(0x88be, make.erspan2(new Uint8Array(60), { session }), { sequence });
    const frame = make.ethernet(0x0800, make.ipv4(47, erspan));
    engine.memory.u8.set(frame, area.address);
    batch.push(area.address, frame.length, frame.length, 0, 1, 1);
    engine.process();
    batch.clear();
  };
  for (let session = 0; session < 30; session++)
    for (const sequence of [1, 2 + session]) push(session, sequence);
  const gateway = new FakeGateway();
  gateway.sessionTables = [engine.sessions];
  const page = readExposition(await new Metrics(gateway).read());
  expect(oneOf(page, "spangate_upstream_lost_packets")).toBe(435);
  expect(oneOf(page, "spangate_upstream_expected_packets_total")).toBe(495);
  expect(oneOf(page, "spangate_sessions")).toBe(30);
  const worst = page.samples.filter(({ name }) => name === "spangate_session_lost_packets");
  expect(worst.map(({ value }) => value)).toEqual(Array.from({ length: 20 }, (_, i) => 29 - i));
  expect(worst[0]!.labels).toMatchObject({ encapsulation: "erspan", id: "29" });
});
