// The live gateway: opens both interfaces, or has memory in their place, builds the engine with a worker for each receive queue, and runs
// a thread for each. The main thread is never on a packet's way: it starts, reads accounts, and ends.

import type { MemoryTunnelPort } from "../capture/memory-tunnel.js";
import type { LiveGatewayConfig } from "../config/schema.js";
import { type ArrivingFrame, Engine } from "../engine/index.js";
import { createEvent } from "../linux/index.js";
import type { FrameSink } from "../transmit/memory-delivery.js";
import { engineOptions } from "./decode-options.js";
import { CONTROL_SIZE } from "./live-control.js";
import { LiveMap } from "./live-map.js";
import { type OpenedPorts, openPorts } from "./live-ports.js";
import { type MemoryNames, roomOf, sidesOf } from "./live-sides.js";
import { type LiveStatus, readStatus } from "./live-status.js";
import { assertSupported } from "./live-support.js";
import type { ThreadSeat } from "./live-thread.js";
import { endThreads, LiveThread } from "./live-thread-handle.js";
import { favourThreads } from "./thread-priority.js";

/** Frames that wait to be received into, and places of the ring of those that have come: 10 ms of 400,000 packets a second. More leave the cache. */
const RECEIVE_RING = 4096;
/** Places of the ring of frames that go out. */
const TRANSMIT_RING = 2048;
/** Slots beside those: that stay for receiving when queues are full, and for queues and copies. */
const RESERVED = 2048;
const QUEUED = 8192;
const LARGE_SLOTS = 256;
/** Mirror sessions that are tracked by each worker. */
const SESSIONS = 1 << 18;
/** Linear memory: two generations of the tenant map above all. Pages that nobody touches cost nothing. */
const MEMORY = 1 << 30;
const NO_ROOM = { slots: 0, largeSlots: 0 };
/** How long what is queued may take to go out at the end, in milliseconds. */
const DRAIN_DEADLINE = 5000;

export interface LiveGatewayOptions {
  /** When every socket is open and no worker has been started: what is given up here, workers never have. */
  readonly beforeThreads?: () => void;
  /** Sides that are memory in place of an interface, and what they are called. */
  readonly memory?: MemoryNames;
}

interface Parts {
  readonly config: LiveGatewayConfig;
  readonly engine: Engine;
  readonly map: LiveMap;
  readonly ports: OpenedPorts;
  readonly threads: readonly LiveThread[];
}

export class LiveGateway {
  /** Rejects when a worker's thread breaks. */
  readonly broken: Promise<never>;
  readonly #config: LiveGatewayConfig;
  readonly #engine: Engine;
  readonly #map: LiveMap;
  readonly #ports: OpenedPorts;
  readonly #threads: readonly LiveThread[];
  readonly #started = Date.now();

  private constructor({ config, engine, map, ports, threads }: Parts) {
    this.#config = config;
    this.#engine = engine;
    this.#map = map;
    this.#ports = ports;
    this.#threads = threads;
    this.broken = Promise.race(threads.map(({ broken }) => broken));
    this.broken.catch(() => {});
  }

  /** @throws SpangateError of every kind that the kernel or the configuration gives reason for */
  static async start(
    config: LiveGatewayConfig,
    { beforeThreads, memory = {} }: LiveGatewayOptions = {},
  ): Promise<LiveGateway> {
    assertSupported(config);
    const { decode } = config;
    const opened: (() => unknown)[] = [];
    try {
      const { tunnel, delivery } = sidesOf(config, memory);
      const room = "memory" in tunnel && "memory" in delivery ? roomOf(config) : NO_ROOM;
      const engine = await Engine.create(
        {
          ...engineOptions(decode, config.tunnel.ports),
          workers: "memory" in tunnel ? 1 : config.tunnel.queues,
          slots: RECEIVE_RING + RESERVED + Math.max(QUEUED, room.slots),
          reserved: RESERVED,
          largeSlots: Math.max(LARGE_SLOTS, room.largeSlots),
          sessions: SESSIONS,
          queues: Math.max(1, 2 * config.sniffers.length),
          memory: MEMORY,
        },
        "shared",
      );
      const map =
        "memory" in delivery
          ? LiveMap.ofConfiguration(config, engine)
          : await LiveMap.start(config, engine, delivery);
      opened.push(() => map.close());
      const ports = await openPorts({
        engine,
        config: config.tunnel,
        tunnel,
        delivery,
        receiveRing: RECEIVE_RING,
        transmitRing: TRANSMIT_RING,
      });
      opened.push(
        () => ports.tunnel.close(),
        () => ports.delivery.close(),
      );
      const threads = startThreads(engine, ports, beforeThreads);
      opened.push(() => Promise.all(threads.map((thread) => thread.terminate())));
      await Promise.all(threads.map(({ ready }) => ready));
      return new LiveGateway({ config, engine, map, ports, threads });
    } catch (error) {
      for (const undo of opened.reverse()) await undo();
      throw error;
    }
  }

  /** `afxdp, in the driver, copy`: how frames come in, and in one line what is not as it could be; how they go out, if otherwise. */
  get description(): string {
    const { tunnel, delivery, memory, notes } = this.#ports;
    const isMemory = memory.tunnel !== undefined || memory.delivery !== undefined;
    const isOneOfMany = memory.tunnel !== undefined && this.#config.tunnel.queues > 1;
    return [
      tunnel.description,
      ...(isMemory ? [delivery.description] : []),
      ...(isOneOfMany ? ["one worker, as tunnel.queues are the interface's"] : []),
      ...notes,
      ...(tunnel.warning === undefined ? [] : [tunnel.warning]),
      ...(delivery.warning === undefined ? [] : [delivery.warning]),
    ].join("; ");
  }

  /** Where frames are pushed, when that is memory. */
  get tunnel(): MemoryTunnelPort<ArrivingFrame> | undefined {
    return this.#ports.memory.tunnel;
  }

  /** Frames that may be under way from memory to memory without one being refused for want of room. */
  get window(): number {
    return roomOf(this.#config).frames;
  }

  /** Hands what goes out to `sink`, when that is memory, until the gateway has stopped. Rejects when `sink` does. */
  async deliver(sink: FrameSink): Promise<void> {
    await this.#ports.memory.delivery?.deliver(sink, () => this.#wake());
  }

  /** Where sniffers are whose next hop is not known now; what is for them is a send error. */
  get unreachable(): readonly string[] {
    return this.#map.unreachable;
  }

  /** Follows what the kernel says of the ways to sniffers. `failed` is told what went wrong on the way; the map in force stays. */
  follow(failed: (error: unknown) => void): void {
    this.#map.follow(() => this.#wake(), failed);
  }

  #wake(): void {
    for (const thread of this.#threads) thread.wake();
  }

  /** Accounts now, with up to so many `sessions`. Of a worker in full work they are some packets apart from one another. */
  status(sessions: number): LiveStatus {
    const sources = {
      engine: this.#engine,
      kernel: this.#ports.tunnel.losses(),
      receive: this.#ports.tunnel.description,
      send: this.#ports.delivery.description,
      seconds: (Date.now() - this.#started) / 1000,
    };
    return readStatus(sources, sessions);
  }

  /** Takes nothing in any more, sends what is queued for `deadline` milliseconds at the most, and ends. Gives the last accounts. */
  async stop(sessions: number, deadline = DRAIN_DEADLINE): Promise<LiveStatus> {
    this.#map.close();
    await this.#ports.tunnel.detach();
    await endThreads(this.#threads, deadline);
    const status = this.status(sessions);
    this.#ports.delivery.close();
    this.#ports.tunnel.close();
    return status;
  }
}

function startThreads(engine: Engine, { seats }: OpenedPorts, before?: () => void): LiveThread[] {
  // Asked for while it may still be permitted.
  const asUsual = favourThreads();
  try {
    before?.();
    return seats.map((seat, i) => startThread(engine, i, seat));
  } finally {
    asUsual();
  }
}

function startThread(engine: Engine, number: number, seats: OpenedPorts["seats"][number]): LiveThread {
  const { memory } = engine;
  const control = memory.allocate(CONTROL_SIZE).address;
  const event = createEvent();
  const seat: ThreadSeat = { engine: engine.seat(number), ...seats, control, event };
  return new LiveThread({
    program: new URL("./live-thread.js", import.meta.url),
    seat,
    control: new Int32Array(memory.memory.buffer, control, CONTROL_SIZE / 4),
    event,
  });
}
