// The control API by TCP, for whoever has the token; over TLS, or on this machine.

import { createHash, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type Address, formatAddress } from "../config/addresses.js";
import { SpangateError } from "../errors.js";
import { PROBLEM_TYPE, problemOf } from "./problem.js";

/** As `api.listen` has it: files by their names. */
export interface TcpOptions {
  readonly address: Address;
  readonly port: number;
  readonly token: string;
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
}

const SHORTEST_TOKEN = 16;

/** Between two attempts to have a port that another process is about to let go, in milliseconds. */
const PAUSE = 20;

export class TcpServer {
  readonly server: Server;
  readonly #options: TcpOptions;

  private constructor(server: Server, options: TcpOptions) {
    this.server = server;
    this.#options = options;
  }

  /** Everything is read now: the gateway may become a user who cannot. @throws SpangateError IO_FAILED, CONFIG_INVALID */
  static async make(handle: RequestListener, options: TcpOptions): Promise<TcpServer> {
    const { tls } = options;
    const token = (await read(options.token, "the token")).toString("utf8").trim();
    if (token.length < SHORTEST_TOKEN) {
      const message = `The token in ${options.token} has ${token.length} characters: at least ${SHORTEST_TOKEN} are expected (openssl rand -hex 32).`;
      throw new SpangateError("CONFIG_INVALID", message, { details: { file: options.token } });
    }
    const guarded = whoeverHas(token, handle);
    return new TcpServer(tls === undefined ? createServer(guarded) : await tlsServer(tls, guarded), options);
  }

  /**
   * @param patience milliseconds that whoever has the port may take to let it go
   * @throws SpangateError IO_FAILED, NOT_PERMITTED
   */
  async listen(patience = 0): Promise<void> {
    const { address, port } = this.#options;
    const host = formatAddress(address);
    const begin = performance.now();
    for (;;) {
      const cause = await attempt(this.server, host, port);
      if (cause === undefined) return;
      if (cause.code !== "EADDRINUSE" || performance.now() - begin > patience) {
        const code = cause.code === "EACCES" ? "NOT_PERMITTED" : "IO_FAILED";
        const message = `Cannot listen at ${host}, port ${port}: ${cause.message}`;
        throw new SpangateError(code, message, { cause, details: { host, port } });
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

async function tlsServer({ certificate, key }: NonNullable<TcpOptions["tls"]>, handle: RequestListener) {
  const [cert, secret] = [await read(certificate, "the certificate"), await read(key, "the key")];
  try {
    return createTlsServer({ cert, key: secret, minVersion: "TLSv1.2" }, handle);
  } catch (cause) {
    const message = `${certificate} and ${key} are no certificate with its key: ${(cause as Error).message}`;
    throw new SpangateError("CONFIG_INVALID", message, { cause, details: { file: certificate } });
  }
}

/** Hands on what carries the token. Digests are compared, so that the time it takes says nothing of it. */
function whoeverHas(token: string, handle: RequestListener): RequestListener {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  const wanted = digest(token);
  return (request, response) => {
    const [, given = ""] = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? "") ?? [];
    if (timingSafeEqual(digest(given), wanted)) {
      handle(request, response);
      return;
    }
    const problem = problemOf(new SpangateError("UNAUTHORIZED"));
    response.writeHead(problem.status, { "content-type": PROBLEM_TYPE, "www-authenticate": "Bearer" });
    response.end(JSON.stringify(problem));
    request.resume();
  };
}

async function read(path: string, what: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const message = `cannot read ${what} in ${path}: ${(cause as Error).message}`;
    throw new SpangateError("IO_FAILED", message, { cause, details: { file: path } });
  }
}

function attempt(server: Server, host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    server.once("error", resolve);
    server.listen({ host, port }, () => {
      server.off("error", resolve);
      resolve(undefined);
    });
  });
}
