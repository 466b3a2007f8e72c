// What goes wrong for a user, and that it does no more harm than it must.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fixtures } from "../engine/corpus.js";
import { MAIN } from "./command.js";

const folder = mkdtempSync(join(tmpdir(), "spangate-bad-"));
afterAll(() => rmSync(folder, { recursive: true }));
const capture = fixtures.find(({ name }) => name === "ovs-erspan2")!.path;
const file = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const shell = (command: string) => spawnSync("bash", ["-o", "pipefail", "-c", command], { encoding: "utf8" });

describe("strip", () => {
  test("leaves an output alone when an input is not there", () => {
    const output = file("keep.pcapng", "precious");
    const { status, stderr } = shell(`node ${MAIN} strip ${capture} ${folder}/missing.pcap -w ${output}`);
    expect(status).toBe(1);
    expect(stderr).toMatch(/cannot read .*missing\.pcap.*\[IO_FAILED\]/);
    expect(readFileSync(output, "utf8")).toBe("precious");
  });

  test("has failed even when nobody reads the report", () => {
    const broken = file("broken.pcap", readFileSync(capture).subarray(0, 1000));
    const { status, stderr } = shell(`node ${MAIN} strip ${broken} -w ${folder}/b.pcapng | true`);
    expect(status).toBe(1);
    expect(stderr).toContain("[CAPTURE_TRUNCATED]");
  });

  test("says that a full disk has not taken everything", () => {
    const { status, stdout, stderr } = shell(
      `ln -sf /dev/full ${folder}/full.pcapng; node ${MAIN} strip ${capture} -w ${folder}/full.pcapng`,
    );
    expect(status).toBe(1);
    expect(stderr).toContain("[IO_FAILED]");
    expect(stdout).toContain("not all of it written");
  });

  test("ends when its reader has enough", () => {
    const { status, stdout } = shell(`node ${MAIN} strip ${capture} -w - -q | head -c 4 | od -An -tx1`);
    expect(stdout.trim()).toBe("0a 0d 0d 0a");
    expect(status).toBe(0);
  });

  test("lists the sessions that were asked for", () => {
    const { stdout } = shell(`node ${MAIN} strip ${capture} -w ${folder}/s.pcapng --session 200 --json`);
    expect(JSON.parse(stdout).sessions).toEqual([expect.objectContaining({ id: 200, packets: 15 })]);
  });
});

describe("check", () => {
  test.each([
    ["decode: { reassembly: { perSource: 4GiB } }", "2KiB to 1GiB"],
    ["decode: { reassembly: { memory: 1KiB } }", "2KiB to 1GiB"],
    [`decode: { greEthernet: [${Array.from({ length: 17 }, (_, i) => 0x9000 + i)}] }`, "at most 16"],
  ])("refuses %s", (text, expected) => {
    const { status, stdout } = shell(`node ${MAIN} check ${file("limits.yaml", text)}`);
    expect(status).toBe(2);
    expect(stdout).toContain(expected);
  });
});
