// `spangate doctor` in a laboratory: each thing that can be wrong is made so, is found, and is mended by the very command that it gives.

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Finding } from "../../src/doctor/index.js";
import { MAIN } from "../cli/command.js";
import { Gateway } from "./gateway.js";
import { Lab } from "./lab.js";
import { lacks } from "./requirements.js";
import { GATEWAY, Site } from "./site.js";

const MAC = "02:00:00:00:0a:01";
const SNIFFER = "198.51.100.2";

describe.skipIf(lacks("ping", "setpriv", "python3", "useradd"))("spangate doctor", () => {
  let lab: Lab;
  let site: Site;
  let runs = 0;
  beforeAll(async () => {
    lab = new Lab();
    chmodSync(lab.directory, 0o755); // nobody reads the configuration
    site = await Site.build(lab, { host: "nothing", queues: 2 });
    await site.deliveryCable({
      near: { addresses: ["198.51.100.1/24"], queues: 2 },
      far: { addresses: [`${SNIFFER}/24`], queues: 2 },
    });
  });
  afterAll(() => lab.close());

  const healthy = (more: object = {}) => ({
    tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend: "afxdp", queues: 2 },
    delivery: { interface: "delivery" },
    user: "nobody",
    api: { socket: join(lab.directory, "run", "api.sock") },
    sniffers: [{ name: "ids", deliver: "mac", mac: MAC }],
    tenants: [{ name: "acme", sources: [{ encapsulation: "erspan" }], sniffers: ["ids"] }],
    ...more,
  });

  interface Answer {
    readonly code: number;
    readonly ok: boolean;
    readonly findings: readonly Finding[];
  }

  async function ask(config: object, before: readonly string[] = []): Promise<Answer> {
    const file = join(lab.directory, `doctor-${++runs}.yaml`);
    writeFileSync(file, JSON.stringify(config));
    const args = [...before, "node", MAIN, "doctor", file, "--json"];
    const doctor = await lab.start(site.gateway, args[0]!, args.slice(1));
    const { code } = await doctor.ended;
    const document = JSON.parse(doctor.stdout);
    return { code: code!, ...document };
  }

  const wrong = ({ findings }: Answer, check: string) =>
    findings.filter((finding) => finding.check === check && finding.level !== "ok");

  /** Found, mended by its command, and not found again. */
  async function expectMended(
    config: object,
    check: string,
    level: Finding["level"],
    text: RegExp,
  ): Promise<void> {
    const sick = await ask(config);
    const [finding] = wrong(sick, check);
    expect(finding, JSON.stringify(sick.findings)).toMatchObject({
      level,
      text: expect.stringMatching(text),
    });
    expect(sick.code).toBe(sick.ok ? 0 : 1);
    expect(sick.ok).toBe(level !== "bad");
    await lab.run(site.gateway, "sh", ["-ec", finding!.mend!]);
    const well = await ask(config);
    expect(wrong(well, check)).toEqual([]);
    expect([well.code, well.ok]).toEqual([0, true]);
  }

  test("a machine on which all is well, in words and for programs", async () => {
    const { code, ok, findings } = await ask(healthy());
    expect([code, ok]).toEqual([0, true]);
    // Two workers on two processors are worth a word.
    expect(findings.filter(({ level, check }) => level !== "ok" && check !== "processors")).toEqual([]);
    const checks = new Set(findings.map(({ check }) => check));
    for (const check of [
      "kernel",
      "capabilities",
      "locked memory",
      "packages",
      "link",
      "tunnel MTU",
      "delivery MTU",
      "offloads",
      "queues",
      "XDP",
      "addresses",
      "rp_filter",
      "ports",
      "user",
      "control socket",
    ])
      expect(checks, check).toContain(check);
    const words = await lab.run(site.gateway, "node", [MAIN, "doctor"]);
    expect(words).toMatch(/^ok {4}kernel +Linux /m);
  });

  test("it changes nothing", async () => {
    const state = async () => [
      await lab.run(site.gateway, "ip", ["-d", "addr"]),
      await lab.run(site.gateway, "ip", ["neigh"]),
      await lab.run(site.gateway, "ethtool", ["-k", "tunnel"]),
    ];
    const before = await state();
    await ask(healthy({ sniffers: [{ name: "ids", deliver: "vxlan", to: "198.51.100.77", vni: 7 }] }));
    expect(await state()).toEqual(before);
  });

  test("an interface that is down", async () => {
    await lab.ip(site.gateway, "link set delivery down");
    onTestFinished(() => lab.ip(site.gateway, "link set delivery up"));
    await expectMended(healthy(), "link", "bad", /^delivery is down$/);
  });

  test("one that is not there", async () => {
    const answer = await ask(healthy({ delivery: { interface: "eth9" } }));
    expect(answer.code).toBe(1);
    expect(wrong(answer, "link")).toMatchObject([
      { level: "bad", text: expect.stringMatching(/there is no interface eth9/) },
    ]);
  });

  test("a tunnel whose MTU is a mirrored packet's without the tunnel", async () => {
    await lab.ip(site.gateway, "link set tunnel mtu 1500");
    onTestFinished(() => lab.ip(site.gateway, "link set tunnel mtu 2000"));
    await expectMended(healthy(), "tunnel MTU", "warn", /takes 1500 bytes/);
  });

  test("a delivery interface that takes less than delivery.mtu", async () => {
    await lab.ip(site.gateway, "link set delivery mtu 1400");
    onTestFinished(() => lab.ip(site.gateway, "link set delivery mtu 2000"));
    await expectMended(healthy(), "delivery MTU", "bad", /delivery\.mtu is 1500/);
  });

  test("packets that are merged before AF_PACKET has them", async () => {
    await lab.run(site.gateway, "ethtool", ["-K", "tunnel", "gro", "on"]);
    onTestFinished(async () => void (await lab.run(site.gateway, "ethtool", ["-K", "tunnel", "gro", "off"])));
    const tunnel = { interface: "tunnel", addresses: [GATEWAY.ipv4], backend: "afpacket" };
    await expectMended(healthy({ tunnel }), "offloads", "warn", /one packet of several/);
  });

  test.each(["tunnel", "delivery"])("queues of %s that are not the workers'", async (name) => {
    const kind = name === "tunnel" ? "rx" : "tx";
    await lab.run(site.gateway, "ethtool", ["-L", name, kind, "1"]);
    onTestFinished(
      async () => void (await lab.run(site.gateway, "ethtool", ["-L", name, kind, "2"]).catch(() => "")),
    );
    await expectMended(healthy(), "queues", "bad", new RegExp(`^${name} has 1`));
  });

  test("a tunnel address that nobody has", async () => {
    await lab.ip(site.gateway, `addr del ${GATEWAY.ipv4}/24 dev tunnel`);
    onTestFinished(() =>
      lab.ip(
        site.gateway,
        `addr flush dev tunnel`,
        `addr add ${GATEWAY.ipv4}/24 dev tunnel`,
        `addr add ${GATEWAY.ipv6}/64 dev tunnel nodad`,
      ),
    );
    await expectMended(healthy(), "addresses", "bad", /does not have 192\.0\.2\.2/);
  });

  test("a sniffer to which there is no way", async () => {
    const to = "203.0.113.9";
    const sniffers = [{ name: "ids", deliver: "vxlan", to, vni: 7 }];
    const [finding] = wrong(await ask(healthy({ sniffers })), "next hops");
    expect(finding).toMatchObject({ level: "bad", mend: `ip route add ${to}/32 dev delivery` });
    await lab.run(site.gateway, "sh", ["-ec", finding!.mend!]);
    onTestFinished(() => lab.ip(site.gateway, `route del ${to}/32 dev delivery`));
    // Now there is a way, and nobody at its end whom anybody has asked for.
    expect(wrong(await ask(healthy({ sniffers })), "next hops")).toMatchObject([{ level: "warn" }]);
  });

  test("a sniffer that nobody has asked for yet, and one that did not answer", async () => {
    const sniffers = [{ name: "ids", deliver: "vxlan", to: SNIFFER, vni: 7 }];
    await lab.ip(site.gateway, `neigh flush dev delivery`);
    await expectMended(healthy({ sniffers }), "next hops", "warn", /nobody has asked yet/);
    await lab.ip(site.gateway, `neigh replace ${SNIFFER} dev delivery nud failed`);
    await expectMended(healthy({ sniffers }), "next hops", "bad", /does not answer/);
  });

  test("a port that another program has", async () => {
    const program = `import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", 4789)); print("bound", flush=True); s.recv(1)`;
    await lab.start(site.gateway, "python3", ["-c", program], { ready: /bound/ });
    const tunnel = { interface: "tunnel", addresses: [GATEWAY.ipv4], backend: "afpacket" };
    await expectMended(healthy({ tunnel }), "ports", "bad", /process \d+ \(python3.*\) has UDP port 4789/);
  });

  test("another's program on an interface", async () => {
    const gateway = await Gateway.start(
      lab,
      site.gateway,
      healthy({ api: { socket: join(lab.directory, "other.sock") } }),
    );
    const answer = await ask(healthy());
    expect(wrong(answer, "XDP").map(({ mend }) => mend)).toEqual([
      "ip link set dev tunnel xdpdrv off",
      "ip link set dev delivery xdpdrv off",
    ]);
    // A gateway that answers at the socket which was asked about has them by right.
    const own = await ask(healthy({ api: { socket: gateway.socket } }));
    expect(wrong(own, "XDP")).toEqual([]);
    expect(own.findings[0]).toMatchObject({ check: "gateway", level: "ok" });
    await gateway.stop();
  });

  test("a control socket's place that is taken by a file", async () => {
    const socket = join(lab.directory, "file.sock");
    writeFileSync(socket, "");
    await expectMended(healthy({ user: "root", api: { socket } }), "control socket", "bad", /is no socket/);
  });

  test("a folder in which the user may not write", async () => {
    const folder = join(lab.directory, "closed");
    mkdirSync(folder);
    await expectMended(
      healthy({ api: { socket: join(folder, "api.sock") } }),
      "control socket",
      "warn",
      /may not write/,
    );
  });

  test("a user that is not there", async () => {
    const user = `sg${process.pid}`;
    onTestFinished(async () => void (await lab.run(site.gateway, "userdel", [user])));
    await expectMended(healthy({ user }), "user", "bad", /there is no user/);
    expect(readFileSync("/etc/passwd", "utf8")).toContain(`${user}:`);
  });

  test("captures without a folder, and without room", async () => {
    const directory = join(lab.directory, "captures");
    const sniffer = { name: "ids", deliver: "pcap", directory };
    await expectMended(healthy({ sniffers: [sniffer] }), "disk", "bad", /is not there/);
    const rotate = { size: "1000GiB", keep: 1000 };
    const answer = await ask(healthy({ sniffers: [{ ...sniffer, rotate }] }));
    expect(wrong(answer, "disk")).toMatchObject([{ level: "warn" }]);
  });

  test("without privileges", async () => {
    const limited = ["prlimit", "--memlock=8388608", "setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    const answer = await ask(healthy(), limited);
    expect(answer.code).toBe(1);
    expect(wrong(answer, "capabilities")[0]).toMatchObject({
      level: "bad",
      mend: expect.stringMatching(/^sudo spangate doctor /),
    });
    expect(wrong(answer, "locked memory")[0]).toMatchObject({ level: "bad", mend: "ulimit -l unlimited" });
  });
});
