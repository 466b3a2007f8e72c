// Wrong usage ends with 2 and says what would be right; what breaks while running ends with 1.

import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DEMO, DEMO_MAP, ownFolder, spangate } from "./command.js";

const folder = ownFolder();
const out = `${folder}/out.pcapng`;
const bad = `${folder}/bad.yaml`;
writeFileSync(
  bad,
  `sniffers:
  - { name: acme-ids, queue: 0 }
tenants:
  - { name: acme, sources: [{ encapsulation: erspan, sesion: 5000 }], sniffers: [acme-idx] }
`,
);
const cut = `${folder}/cut.pcap`;
writeFileSync(cut, readFileSync(DEMO).subarray(0, 1000));

interface Row {
  readonly args: readonly string[];
  readonly code: number;
  readonly stderr: RegExp;
}

describe("exit codes and messages", () => {
  const rows: Row[] = [
    { args: [], code: 2, stderr: /Usage: spangate/ },
    { args: ["frobnicate"], code: 2, stderr: /^spangate: unknown command 'frobnicate' \[USAGE\]/ },
    {
      args: ["strip", DEMO],
      code: 2,
      stderr: /^spangate: required option '-w, --write <OUT>' not specified/,
    },
    { args: ["strip", "-w", out], code: 2, stderr: /missing required argument 'IN'/ },
    {
      args: ["strip", DEMO, "-w", out, "--dept", "2"],
      code: 2,
      stderr: /unknown option '--dept'\n\(Did you mean --depth\?\)/,
    },
    {
      args: ["strip", DEMO, "-w", out, "--depth", "0"],
      code: 2,
      stderr: /'--depth <N>' argument '0' is invalid\. Expected an integer from 1 to 8/,
    },
    { args: ["strip", DEMO, "-w", out, "--depth", "2x"], code: 2, stderr: /Expected an integer/ },
    { args: ["strip", DEMO, "-w", out, "--session", "1024"], code: 2, stderr: /from 0 to 1023/ },
    { args: ["strip", DEMO, "-w", out, "--vni", "-1"], code: 2, stderr: /from 0 to 16777215/ },
    {
      args: ["strip", DEMO, "-w", out, "--checksums", "maybe"],
      code: 2,
      stderr: /Allowed choices are verify, ignore/,
    },
    { args: ["strip", DEMO, "-w", out, "--restore-vlan", "no"], code: 2, stderr: /auto, always, never/ },
    { args: ["strip", DEMO, "-w", out, "--time", "now"], code: 2, stderr: /capture, mirror/ },
    { args: ["strip", DEMO, "-w", out, "--sequence-scope", "all"], code: 2, stderr: /session, tunnel/ },
    { args: ["strip", DEMO, "-w", out, "--port", "gre=1"], code: 2, stderr: /TUNNEL one of vxlan/ },
    { args: ["strip", DEMO, "-w", out, "--port", "vxlan=65536"], code: 2, stderr: /from 1 to 65535/ },
    { args: ["strip", DEMO, "-w", `${folder}/out.txt`], code: 2, stderr: /ends in \.pcapng or \.pcap/ },
    { args: ["strip", "-", "-", "-w", out], code: 2, stderr: /standard input \(-\) can be read only once/ },
    { args: ["strip", cut, "-w", cut], code: 2, stderr: /cut\.pcap would be written over/ },
    {
      args: ["strip", `${folder}/none.pcap`, "-w", out],
      code: 1,
      stderr: /none\.pcap: .*no such file.* \[IO_FAILED\]/i,
    },
    { args: ["strip", DEMO, "-w", `${folder}/no/out.pcap`], code: 1, stderr: /\[IO_FAILED\]/ },
    {
      args: ["strip", DEMO_MAP, "-w", out],
      code: 1,
      stderr: /the file begins with 23 20 .* \[CAPTURE_MAGIC\]/,
    },
    { args: ["strip", cut, "-w", out], code: 1, stderr: /cut\.pcap, byte \d+: .* \[CAPTURE_TRUNCATED\]/ },
    { args: ["decap", DEMO], code: 2, stderr: /required option '--config <FILE>'/ },
    {
      args: ["decap", DEMO, "--config", `${folder}/none.yaml`],
      code: 1,
      stderr: /cannot read the configuration/,
    },
    {
      args: ["decap", DEMO, "--config", bad, "--out", folder],
      code: 2,
      stderr: /has 3 mistakes \[CONFIG_INVALID\]\n.*bad\.yaml:2:30 sniffers\[0\]\.queue: is 0/,
    },
    {
      args: ["decap", DEMO, "--config", DEMO_MAP, "--out", folder, "--quarantine", "q.txt"],
      code: 2,
      stderr: /q\.txt: the name of a capture/,
    },
    {
      args: [
        "decap",
        DEMO,
        "--config",
        DEMO_MAP,
        "--out",
        folder,
        "--quarantine",
        `${folder}/acme-ids.pcapng`,
      ],
      code: 2,
      stderr: /would be written twice/,
    },
    { args: ["explain", DEMO, "--packet", "0"], code: 2, stderr: /Expected an integer from 1/ },
    {
      args: ["explain", DEMO, "--packet", "301"],
      code: 2,
      stderr: /has 300 packets; there is no packet 301/,
    },
    { args: ["explain", `${folder}/none.pcap`], code: 1, stderr: /\[IO_FAILED\]/ },
    { args: ["explain", DEMO, DEMO], code: 2, stderr: /too many arguments/ },
    { args: ["check", `${folder}/none.yaml`], code: 1, stderr: /cannot read .*none\.yaml/ },
    { args: ["check"], code: 2, stderr: /missing required argument 'FILE'/ },
  ];
  test.each(rows)("spangate $args", async ({ args, code, stderr }) => {
    const finished = await spangate(args);
    expect(finished.stderr).toMatch(stderr);
    expect(finished.code).toBe(code);
    expect(finished.stderr).not.toMatch(/\n\s+at /);
  });
});

test("the version is the package's", async () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(await spangate(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
});

describe("help has examples", () => {
  test.each([[], ["status"], ["strip"], ["decap"], ["explain"], ["check"], ["schema"]])(
    "%s",
    async (...command) => {
      const { code, stdout, stderr } = await spangate([...command, "--help"]);
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toMatch(/Usage: spangate/);
      expect(stdout).toMatch(/Examples:\n {2}\$ spangate /);
    },
  );
});

describe("check", () => {
  test("every mistake with its place, path and what would be right", async () => {
    const { code, stdout, stderr } = await spangate(["check", bad]);
    expect(code).toBe(2);
    const lines = stdout.trim().split("\n");
    expect(lines.length).toBe(3);
    for (const line of lines) expect(line).toMatch(/bad\.yaml:\d+:\d+ [a-z[\]0-9.]+: .+; expected .+/i);
    expect(stderr).toMatch(/has 3 mistakes \[CONFIG_INVALID\]/);
  });

  test("as JSON", async () => {
    const { code, stdout } = await spangate(["check", bad, "--json"]);
    const { file, valid, mistakes } = JSON.parse(stdout);
    expect([code, file, valid, mistakes.length]).toEqual([2, bad, false, 3]);
    expect(mistakes[0]).toMatchObject({ line: 2, path: "sniffers[0].queue" });
  });

  test("a valid one in a line", async () => {
    expect(await spangate(["check", DEMO_MAP])).toEqual({
      code: 0,
      stdout: `${DEMO_MAP} is valid: 2 tenants, 2 sniffers, 4 identities\n`,
      stderr: "",
    });
    const { stdout } = await spangate(["check", DEMO_MAP, "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ valid: true, tenants: 2, sniffers: 2, identities: 4 });
  });
});

test("the schema is JSON Schema of gateway.yaml", async () => {
  const { code, stdout } = await spangate(["schema"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    $schema: expect.stringContaining("json-schema.org"),
    properties: { tenants: {}, sniffers: {}, decode: {} },
  });
});
