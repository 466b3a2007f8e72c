// What a data-path worker does, again and again: receive, process, queue, send, without waiting for anybody (run to completion). With
// nothing to do it looks a while longer, and then sleeps on its sockets and an event.

import type { Receiver } from "../capture/live.js";
import type { EngineThread } from "../engine/index.js";
import { drain, PollSet } from "../linux/index.js";
import type { Transmitter } from "../transmit/live.js";

/** Words by which the main thread and a worker talk, in shared memory. */
export const CONTROL = { state: 0, rounds: 1, sleeps: 2 } as const;
export const CONTROL_SIZE = 64;
/** What a worker is to do. `draining`: nothing comes in any more; it ends when nothing is left. */
export const STATES = { running: 0, draining: 1, stopped: 2 } as const;

/** Rounds without work before it sleeps: some tens of microseconds, less than waking takes. */
const PATIENCE = 64;
/** How long it sleeps at the most, in milliseconds: nothing at all to do, or packets that do not go out. */
const LONG = 100;
const SHORT = 1;

export interface LoopParts {
  readonly engine: EngineThread;
  readonly receiver: Receiver;
  readonly transmitter: Transmitter;
  readonly control: Int32Array;
  /** By which it is woken (eventfd). */
  readonly event: number;
}

/** Runs until it is told to end. */
export function runLoop({ engine, receiver, transmitter, control, event }: LoopParts): void {
  const poll = new PollSet([{ fd: receiver.fd }, { fd: event }]);
  let idle = 0;
  for (;;) {
    const state = Atomics.load(control, CONTROL.state);
    if (state === STATES.stopped) break;
    const completed = transmitter.complete();
    receiver.refill();
    const received = receiver.receive();
    if (received > 0) engine.process(received);
    const sent = transmitter.transmit();
    if (completed + received + sent > 0) {
      idle = 0;
      continue;
    }
    const isEmpty = engine.readyQueues === 0 && transmitter.inFlight === 0;
    if (state === STATES.draining && isEmpty) break;
    if (++idle < PATIENCE) continue;
    // A map may have come that no packet has seen yet.
    engine.process(0);
    control[CONTROL.sleeps]!++;
    poll.wait(isEmpty ? LONG : SHORT);
    if (poll.ready(1)) drain(event);
    const hasFailed = poll.failed(0);
    if (hasFailed || poll.ready(0)) receiver.woken(hasFailed);
    if (poll.ready(0)) idle = 0;
  }
  engine.flush();
}
