// The control API by TCP: for whoever has the token and nobody else, with TLS where it is asked for.

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request as requestPlain } from "node:http";
import { request as requestTls } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { PROBLEM_TYPE } from "../../src/control/problem.js";
import { type TcpOptions, TcpServer } from "../../src/control/tcp-server.js";

const TOKEN = "0123456789abcdef0123456789abcdef";
const LOOPBACK = { family: 4, bytes: Uint8Array.of(127, 0, 0, 1) } as const;

const folder = mkdtempSync(join(tmpdir(), "spangate-tcp-"));
const token = join(folder, "token");
writeFileSync(token, `${TOKEN}\n`);

async function listening(options: Partial<TcpOptions> = {}): Promise<{ server: Server; handled: string[] }> {
  const handled: string[] = [];
  const tcp = await TcpServer.make(
    ({ url }, response) => {
      handled.push(url!);
      response.end("{}");
    },
    { address: LOOPBACK, port: 0, token, ...options },
  );
  const { server } = tcp;
  onTestFinished(() => void server.close());
  await tcp.listen();
  return { server, handled };
}

async function ask(server: Server, authorization?: string, ca?: Buffer) {
  const { port } = server.address() as AddressInfo;
  const headers = authorization === undefined ? {} : { authorization };
  const options = { host: "127.0.0.1", port, path: "/health", headers, agent: false };
  const asked = ca === undefined ? requestPlain(options) : requestTls({ ...options, ca });
  asked.end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  response.resume();
  const { "content-type": type, "www-authenticate": challenge } = response.headers;
  return { status: response.statusCode, type, challenge };
}

test("with the token it answers", async () => {
  const { server, handled } = await listening();
  expect((await ask(server, `Bearer ${TOKEN}`)).status).toBe(200);
  expect((await ask(server, `bearer  ${TOKEN}`)).status).toBe(200);
  expect(handled).toEqual(["/health", "/health"]);
});

test.each([
  undefined,
  "",
  "Bearer",
  "Bearer ",
  `Bearer ${TOKEN.slice(1)}`,
  `Bearer ${TOKEN}x`,
  `Basic ${TOKEN}`,
  TOKEN,
])("with %j it does not", async (authorization) => {
  const { server, handled } = await listening();
  expect(await ask(server, authorization)).toEqual({ status: 401, type: PROBLEM_TYPE, challenge: "Bearer" });
  expect(handled).toEqual([]);
});

test("by TLS", async () => {
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  const how = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-days",
    "1",
  ];
  execFileSync("openssl", [...how, "-keyout", key, "-out", certificate, ...subject], { stdio: "ignore" });
  const { server } = await listening({ tls: { certificate, key } });
  const ca = readFileSync(certificate);
  expect((await ask(server, `Bearer ${TOKEN}`, ca)).status).toBe(200);
  expect((await ask(server, "Bearer x", ca)).status).toBe(401);
  await expect(ask(server, `Bearer ${TOKEN}`)).rejects.toThrow();
});

test.each<[string, Partial<TcpOptions>, string, RegExp]>([
  ["no token file", { token: "/nowhere" }, "IO_FAILED", /cannot read the token in \/nowhere/],
  [
    "a certificate that is none",
    { tls: { certificate: token, key: token } },
    "CONFIG_INVALID",
    /no certificate/,
  ],
  ["no key", { tls: { certificate: token, key: "/nowhere" } }, "IO_FAILED", /cannot read the key/],
  [
    "an address that is another's",
    { address: { family: 4, bytes: Uint8Array.of(192, 0, 2, 1) }, port: 9 },
    "IO_FAILED",
    /Cannot listen at 192\.0\.2\.1, port 9/,
  ],
])("%s is refused", async (_, options, code, message) => {
  await expect(listening(options)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});

test("a token that is easily guessed is refused", async () => {
  const short = join(folder, "short");
  writeFileSync(short, "secret\n");
  await expect(listening({ token: short })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});
