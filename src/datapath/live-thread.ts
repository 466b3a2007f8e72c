// A data-path worker's thread: makes its engine, receiver and transmitter of what it is given, and runs until it is told to end. It is loaded
// while the main thread still opens what it is going to get.

import { once } from "node:events";
import { parentPort } from "node:worker_threads";
import { type EngineSeat, EngineThread } from "../engine/index.js";
import { CONTROL_SIZE } from "./live-control.js";
import { runLoop } from "./live-loop.js";
import { type DeliverySeat, receiverOf, type TunnelSeat, transmitterOf } from "./seats.js";
import { type BellSeat, SenderBells } from "./sender-bells.js";

/** Everything that a worker's thread is given. Plain data. */
export interface ThreadSeat {
  readonly engine: EngineSeat;
  readonly tunnel: TunnelSeat;
  readonly delivery: DeliverySeat;
  /** Address of its control words. */
  readonly control: number;
  readonly event: number;
  /** Of senders in other threads. */
  readonly bells: readonly BellSeat[];
}

const [seat] = (await once(parentPort!, "message")) as [ThreadSeat];
const engine = await EngineThread.attach(seat.engine);
const receiver = receiverOf(engine, seat.tunnel);
// Before it is said: else the kernel has no frame to receive into for whoever sends at once.
receiver.refill();
parentPort!.postMessage("ready");
runLoop({
  engine,
  receiver,
  transmitter: transmitterOf(engine, seat.delivery),
  bells: new SenderBells(engine, seat.bells),
  control: new Int32Array(seat.engine.memory.buffer, seat.control, CONTROL_SIZE / 4),
  event: seat.event,
});
