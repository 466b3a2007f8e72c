// How a gateway is asked to hand over to another one that takes its place: what it is, first, while it goes on as before; and then to let
// go. Only the owner of the socket may ask, or root: its group may look.

import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Lent, LetGo, Offer } from "../datapath/live.js";
import { SpangateError } from "../errors.js";
import { VERSION } from "../version.js";
import type { PeerOf } from "./peer.js";

/** A gateway's part. */
export interface HandsOver {
  /** @throws SpangateError NOT_READY, UNSUPPORTED */
  offer(): Offer;
  /** Sends its programs on the interfaces to a mailbox. @throws SpangateError NOT_READY, UNSUPPORTED, SYSTEM_CALL */
  lend(mailbox: string): Lent;
  /** It ends then. @throws SpangateError NOT_READY, UNSUPPORTED, SYSTEM_CALL */
  letGo(): Promise<LetGo>;
}

/** What POST /handover answers. */
export interface OfferDocument extends Offer {
  readonly pid: number;
  readonly version: string;
}

/** An abstract name of a Unix socket. */
const LEND_QUERY = {
  type: "object",
  required: ["mailbox"],
  properties: { mailbox: { type: "string", pattern: "^@[\\w-]{1,100}$" } },
} as const;

/** Adds POST /handover, /handover/lend and /handover/commit. */
export function addHandover(api: FastifyInstance, gateway: HandsOver, peerOf: PeerOf): void {
  api.post("/handover", (request): OfferDocument => {
    expectOwner(request, peerOf);
    return { ...gateway.offer(), pid: process.pid, version: VERSION };
  });
  api.post<{ Querystring: { mailbox: string } }>(
    "/handover/lend",
    { schema: { querystring: LEND_QUERY } },
    (request): Lent => {
      expectOwner(request, peerOf);
      return gateway.lend(request.query.mailbox);
    },
  );
  api.post("/handover/commit", async (request): Promise<LetGo> => {
    expectOwner(request, peerOf);
    return await gateway.letGo();
  });
}

/** The socket's mode lets its group in, too. */
function expectOwner({ raw }: Pick<FastifyRequest, "raw">, peerOf: PeerOf): void {
  const user = peerOf(raw.socket)?.uid;
  const own = process.geteuid!();
  if (user === 0 || user === own) return;
  const who = user === undefined ? "somebody who cannot be told" : `user ${user}`;
  const message = `Only root and user ${own}, whose gateway it is, may take its place, at its socket; ${who} asks.`;
  throw new SpangateError("NOT_PERMITTED", message, { details: { user } });
}
