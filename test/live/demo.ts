// The live demo: two tenants with the same addresses, an Open vSwitch that mirrors both, the gateway, and three sniffers that count.
// Whatever it makes is in a laboratory of its own, which is gone at the end, after Ctrl-C too.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { StatusDocument } from "../../src/control/status.js";
import { lastDocument, showCounters } from "./counters.js";
import { deliveryNetwork } from "./delivery-network.js";
import { addressedTo, expectExactly } from "./exactly.js";
import { Lab } from "./lab.js";
import type { Running } from "./running.js";
import { GATEWAY, Site } from "./site.js";
import { Sniffer } from "./sniffer.js";
import { mirrorByOpenVSwitch, type Way } from "./sources.js";
import type { Tenant } from "./tenant-traffic.js";
import { pause, until } from "./until.js";

const PROGRAM = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

interface Mirrored {
  readonly name: string;
  readonly way: Way;
  readonly session: number;
  readonly mac: string;
  /** Frames of a tenth of a second. */
  readonly burst: number;
}

const TENANTS: readonly Mirrored[] = [
  { name: "acme", way: "erspan2", session: 100, mac: "02:00:00:00:0a:01", burst: 100 },
  { name: "globex", way: "erspan3", session: 200, mac: "02:00:00:00:0b:01", burst: 60 },
];
const NOBODY = { name: "nobody-ids", mac: "02:00:00:00:0c:01" };
const idsOf = ({ name }: Mirrored) => `${name}-ids`;
/** Milliseconds. */
const TRAFFIC = 5_000;
const BURST = 100;

interface Scene {
  readonly tenants: readonly Tenant[];
  readonly gateway: Running;
  readonly status: Running;
  /** By name. */
  readonly sniffers: ReadonlyMap<string, Sniffer>;
}

/** Shows everything, cleans up, and gives the exit code. */
export async function demo(): Promise<number> {
  const interruption = new AbortController();
  const interrupted = new Promise<number>((resolve) => {
    for (const [signal, code] of Object.entries(SIGNALS)) {
      process.on(signal, () => {
        interruption.abort(new Error("Interrupted"));
        resolve(code);
      });
    }
  });
  const lab = new Lab();
  const building = build(lab, interruption.signal);
  const shown = building.then((scene) => show(scene, interruption.signal));
  let code: number;
  try {
    code = await Promise.race([shown.then(() => 0), interrupted]);
  } catch (error) {
    if (!interruption.signal.aborted) console.error(`\nThe demo failed: ${(error as Error).message}`);
    code = interruption.signal.aborted ? await interrupted : 1;
  }
  if (interruption.signal.aborted) console.log("\nInterrupted.");
  shown.catch(() => {}); // what it was about is over
  await building.catch(() => {}); // nothing more comes after it
  try {
    await lab.close();
  } catch (error) {
    console.error((error as Error).message);
    return code || 1;
  }
  console.log("Cleaned up: no namespace, interface, process or file of the demo is left.");
  return code;
}

/** Everything that is ever started. */
async function build(lab: Lab, interruption: AbortSignal): Promise<Scene> {
  const mirrored = ({ name, way, session }: Mirrored) =>
    `  ${name}: ${way === "erspan2" ? "ERSPAN II" : "ERSPAN III"}, session ${session}`;
  console.log(`Two tenants at one Open vSwitch, each with two machines, and the machines of both have the same addresses,
10.0.0.5 and 10.0.0.6. The switch mirrors every port to one gateway, which has three sniffers behind it.

${TENANTS.map(mirrored).join("\n")}

Building the namespaces and the switch ...
`);
  const site = await Site.build(lab, { host: "open-vswitch" });
  interruption.throwIfAborted();
  const tenants: Tenant[] = [];
  for (const [i, { name, way, session }] of TENANTS.entries()) {
    const tenant = await site.tenant({ name, number: i + 1, overlapping: true });
    await mirrorByOpenVSwitch(site.ovs, tenant, way, { id: session, to: GATEWAY.ipv4 });
    tenants.push(tenant);
    interruption.throwIfAborted();
  }
  const hosts = [...TENANTS.map((tenant) => ({ name: idsOf(tenant), mac: tenant.mac })), NOBODY];
  const end = { namespace: site.gateway, name: "delivery", silent: true };
  const { namespaces } = await deliveryNetwork(lab, end, hosts);
  interruption.throwIfAborted();

  const socket = join(lab.directory, "api.sock");
  const text = configuration(socket);
  console.log(`$ cat gateway.yaml\n${text}`);
  const file = join(lab.directory, "gateway.yaml");
  writeFileSync(file, text);
  console.log("$ spangate run gateway.yaml");
  const ready = /spangate: ready: .*\n/;
  const gateway = await lab.start(site.gateway, process.execPath, [PROGRAM, "run", file], {
    ready,
    env: { SPANGATE_LOG: "text" }, // as at a terminal
  });
  console.log(gateway.output);
  interruption.throwIfAborted();
  const sniffers = new Map<string, Sniffer>();
  for (const [name, namespace] of namespaces) sniffers.set(name, await Sniffer.start(lab, namespace, "eth0"));
  const watch = [PROGRAM, "status", "--socket", socket, "--watch", "0.25", "--json"];
  const status = await lab.start(site.gateway, process.execPath, watch, { ready: /\n/ });
  return { tenants, gateway, status, sniffers };
}

function configuration(socket: string): string {
  const sniffer = (name: string, mac: string) => `  - { name: ${name}, deliver: mac, mac: "${mac}" }`;
  const tenant = (tenant: Mirrored) => `  - name: ${tenant.name}
    sources: [{ encapsulation: erspan, session: ${tenant.session} }]
    sniffers: [${idsOf(tenant)}]`;
  return `tunnel: { interface: tunnel, addresses: [${GATEWAY.ipv4}] }
delivery: { interface: delivery }
decode: { sequenceScope: tunnel } # as Open vSwitch counts
api: { socket: ${socket} }
sniffers:
${TENANTS.map((tenant) => sniffer(idsOf(tenant), tenant.mac)).join("\n")}
${sniffer(NOBODY.name, NOBODY.mac)}
tenants:
${TENANTS.map(tenant).join("\n")}
`;
}

async function show({ tenants, gateway, status, sniffers }: Scene, interruption: AbortSignal): Promise<void> {
  console.log(
    "tcpdump counts at each sniffer, and `spangate status --json` tells what the gateway counts:\n",
  );
  const traffic = Promise.all(
    tenants.map((tenant, i) => speak(tenant, TENANTS[i]!.burst, interruption)),
  ).then(async (sent) => {
    // All that is under way arrives, and the gateway's numbers are those after it.
    for (const [i, frames] of sent.entries()) await sniffers.get(idsOf(TENANTS[i]!))!.has(frames.length);
    const total = sent.reduce((sum, frames) => sum + frames.length, 0);
    await until(
      () => (lastDocument(status)?.delivered ?? 0) >= total,
      () => `${total} packets in the gateway's accounts. ${gateway.output}`,
    );
    return sent;
  });
  const [sent] = await Promise.all([traffic, showCounters(sniffers, status, traffic, interruption)]);
  interruption.throwIfAborted();

  console.log("\nWhat each sniffer has, against what its tenant's machines sent:\n");
  for (const [i, tenant] of TENANTS.entries()) {
    const got = await sniffers.get(idsOf(tenant))!.finish();
    expectExactly(got, addressedTo(tenant.mac, sent[i]!), idsOf(tenant));
    console.log(
      `${idsOf(tenant)}: ${got.length} frames, exactly ${tenant.name}'s, byte for byte behind the sniffer's own address`,
    );
  }
  expectExactly(await sniffers.get(NOBODY.name)!.finish(), [], NOBODY.name);
  console.log(`${NOBODY.name}: 0 frames, as nobody's should`);

  const total = sent.reduce((sum, frames) => sum + frames.length, 0);
  expectBalanced(lastDocument(status)!, total);
  await status.stop();
  const before = gateway.stdout.length;
  console.log("\nThe gateway ends, and its accounts have to balance:\n");
  const ending = await gateway.stop("SIGTERM", 15_000);
  console.log(gateway.stdout.slice(before));
  if (ending?.code !== 0)
    throw new Error(`the gateway ended with ${JSON.stringify(ending)}: ${gateway.output}`);
}

/** A tenant's machines talk for a while; what they sent, in order. */
async function speak(tenant: Tenant, burst: number, interruption: AbortSignal): Promise<Uint8Array[]> {
  const sent: Uint8Array[] = [];
  const end = performance.now() + TRAFFIC;
  for (let next = performance.now(); next < end; next = Math.max(next + BURST, performance.now())) {
    await pause(next - performance.now());
    interruption.throwIfAborted();
    sent.push(...(await tenant.exchange(burst)));
  }
  return sent;
}

function expectBalanced({ received, delivered, drops, holds }: StatusDocument, sent: number): void {
  if (holds && delivered === sent && drops === 0) return;
  throw new Error(`the gateway received ${received}, delivered ${delivered} of ${sent} and dropped ${drops}`);
}
