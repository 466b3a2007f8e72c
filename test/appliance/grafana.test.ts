// The dashboard: every metric and label it names is one that a running gateway has, and Prometheus, fed by that gateway, evaluates every
// expression.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { createServer as createHttpServer, get } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEMO, MAIN } from "../cli/command.js";
import { oneOf, readExposition } from "../control/exposition.js";
import { lacks } from "../live/requirements.js";
import { Running } from "../live/running.js";
import { until } from "../live/until.js";

const DASHBOARD = new URL("../../appliance/grafana/spangate.json", import.meta.url);
const METRIC = /\b(?:spangate|process|nodejs)_\w+/g;

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}
interface Variable {
  readonly name: string;
  readonly type: string;
  readonly definition?: string;
}
const dashboard = JSON.parse(readFileSync(DASHBOARD, "utf8")) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
};
const panels = dashboard.panels.filter(({ type }) => type !== "row");
const queries = panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => [title, expr] as const),
);
const expressions = [
  ...queries,
  ...dashboard.annotations.list.map(({ expr }) => ["annotation", expr] as const),
];
/** As Grafana puts them in. */
const filled = (expr: string) => expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$\w+/g, ".*");

async function page(where: object): Promise<string> {
  return await new Promise((resolve, reject) => {
    get({ agent: false, ...where }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
      });
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });
}

describe.skipIf(process.platform !== "linux")("the dashboard", () => {
  let folder: string;
  let socket: string;
  const closers: (() => unknown)[] = [];
  let metrics: ReturnType<typeof readExposition>;

  /** A gateway that has received the demo's capture, and waits for more. */
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "spangate-grafana-"));
    socket = join(folder, "api.sock");
    const sniffer = (name: string, more: object) => ({
      name,
      deliver: "mac",
      mac: "02:00:00:00:0a:01",
      ...more,
    });
    const config = {
      api: { socket },
      metrics: { series: 5000 },
      sniffers: [sniffer("acme-ids", { vlan: 1 }), sniffer("globex-ids", { vlan: 2, rate: "1kbit" })],
      tenants: [
        { name: "acme", sources: [{ encapsulation: "erspan" }], sniffers: ["acme-ids"] },
        { name: "globex", sources: [{ encapsulation: "vxlan" }], sniffers: ["globex-ids"] },
      ],
    };
    const [file, input] = [join(folder, "gateway.yaml"), join(folder, "in.pcap")];
    writeFileSync(file, JSON.stringify(config));
    execFileSync("mkfifo", [input]);
    const pipe = await open(input, "r+");
    const args = [
      MAIN,
      "run",
      file,
      "--replay",
      input,
      "--speed",
      "max",
      "--record",
      join(folder, "out.pcapng"),
    ];
    await pipe.write(readFileSync(DEMO));
    const gateway = await Running.start("node", args, { ready: /spangate: ready: .*\n/ });
    closers.push(
      () => gateway.stop(),
      () => pipe.close(),
    );
    await until(
      async () => {
        metrics = readExposition(await page({ socketPath: socket, path: "/metrics" }));
        return metrics.samples.some(
          ({ name, value }) => name === "spangate_received_packets_total" && value === 300,
        );
      },
      () => `300 packets. ${gateway.output}`,
    );
  });
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
    rmSync(folder, { recursive: true });
  });

  const labelsOf = (metric: string) =>
    new Set(
      metrics.samples.filter(({ name }) => name === metric).flatMap(({ labels }) => Object.keys(labels)),
    );

  test("the limit is the configuration's", () => {
    expect(oneOf(metrics, "spangate_metrics_series_limit")).toBe(5000);
  });

  test("no panel covers another, and each says what it shows", () => {
    for (const [i, { gridPos: a, title, description }] of panels.entries()) {
      expect(description, title).toMatch(/\S.*\.$/);
      for (const { gridPos: b, title: other } of panels.slice(i + 1)) {
        const isApart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        expect(isApart, `${title} and ${other}`).toBe(true);
      }
    }
  });

  test.each(expressions)("%s: %s names metrics and labels that there are", (_, expr) => {
    const names = expr.match(METRIC)!;
    expect(names.length).toBeGreaterThan(0);
    const labels = new Set(["instance"]);
    for (const name of names) {
      expect(metrics.types.has(name), name).toBe(true);
      for (const label of labelsOf(name)) labels.add(label);
    }
    const named = [
      ...[...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/,\s*/)),
      ...[...expr.matchAll(/(\w+)=~?"/g)].map(([, label]) => label!),
    ];
    // What a metric has no series of at the moment cannot be asked for its labels.
    if (names.every((name) => metrics.samples.some((sample) => sample.name === name)))
      for (const label of named) expect([...labels]).toContain(label);
  });

  test("its variables are labels that there are", () => {
    for (const { definition, type } of dashboard.templating.list) {
      if (type === "datasource") continue;
      const [, metric, label] = /^label_values\((\w+)(?:\{.*\})?, (\w+)\)$/.exec(definition!)!;
      expect([...labelsOf(metric!)]).toContain(label);
    }
  });

  test("it shows every metric of the gateway", () => {
    const shown = new Set(expressions.flatMap(([, expr]) => expr.match(METRIC)!));
    const all = [...metrics.types.keys()].filter((name) => name.startsWith("spangate_"));
    // What it was started with, and what has a panel in another form.
    const aside = ["spangate_workers", "spangate_metrics_series_limit"];
    expect(all.filter((name) => !shown.has(name) && !aside.includes(name))).toEqual([]);
  });

  test.skipIf(lacks("prometheus"))("Prometheus evaluates all of it", async () => {
    // Prometheus does not speak HTTP over a Unix socket.
    const proxy = createHttpServer(async (_, response) => {
      response.setHeader("content-type", "text/plain; version=0.0.4");
      response.end(await page({ socketPath: socket, path: "/metrics" }));
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    closers.push(() => proxy.close());
    const target = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const config = join(folder, "prometheus.yml");
    writeFileSync(
      config,
      JSON.stringify({
        scrape_configs: [
          { job_name: "spangate", scrape_interval: "500ms", static_configs: [{ targets: [target] }] },
        ],
      }),
    );
    const port = await freePort();
    const prometheus = await Running.start(
      "prometheus",
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, "prometheus")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { ready: /Server is ready to receive web requests/ },
    );
    closers.push(() => prometheus.stop());
    const query = async (expr: string) => {
      const answer = await page({
        host: "127.0.0.1",
        port,
        path: `/api/v1/query?query=${encodeURIComponent(expr)}`,
      });
      const { status, error, data } = JSON.parse(answer) as {
        status: string;
        error?: string;
        data?: { result: { value: [number, string] }[] };
      };
      expect(status, `${expr}: ${error}`).toBe("success");
      return data!.result;
    };
    await until(
      async () => (await query("count_over_time(spangate_ready[1m]) > 3")).length > 0,
      () => `scrapes. ${prometheus.output}`,
      30_000,
    );
    for (const [title, expr] of expressions) {
      const result = await query(filled(expr));
      // What only shows what is more than nothing may show nothing.
      if (!/> 0$|> 0\)\)$/.test(expr)) expect(result.length, `${title}: ${expr}`).toBeGreaterThan(0);
    }
    const [received] = await query("sum(spangate_received_packets_total)");
    expect(received!.value[1]).toBe("300");
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
