// spangate status against a gateway that only has accounts, and against what is no gateway.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSocketServer, type Server } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { ControlServer } from "../../src/control/server.js";
import { statusDocument, statusText } from "../../src/control/status.js";
import { MAIN, spangate } from "../cli/command.js";
import { accounts, FakeGateway, sockets } from "./fake.js";

const newSocket = sockets();

async function listening(gateway = new FakeGateway()) {
  const socket = newSocket();
  const server = await ControlServer.listen(gateway, { socket });
  onTestFinished(() => server.close());
  return { socket, gateway, server };
}

test("a status is written as it would be of objects", () => {
  const gateway = new FakeGateway();
  gateway.sniffers = new Map([
    ["acme-ids", accounts(80)],
    ["idle", accounts(0)],
    ["(removed)", { ...accounts(7), offered: 9, queued: 2 }],
  ]);
  const status = { ...gateway.status(3), quarantine: accounts(3) };
  expect(JSON.parse(statusText(status))).toEqual(JSON.parse(JSON.stringify(statusDocument(status))));
  expect(statusText(status)).toBe(JSON.stringify(statusDocument(status)));
});

/** Starts `status --watch`, and gives its output up to what is waited for. */
function watching(args: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, "status", ...args]);
  onTestFinished(() => void child.kill("SIGKILL"));
  let stdout = "";
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const seen = async (wanted: RegExp) => {
    while (!wanted.test(stdout)) await once(child.stdout, "data");
    return stdout;
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  const ended = async () => {
    const [code] = await once(child, "close");
    return { code, stderr };
  };
  return { child, seen, ended };
}

describe("a look", () => {
  test("for people: the tables of the balance", async () => {
    const { socket } = await listening();
    const { code, stdout, stderr } = await spangate(["status", "--socket", socket]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^sniffer +offered +sent .* in flight\nacme-ids +80 +80 +0 .* 0\n/);
    expect(stdout).toMatch(/^delivered +80 /m);
    expect(stdout).toMatch(/^received 100 = delivered 80 \+ reassembled 0 \+ held 0 \+ drops 20$/m);
    expect(stdout).toMatch(/^lost in the kernel: 0 dropped, 7 ring full, 0 no free frame$/m);
    expect(stdout.match(/^erspan /gm)).toHaveLength(20);
    expect(stdout).toMatch(/\nand 980 more\n$/);
    expect(stdout).toMatch(/^erspan +192\.0\.2\.1 +192\.0\.2\.2 +100 +80 +8000 +n\/a/m);
  });

  test("for programs: the document", async () => {
    const { socket, gateway } = await listening();
    const { code, stdout } = await spangate(["status", "--socket", socket, "--json"]);
    expect(code).toBe(0);
    expect(stdout).toBe(`${JSON.stringify(statusDocument(gateway.status(100)), null, 2)}\n`);
  });
});

describe("--sessions", () => {
  test.each([
    [0, 0, /^1000 mirror sessions\n$/m],
    [3, 3, /\nand 997 more\n$/],
    [5000, 1000, /n\/a\n$/],
  ])("%i", async (asked, listed, end) => {
    const { socket } = await listening();
    const flags = ["--socket", socket, "--sessions", String(asked)];
    const text = await spangate(["status", ...flags]);
    expect(text.stdout.match(/^erspan /gm) ?? []).toHaveLength(listed);
    expect(text.stdout).toMatch(end);
    const { stdout } = await spangate(["status", ...flags, "--json"]);
    expect(JSON.parse(stdout).sessions).toHaveLength(listed);
  });

  test.each(["-1", "10001", "all"])("%s is none", async (text) => {
    const { code, stderr } = await spangate(["status", `--sessions=${text}`]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/Expected an integer from 0 to 10000\. \[USAGE\]/);
  });
});

describe("--watch", () => {
  test("packets a second since the last look, by the gateway's clock", async () => {
    const { socket, gateway } = await listening();
    const { child, seen, ended } = watching(["--socket", socket, "--watch", "0.1"]);
    expect(await seen(/erspan/)).not.toContain("a second");
    gateway.received += 50;
    gateway.seconds += 2;
    const output = await seen(/packets a second/);
    expect(output).toMatch(
      /^packets a second in the last 2\.0 s: 25 received, 25 delivered, 0 dropped, 0 lost in the kernel$/m,
    );
    await seen(/^acme-ids +130 +130 .* 25 +25$/m);
    child.kill("SIGINT");
    expect(await ended()).toEqual({ code: 130, stderr: "" });
  });

  test("a document a line", async () => {
    const { socket } = await listening();
    const { seen } = watching(["--socket", socket, "--watch", "0.1", "--json"]);
    const lines = (await seen(/\n.*\n/)).trim().split("\n");
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ received: 100 });
  });

  test("of a gateway that was started anew there is nothing to compare", async () => {
    const { socket, gateway } = await listening();
    const { seen } = watching(["--socket", socket, "--watch", "0.1"]);
    await seen(/erspan/);
    gateway.received = 20;
    gateway.seconds = 1;
    expect(await seen(/received 20 /)).not.toContain("a second");
  });

  test("until the gateway ends", async () => {
    const { socket, server } = await listening();
    const { seen, ended } = watching(["--socket", socket, "--watch", "0.1"]);
    await seen(/erspan/);
    await server.close();
    expect(await ended()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/\[GATEWAY_UNREACHABLE\]\n$/),
    });
  });
});

describe("no gateway there", () => {
  async function expectFailure(socket: string, code: string, message: string) {
    const finished = await spangate(["status", "--socket", socket]);
    expect([finished.code, finished.stdout]).toEqual([1, ""]);
    expect(finished.stderr).toMatch(new RegExp(`^spangate: .*${message}.* \\[${code}\\]\n$`));
  }
  function served(server: Server) {
    const socket = newSocket();
    server.listen(socket);
    onTestFinished(() => void server.close());
    return socket;
  }

  test("nothing at all", () =>
    expectFailure("/nowhere/api.sock", "GATEWAY_UNREACHABLE", "there is no such socket"));
  test("a file", () => {
    const file = newSocket();
    writeFileSync(file, "");
    return expectFailure(file, "GATEWAY_UNREACHABLE", "nobody listens there any more");
  });
  test("one that starts", async () => {
    const { socket, gateway } = await listening();
    gateway.state = "starting";
    await expectFailure(socket, "NOT_READY", "still starting");
  });
  test("another program that speaks HTTP", () =>
    expectFailure(
      served(createServer((_, response) => response.end("hello"))),
      "GATEWAY_UNREACHABLE",
      "what answers there is no gateway",
    ));
  test("another API", () =>
    expectFailure(
      served(createServer((_, response) => response.writeHead(404).end("{}"))),
      "GATEWAY_UNREACHABLE",
      "it answers with status 404",
    ));
  test("another program that does not", () =>
    expectFailure(
      served(createSocketServer((socket) => socket.end("220 smtp.example ESMTP\r\n"))),
      "GATEWAY_UNREACHABLE",
      "",
    ));
  test("one that ends at once", () =>
    expectFailure(
      served(createSocketServer((socket) => socket.destroy())),
      "GATEWAY_UNREACHABLE",
      "it has ended while it was asked",
    ));
});

test.each(["0", "x", "-1", "1e3"])("--watch %s is no number of seconds", async (text) => {
  const { code, stderr } = await spangate(["status", `--watch=${text}`]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/Expected seconds from 0\.1 to 86400\. \[USAGE\]/);
});
