// spangate run as an operator has it: the user it becomes, what it may still do, its control socket, and every way of ending.

import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { StatusDocument } from "../../src/control/status.js";
import { findUser } from "../../src/linux/users.js";
import { MAIN, spangate } from "../cli/command.js";
import { deliveryNetwork } from "./delivery-network.js";
import { expectExactly } from "./exactly.js";
import { type Balance, expectBalance, health } from "./gateway.js";
import { Lab } from "./lab.js";
import { lacks } from "./requirements.js";
import type { Running } from "./running.js";
import { GATEWAY, Site, V4 } from "./site.js";
import { Sniffer } from "./sniffer.js";
import type { Tenant } from "./tenant-traffic.js";
import { tunnelFrames } from "./tunnel-packets.js";
import { pause, until } from "./until.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const COUNT = 100;
const SESSION = 100;
const BACKENDS = ["afxdp", "afpacket"];
const MAC = "02:00:00:00:0a:01";
const USER = "nobody";
/** NET_ADMIN, NET_RAW, IPC_LOCK and BPF: bits 12, 13, 14 and 39 of capability.h. */
const FOUR = "0000008000007000";
const NONE = "0000000000000000";

describe.skipIf(lacks("ping", "setpriv"))("spangate run", () => {
  let lab: Lab;
  let site: Site;
  let tenant: Tenant;
  let sniffer: string;
  /** Anybody may look into it; the laboratory's is root's. */
  let folder: string;
  let socket: string;
  let runs = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "spangate-run-"));
    chmodSync(folder, 0o755);
    lab = new Lab();
    site = await Site.build(lab, { host: "kernel" });
    tenant = await site.tenant({ name: "acme", number: 1 });
    const end = { namespace: site.gateway, name: "delivery", silent: true };
    const { namespaces } = await deliveryNetwork(lab, end, [{ name: "acme-ids", mac: MAC }]);
    sniffer = namespaces.get("acme-ids")!;
  });
  afterAll(async () => {
    await lab.close();
    rmSync(folder, { recursive: true });
  });

  function configuration(more: object): string {
    const file = join(folder, `gateway-${++runs}.yaml`);
    socket = join(folder, `run-${runs}`, "api.sock");
    const config = {
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend: "afxdp" },
      delivery: { interface: "delivery" },
      api: { socket },
      sniffers: [{ name: "acme-ids", deliver: "mac", mac: MAC }],
      tenants: [
        { name: "acme", sources: [{ encapsulation: "erspan", session: SESSION }], sniffers: ["acme-ids"] },
      ],
      ...more,
    };
    writeFileSync(file, JSON.stringify(config));
    return file;
  }

  function start(file: string, env: Record<string, string> = {}): Promise<Running> {
    return lab.start(site.gateway, "node", [MAIN, "run", file, "--json"], {
      ready: /spangate: ready: .*\n/,
      env,
    });
  }

  async function send(count: number): Promise<Uint8Array[]> {
    const frames = tenant.frames(count);
    const packets = frames.flatMap((frame, i) => tunnelFrames("erspan2", SESSION, frame, i, V4));
    await lab.port(site.host, "under").replay(packets, { rate: 2000 });
    return frames;
  }

  async function expectForwarded(): Promise<void> {
    const listening = await Sniffer.start(lab, sniffer, "eth0");
    const sent = await send(COUNT);
    await listening.has(COUNT);
    const mac = Buffer.from(MAC.replaceAll(":", ""), "hex");
    const expected = sent.map((frame) => Buffer.concat([mac, frame.subarray(6)]));
    expectExactly(await listening.finish(), expected, "acme-ids");
  }

  /** Of interfaces with a program: in `ip -d` for people and programs alike. */
  async function xdpPrograms(): Promise<string[]> {
    const links = JSON.parse(await lab.run(site.gateway, "ip", ["-d", "-j", "link"])) as {
      ifname: string;
      xdp?: unknown;
    }[];
    return links.filter(({ xdp }) => xdp !== undefined).map(({ ifname }) => ifname);
  }

  const interfaces = () => lab.run(site.gateway, "ip", ["-d", "link"]);

  async function status(): Promise<StatusDocument> {
    const { code, stdout, stderr } = await spangate(["status", "--socket", socket, "--json"]);
    expect([code, stderr]).toEqual([0, ""]);
    return JSON.parse(stdout) as StatusDocument;
  }

  /** As timeout(1) and some supervisors do, it says so twice. */
  async function expectStopped(gateway: Running): Promise<Balance> {
    gateway.kill("SIGTERM");
    const ending = await gateway.stop("SIGTERM", 15_000);
    expect(ending, gateway.output).toEqual({ code: 0, signal: null });
    const balance = JSON.parse(gateway.stdout) as Balance;
    expectBalance(balance);
    await expectNothingLeft();
    return balance;
  }

  async function expectNothingLeft(): Promise<void> {
    expect(await xdpPrograms()).toEqual([]);
    expect(existsSync(socket)).toBe(false);
  }

  const both = (backend: string) => ({
    tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend },
    delivery: { interface: "delivery", backend },
  });

  test.each(BACKENDS)("%s: becomes a user, forwards, and tells meanwhile", async (backend) => {
    const gateway = await start(configuration({ user: USER, ...both(backend) }));
    const { uid, gid } = findUser(USER);
    expect(await xdpPrograms()).toContain("delivery");

    const threads = threadsOf(gateway.pid);
    for (const thread of threads) {
      expect(thread).toMatchObject({ Uid: four(uid), Gid: four(gid), Groups: String(gid) });
      expect([FOUR, NONE]).toContain(thread.CapPrm);
      expect(thread.CapEff).toBe(thread.CapPrm);
      expect([thread.CapInh, thread.CapAmb]).toEqual([NONE, NONE]);
    }
    expect(threads.find(({ Pid }) => Pid === String(gateway.pid))).toMatchObject({
      CapEff: FOUR,
      CapBnd: FOUR,
      NoNewPrivs: "1",
    });
    expect(statSync(socket)).toMatchObject({ mode: 0o140660, uid, gid });

    // ARP and ping are the kernel's as before.
    await lab.run(site.host, "ping", ["-c", "3", "-i", "0.1", "-W", "2", GATEWAY.ipv4]);
    await expectForwarded();
    const now = await status();
    expect(now).toMatchObject({ received: COUNT, delivered: COUNT, drops: 0, holds: true });
    expect(now.sniffers["acme-ids"]).toMatchObject({ offered: COUNT, sent: COUNT });
    expect(now.sessions).toMatchObject([{ encapsulation: "erspan", id: SESSION, packets: COUNT }]);

    // Its user may ask, another may not.
    const asked = (user: string) =>
      lab
        .run(site.host, "setpriv", [
          ...["--reuid", user, "--regid", String(findUser(user).gid), "--clear-groups"],
          ...["node", MAIN, "status", "--socket", socket],
        ])
        .catch((error: Error) => error.message);
    expect(await asked(USER)).toMatch(/^acme-ids +100 +100 /m);
    expect(await asked("daemon")).toMatch(/may be used by root, .* \[NOT_PERMITTED\]/);

    const balance = await expectStopped(gateway);
    expect(Object.keys(balance)).toEqual(Object.keys(now));
    expect(balance).toMatchObject({ delivered: COUNT, drops: 0 });
  });

  test.each(BACKENDS)("%s, sealed: no thread has a capability, and it forwards", async (backend) => {
    const gateway = await start(configuration({ user: USER, sealed: true, ...both(backend) }));
    const { uid } = findUser(USER);
    const threads = threadsOf(gateway.pid);
    expect(threads.length).toBeGreaterThan(6); // V8's, libuv's, the main one, the worker
    for (const thread of threads)
      expect(thread).toMatchObject({
        Uid: four(uid),
        CapInh: NONE,
        CapPrm: NONE,
        CapEff: NONE,
        CapAmb: NONE,
      });
    await expectForwarded();
    expect(await status()).toMatchObject({ delivered: COUNT, kernel: { dropped: 0, ringFull: 0 } });
    expect(await expectStopped(gateway)).toMatchObject({ delivered: COUNT });
  });

  test.each([[{ sealed: true }], [{ sealed: true, user: "root" }]])("%j is refused", async (more) => {
    const file = configuration(more);
    const before = await interfaces();
    const refused = await spangate(["run", file]);
    expect([refused.code, refused.stdout]).toEqual([2, ""]);
    expect(refused.stderr).toMatch(/`sealed: true` takes a gateway that is started as root .* \[USAGE\]\n$/);
    expect(await interfaces()).toBe(before);
    expect(existsSync(socket)).toBe(false);
  });

  test("what a backend cannot do is refused, and nothing is touched", async () => {
    const before = await interfaces();
    const file = configuration({
      sniffers: [{ name: "acme-ids", deliver: "tap", interface: "tap0" }],
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend: "udp" },
      senders: "per-sniffer",
      quarantine: { file: join(folder, "unmapped.pcapng") },
    });
    const refused = await lab.start(site.gateway, "node", [MAIN, "run", file]);
    expect(await refused.ended).toEqual({ code: 2, signal: null });
    expect(refused.output).toMatch(/\[CONFIG_INVALID\]\n.* is erspan, and UDP sockets receive no GRE/);
    expect(await interfaces()).toBe(before);
    await expectNothingLeft();
    expect(existsSync(join(folder, "unmapped.pcapng"))).toBe(false);
  });

  test("a user that is not there is refused", async () => {
    const { code, stderr } = await spangate(["run", configuration({ user: "no-such-user" })]);
    expect([code, stderr]).toEqual([
      2,
      'spangate: There is no user "no-such-user" in /etc/passwd. [USAGE]\n',
    ]);
  });

  test("a user that may not read it is refused", async () => {
    const place = join(folder, "place");
    mkdirSync(place, { mode: 0o700 });
    for (const part of ["dist", "package.json"])
      cpSync(join(ROOT, part), join(place, part), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(place, "node_modules"));
    const file = configuration({ user: USER });
    await expect(
      lab.run(site.gateway, "node", [join(place, "dist/src/cli/main.js"), "run", file]),
    ).rejects.toThrow(/User nobody may not read .*live-thread\.js: install .* \[NOT_PERMITTED\]/);
    await expectNothingLeft();
  });

  test("of two gateways the second touches nothing", async () => {
    const gateway = await start(configuration({}));
    const file = join(folder, "second.yaml");
    writeFileSync(file, readFileSync(join(folder, `gateway-${runs}.yaml`)));
    await expect(lab.run(site.gateway, "node", [MAIN, "run", file])).rejects.toThrow(
      `A gateway answers at ${socket} already. Each takes its own \`api.socket\`. [GATEWAY_RUNS]`,
    );
    await expectForwarded();
    expect(await expectStopped(gateway)).toMatchObject({ delivered: COUNT });
  });

  test.each(BACKENDS)("%s, killed: no interface is changed, and the next one starts", async (backend) => {
    const before = await interfaces();
    const file = configuration({ user: USER, ...both(backend) });
    const gateway = await start(file);
    await expectForwarded();
    expect(await interfaces()).not.toBe(before);
    expect(await gateway.stop("SIGKILL")).toEqual({ code: null, signal: "SIGKILL" });
    await until(
      async () => (await xdpPrograms()).length === 0,
      () => "the programs to be gone",
    );
    expect(await interfaces()).toBe(before);

    expect(existsSync(socket)).toBe(true);
    const { code, stderr } = await spangate(["status", "--socket", socket]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /No gateway answers at .*: nobody listens there any more\. .* \[GATEWAY_UNREACHABLE\]/,
    );
    const next = await start(file);
    await expectForwarded();
    expect(await status()).toMatchObject({ delivered: COUNT });
    await expectStopped(next);
    expect(await interfaces()).toBe(before);
  });

  describe("what is queued does not go out", () => {
    /** A gateway with packets that nobody takes: its delivery interface is down. */
    async function stuck(): Promise<Running> {
      const gateway = await start(configuration({}));
      await lab.ip(site.gateway, "link set delivery down");
      onTestFinished(() => lab.ip(site.gateway, "link set delivery up"));
      await send(COUNT);
      await until(
        async () => (await status()).received === COUNT,
        () => "the packets to be received",
      );
      return gateway;
    }

    test("it ends at the deadline, and they are in the balance", async () => {
      const gateway = await stuck();
      const start = Date.now();
      const balance = await expectStopped(gateway);
      const { queued, inFlight, sent, offered, sendError } = balance.sniffers["acme-ids"]!;
      expect([offered, sent, sendError, queued + inFlight]).toEqual([COUNT, 0, 0, COUNT]);
      expect(Date.now() - start).toBeGreaterThan(4500);
      expect(Date.now() - start).toBeLessThan(8000);
    });

    test("a second signal ends it at once", async () => {
      const gateway = await stuck();
      gateway.kill("SIGTERM");
      await until(
        () => health(socket).then(({ state }) => state === "draining"),
        () => "it to drain",
      );
      await pause(250); // two in one moment would be one
      const start = Date.now();
      expect(await gateway.stop("SIGTERM")).toEqual({ code: 143, signal: null });
      expect(Date.now() - start).toBeLessThan(1500);
      expect(gateway.stdout).toBe("");
      await expectNothingLeft();
    });
  });

  test("a worker that throws ends it with its error", async () => {
    const trigger = join(folder, "break");
    const breaker = fileURLToPath(new URL("broken-worker.mjs", import.meta.url));
    const gateway = await start(configuration({ user: USER }), {
      NODE_OPTIONS: `--import ${breaker}`,
      SPANGATE_BREAK: trigger,
    });
    await expectForwarded();
    writeFileSync(trigger, "");
    expect(await gateway.ended).toEqual({ code: 1, signal: null });
    expect(gateway.output).toMatch(/^spangate: The worker broke\. \[SYSTEM_CALL\]$/m);
    expect(JSON.parse(gateway.stdout)).toMatchObject({ delivered: COUNT, holds: true });
    await expectNothingLeft();
  });
});

/** What the kernel says of each thread of a process. */
function threadsOf(pid: number): Record<string, string>[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const text = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
    const fields = [...text.matchAll(/^(\w+):[ \t]*(.*?)[ \t]*$/gm)];
    return Object.fromEntries(fields.map(([, name, value]) => [name!, value!.replaceAll("\t", " ")]));
  });
}

const four = (id: number) => Array(4).fill(id).join(" ");
