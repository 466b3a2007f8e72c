// The gateway whose place another one takes, as that one has it: asked over its control socket.

import type { Lent, LetGo, Predecessor } from "../datapath/live.js";
import { SpangateError } from "../errors.js";
import { askGateway } from "./client.js";
import type { OfferDocument } from "./handover.js";

/** A predecessor, and who it is. */
export interface Met extends Predecessor {
  readonly pid: number;
  readonly version: string;
}

/**
 * The gateway that answers at `socket`, which goes on as it was until it is told to let go; undefined when none does.
 *
 * @throws SpangateError NOT_PERMITTED when it is another user's, NOT_READY, UNSUPPORTED, GATEWAY_RUNS when it knows nothing of this
 */
export async function meetPredecessor(socket: string): Promise<Met | undefined> {
  let offer: OfferDocument;
  try {
    offer = (await post(socket, "/handover")) as OfferDocument;
  } catch (error) {
    if (!(error instanceof SpangateError)) throw error;
    if (error.code === "GATEWAY_UNREACHABLE") return undefined;
    if (error.code !== "NOT_FOUND") throw error;
    const message = `The gateway that answers at ${socket} is of a version that hands nothing over: end it, and start this one then.`;
    throw new SpangateError("GATEWAY_RUNS", message, { cause: error, details: { socket } });
  }
  const { takesFirst, pid, version } = offer;
  const lend = async (mailbox: string) =>
    (await post(socket, `/handover/lend?mailbox=${encodeURIComponent(mailbox)}`)) as Lent;
  const letGo = async () => (await post(socket, "/handover/commit")) as LetGo;
  return { takesFirst, pid, version, lend, letGo };
}

function post(socket: string, path: string): Promise<unknown> {
  return askGateway(socket, path, { method: "POST" });
}
