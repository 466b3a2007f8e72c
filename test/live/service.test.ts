// The gateway as systemd's unit has it: what the unit says is right, what it allows is what the gateway takes, and what the gateway says
// is what systemd waits for.

import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { MAIN, ownFolder } from "../cli/command.js";
import { NotifyListener } from "../linux/notify-listener.js";
import { deliveryNetwork } from "./delivery-network.js";
import { type Balance, expectBalance } from "./gateway.js";
import { Lab } from "./lab.js";
import { lacks } from "./requirements.js";
import type { Running } from "./running.js";
import { GATEWAY, Site, V4 } from "./site.js";
import type { Tenant } from "./tenant-traffic.js";
import { tunnelFrames } from "./tunnel-packets.js";
import { until } from "./until.js";

const FOLDER = fileURLToPath(new URL("../../appliance/systemd/", import.meta.url));
const UNIT = readFileSync(`${FOLDER}spangate.service`, "utf8");
const COUNT = 100;
const MAC = "02:00:00:00:0a:01";
/** Of 100: above 5 it is "medium" in systemd's words. Most of what is left is what a gateway is for. */
const EXPOSURE = 35;

const execute = promisify(execFile);
const settings = (name: string) =>
  [...UNIT.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value]) => value!);
const CAPABILITIES = settings("CapabilityBoundingSet")[0]!
  .split(" ")
  .map((name) => name.replace("CAP_", "").toLowerCase());

describe.skipIf(lacks("systemd-analyze", "systemd-sysusers", "systemd-tmpfiles"))("the unit", () => {
  const folder = ownFolder();

  test("is one that systemd takes", async () => {
    // It looks for the program.
    mkdirSync(join(folder, "verify"));
    const path = join(folder, "verify", "spangate.service");
    writeFileSync(path, UNIT.replace("ExecStart=spangate ", `ExecStart=${process.execPath} ${MAIN} `));
    const { stdout, stderr } = await execute("systemd-analyze", ["verify", "--man=no", path]);
    expect(stdout).toBe("");
    // What it says of other units of this machine is not ours.
    expect(stderr.split("\n").filter((line) => line.includes("spangate"))).toEqual([]);
  });

  test("and as closed as it can be", async () => {
    const args = ["security", "--offline=true", `--threshold=${EXPOSURE}`, `${FOLDER}spangate.service`];
    const { stdout } = await execute("systemd-analyze", args, { env: { ...process.env, SYSTEMD_PAGER: "" } });
    expect(stdout).toMatch(/Overall exposure level for spangate\.service: 3\.\d/);
  });

  test("its user and its folders", async () => {
    const root = join(folder, "root");
    mkdirSync(join(root, "etc"), { recursive: true });
    await execute("systemd-sysusers", [`--root=${root}`, `${FOLDER}spangate.sysusers`]);
    const [, uid, gid] = /^spangate:[^:]*:(\d+):(\d+):/m.exec(
      readFileSync(join(root, "etc/passwd"), "utf8"),
    )!;
    expect([Number(uid) > 0, gid]).toEqual([true, uid]);
    await execute("systemd-tmpfiles", ["--create", `--root=${root}`, `${FOLDER}spangate.tmpfiles`]);
    for (const [path, mode] of [
      ["etc/spangate", 0o40750],
      ["run/spangate", 0o40770],
      ["var/lib/spangate", 0o40770],
    ] as const)
      expect(statSync(join(root, path)), path).toMatchObject({ mode, uid: 0, gid: Number(gid) });
  });
});

describe.skipIf(lacks("setpriv", "bridge"))("a gateway within the unit's limits", () => {
  let lab: Lab;
  let site: Site;
  let tenant: Tenant;
  let runs = 0;
  beforeAll(async () => {
    lab = new Lab();
    chmodSync(lab.directory, 0o755);
    site = await Site.build(lab, { host: "nothing" });
    tenant = await site.tenant({ name: "acme", number: 1 });
    const end = { namespace: site.gateway, name: "delivery", silent: true };
    await deliveryNetwork(lab, end, [{ name: "acme-ids", mac: MAC }]);
  });
  afterAll(() => lab.close());

  interface How {
    readonly capabilities?: readonly string[];
    readonly env?: Record<string, string>;
    readonly more?: object;
    readonly before?: readonly string[];
  }

  /**
   * As systemd starts it: root, with a bounding set and no way to more. What LimitMEMLOCK=infinity does is done by IPC_LOCK: to raise a
   * limit takes SYS_RESOURCE, which a container's root does not have.
   */
  async function start({
    capabilities = CAPABILITIES,
    env = {},
    more = {},
    before = [],
  }: How): Promise<Running> {
    const name = join(lab.directory, `service-${++runs}`);
    mkdirSync(`${name}.run`, { mode: 0o770 });
    const config = {
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend: "afxdp" },
      delivery: { interface: "delivery" },
      api: { socket: join(`${name}.run`, "api.sock") },
      user: "nobody",
      sniffers: [{ name: "ids", deliver: "mac", mac: MAC }],
      tenants: [{ name: "acme", sources: [{ encapsulation: "erspan" }], sniffers: ["ids"] }],
      ...more,
    };
    writeFileSync(`${name}.yaml`, JSON.stringify(config));
    const set = ["-all", "+ipc_lock", ...capabilities.map((each) => `+${each}`)].join(",");
    const limits = [`--bounding-set=${set}`, "--inh-caps=-all", "--no-new-privs"];
    const program = ["node", MAIN, "run", `${name}.yaml`, "--json"];
    return await lab.start(site.gateway, "setpriv", [...limits, ...before, ...program], { env });
  }

  const ready = (gateway: Running) =>
    until(
      () => {
        if (gateway.isOver) throw new Error(gateway.output);
        return gateway.output.includes("spangate: ready:");
      },
      () => `ready in ${gateway.output}`,
      30_000,
    );

  async function expectForwards(gateway: Running): Promise<Balance> {
    const packets = tenant.frames(COUNT).flatMap((frame, i) => tunnelFrames("erspan2", 1, frame, i, V4));
    await lab.port(site.host, "under").replay(packets, { rate: 5000 });
    const ending = await gateway.stop("SIGTERM", 15_000);
    expect(ending, gateway.output).toEqual({ code: 0, signal: null });
    const balance = JSON.parse(gateway.stdout) as Balance;
    expectBalance(balance);
    expect(balance.sniffers.ids).toMatchObject({ offered: COUNT, sent: COUNT });
    return balance;
  }

  test.each([
    ["afxdp", {}],
    ["afxdp, sealed", { sealed: true }],
    ["afpacket", { tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend: "afpacket" } }],
  ])("%s: forwards", async (_, more) => {
    const gateway = await start({ more });
    await ready(gateway);
    await expectForwards(gateway);
  });

  // IPC_LOCK is for machines that do not grant LimitMEMLOCK, such as containers.
  test.each(CAPABILITIES.filter((name) => name !== "ipc_lock"))("without %s it does not", async (lacking) => {
    const gateway = await start({ capabilities: CAPABILITIES.filter((name) => name !== lacking) });
    expect(await gateway.ended, gateway.output).toEqual({ code: 1, signal: null });
    expect(gateway.output).toMatch(/\[(NOT_PERMITTED|SYSTEM_CALL)\]\n/);
  });

  test.skipIf(lacks("strace", "systemd-analyze"))("makes no system call that the unit forbids", async () => {
    const trace = join(lab.directory, "trace");
    const gateway = await start({
      before: ["strace", "-f", "-qq", "-c", "-o", trace],
      more: { user: undefined },
    });
    await ready(gateway);
    // strace ends with what it traces, and takes the signal for itself.
    const [child] = readFileSync(`/proc/${gateway.pid}/task/${gateway.pid}/children`, "utf8")
      .trim()
      .split(" ");
    process.kill(Number(child), "SIGTERM");
    await gateway.ended;
    const made = [...readFileSync(trace, "utf8").matchAll(/^ *[\d.]+ .* (\w+)$/gm)].map(([, name]) => name!);
    expect(made).toContain("bpf");
    const allowed = await allowedCalls();
    expect(made.filter((name) => !allowed.has(name) && name !== "total")).toEqual([]);
  });

  test("tells systemd that it is ready, alive as long as its workers are, and that it ends", async () => {
    const path = join(lab.directory, "notify");
    const manager = new NotifyListener(path);
    onTestFinished(() => manager.close());
    const gateway = await start({ env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: "1000000" } });
    await ready(gateway);
    const heard = (line: string) => manager.lines().filter((each) => each === line).length;
    await until(
      () => heard("WATCHDOG=1") >= 3,
      () => `three beats in ${manager.heard.join()}`,
    );
    expect(manager.heard[0]).toMatch(/^READY=1\nSTATUS=afxdp, /);
    await expectForwards(gateway);
    expect(manager.lines()).toContain("STOPPING=1");
    expect(manager.heard.findIndex((text) => text.startsWith("STOPPING=1"))).toBe(manager.heard.length - 1);
  });

  test("a worker that hangs stops the beat, and nothing else", async () => {
    const path = join(lab.directory, "notify-hung");
    const trigger = join(lab.directory, "hang");
    const manager = new NotifyListener(path);
    onTestFinished(() => manager.close());
    const hanging = fileURLToPath(new URL("hanging-worker.mjs", import.meta.url));
    const env = {
      NOTIFY_SOCKET: path,
      WATCHDOG_USEC: "1000000",
      NODE_OPTIONS: `--import ${hanging}`,
      SPANGATE_HANG: trigger,
    };
    const gateway = await start({ env });
    await ready(gateway);
    const beats = () => manager.lines().filter((line) => line === "WATCHDOG=1").length;
    await until(
      () => beats() >= 2,
      () => "beats",
    );
    writeFileSync(trigger, "");
    // The main thread goes on: it says so by its socket's sake only.
    let before = -1;
    await until(
      async () => {
        const now = beats();
        const isStill = now === before;
        before = now;
        await new Promise((resolve) => setTimeout(resolve, 1600));
        return isStill;
      },
      () => "the beat to stop",
      20_000,
    );
    expect(gateway.isOver).toBe(false);
    expect(existsSync(`/proc/${gateway.pid}`)).toBe(true);
    await gateway.stop("SIGKILL");
  });
});

/** Every call that the unit's filter lets through, its groups spelled out. */
async function allowedCalls(): Promise<Set<string>> {
  const members = async (name: string): Promise<string[]> => {
    if (!name.startsWith("@")) return [name];
    const { stdout } = await execute("systemd-analyze", ["syscall-filter", name]);
    const lines = stdout
      .split("\n")
      .slice(1)
      .map((line) => line.trim());
    const names = lines.filter((line) => line !== "" && !line.startsWith("#"));
    return (await Promise.all(names.map(members))).flat();
  };
  // systemd always allows these.
  const allowed = new Set(await members("@default"));
  for (const line of settings("SystemCallFilter")) {
    const isRefusal = line.startsWith("~");
    for (const name of line.replace("~", "").split(" "))
      for (const call of await members(name))
        if (isRefusal) allowed.delete(call);
        else allowed.add(call);
  }
  return allowed;
}
