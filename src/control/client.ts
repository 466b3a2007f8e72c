// Asks a gateway's control API. Needs nothing of Linux, so that whoever may use the socket may ask.

import { type IncomingMessage, request } from "node:http";
import { SpangateError } from "../errors.js";

const PATIENCE = 10_000;

/** What is asked beside the path; GET without it. */
export interface Asked {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * What a request for `path` gives.
 *
 * @throws SpangateError GATEWAY_UNREACHABLE, NOT_PERMITTED, and what the gateway itself answers
 */
export async function askGateway(
  socket: string,
  path: string,
  asked: Asked = { method: "GET" },
): Promise<unknown> {
  const { status, text } = await send(socket, path, asked);
  return documentOf(socket, status, text);
}

/**
 * The objects that GET `path` gives, a line each, until it ends.
 *
 * @throws SpangateError as `askGateway`, and what the last line says went wrong
 */
export async function* followGateway(socketPath: string, path: string): AsyncGenerator<unknown> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request({ socketPath, path, agent: false });
    asked.on("error", (cause: NodeJS.ErrnoException) => reject(failure(socketPath, cause)));
    asked.on("response", resolve);
    asked.setTimeout(PATIENCE, () => asked.destroy(Object.assign(new Error("late"), { code: "ABORT_ERR" })));
    asked.on("response", () => asked.setTimeout(0)); // nothing may come for hours
    asked.end();
  });
  try {
    if (response.statusCode !== 200) {
      documentOf(socketPath, response.statusCode ?? 0, await textOf(response));
      throw unreachable(socketPath, "what answers there is no gateway");
    }
    let rest = "";
    for await (const piece of response.setEncoding("utf8")) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop()!;
      for (const line of lines) yield lineOf(socketPath, line);
    }
  } catch (error) {
    throw error instanceof SpangateError ? error : failure(socketPath, error as NodeJS.ErrnoException);
  } finally {
    response.destroy();
  }
}

function lineOf(socket: string, line: string): unknown {
  const value = parsed(socket, line);
  const problem = value instanceof Object && "code" in value ? SpangateError.revive(value) : undefined;
  if (problem !== undefined) throw problem;
  return value;
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of response.setEncoding("utf8")) text += piece;
  return text;
}

function documentOf(socket: string, status: number, text: string): unknown {
  const document = parsed(socket, text);
  if (status < 400) return document;
  throw SpangateError.revive(document) ?? unreachable(socket, `it answers with status ${status}`);
}

function parsed(socket: string, text: string): unknown {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw unreachable(socket, "what answers there is no gateway");
  }
  return document;
}

function send(
  socketPath: string,
  path: string,
  { method, body, headers }: Asked,
): Promise<{ status: number; text: string }> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => reject(failure(socketPath, cause));
    // A connection each: between two looks the gateway may have been started anew.
    const asked = request({
      socketPath,
      path,
      method,
      headers: { ...headers, ...(text !== undefined && { "content-type": "application/json" }) },
      agent: false,
      signal: AbortSignal.timeout(PATIENCE),
    });
    asked.on("error", fail);
    asked.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("error", fail);
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
      );
    });
    asked.end(text);
  });
}

function failure(socket: string, cause: NodeJS.ErrnoException): SpangateError {
  switch (cause.code) {
    case "ENOENT":
      return unreachable(socket, "there is no such socket", cause);
    case "ECONNREFUSED":
      return unreachable(socket, "nobody listens there any more", cause);
    case "ECONNRESET":
    case "EPIPE":
      return unreachable(socket, "it has ended while it was asked", cause);
    case "ABORT_ERR":
      return unreachable(socket, `it does not answer within ${PATIENCE / 1000} s`, cause);
    case "EACCES":
    case "EPERM": {
      const message = `${socket} may be used by root, and by the gateway's user and group only.`;
      return new SpangateError("NOT_PERMITTED", message, { cause, details: { socket } });
    }
    default:
      return unreachable(socket, cause.message, cause);
  }
}

function unreachable(socket: string, why: string, cause?: unknown): SpangateError {
  const message =
    `No gateway answers at ${socket}: ${why}. ` +
    "A gateway answers when it was started with `api` in its configuration; --socket names another place.";
  return new SpangateError("GATEWAY_UNREACHABLE", message, { cause, details: { socket } });
}
