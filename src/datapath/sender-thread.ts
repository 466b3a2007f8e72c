// A sender's thread: makes its engine, and a sink for each sniffer that it is given; and runs until it is told to end.

import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { SenderThread } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import type { SinkTalk } from "../transmit/sink.js";
import { CONTROL_SIZE } from "./live-control.js";
import { QueueDrain } from "./queue-drain.js";
import { runSender } from "./sender-loop.js";
import {
  type OutletSeat,
  type SenderOrder,
  type SenderThreadSeat,
  type SenderWord,
  sinkOf,
} from "./sender-seats.js";

const seat = workerData as SenderThreadSeat;
const port = parentPort!;
const sender = await SenderThread.attach(seat.engine);
const drains = new Map<number, QueueDrain>();
for (const outlet of seat.outlets) add(outlet);
say("ready");
runSender({
  drains,
  control: new Int32Array(seat.engine.memory.buffer, seat.control, CONTROL_SIZE / 4),
  event: seat.event,
  obey,
  leave: (queue, drain) => {
    drain.close();
    say({ left: queue });
  },
});

function say(word: SenderWord): void {
  port.postMessage(word);
}

function obey(): boolean {
  let hasChanged = false;
  for (;;) {
    const order = receiveMessageOnPort(port)?.message as SenderOrder | undefined;
    if (order === undefined) return hasChanged;
    hasChanged = true;
    if ("add" in order) {
      add(order.add);
      continue;
    }
    const drain = drains.get(order.remove);
    if (drain !== undefined) drain.isLeaving = true;
    else say({ left: order.remove });
  }
}

function add({ name, queue, notes, sink }: OutletSeat): void {
  const made = sinkOf(sender, seat.area, sink, talkOf(name));
  const present = drains.get(queue);
  if (present === undefined) {
    drains.set(queue, new QueueDrain(sender.queue(queue, notes), made));
    return;
  }
  present.replaceSink(made);
  say({ replaced: queue });
}

function talkOf(name: string): SinkTalk {
  return {
    trouble: (trouble) => say({ name, trouble }),
    remark: (remark) => say({ remark }),
    fatal: (error) => say({ fatal: SpangateError.revive(error)?.toJSON() ?? { message: error.message } }),
  };
}
