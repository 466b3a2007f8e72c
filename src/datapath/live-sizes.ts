// How much of everything a live gateway has: slots, places in rings, sessions, memory.

import { LARGE_STRIDE, RECORD_SIZE, SESSION_ENTRY, SLOT_STRIDE } from "../../assembly/memory/layout.js";
import type { LiveGatewayConfig } from "../config/schema.js";
import { SpangateError } from "../errors.js";
import type { Room } from "./live-sides.js";

/**
 * Frames that wait to be received into, and places of the rings of those that have come, of all workers together: 80 ms of 400,000
 * packets a second. A virtual machine's host has it wait for 30 ms now and then.
 */
const RECEIVE_RINGS = 32_768;
const LEAST_RECEIVE_RING = 4096;
/** Places of the ring of frames that go out. */
const TRANSMIT_RING = 2048;
/** Slots beside those: that stay for receiving when queues are full, and for queues and copies. */
const RESERVED = 2048;
const QUEUED = 8192;
const LARGE_SLOTS = 256;
/** Mirror sessions that are tracked by all workers together, and by each. */
const SESSIONS = 1 << 20;
const MOST_SESSIONS = 1 << 18;
const LEAST_SESSIONS = 1 << 16;
const MIB = 2 ** 20;
/** Two generations of the tenant map above all. Pages that nobody touches cost nothing. */
const MAPS = 800 * MIB;
/** Of a worker, beside what is counted: its blocks, and a ring of AF_PACKET. */
const BLOCKS = 24 * MIB;
/** WebAssembly's, with 32-bit addresses. */
export const MOST_MEMORY = 4096 * MIB;

export interface LiveSizes {
  /** Of each worker. */
  readonly slots: number;
  readonly reserved: number;
  readonly largeSlots: number;
  readonly sessions: number;
  readonly receiveRing: number;
  readonly transmitRing: number;
  /** Bytes of all. */
  readonly memory: number;
}

/** @throws SpangateError CONFIG_INVALID when it is more than there can be */
export function liveSizes(config: LiveGatewayConfig, workers: number, room: Room | undefined): LiveSizes {
  const { sniffers, decode } = config;
  const receiveRing = Math.max(LEAST_RECEIVE_RING, powerOfTwo(RECEIVE_RINGS / workers));
  const longest = sniffers.reduce((most, { queue }) => Math.max(most, queue), 0);
  // A queue may hold as much as is still free: alone it comes to its limit.
  const queued = Math.max(QUEUED, 2 * longest, room?.slots ?? 0);
  const slots = receiveRing + RESERVED + queued;
  const largeSlots = Math.max(LARGE_SLOTS, room?.largeSlots ?? 0);
  const sessions = Math.min(MOST_SESSIONS, Math.max(LEAST_SESSIONS, powerOfTwo(SESSIONS / workers)));
  const each =
    slots * (SLOT_STRIDE + RECORD_SIZE) +
    largeSlots * (LARGE_STRIDE + RECORD_SIZE) +
    sessions * (SESSION_ENTRY + 8) +
    1.1 * decode.reassembly.memory +
    BLOCKS;
  const memory = MAPS + workers * each;
  if (memory > MOST_MEMORY) throw tooMuch(config, workers, each, queued * (SLOT_STRIDE + RECORD_SIZE));
  return {
    slots,
    reserved: RESERVED,
    largeSlots,
    sessions,
    receiveRing,
    transmitRing: TRANSMIT_RING,
    memory,
  };
}

function tooMuch(
  { decode }: LiveGatewayConfig,
  workers: number,
  each: number,
  queues: number,
): SpangateError {
  const mib = (bytes: number) => `${Math.ceil(bytes / MIB)} MiB`;
  const message =
    `${workers} workers (tunnel.queues) of ${mib(each)}, of which decode.reassembly.memory is ${mib(decode.reassembly.memory)} ` +
    `and the longest sniffers[].queue takes ${mib(queues)}, and ${mib(MAPS)} for the tenant map are more than the ${mib(MOST_MEMORY)} ` +
    "of WebAssembly: lower one of the three.";
  return new SpangateError("CONFIG_INVALID", message, { details: { workers, bytes: MAPS + workers * each } });
}

/** The greatest that is not over `most`. */
function powerOfTwo(most: number): number {
  return 2 ** Math.floor(Math.log2(most));
}
