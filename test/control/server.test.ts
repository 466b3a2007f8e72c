// The control API's server: what it answers, and its place in the file system.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { get, type IncomingMessage, request } from "node:http";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ControlServer } from "../../src/control/server.js";
import { statusDocument } from "../../src/control/status.js";
import { ERRORS } from "../../src/errors.js";
import { findUser } from "../../src/linux/users.js";
import { VERSION } from "../../src/version.js";
import { FakeGateway, sockets } from "./fake.js";

const newSocket = sockets();
const isRoot = process.getuid?.() === 0;

async function listening(path: string, gateway = new FakeGateway()) {
  const server = await ControlServer.listen(gateway, { socket: path });
  onTestFinished(() => server.close());
  return { gateway, server };
}

async function ask(socketPath: string, path: string, method = "GET", body?: string) {
  const asked = request({
    socketPath,
    path,
    method,
    headers: body === undefined ? {} : { "content-type": "application/json" },
    agent: false,
  });
  asked.end(body);
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  let text = "";
  for await (const piece of response.setEncoding("utf8")) text += piece;
  return { status: response.statusCode, type: response.headers["content-type"], body: JSON.parse(text) };
}

describe("answers", () => {
  test("GET /status: the document that `run --json` prints, with a hundred sessions", async () => {
    const socket = newSocket();
    const { gateway } = await listening(socket);
    const { status, type, body } = await ask(socket, "/status");
    expect([status, type]).toEqual([200, "application/json; charset=utf-8"]);
    expect(body).toEqual(JSON.parse(JSON.stringify(statusDocument(gateway.status(100)))));
    expect(body).toMatchObject({ received: 100, delivered: 80, drops: 20, holds: true });
    gateway.received = 300;
    const later = async () => (await ask(socket, "/status")).body;
    await expect.poll(later).toMatchObject({ received: 300, delivered: 280 }); // a moment's are the same for all
  });

  test.each([
    ["?sessions=0", 0],
    ["?sessions=1", 1],
    ["?sessions=10000", 1000],
  ])("GET /status%s", async (query, sessions) => {
    const socket = newSocket();
    await listening(socket);
    const { body } = await ask(socket, `/status${query}`);
    expect(body).toMatchObject({ received: 100, sessionCount: 1000 });
    expect(body.sessions).toHaveLength(sessions);
  });

  test("GET /health: only a gateway that takes packets in is well", async () => {
    const socket = newSocket();
    const { gateway } = await listening(socket);
    for (const [state, status] of [
      ["starting", 503],
      ["running", 200],
      ["draining", 503],
    ] as const) {
      gateway.state = state;
      const body = { state, version: VERSION, pid: process.pid };
      expect(await ask(socket, "/health")).toMatchObject({ status, body });
    }
  });

  test.each([
    ["while it starts", "GET", "/status", undefined, "NOT_READY", 503],
    ["an address that it does not have", "GET", "/nothing", undefined, "NOT_FOUND", 404],
    ["a method that an address does not have", "DELETE", "/status", undefined, "NOT_FOUND", 404],
    ["an address that is none", "GET", "/%zz", undefined, "USAGE", 400],
    ["more sessions than there may be", "GET", "/status?sessions=10001", undefined, "USAGE", 400],
    ["no number of sessions", "GET", "/status?sessions=all", undefined, "USAGE", 400],
    ["a body that is no JSON", "POST", "/status", "{", "USAGE", 400],
  ] as const)("%s", async (_, method, path, body, code, status) => {
    const socket = newSocket();
    const { gateway } = await listening(socket);
    gateway.state = "starting";
    const answer = await ask(socket, path, method, body);
    expect([answer.status, answer.type]).toEqual([status, "application/problem+json; charset=utf-8"]);
    expect(answer.body).toMatchObject({
      type: `urn:spangate:error:${code}`,
      title: ERRORS[code].description,
      status,
      code,
      details: {},
    });
    expect(answer.body.message).not.toBe("");
  });

  test("of its own mistakes nothing but that there was one", async () => {
    const socket = newSocket();
    const { gateway } = await listening(socket);
    gateway.status = () => {
      throw new TypeError("secret");
    };
    const { status, body } = await ask(socket, "/status");
    expect([status, body.code]).toEqual([500, "INTERNAL"]);
    expect(JSON.stringify(body)).not.toContain("secret");
  });
});

describe("its socket", () => {
  test("for user and group only, in a folder that is made", async () => {
    const path = join(newSocket(), "deep", "api.sock");
    const { server } = await listening(path);
    expect(statSync(path).mode).toBe(0o140660);
    expect(readdirSync(dirname(path))).toEqual(["api.sock"]);
    await server.close();
    expect(existsSync(path)).toBe(false);
  });

  test.skipIf(!isRoot)("is a user's, and so is the folder", async () => {
    const path = join(newSocket(), "api.sock");
    const owner = findUser("nobody");
    const server = await ControlServer.listen(new FakeGateway(), { socket: path }, { owner });
    onTestFinished(() => server.close());
    for (const each of [path, dirname(path)])
      expect(statSync(each)).toMatchObject({ uid: owner.uid, gid: owner.gid });
    expect(statSync(path).mode & 0o777).toBe(0o660);
  });

  test("of a process that was killed is replaced", async () => {
    const path = newSocket();
    const program = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    await once(spawn(process.execPath, ["-e", program]), "exit");
    expect(existsSync(path)).toBe(true);
    await listening(path);
    expect((await ask(path, "/health")).status).toBe(200);
  });

  test("of a living process is left alone", async () => {
    const path = newSocket();
    await listening(path);
    await expect(ControlServer.listen(new FakeGateway(), { socket: path })).rejects.toMatchObject({
      code: "GATEWAY_RUNS",
      message: `A gateway answers at ${path} already. Each takes its own \`api.socket\`.`,
    });
    expect((await ask(path, "/health")).status).toBe(200);
    expect(readdirSync(dirname(path)).filter((name) => name.includes(`.${process.pid}`))).toEqual([]);
  });

  test("of another program, too", async () => {
    const path = newSocket();
    const other = createServer().listen(path);
    onTestFinished(() => void other.close());
    await once(other, "listening");
    await expect(ControlServer.listen(new FakeGateway(), { socket: path })).rejects.toMatchObject({
      code: "GATEWAY_RUNS",
    });
  });

  test("what is no socket is left alone", async () => {
    const path = newSocket();
    writeFileSync(path, "precious");
    await expect(ControlServer.listen(new FakeGateway(), { socket: path })).rejects.toMatchObject({
      code: "USAGE",
    });
    expect(statSync(path).size).toBe(8);
  });

  test("a link that leads nowhere is replaced", async () => {
    const path = newSocket();
    symlinkSync("/nowhere/at/all", path);
    await listening(path);
    expect(statSync(path).isSocket()).toBe(true);
  });

  test.each([
    [
      "a folder that cannot be made",
      "/dev/null/api.sock",
      "IO_FAILED",
      /^Cannot listen at \/dev\/null\/api\.sock: /,
    ],
    [
      "a name that is too long",
      `/tmp/${"x".repeat(100)}`,
      "USAGE",
      /too long for a socket: at most 99 bytes/,
    ],
  ])("%s", async (_, path, code, message) => {
    await expect(ControlServer.listen(new FakeGateway(), { socket: path })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test("a name that has just room", async () => {
    const folder = newSocket();
    mkdirSync(folder);
    await listening(join(folder, "x".repeat(98 - folder.length)));
  });

  test("that another process has put there is not removed", async () => {
    const path = newSocket();
    const { server } = await listening(path);
    rmSync(path);
    writeFileSync(path, "other");
    await server.close();
    expect(existsSync(path)).toBe(true);
  });

  test("is gone when it ends, even with somebody connected", async () => {
    const path = newSocket();
    const { server } = await listening(path);
    const asked = get({ socketPath: path, path: "/health", agent: false });
    await once(asked, "socket");
    asked.on("error", () => {});
    await server.close();
    expect(existsSync(path)).toBe(false);
  });
});
