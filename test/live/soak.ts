// The soak: mixed traffic through a gateway for a long time, while its map changes and its API is asked. Every minute memory, handles and
// DESIGN's equations are looked at: after the first minute nothing grows, and at no time is a packet unaccounted for.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tableText } from "../../src/cli/table.js";
import { askGateway } from "../../src/control/client.js";
import type { StatusDocument } from "../../src/control/status.js";
import { oneOf, readExposition } from "../control/exposition.js";
import { textOf } from "./gateway.js";
import { Lab } from "./lab.js";
import type { RawPort } from "./raw-port.js";
import type { Running } from "./running.js";
import { GATEWAY, Site, V4 } from "./site.js";
import { CHANGE, type Change, look, mapOf, nextChange, replaceMap, setNeighbour } from "./soak-changes.js";
import type { Way } from "./sources.js";
import type { Tenant } from "./tenant-traffic.js";
import { tunnelFrames } from "./tunnel-packets.js";
import { pause, until } from "./until.js";

const PROGRAM = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const UNIT = fileURLToPath(new URL("../../appliance/systemd/spangate.service", import.meta.url));
/** Packets a second. */
const RATE = 8000;
/** Sessions of each way, of which the first 10 are a tenant's. */
const SESSIONS = 12;
const WAYS: readonly Way[] = ["erspan2", "erspan3", "gre", "vxlan", "geneve"];
const MINUTE = 60_000;
/** Of resident memory, after the first minute. */
const MOST_GROWTH = 0.01;

interface Sample {
  readonly minute: number;
  readonly resident: number;
  readonly handles: number;
  /** Of JavaScript, in bytes: what says where resident memory may have grown. */
  readonly heap: number;
  readonly external: number;
  readonly status: StatusDocument;
  readonly changes: number;
}

/** Gives the exit code. */
export async function soak(seconds: number): Promise<number> {
  const lab = new Lab();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => void lab.close().finally(() => process.exit(130)));
  try {
    const site = await Site.build(lab, { host: "nothing" });
    const tenant = await site.tenant({ name: "acme", number: 1 });
    await site.deliveryCable({ near: { addresses: ["198.51.100.1/24"] } });
    await setNeighbour(site, 0);
    const socket = join(lab.directory, "api.sock");
    const directory = join(lab.directory, "files");
    const gateway = await start(lab, site, socket, directory);
    const wrong = await watch(seconds, { site, tenant, gateway, socket, directory });
    const ending = await gateway.stop("SIGTERM", 15_000);
    if (ending?.code !== 0) wrong.push(`it ended with ${JSON.stringify(ending)}: ${gateway.output}`);
    else wrong.push(...unbalanced(JSON.parse(gateway.stdout), "at the end"));
    for (const line of wrong) console.error(line);
    console.log(wrong.length === 0 ? `flat for ${seconds} s` : `${wrong.length} things went wrong`);
    return wrong.length === 0 ? 0 : 1;
  } finally {
    await lab.close();
  }
}

function start(lab: Lab, site: Site, socket: string, directory: string): Promise<Running> {
  mkdirSync(directory);
  const file = join(lab.directory, "soak.yaml");
  const config = {
    tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4] },
    delivery: { interface: "delivery" },
    api: { socket },
    quarantine: { file: join(directory, "unmapped.pcapng"), limit: "8MiB" },
    ...mapOf(directory, false),
  };
  writeFileSync(file, JSON.stringify(config));
  return lab.start(site.gateway, "node", [PROGRAM, "run", file, "--json"], {
    ready: /spangate: ready: .*\n/,
    env: { ...unitEnvironment(), SPANGATE_LOG: "text" },
  });
}

/** What the service has, this gateway has. */
function unitEnvironment(): Record<string, string> {
  const settings = readFileSync(UNIT, "utf8").matchAll(/^Environment=(\w+)=(.*)$/gm);
  return Object.fromEntries(Array.from(settings, ([, name, value]) => [name!, value!]));
}

interface Scene {
  readonly site: Site;
  readonly tenant: Tenant;
  readonly gateway: Running;
  readonly socket: string;
  /** Of the sniffers' files. */
  readonly directory: string;
}

async function watch(seconds: number, scene: Scene): Promise<string[]> {
  const { site, tenant, gateway, socket, directory } = scene;
  const wrong: string[] = [];
  const samples: Sample[] = [];
  let isOver = false;
  let changes = 0;
  const traffic = send(site.lab.port(site.host, "under"), packetsOf(tenant), () => isOver);
  let hasVisitor = false;
  const ways: readonly Change[] = [
    (count) => setNeighbour(site, count),
    () => {
      hasVisitor = !hasVisitor;
      return replaceMap(socket, mapOf(directory, hasVisitor));
    },
  ];
  const changing = (async () => {
    const since = performance.now();
    while (!isOver) {
      await ways[changes % ways.length]!(++changes);
      await nextChange(since);
    }
  })();
  const looking = look(socket, () => isOver);
  const begin = Date.now();
  try {
    for (let minute = 1; Date.now() - begin < 1000 * seconds; minute++) {
      const next = begin + minute * MINUTE;
      await until(
        () => Date.now() >= next || gateway.isOver || Date.now() - begin >= 1000 * seconds,
        () => "a minute",
        2 * MINUTE,
      );
      if (gateway.isOver) return [`the gateway has ended:\n${gateway.output}`];
      const status = (await askGateway(socket, "/status")) as StatusDocument;
      const memory = memoryIn(await textOf(socket, "/metrics"));
      const sample = { minute, ...(await resourcesOf(gateway.pid)), ...memory, status, changes };
      samples.push(sample);
      console.log(lineOf(sample));
      wrong.push(...grown(samples[0]!, sample));
    }
  } finally {
    isOver = true;
  }
  await Promise.all([changing, looking]);
  const sent = await traffic;
  const quiet = await until(
    async () => {
      const status = (await askGateway(socket, "/status")) as StatusDocument;
      const has = status.received + lostIn(status) >= sent;
      const isQuiet = Object.values(status.sniffers).every(({ queued, inFlight }) => queued + inFlight === 0);
      return has && isQuiet ? status : undefined;
    },
    () => `${sent} packets to be received or lost`,
  );
  wrong.push(...unbalanced(quiet, "when it was quiet"));
  if (quiet.received + lostIn(quiet) !== sent)
    wrong.push(`${sent} packets were sent, and ${quiet.received} received and ${lostIn(quiet)} lost`);
  return wrong;
}

const lostIn = ({ kernel }: StatusDocument) => kernel.dropped + kernel.ringFull + kernel.noFrames;

/** Packets of every way, whole and in fragments, of sessions that are somebody's and of others, and of none. */
function packetsOf(tenant: Tenant): Uint8Array[] {
  const frames = tenant.frames(240);
  return frames.flatMap((frame, i) => {
    const way = WAYS[i % WAYS.length]!;
    const session = 1 + (i % SESSIONS);
    const underlay = i % 20 === 0 ? { ...V4, mtu: 576 } : V4;
    return tunnelFrames(way, session, frame, i, underlay);
  });
}

async function send(port: RawPort, packets: readonly Uint8Array[], isOver: () => boolean): Promise<number> {
  const endless = function* () {
    for (let i = 0; !isOver(); i++) yield packets[i % packets.length]!;
  };
  return await port.replay(endless(), { rate: RATE });
}

/** The least of a while: whoever asks, sniffers that are there for a moment, and what V8 has not collected yet, take some. */
async function resourcesOf(pid: number): Promise<Pick<Sample, "resident" | "handles">> {
  let [resident, handles] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const end = performance.now() + 6 * CHANGE; performance.now() < end; await pause(10)) {
    const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))!;
    resident = Math.min(resident, 1024 * Number(kilobytes));
    handles = Math.min(handles, readdirSync(`/proc/${pid}/fd`).length);
  }
  return { resident, handles };
}

function memoryIn(metrics: string): Pick<Sample, "heap" | "external"> {
  const page = readExposition(metrics);
  return {
    heap: oneOf(page, "nodejs_heap_size_used_bytes"),
    external: oneOf(page, "nodejs_external_memory_bytes"),
  };
}

function grown(first: Sample, { minute, resident, handles, status }: Sample): string[] {
  const growth = resident / first.resident - 1;
  return [
    ...(growth > MOST_GROWTH ? [`minute ${minute}: resident memory has grown by ${percent(growth)}`] : []),
    ...(handles > first.handles ? [`minute ${minute}: ${handles} handles, after ${first.handles}`] : []),
    ...(status.counters.received === 0 ? [`minute ${minute}: nothing was received`] : []),
  ];
}

/** DESIGN's equations, at a quiet moment. */
function unbalanced(
  { received, delivered, reassembled, held, drops, sniffers, counters, quarantine }: StatusDocument,
  when: string,
): string[] {
  const wrong: string[] = [];
  if (quarantine?.offered !== counters.unmapped)
    wrong.push(`${when}: the quarantine was offered ${quarantine?.offered} of ${counters.unmapped}`);
  if (received !== delivered + reassembled + held + drops)
    wrong.push(
      `${when}: received ${received}, and ${delivered} + ${reassembled} + ${held} + ${drops} have a fate`,
    );
  for (const [name, s] of Object.entries(sniffers)) {
    const fates =
      s.sent + s.tooLarge + s.rate + s.droppedNewest + s.droppedOldest + s.sendError + s.queued + s.inFlight;
    if (s.offered !== fates)
      wrong.push(`${when}: ${name} was offered ${s.offered}, and ${fates} have a fate`);
  }
  return wrong;
}

const percent = (share: number) => `${(100 * share).toFixed(2)} %`;

function lineOf({ minute, resident, handles, heap, external, status, changes }: Sample): string {
  const rows = [
    [
      String(minute),
      (resident / 2 ** 20).toFixed(2),
      (heap / 2 ** 20).toFixed(1),
      (external / 2 ** 20).toFixed(1),
      String(handles),
      String(changes),
      String(status.received),
      String(status.delivered),
      String(lostIn(status)),
      status.holds ? "yes" : "moving",
    ],
  ];
  const columns = [
    "minute",
    "MiB resident",
    "MiB heap",
    "MiB external",
    "handles",
    "map changes",
    "received",
    "delivered",
    "lost",
    "balanced",
  ];
  const lines = tableText(
    columns.map((title) => [title, "right"]),
    rows,
    (text) => text,
  );
  return (minute === 1 ? lines : lines.slice(1)).join("\n");
}
