// spangate run between captures: what comes in, what goes out, who may run it, and every way in which it ends.

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { describe, expect, test } from "vitest";
import { readFrames } from "../../src/capture/index.js";
import type { StatusDocument } from "../../src/control/status.js";
import { DEMO, type Finished, ownFolder, shell, spangate } from "./command.js";

const folder = ownFolder();
chmodSync(folder, 0o777);
const config = `${folder}/gateway.yaml`;
const sniffers = [{ name: "acme-ids", deliver: "mac", mac: "02:00:00:00:0a:01" }];
const tenants = [
  {
    name: "acme",
    sources: [{ encapsulation: "erspan" }, { encapsulation: "vxlan" }],
    sniffers: ["acme-ids"],
  },
];
writeFileSync(config, JSON.stringify({ sniffers, tenants }));
/** Everything that the demo's capture has for it. */
const COUNT = 248;
let outputs = 0;
const newOutput = (format = "pcapng") => `${folder}/out-${++outputs}.${format}`;

async function frames(path: string): Promise<string[]> {
  const all: string[] = [];
  for await (const { data } of readFrames(path)) all.push(Buffer.from(data).toString("hex"));
  return all;
}
const balanceOf = ({ stdout }: Finished) => JSON.parse(stdout) as StatusDocument;

describe.skipIf(process.platform !== "linux")("spangate run between captures", () => {
  test("says what it does, ends with the capture, and prints the balance", async () => {
    const output = newOutput();
    const run = ["run", config, "--replay", DEMO, "--speed", "max", "--record", output];
    const { code, stdout, stderr } = await spangate(run);
    expect([code, stderr]).toEqual([0, `spangate: ready: replay of ${DEMO}; recording into ${output}\n`]);
    expect(stdout).toMatch(/^sniffer .*\nacme-ids +248 +248 /);
    expect(stdout).toMatch(/\nreceived 300 = delivered 248 \+ reassembled 0 \+ held 0 \+ drops 52\n/);
    expect(await frames(output)).toHaveLength(COUNT);
  });

  test("standard input and standard output, with the balance on the other", async () => {
    const command = `cat ${DEMO} | $NODE $MAIN run ${config} --replay - --speed max --record - --json`;
    const { code, stderr } = await shell(`${command} > ${folder}/piped.pcapng`);
    expect(code, stderr).toBe(0);
    const [, ready, json] = /^(spangate: ready: replay of standard input; .*)\n(\{.*\})\n$/s.exec(stderr)!;
    expect(ready).toMatch(/recording into standard output$/);
    expect(JSON.parse(json!)).toMatchObject({ received: 300, delivered: COUNT, holds: true });
    expect(await frames(`${folder}/piped.pcapng`)).toHaveLength(COUNT);
  });

  test("takes the time that the capture took, by the speed", async () => {
    // 9.9 seconds.
    const before = performance.now();
    const { code } = await spangate([
      "run",
      config,
      "--replay",
      DEMO,
      "--speed",
      "10",
      "--record",
      newOutput(),
    ]);
    expect(code).toBe(0);
    expect(performance.now() - before).toBeGreaterThan(990);
  });

  test("one worker, whatever tunnel.queues says", async () => {
    const file = `${folder}/queues.yaml`;
    writeFileSync(file, JSON.stringify({ tunnel: { queues: 4 }, sniffers, tenants }));
    const run = ["run", file, "--replay", DEMO, "--speed", "max", "--record", newOutput(), "--json"];
    const finished = await spangate(run);
    expect(finished.stderr).toMatch(/; one worker, as tunnel\.queues are the interface's\n$/);
    expect(balanceOf(finished).workers).toHaveLength(1);
  });

  test("at full speed with the shortest queue nothing is lost", async () => {
    const file = `${folder}/short.yaml`;
    writeFileSync(file, JSON.stringify({ sniffers: [{ ...sniffers[0], queue: 1 }], tenants }));
    const run = ["run", file, "--replay", DEMO, "--speed", "max", "--record", newOutput(), "--json"];
    expect(balanceOf(await spangate(run)).sniffers["acme-ids"]).toMatchObject({
      offered: COUNT,
      sent: COUNT,
    });
  });

  test.skipIf(process.getuid?.() !== 0)("anybody may, without a network and without /sys", async () => {
    const capture = `${folder}/demo.pcap`;
    copyFileSync(DEMO, capture);
    const place = `${folder}/anybodys`;
    mkdirSync(place);
    chmodSync(place, 0o777);
    const output = `${place}/out.pcapng`;
    const run = `$NODE $MAIN run ${config} --replay ${capture} --speed max --record ${output} --json`;
    const other = "setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all";
    const script = `mount -t tmpfs -o mode=000 none /sys && ${other} sh -c '! ls /sys 2>/dev/null && exec ${run}'`;
    const { code, stdout, stderr } = await shell(
      `unshare --mount --net bash -c "${script.replaceAll('"', '\\"')}"`,
    );
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ received: 300, delivered: COUNT });
    expect(await frames(output)).toHaveLength(COUNT);
  });

  const said = `${folder}/said`;
  /** Of a command that says it into `said`. */
  const whenReady = `until grep -q ready: ${said}; do sleep 0.05; done; sleep 0.2;`;

  test("an interruption ends it in order, in the middle of a wait", async () => {
    writeFileSync(said, "");
    const output = newOutput();
    const run = `$NODE $MAIN run ${config} --replay ${DEMO} --speed 0.01 --record ${output} --json`;
    const { code, stdout } = await shell(`${run} 2> ${said} & ${whenReady} kill -INT $!; wait $!`);
    expect(code, readFileSync(said, "utf8")).toBe(0);
    const { received, delivered, holds } = JSON.parse(stdout) as StatusDocument;
    expect(holds).toBe(true);
    expect(received).toBeGreaterThan(0);
    expect(received).toBeLessThan(300);
    expect(await frames(output)).toHaveLength(delivered);
  });

  test.each([
    ["standard input", "-", 24],
    ["a pipe", `${folder}/pipe`, 24],
    ["standard input, not even a header,", "-", 0],
    ["a pipe, not even a header,", `${folder}/pipe`, 0],
  ])("an interruption ends it while nothing comes from %s", async (_, input, header) => {
    writeFileSync(said, "");
    const pipe = `${folder}/pipe`;
    if (!existsSync(pipe)) execFileSync("mkfifo", [pipe]);
    // 24 bytes are a capture; and whoever has written them goes on.
    const writing = `(head -c ${header} ${DEMO}; exec sleep 60) > ${pipe} 2> /dev/null & W=$!`;
    const run = `$NODE $MAIN run ${config} --replay ${input} --record ${newOutput()} --json < ${pipe} 2> ${said} & P=$!`;
    const ending = `${whenReady} kill -TERM $P; wait $P; C=$?; kill $W; exit $C`;
    const started = performance.now();
    const { code, stdout } = await shell(`${writing}; ${run}; ${ending}`);
    expect(code, readFileSync(said, "utf8")).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ received: 0, holds: true });
    expect(performance.now() - started).toBeLessThan(30_000);
  });

  test("an older recording is replaced where it lies, and stays its owner's", async () => {
    const place = `${folder}/older`;
    mkdirSync(place);
    writeFileSync(`${place}/of-yesterday`, "old", { mode: 0o640 });
    if (process.getuid?.() === 0) chownSync(`${place}/of-yesterday`, 65_534, 65_534);
    const { uid, gid, mode } = statSync(`${place}/of-yesterday`);
    symlinkSync("of-yesterday", `${place}/out.pcapng`);
    const run = ["run", config, "--replay", DEMO, "--speed", "max", "--record", `${place}/out.pcapng`];
    const { code, stderr } = await spangate(run);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/; recording into .*\/out\.pcapng\n$/)]);
    expect(readdirSync(place)).toEqual(["of-yesterday", "out.pcapng"]);
    expect(lstatSync(`${place}/out.pcapng`).isSymbolicLink()).toBe(true);
    expect(statSync(`${place}/of-yesterday`)).toMatchObject({ uid, gid, mode });
    expect(await frames(`${place}/of-yesterday`)).toHaveLength(COUNT);
  });

  describe("refused at the start, it leaves an older recording as it was, and no new one", () => {
    const live = (tunnel: object) => ({
      tunnel: { interface: "lo", addresses: ["127.0.0.1"], ...tunnel },
      sniffers,
      tenants,
    });
    const nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all";
    /** What is opened in vain is not this machine's. */
    const apart = process.getuid?.() === 0 ? "unshare --net" : "";
    test.each([
      [
        "what sockets do not do",
        live({ backend: "udp" }),
        "",
        2,
        /\[CONFIG_INVALID\]\n.* is erspan, and UDP sockets receive no GRE; expected /,
      ],
      [
        "a sniffer without a way to it, from a capture",
        { ...live({}), sniffers: [{ name: "acme-ids" }] },
        `--replay ${DEMO}`,
        2,
        /\[CONFIG_INVALID\]\n.*expected how its frames reach it/s,
      ],
      ["no interface", live({ interface: "no-such-if" }), "", 2, /\[INTERFACE_UNKNOWN\]\n$/],
      ["no such queue", live({ queues: 2, backend: "afxdp" }), "", 1, / \[[A-Z_]+\]\n$/],
      [
        "no privilege",
        live({}),
        "",
        1,
        /^spangate: Nothing receives from lo here without a privilege: start `run` as root\. not afxdp: .* not afpacket: .* not udp: .* is erspan, and UDP sockets receive no GRE\. \[NOT_PERMITTED\]\n$/,
      ],
    ] as const)("%s", async (what, configuration, more, status, says) => {
      const place = `${folder}/${what.replaceAll(/\W/g, "-")}`;
      mkdirSync(place);
      chmodSync(place, 0o777);
      const file = `${place}/gateway.yaml`;
      writeFileSync(file, JSON.stringify(configuration));
      writeFileSync(`${place}/old.pcapng`, "old");
      chmodSync(`${place}/old.pcapng`, 0o666);
      for (const name of ["old.pcapng", "new.pcapng"]) {
        const run = `$NODE $MAIN run ${file} ${more} --record ${place}/${name}`;
        const as = apart !== "" && what === "no privilege" ? nobody : "";
        const { code, stdout, stderr } = await shell(`exec ${apart} ${as} ${run}`);
        expect([code, stdout], stderr).toEqual([status, ""]);
        expect(stderr).toMatch(says);
      }
      expect(readdirSync(place)).toEqual(["gateway.yaml", "old.pcapng"]);
      expect(readFileSync(`${place}/old.pcapng`, "utf8")).toBe("old");
    });
  });

  test("a recording that cannot be written ends it, though its pipe is open", async () => {
    const pipe = `${folder}/open-pipe`;
    execFileSync("mkfifo", [pipe]);
    const writing = `(head -c 24 ${DEMO}; exec sleep 60) > ${pipe} 2> /dev/null & W=$!`;
    const run = `timeout -s KILL 20 $NODE $MAIN run ${config} --replay ${pipe} --record ${folder}/no/out.pcap`;
    const { code, stderr } = await shell(`${writing}; ${run}; C=$?; kill $W; exit $C`);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/cannot write .*no\/out\.pcap: .*\[IO_FAILED\]/),
    ]);
  });

  describe("what breaks while it runs", () => {
    test("a damaged capture: what came before it goes out", async () => {
      const cut = `${folder}/cut.pcap`;
      writeFileSync(cut, readFileSync(DEMO).subarray(0, 1000));
      const output = newOutput();
      const run = ["run", config, "--replay", cut, "--speed", "max", "--record", output, "--json"];
      const finished = await spangate(run);
      expect(finished.code).toBe(1);
      expect(finished.stderr).toMatch(/\nspangate: .*cut\.pcap, byte \d+: .* \[CAPTURE_TRUNCATED\]\n$/);
      const { received, delivered, holds } = balanceOf(finished);
      expect(holds).toBe(true);
      expect(received).toBeGreaterThan(0);
      expect(await frames(output)).toHaveLength(delivered);
    });

    test.each(["max", "20"])("a full disk, at speed %s", async (speed) => {
      const full = newOutput();
      execFileSync("ln", ["-s", "/dev/full", full]);
      const run = ["run", config, "--replay", DEMO, "--speed", speed, "--record", full, "--json"];
      const finished = await spangate(run);
      expect(finished.code).toBe(1);
      expect(finished.stderr).toMatch(/\nspangate: cannot write .*ENOSPC.* \[IO_FAILED\]\n$/);
      expect(balanceOf(finished).holds).toBe(true);
    });

    test.skipIf(process.getuid?.() !== 0)("a full disk with an older recording, by its name", async () => {
      const place = `${folder}/small-disk`;
      mkdirSync(place);
      const run = `$NODE $MAIN run ${config} --replay ${DEMO} --speed max --record ${place}/out.pcapng -q`;
      const script = `mount -t tmpfs -o size=16k none ${place} && echo old > ${place}/out.pcapng && exec ${run}`;
      const { code, stderr } = await shell(`unshare --mount bash -c '${script}'`);
      expect([code, stderr]).toEqual([
        1,
        expect.stringMatching(
          /^spangate: cannot write \S*small-disk\/out\.pcapng: ENOSPC.* \[IO_FAILED\]\n$/,
        ),
      ]);
    });

    test("a reader that goes", async () => {
      const run = `$NODE $MAIN run ${config} --replay ${DEMO} --speed 5 --record - --json`;
      const { stderr } = await shell(`${run} | head -c 1 > /dev/null; exit \${PIPESTATUS[0]}`);
      expect(stderr).toMatch(
        /\nspangate: cannot write standard output: whoever read it has gone \[IO_FAILED\]\n$/,
      );
    });
  });

  const rows: [what: string, args: string[], code: number, says: RegExp][] = [
    [
      "a speed of nothing",
      ["run", config, "--speed", "2"],
      2,
      /^spangate: --speed says how fast --replay is: name a capture to replay\. \[USAGE\]\n$/,
    ],
    ...["0", "-1", "fast", "1x", ""].map((speed): (typeof rows)[number] => [
      `a speed of ${JSON.stringify(speed)}`,
      ["run", config, "--replay", DEMO, `--speed=${speed}`],
      2,
      /'--speed <N>' argument '.*' is invalid\. Expected a number above 0, such as 2 or 0\.5, or max\. \[USAGE\]/,
    ]),
    [
      "a recording of no known form",
      ["run", config, "--replay", DEMO, "--record", "out.txt"],
      2,
      /out\.txt: the name of a capture to write ends in \.pcapng or \.pcap.* \[USAGE\]/,
    ],
    [
      "the capture itself",
      ["run", config, "--replay", DEMO, "--record", DEMO],
      2,
      /would be written over, but it is read from .* \[USAGE\]/,
    ],
    [
      "no capture there",
      ["run", config, "--replay", `${folder}/none.pcap`, "--record", `${folder}/untouched.pcap`],
      1,
      /cannot read .*none\.pcap: .* \[IO_FAILED\]/,
    ],
    [
      "no capture at all",
      ["run", config, "--replay", config, "--record", `${folder}/untouched.pcap`],
      1,
      /gateway\.yaml, byte 0: the file begins with .* \[CAPTURE_MAGIC\]/,
    ],
    [
      "no place for the recording",
      ["run", config, "--replay", DEMO, "--record", `${folder}/no/out.pcap`],
      1,
      /cannot write .*no\/out\.pcap: .* \[IO_FAILED\]/,
    ],
    [
      "no interface for what is not recorded",
      ["run", config, "--replay", DEMO],
      2,
      /has a mistake \[CONFIG_INVALID\]\n.* delivery\.interface: is missing for a live gateway/,
    ],
    [
      "no interface for what is not replayed",
      ["run", config, "--record", `${folder}/untouched.pcap`],
      2,
      /has 2 mistakes \[CONFIG_INVALID\]\n.* tunnel\.interface: is missing .*\n.* tunnel\.addresses: is missing/,
    ],
  ];
  test.each(rows)("%s", async (_, args, code, says) => {
    const finished = await spangate(args);
    expect(finished.stderr).toMatch(says);
    expect([finished.code, finished.stdout]).toEqual([code, ""]);
    expect(existsSync(`${folder}/untouched.pcap`)).toBe(false);
  });
});
