// The README's programs, as they stand there: what they print is what the command line and the reference say.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { ethernet, vxlan } from "../reference/packets.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "spangate-examples-"));
const started: ChildProcess[] = [];
afterAll(() => {
  for (const child of started) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

const capture = join(root, "test/fixtures/demo-mixed.pcap");
const map = join(root, "test/examples/demo.yaml");

function run(...words: string[]): string {
  return execFileSync(process.execPath, words, { cwd: root, encoding: "utf8" });
}
const example = (name: string) => join(root, `test/examples/${name}.mjs`);

test("strip.mjs writes, byte for byte, what `spangate strip` writes", () => {
  for (const format of ["pcapng", "pcap"]) {
    const [own, command] = [join(folder, `own.${format}`), join(folder, `command.${format}`)];
    const printed = run(example("strip"), capture, own);
    run(join(root, "dist/src/cli/main.js"), "strip", capture, "-w", command, "--quiet");
    const bytes = readFileSync(own);
    expect(bytes.equals(readFileSync(command)), format).toBe(true);
    expect(printed).toMatch(
      new RegExp(`^288 packets, ${bytes.length} bytes\\nerspan 192.0.2.1 100 lost 9\\n`),
    );
  }
});

test("deliver.mjs prints a tenant's packets", () => {
  const lines = run(example("deliver"), capture).split("\n");
  const packets = lines.filter((line) => line.startsWith("acme-ids "));
  expect(packets.length).toBe(129);
  expect(packets[0]).toBe("acme-ids 1767225600000000000n 60/42 erspan 100 0");
  expect(lines.join("")).toContain("offered: 129,  sent: 129,");
});

test("batch.mjs delivers what `decap --as-delivered` does", () => {
  const out = join(folder, "decap");
  const command = [join(root, "dist/src/cli/main.js"), "decap", capture, "--config", map, "--out", out];
  const report = JSON.parse(run(...command, "--as-delivered", "--json")) as {
    delivered: number;
    deliveries: { bytes: number }[];
  };
  const bytes = report.deliveries.reduce((sum, row) => sum + row.bytes, 0);
  expect(run(example("batch"), capture, map)).toBe(
    `${report.delivered} packets, ${bytes} bytes to sniffers\n`,
  );
});

test("live.mjs delivers what its socket receives, by the map that is in force", async () => {
  const file = join(folder, "live.yaml");
  const tenant = (vni: number) =>
    `sniffers: [{ name: ids-${vni} }]\ntenants: [{ name: acme, sources: [{ encapsulation: vxlan, vni: ${vni}, from: 127.0.0.1 }], sniffers: [ids-${vni}] }]\n`;
  writeFileSync(file, tenant(5));
  const child = spawn(process.execPath, [example("live"), file, "0"], { cwd: root });
  started.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => (await lines.next()).value as string;
  const port = Number((await next()).replace("listening ", ""));
  const socket = createSocket("udp4");
  const send = (vni: number, length: number) =>
    socket.send(vxlan(vni, ethernet(0x9999, new Uint8Array(length - 14))), port, "127.0.0.1");
  send(6, 100);
  send(5, 200);
  expect(await next()).toBe("ids-5 200");
  writeFileSync(file, tenant(6));
  child.kill("SIGHUP");
  expect(await next()).toBe("generation 2");
  send(5, 300);
  send(6, 400);
  expect(await next()).toBe("ids-6 400");
  socket.close();
});
