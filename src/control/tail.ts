// GET /tail: packets of a tenant with their explanation, a line of JSON each, for as long as somebody reads.

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import { TAIL_RATE } from "../config/defaults.js";
import { SpangateError } from "../errors.js";
import type { PeerOf } from "./peer.js";
import { problemOf } from "./problem.js";
import type { Tail, Tails } from "./tails.js";

const LINES = "application/x-ndjson";
/** How long a reader may take nothing, in milliseconds: another one waits. */
const PATIENCE = 10_000;
const QUERY = {
  type: "object",
  required: ["tenant"],
  properties: {
    tenant: { type: "string", minLength: 1 },
    rate: { type: "number", minimum: TAIL_RATE.least, maximum: TAIL_RATE.most, default: TAIL_RATE.usual },
    count: { type: "integer", minimum: 1 },
  },
} as const;

interface Query {
  readonly tenant: string;
  readonly rate: number;
  readonly count?: number;
}

/** @param tails undefined while there is no gateway yet */
export function tailRoute(api: FastifyInstance, tails: () => Tails | undefined, peerOf: PeerOf): void {
  api.get<{ Querystring: Query }>(
    "/tail",
    { schema: { querystring: QUERY } },
    async ({ query, raw }, reply) => {
      const all = tails();
      if (all === undefined) throw new SpangateError("NOT_READY");
      const tail = await all.begin({ ...query, who: whoOf(raw.socket, peerOf) });
      reply.hijack();
      await send(tail, reply.raw);
    },
  );
}

function whoOf(socket: Socket, peerOf: PeerOf): Record<string, unknown> {
  const peer = peerOf(socket);
  if (peer !== undefined) return { uid: peer.uid, pid: peer.pid };
  return { address: socket.remoteAddress ?? "unknown" };
}

/** Whatever goes wrong from here on is the last line, a problem document. */
async function send(tail: Tail, response: ServerResponse): Promise<void> {
  const end = () => tail.close();
  response.once("close", end);
  if (response.destroyed) end();
  response.writeHead(200, { "content-type": LINES, "cache-control": "no-store" });
  // Whoever asked is to know that it has begun, though nothing comes.
  response.flushHeaders();
  try {
    for await (const packet of tail.packets()) {
      if (response.write(`${JSON.stringify(packet)}\n`)) continue;
      await once(response, "drain", { signal: AbortSignal.timeout(PATIENCE) });
    }
    response.end();
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") response.destroy();
    else response.end(`${JSON.stringify(problemOf(error))}\n`);
  } finally {
    tail.close();
  }
}
