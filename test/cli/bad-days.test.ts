// What goes wrong for a user, and that it does no more harm than it must.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fixtures } from "../engine/corpus.js";
import { DEMO, DEMO_MAP, MAIN } from "./command.js";

const folder = mkdtempSync(join(tmpdir(), "spangate-bad-"));
afterAll(() => rmSync(folder, { recursive: true }));
const capture = fixtures.find(({ name }) => name === "ovs-erspan2")!.path;
const file = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const shell = (command: string) => spawnSync("bash", ["-o", "pipefail", "-c", command], { encoding: "utf8" });

describe("a capture that cannot be read", () => {
  const folderAsCapture = join(folder, "folder.pcap");
  mkdirSync(folderAsCapture);
  test.each([
    ["strip", "missing.pcap", "no such file"],
    ["strip", "folder.pcap", "it is a directory"],
    ["decap", "missing.pcap", "no such file"],
    ["decap", "folder.pcap", "it is a directory"],
    ["explain", "missing.pcap", "no such file"],
    ["explain", "folder.pcap", "it is a directory"],
  ])("%s %s: outputs stay as they are", (command, input, reason) => {
    const output = file("acme-ids.pcapng", "precious");
    const rest = {
      strip: `${DEMO} -w ${output}`,
      decap: `${DEMO} --config ${DEMO_MAP} --out ${folder}`,
      explain: "",
    }[command];
    const { status, stdout, stderr } = shell(`node ${MAIN} ${command} ${folder}/${input} ${rest}`);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(
      new RegExp(`^spangate: cannot read .*/${input}: .*${reason}.* \\[IO_FAILED\\]\n$`),
    );
    expect(readFileSync(output, "utf8")).toBe("precious");
  });
});

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

describe("sessions of a filtered strip", () => {
  test.each([
    ["--session 100", [["erspan", 100]]],
    ["--vni 5000", [["vxlan", 5000]]],
    ["--vni 6000", [["geneve", 6000]]],
    [
      "--session 200 --vni 4242",
      [
        ["erspan", 200],
        ["vxlan", 4242],
      ],
    ],
    // The GRE key 999 is neither a session nor a VNI.
    ["--session 999", []],
    ["--vni 999", []],
  ])("%s", (flags, expected) => {
    const strip = `node ${MAIN} strip ${DEMO} -w ${folder}/filtered.pcapng ${flags}`;
    const { sessions } = JSON.parse(shell(`${strip} --json`).stdout);
    expect(
      sessions.map(({ encapsulation, id }: { encapsulation: string; id: number }) => [encapsulation, id]),
    ).toEqual(expected);
    const rows = shell(strip).stdout.match(/^(erspan|gre|vxlan|vxlan-gpe|geneve) .*$/gm) ?? [];
    expect(rows.map((row) => row.split(/ +/)).map((cells) => [cells[0], Number(cells[3])])).toEqual(expected);
  });
});

describe("check", () => {
  test.each([
    "memory: 1GiB, perSource: 2KiB",
    "memory: 1GiB, perSource: 1GiB",
    "memory: 2KiB, perSource: 2048",
  ])("takes reassembly { %s }", (limits) => {
    const text = `decode: { reassembly: { ${limits} }, greEthernet: [${Array.from({ length: 16 }, (_, i) => 0x9000 + i)}] }`;
    expect(shell(`node ${MAIN} check ${file("limits.yaml", text)}`).status).toBe(0);
  });

  test.each([
    ["decode: { reassembly: { perSource: 2047 } }", "2KiB to 1GiB"],
    ["decode: { reassembly: { memory: 1025MiB } }", "2KiB to 1GiB"],
    ["decode: { reassembly: { perSource: 4GiB } }", "2KiB to 1GiB"],
    ["decode: { reassembly: { memory: 1KiB } }", "2KiB to 1GiB"],
    [`decode: { greEthernet: [${Array.from({ length: 17 }, (_, i) => 0x9000 + i)}] }`, "at most 16"],
  ])("refuses %s", (text, expected) => {
    const { status, stdout } = shell(`node ${MAIN} check ${file("limits.yaml", text)}`);
    expect(status).toBe(2);
    expect(stdout).toContain(expected);
  });
});
