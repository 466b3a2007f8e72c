// What a data-path worker does, again and again: receive, process, queue, send, without waiting for anybody (run to completion). With
// nothing to do it sleeps on its sockets and an event; or while packets come close together it naps, so that each time there are some,
// and no sender has to wake it: that costs more than the packet.

import type { Receiver } from "../capture/live.js";
import type { EngineThread } from "../engine/index.js";
import { drain, nap, PollSet, sharpenTimers } from "../linux/index.js";
import type { Transmitter } from "../transmit/live.js";
import { CONTROL, STATES } from "./live-control.js";
import type { SenderBells } from "./sender-bells.js";

/** Microseconds of a nap: packets that come within so long of one another are close together. */
const NAP = 50;
/** How long it sleeps at the most, in milliseconds: nothing at all to do, or packets that do not go out. */
const LONG = 100;
const SHORT = 1;
/** The same while senders in other threads have packets, whose slots come back. */
const LENT = 5;

export interface LoopParts {
  readonly engine: EngineThread;
  readonly receiver: Receiver;
  readonly transmitter: Transmitter;
  /** Of senders in other threads. */
  readonly bells: SenderBells;
  readonly control: Int32Array;
  /** By which it is woken (eventfd). */
  readonly event: number;
}

/** Runs until it is told to end. */
export function runLoop({ engine, receiver, transmitter, bells, control, event }: LoopParts): void {
  const poll = new PollSet([receiver.fd, event]);
  sharpenTimers();
  let hasWorked = false;
  let isDense = false;
  for (;;) {
    // That it goes on; nobody else writes the word.
    control[CONTROL.rounds] = (control[CONTROL.rounds]! + 1) | 0;
    const state = Atomics.load(control, CONTROL.state);
    if (state === STATES.stopped) break;
    if (state === STATES.waiting) {
      awaitOrders(poll, event);
      continue;
    }
    const completed = transmitter.complete();
    engine.reclaim();
    receiver.refill();
    const received = receiver.receive();
    if (received > 0) {
      engine.process(received);
      bells.ring();
    }
    const sent = transmitter.transmit();
    if (completed + received + sent > 0) {
      hasWorked = true;
      continue;
    }
    const isEmpty = engine.isEmpty;
    const isLent = engine.lent !== 0;
    // Senders get no more than they can give back.
    if (state === STATES.draining && isEmpty && !isLent) break;
    const mayNap = isDense && hasWorked;
    hasWorked = false;
    if (mayNap) {
      nap(NAP);
      continue;
    }
    // A map may have come that no packet has seen yet.
    engine.process(0);
    const begin = performance.now();
    poll.wait(!isEmpty ? SHORT : isLent ? LENT : LONG);
    isDense = poll.ready(0) && performance.now() - begin < NAP / 1000;
    if (poll.ready(1)) drain(event);
    const hasFailed = poll.failed(0);
    if (hasFailed || poll.ready(0)) receiver.woken(hasFailed);
  }
  engine.flush();
}

/** The sockets are not bound: `poll` tells of them as broken, and nothing can be done about it. */
function awaitOrders(poll: PollSet, event: number): void {
  poll.wait(LONG);
  if (poll.ready(1)) drain(event);
  else nap(NAP);
}
