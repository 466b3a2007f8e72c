// Deliveries to an AF_PACKET socket: each frame becomes a message for sendmmsg, where it lies. The call copies it, so what was sent is
// done with at once; what the interface does not take now stays a message, in its order, until it does.

import {
  NONE,
  RECORD_FRAME,
  RECORD_LENGTH,
  RECORD_NEXT,
  RECORD_QUEUE,
  TAKEN,
  WORKER_IN_FLIGHT,
  WORKER_TAKEN_COUNT,
  WORKER_TAKEN_DONE,
} from "./layout";
import { queueAt, settleAll, settle as settleOne, takeReady } from "./queue";
import { record } from "./records";
import {
  MESSAGES,
  OWNER_CONTINUES,
  PACKET_BASE,
  PACKET_CHAINS,
  PACKET_COUNT,
  PACKET_FIRST,
  PACKET_FRAGMENT,
  PACKET_HEAD,
  PACKET_OWNERS,
  PACKET_PARTS,
  PART_SIZE,
} from "./sockets";
import { field, setField, worker } from "./worker";

const PART_LENGTH: usize = 8;

/** Makes messages of what the queues have, in turns of `quantum` bytes, when none waits. Gives how many wait, from PACKET_FIRST on. */
export function prepare(socket: usize, quantum: u32): u32 {
  const waiting = load<u32>(socket, PACKET_COUNT) - load<u32>(socket, PACKET_FIRST);
  if (waiting != 0) return waiting;
  const base = load<u64>(socket, PACKET_BASE);
  const owners = <usize>load<u32>(socket, PACKET_OWNERS);
  let part = <usize>load<u32>(socket, PACKET_PARTS);
  let fragment = load<u32>(socket, PACKET_FRAGMENT);
  let head = load<u32>(socket, PACKET_HEAD);
  let chains: u32 = 0;
  let count: u32 = 0;
  while (count < <u32>MESSAGES) {
    if (fragment == NONE) {
      head = nextTaken(MESSAGES - count, quantum);
      if (head == NONE) break;
      fragment = head;
    } else {
      chains = 1;
    }
    const at = record(fragment);
    store<u64>(part, base + load<u32>(at, RECORD_FRAME));
    store<u64>(part, load<u32>(at, RECORD_LENGTH), PART_LENGTH);
    fragment = load<u32>(at, RECORD_NEXT);
    if (fragment != NONE) chains = 1;
    store<u32>(owners + (count << 2), fragment == NONE ? head : head | <u32>OWNER_CONTINUES);
    part += PART_SIZE;
    count++;
  }
  store<u32>(socket, 0, PACKET_FIRST);
  store<u32>(socket, count, PACKET_COUNT);
  store<u32>(socket, chains, PACKET_CHAINS);
  store<u32>(socket, fragment, PACKET_FRAGMENT);
  store<u32>(socket, head, PACKET_HEAD);
  return count;
}

/** The next record that the queues give, or NONE. Takes up to `most` of them when it has none left. */
function nextTaken(most: u32, quantum: u32): u32 {
  let next = field(WORKER_TAKEN_DONE);
  if (next == field(WORKER_TAKEN_COUNT)) {
    const taken = takeReady(most, quantum, worker() + TAKEN);
    setField(WORKER_TAKEN_COUNT, taken);
    setField(WORKER_TAKEN_DONE, 0);
    setField(WORKER_IN_FLIGHT, field(WORKER_IN_FLIGHT) + taken);
    if (taken == 0) return NONE;
    next = 0;
  }
  setField(WORKER_TAKEN_DONE, next + 1);
  return load<u32>(worker() + TAKEN + (next << 2));
}

/**
 * The first `sent` of the messages that waited are sent; and with `refused` the one behind them cannot be, nor what is left of its
 * packet. Gives how many packets are done with.
 */
export function settle(socket: usize, sent: u32, refused: bool): u32 {
  const owners = <usize>load<u32>(socket, PACKET_OWNERS);
  const hasChains = load<u32>(socket, PACKET_CHAINS) != 0;
  let first = load<u32>(socket, PACKET_FIRST);
  const end = first + sent;
  let packets: u32 = 0;
  if (!hasChains) {
    settleAll(owners + (first << 2), sent, true);
    packets = sent;
    first = end;
  }
  while (first < end) {
    const owner = load<u32>(owners + (first << 2));
    first++;
    if ((owner & OWNER_CONTINUES) != 0) continue;
    settleOne(queueOf(owner), owner, true);
    packets++;
  }
  if (refused) {
    const head = load<u32>(owners + (first << 2)) & ~OWNER_CONTINUES;
    const count = load<u32>(socket, PACKET_COUNT);
    while (first < count && (load<u32>(owners + (first << 2)) & ~OWNER_CONTINUES) == head) first++;
    if (load<u32>(socket, PACKET_HEAD) == head) store<u32>(socket, NONE, PACKET_FRAGMENT);
    settleOne(queueOf(head), head, false);
    packets++;
  }
  store<u32>(socket, first, PACKET_FIRST);
  setField(WORKER_IN_FLIGHT, field(WORKER_IN_FLIGHT) - packets);
  return packets;
}

function queueOf(entry: u32): usize {
  return queueAt(load<u32>(record(entry), RECORD_QUEUE));
}
