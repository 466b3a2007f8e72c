// The doctor beside a real systemd: what a unit lacks is found there and not in the shell, and the commands mend it, whatever a drop-in of
// `systemctl edit` says.

import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { Finding } from "../../src/doctor/index.js";
import { MAIN, ownFolder } from "../cli/command.js";
import { lacks } from "../live/requirements.js";

const UNIT = fileURLToPath(new URL("../../appliance/systemd/spangate.service", import.meta.url));
const WITHIN = fileURLToPath(new URL("in-systemd.sh", import.meta.url));
const PROGRAM = fileURLToPath(new URL("mended.mjs", import.meta.url));
const APART = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--cgroup"];
const execute = promisify(execFile);

interface Answers {
  readonly sick: readonly Finding[];
  readonly well: readonly Finding[];
}

const withSystemd = describe.skipIf(
  lacks("systemctl", "unshare") ||
    !existsSync("/usr/lib/systemd/systemd") ||
    !existsSync("/etc/systemd/system"),
);
withSystemd("beside systemd", () => {
  const folder = ownFolder();
  chmodSync(folder, 0o755);
  const captures = join(folder, "captures");
  const file = join(folder, "gateway.yaml");
  const token = join(folder, "token");
  writeFileSync(token, "0123456789abcdef0123456789abcdef", { mode: 0o640 });
  const config = {
    tunnel: { interface: "lo", addresses: ["127.0.0.1"], backend: "afpacket" },
    user: "nobody",
    api: { listen: { port: 9464, token } },
    sniffers: [{ name: "ids", deliver: "pcap", directory: captures, rotate: { size: "1MiB", keep: 1 } }],
    tenants: [{ name: "acme", sources: [{ encapsulation: "erspan" }], sniffers: ["ids"] }],
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  const unit = readFileSync(UNIT, "utf8")
    .replace("/etc/spangate/gateway.yaml", file)
    .replace("Group=spangate", "Group=nogroup");
  const checks = [
    ...["unit", "user", "capabilities", "locked memory", "open files", "configuration", "token"],
    ...["control socket", "disk"],
  ];

  async function mended(override: string): Promise<Answers> {
    const place = join(folder, "unit");
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, "spangate.service"), unit);
    writeFileSync(join(place, "override.conf"), override);
    const install =
      'mkdir /etc/systemd/system/spangate.service.d && cp "$1/spangate.service" /etc/systemd/system/ && ' +
      'cp "$1/override.conf" /etc/systemd/system/spangate.service.d/ && shift && exec "$@"';
    const program = [process.execPath, PROGRAM, MAIN, file, ...checks];
    const { stdout } = await execute("unshare", [
      ...[...APART, WITHIN, "bash", "-ec", install, "install", place],
      ...program,
    ]);
    return JSON.parse(stdout) as Answers;
  }
  const wrong = (findings: readonly Finding[]) =>
    findings.filter(({ level }) => level !== "ok").map(({ check, level }) => `${level} ${check}`);

  test("what its unit lacks is mended, and then nothing is wrong", async () => {
    const override = [
      "[Service]",
      "User=root",
      "LimitMEMLOCK=8M",
      "LimitNOFILE=64",
      "CapabilityBoundingSet=",
      "CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW",
    ];
    const { sick, well } = await mended(override.join("\n"));
    expect(sick[0], JSON.stringify(sick)).toMatchObject({ check: "unit", level: "ok" });
    expect(wrong(sick)).toEqual([
      "bad capabilities",
      "bad locked memory",
      "bad open files",
      "warn user",
      "warn configuration",
      "bad disk",
      "bad disk",
    ]);
    expect(wrong(well), JSON.stringify(well)).toEqual([]);
  });

  test("as it comes with Spangate nothing is", async () => {
    const { sick } = await mended(`[Service]\nReadWritePaths=${captures}\n`);
    expect(wrong(sick), JSON.stringify(sick)).toEqual([]);
  });
});
