// spangate top at a pseudo-terminal, whose screen and modes are looked at, and without one.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { ControlServer } from "../../src/control/server.js";
import type { SnifferAccounts } from "../../src/engine/index.js";
import { accounts, FakeGateway, sockets } from "../control/fake.js";
import { lacks } from "../live/requirements.js";
import { until } from "../live/until.js";
import { MAIN, ownFolder, spangate } from "./command.js";

const newSocket = sockets();
const folder = ownFolder();
let terminals = 0;

/** A thousand packets come between two looks: to acme-ids most, to globex-ids none for want of room. */
class BusyGateway extends FakeGateway {
  override tenants = new Map([
    ["acme", ["acme-ids", "acme-zeek"]],
    ["globex", ["globex-ids"]],
  ]);
  #looks = 0;

  override status(sessions: number) {
    const n = ++this.#looks;
    this.received = 1000 * n;
    this.seconds = 10 + n;
    const globex = { ...accounts(0), offered: 300 * n, droppedNewest: 290 * n, rate: 10 * n, queued: 700 };
    this.sniffers = new Map<string, SnifferAccounts>([
      ["acme-zeek", accounts(100 * n)],
      ["acme-ids", accounts(1_500_000 * n)],
      ["globex-ids", globex],
    ]);
    const status = super.status(sessions);
    return { ...status, upstream: { ...status.upstream, lost: 9, expected: 138 } };
  }
}

async function listening(gateway: FakeGateway = new BusyGateway()) {
  const socket = newSocket();
  const server = await ControlServer.listen(gateway, { socket });
  onTestFinished(() => server.close());
  return { socket, server };
}

describe.skipIf(lacks("script", "stty"))("at a terminal", () => {
  class Terminal {
    output = "";
    private constructor(
      readonly child: ChildProcess,
      readonly name: string,
    ) {
      child.stdout!.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
      });
    }

    /** 80 columns, 24 lines. What it was set to before and after is noted. */
    static start(socket: string, ...flags: string[]): Terminal {
      const name = `${folder}/terminal-${++terminals}`;
      const top = `${process.execPath} ${MAIN} top --socket ${socket} --interval 0.1 ${flags.join(" ")}`;
      const script = `stty cols 80 rows 24; tty > ${name}.tty; stty -g > ${name}.before; ${top}; echo "code $?"; stty -g > ${name}.after`;
      const child = spawn("script", ["-qfec", script, "/dev/null"], {
        env: { ...process.env, TERM: "xterm" },
      });
      const terminal = new Terminal(child, name);
      onTestFinished(() => void child.kill("SIGKILL"));
      return terminal;
    }

    press(keys: string): void {
      this.child.stdin!.write(keys);
    }

    /** The last whole page, line by line, as it is seen. */
    get page(): string[] {
      const pages = this.output.split("\u001b[H");
      const last = pages.filter((page) => page.includes("\u001b[J")).at(-1) ?? "";
      return stripVTControlCharacters(last.slice(0, last.indexOf("\u001b[J"))).split(/\r*\n/);
    }

    shows(wanted: RegExp): Promise<unknown> {
      return until(
        () => wanted.test(this.page.join("\n")),
        () => `${wanted} in\n${this.page.join("\n")}\n${JSON.stringify(this.output.slice(-500))}`,
      );
    }

    async expectAsBefore(code: number): Promise<void> {
      await once(this.child, "close");
      // Its own screen is left with the cursor shown, and what follows is on the shell's.
      expect(this.output).toMatch(new RegExp(`\u001b\\[\\?25h\u001b\\[\\?1049l[^\u001b]*code ${code}\r\n$`));
      expect(readFileSync(`${this.name}.after`, "utf8")).toBe(readFileSync(`${this.name}.before`, "utf8"));
    }
  }

  test("rates, drops by reason, queues and loss within 80 columns, and q quits", async () => {
    const { socket } = await listening();
    const terminal = Terminal.start(socket);
    await terminal.shows(/delivered \d/);
    const { page } = terminal;
    expect(page).toHaveLength(24);
    expect(page.filter((line) => line.length > 80)).toEqual([]);
    expect(page[0]).toMatch(/^spangate up \d+ s, map 3, afxdp, in the driver; sniffers by packets/);
    expect(page.join("\n")).toMatch(/^received 1\.00 k\/s {2}delivered 1\.00 k\/s {2}sent 720 M bit\/s/m);
    expect(page.join("\n")).toMatch(/^upstream loss 9\/138 \(6\.52%\) {2}dropped 0\/s$/m);
    const rows = page.slice(page.findIndex((line) => line.startsWith("sniffer ")));
    expect(rows[0]).toMatch(/^sniffer +tenant +packets\/s +bit\/s +queued +drops\/s +by reason a second$/);
    expect(rows[1]).toMatch(/^acme-ids +acme +1\.50 M +720 M +0\/1\.02 k +0$/);
    expect(rows[3]).toMatch(/^globex-ids +globex +0 +0 +700\/0 +300 +dropped-newest 290, r.*…$/);
    terminal.press("q");
    await terminal.expectAsBefore(0);
  });

  test("keys choose what is shown, and in which order", async () => {
    const { socket } = await listening();
    const terminal = Terminal.start(socket);
    await terminal.shows(/^sniffer .*\nacme-ids/m);
    terminal.press("d");
    await terminal.shows(/by drops[\s\S]*^sniffer .*\nglobex-ids/m);
    terminal.press("u");
    await terminal.shows(/by queue[\s\S]*^sniffer .*\nglobex-ids/m);
    terminal.press("n");
    await terminal.shows(/by name[\s\S]*^sniffer .*\nacme-ids .*\nacme-zeek .*\nglobex-ids/m);
    terminal.press("tp");
    await terminal.shows(/^tenant .*\nacme +1\.50 M .*\nglobex /m);
    terminal.press("e");
    await terminal.shows(/^session +packets\/s +bit\/s +upstream loss\nerspan 100 /m);
    await terminal.shows(/^1 to \d+ of 200 /m);
    terminal.press("\u001b[6~");
    await terminal.shows(/^1\d to \d+ of 200 /m);
    terminal.press("\t");
    await terminal.shows(/^tenant /m);
    terminal.press(" ");
    await terminal.shows(/paused/);
    terminal.press(" ");
    await terminal.shows(/by packets$/m);
    terminal.press("\u0003");
    await terminal.expectAsBefore(130);
  });

  test("another size is another page", async () => {
    const { socket } = await listening();
    const terminal = Terminal.start(socket);
    await terminal.shows(/acme-ids/);
    const tty = readFileSync(`${terminal.name}.tty`, "utf8").trim();
    spawn("stty", ["-F", tty, "cols", "50", "rows", "12"]);
    await until(
      () => terminal.page.length === 12,
      () => `12 lines in ${terminal.page.join("\n")}`,
    );
    expect(terminal.page.filter((line) => line.length > 50)).toEqual([]);
    expect(terminal.page.join("\n")).toMatch(/^acme-ids/m);
    terminal.press("q");
    await terminal.expectAsBefore(0);
  });

  test("a gateway that ends leaves the terminal as it was, too", async () => {
    const { socket, server } = await listening();
    const terminal = Terminal.start(socket);
    await terminal.shows(/acme-ids/);
    await server.close();
    await terminal.expectAsBefore(1);
    expect(terminal.output).toMatch(/\[GATEWAY_UNREACHABLE\]\r\ncode 1\r\n$/);
  });
});

describe("without a terminal", () => {
  test("--once: a plain table of one interval", async () => {
    const { socket } = await listening();
    const args = [
      "top",
      "--socket",
      socket,
      "--interval",
      "0.1",
      "--once",
      "--view",
      "tenants",
      "--sort",
      "drops",
    ];
    const { code, stdout, stderr } = await spangate(args);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).not.toContain("\u001b");
    expect(stdout).toMatch(/^tenant +packets\/s +bit\/s +queued +drops\/s +by reason a second$/m);
    expect(stdout).toMatch(
      /\nglobex +0 +0 +700\/0 +300 +dropped-newest 290, rate 10\nacme +1500100 +720048000 +.* 0\n$/,
    );
  });

  test("table after table until it is interrupted", async () => {
    const { socket } = await listening();
    const child = spawn(process.execPath, [MAIN, "top", "--socket", socket, "--interval", "0.1"]);
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    await until(
      () => (stdout.match(/^sniffer /gm) ?? []).length >= 3,
      () => stdout,
    );
    child.kill("SIGINT");
    expect(await once(child, "close")).toEqual([130, null]);
  });

  test("no gateway", async () => {
    const { code, stderr } = await spangate(["top", "--socket", "/nowhere/api.sock", "--once"]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/\[GATEWAY_UNREACHABLE\]\n$/)]);
  });

  test.each([
    [["--interval", "0"], /Expected seconds from 0\.1 to 3600\. \[USAGE\]/],
    [["--sort", "colour"], /Allowed choices are packets, .* \[USAGE\]/],
    [["--view", "all"], /Allowed choices are tenants, .* \[USAGE\]/],
  ])("%j", async (flags, says) => {
    const { code, stderr } = await spangate(["top", ...flags]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(says)]);
  });
});
