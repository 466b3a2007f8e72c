// Asks a gateway's control API. Needs nothing of Linux, so that whoever may use the socket may ask.

import { request } from "node:http";
import { SpangateError } from "../errors.js";

const PATIENCE = 10_000;

/**
 * What GET `path` gives.
 *
 * @throws SpangateError GATEWAY_UNREACHABLE, NOT_PERMITTED, and what the gateway itself answers
 */
export async function askGateway(socket: string, path: string): Promise<unknown> {
  const { status, text } = await get(socket, path);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw unreachable(socket, "what answers there is no gateway");
  }
  if (status < 400) return document;
  throw SpangateError.revive(document) ?? unreachable(socket, `it answers with status ${status}`);
}

function get(socketPath: string, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => reject(failure(socketPath, cause));
    // A connection each: between two looks the gateway may have been started anew.
    const asked = request({ socketPath, path, agent: false, signal: AbortSignal.timeout(PATIENCE) });
    asked.on("error", fail);
    asked.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("error", fail);
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
      );
    });
    asked.end();
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
