// What a sender does, again and again: each of its sniffers' queues in turn, a batch of it to its sink. It naps while packets come close
// together, sleeps when none do, and says so before, so that workers wake it. A sink that blocks keeps nobody else waiting.

import { drain, nap, PollSet, sharpenTimers } from "../linux/index.js";
import { CONTROL, STATES } from "./live-control.js";
import type { QueueDrain } from "./queue-drain.js";

/** Microseconds of a nap. */
const NAP = 50;
/** How long it sleeps at the most, in milliseconds. */
const LONG = 100;

export interface SenderLoopParts {
  /** By the queues' numbers. It changes only while `obey` runs. */
  readonly drains: Map<number, QueueDrain>;
  readonly control: Int32Array;
  /** By which it is woken (eventfd). */
  readonly event: number;
  /** Does what the main thread has asked for meanwhile. Whether that was anything. */
  obey(): boolean;
  /** A queue that was to go is empty. */
  leave(queue: number, drain: QueueDrain): void;
}

/** Runs until it is told to end. */
export function runSender({ drains, control, event, obey, leave }: SenderLoopParts): void {
  sharpenTimers();
  let all = [...drains.values()];
  let poll = pollSetOf(event, all);
  let hasWorked = false;
  // What was asked for before the loop began.
  let isAsked = true;
  for (;;) {
    const state = Atomics.load(control, CONTROL.state);
    if (state === STATES.stopped) break;
    if (isAsked && obey()) {
      all = [...drains.values()];
      poll = pollSetOf(event, all);
    }
    isAsked = false;
    let done = 0;
    for (let i = 0; i < all.length; i++) done += all[i]!.turn();
    if (done > 0) {
      hasWorked = true;
      continue;
    }
    if (leaveEmpty(drains, leave)) {
      all = [...drains.values()];
      poll = pollSetOf(event, all);
    }
    if (hasWorked) {
      // What comes within a nap is sent without anybody waking anybody.
      hasWorked = false;
      nap(NAP);
      continue;
    }
    if (state === STATES.draining && !all.some((each) => each.isWaiting)) break;
    Atomics.store(control, CONTROL.sleeps, 1);
    if (all.some((each) => each.isWaiting && !each.isBlocked)) {
      // It came this moment; or its worker has not yet taken back what was sent.
      Atomics.store(control, CONTROL.sleeps, 0);
      nap(NAP);
      continue;
    }
    poll.wait(sleepOf(all, poll));
    Atomics.store(control, CONTROL.sleeps, 0);
    isAsked = drain(event);
    for (let i = 0; i < all.length; i++) if (poll.failed(i + 1) || poll.writable(i + 1)) all[i]!.unblock();
  }
  for (const each of all) each.close();
}

function pollSetOf(event: number, all: readonly QueueDrain[]): PollSet {
  return new PollSet(
    [event],
    all.map(({ fd }) => fd),
  );
}

/** Until something is worth trying, in milliseconds; who can say so by its descriptor does. */
function sleepOf(all: readonly QueueDrain[], poll: PollSet): number {
  const now = performance.now();
  let sleep = LONG;
  for (let i = 0; i < all.length; i++) {
    const { isBlocked, fd } = all[i]!;
    poll.want(i, isBlocked && fd >= 0);
    if (isBlocked) sleep = Math.min(sleep, all[i]!.patience(now));
  }
  return Math.ceil(sleep);
}

/** Whether one has gone. */
function leaveEmpty(drains: Map<number, QueueDrain>, leave: SenderLoopParts["leave"]): boolean {
  let hasLeft = false;
  for (const [queue, each] of drains) {
    if (!each.isLeaving || each.isWaiting) continue;
    drains.delete(queue);
    leave(queue, each);
    hasLeft = true;
  }
  return hasLeft;
}
