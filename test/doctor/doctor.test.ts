// What the doctor makes of what it reads: rows of what a machine says, and what is found.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { LiveGatewayConfig } from "../../src/config/schema.js";
import { word } from "../../src/doctor/finding.js";
import { ringFinding } from "../../src/doctor/interfaces.js";
import { interruptFindings } from "../../src/doctor/interrupts.js";
import { kernelFindings, memlockFindings, processorFindings } from "../../src/doctor/machine.js";
import { filterFindings } from "../../src/doctor/network.js";
import { startOf } from "../../src/doctor/start.js";
import type { Link } from "../../src/linux/index.js";
import { ownFolder } from "../cli/command.js";

const config = (tunnel: object) => ({ tunnel }) as unknown as LiveGatewayConfig;
const link = { name: "eth0" } as Link;

describe.skipIf(process.platform !== "linux")("the doctor", () => {
  test.each([
    ["6.18.44-fc", true, "ok"],
    ["5.18.0", true, "ok"],
    ["5.17.3", true, "warn"],
    ["5.10.0-21-amd64", true, "warn"],
    ["5.4.0", true, "warn"],
    ["4.19.0", true, "warn"],
    ["6.18.44", false, "warn"],
  ])("Linux %s with AF_XDP %s: %s", (version, sockets, level) => {
    expect(kernelFindings(version, { sockets })).toMatchObject([{ check: "kernel", level }]);
  });

  test.each([
    ["Max locked memory         unlimited            unlimited            bytes", "ok"],
    ["Max locked memory         999999999            999999999            bytes", "ok"],
  ])("%s: %s", (line, level) => {
    const start = startOf(undefined, `Limit Soft Hard Units\n${line}\n`);
    expect(memlockFindings(start)).toMatchObject([{ level }]);
  });

  test.each([
    [1, 2, "ok"],
    [2, 2, "warn"],
    [3, 2, "warn"],
    [1, 1, "warn"],
  ])("%i workers for %i processors: %s", (queues, processors, level) => {
    expect(processorFindings(config({ queues }), processors)).toMatchObject([{ level }]);
  });

  test.each([
    [256, 4096, { level: "warn", mend: "ethtool -G eth0 rx 4096" }],
    [256, 512, { level: "warn", mend: "ethtool -G eth0 rx 512" }],
    [512, 512, { level: "ok" }],
    [4096, 8192, { level: "ok" }],
  ])("a receive ring of %i, of %i at the most", (rx, mostRx, finding) => {
    expect(ringFinding("eth0", { rx, mostRx })).toMatchObject(finding);
  });

  test.each([
    [{ all: 0, eth0: 0 }, { level: "ok" }],
    [{ all: 2, eth0: 2 }, { level: "ok" }],
    [
      { all: 1, eth0: 0 },
      { level: "warn", mend: "sysctl -w net.ipv4.conf.all.rp_filter=2" },
    ],
    [
      { all: 1, eth0: 1 },
      {
        level: "warn",
        mend: "sysctl -w net.ipv4.conf.all.rp_filter=2; sysctl -w net.ipv4.conf.eth0.rp_filter=2",
      },
    ],
  ])("rp_filter %j, with sockets of the kernel's stack", (values: Record<string, number>, finding) => {
    const read = (name: string) => values[name.split("/")[1]!]!;
    expect(filterFindings(config({ backend: "udp" }), link, read)).toMatchObject([finding]);
    expect(filterFindings(config({ backend: "auto" }), link, read)).toMatchObject([{ level: "ok" }]);
  });

  describe("interrupts", () => {
    const folder = ownFolder();
    /** A machine's sysfs and procfs, where each of a NIC's interrupts goes to some processors. */
    function machine(name: string, affinities: readonly string[]): string {
      const root = join(folder, name);
      const interrupts = join(root, "sys/class/net/eth0/device/msi_irqs");
      mkdirSync(interrupts, { recursive: true });
      for (const [i, list] of affinities.entries()) {
        writeFileSync(join(interrupts, String(30 + i)), "msix\n");
        mkdirSync(join(root, "proc/irq", String(30 + i)), { recursive: true });
        writeFileSync(join(root, "proc/irq", String(30 + i), "smp_affinity_list"), `${list}\n`);
      }
      return root;
    }

    test("all to one processor: mended by spreading them", () => {
      const root = machine("one", ["0", "0"]);
      const [finding] = interruptFindings("eth0", 2, root);
      expect(finding).toMatchObject({
        level: "warn",
        mend: "echo 0 > /proc/irq/30/smp_affinity_list; echo 1 > /proc/irq/31/smp_affinity_list",
      });
    });
    test("spread", () => {
      expect(interruptFindings("eth0", 2, machine("two", ["0", "1"]))).toMatchObject([{ level: "ok" }]);
    });
    test("one worker, or an interface without a device: nothing to say", () => {
      expect(interruptFindings("eth0", 1, machine("single", ["0", "0"]))).toEqual([]);
      expect(interruptFindings("eth1", 2, machine("other", ["0", "0"]))).toEqual([]);
    });
  });

  test.each([
    ["eth0", "eth0"],
    ["/a b", "'/a b'"],
    ["it's", "'it'\\''s'"],
  ])("%j in a command", (text, quoted) => {
    expect(word(text)).toBe(quoted);
  });
});
