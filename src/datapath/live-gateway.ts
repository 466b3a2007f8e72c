// The live gateway: opens both interfaces, or has memory in their place, builds the engine with a worker for each receive queue, and runs
// a thread for each. The main thread is never on a packet's way: it starts, reads accounts, and ends.

import type { MemoryTunnelPort } from "../capture/memory-tunnel.js";
import type { LiveGatewayConfig } from "../config/schema.js";
import { type ArrivingFrame, Engine } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import { createEvent } from "../linux/index.js";
import type { FrameSink } from "../transmit/memory-delivery.js";
import { engineOptions } from "./decode-options.js";
import { LinkWatch } from "./link-watch.js";
import { CONTROL_SIZE } from "./live-control.js";
import { LiveMap } from "./live-map.js";
import { type OpenedPorts, openPorts } from "./live-ports.js";
import { type MemoryNames, roomOf, sidesOf } from "./live-sides.js";
import { liveSizes } from "./live-sizes.js";
import { type LiveStatus, readStatus } from "./live-status.js";
import { assertSupported } from "./live-support.js";
import type { ThreadSeat } from "./live-thread.js";
import { endThreads, LiveThread } from "./live-thread-handle.js";

/** How long what is queued may take to go out at the end, in milliseconds. */
const DRAIN_DEADLINE = 5000;

export interface LiveGatewayOptions {
  /** When every socket is open and no worker has been started: what is given up here, workers never have. */
  readonly beforeThreads?: () => Promise<void>;
  /** Sides that are memory in place of an interface, and what they are called. */
  readonly memory?: MemoryNames;
}

export interface Followers {
  /** What came of a map that could not be put in force; the one before stays. */
  readonly failed: (error: unknown) => void;
  /** An interface has gone down, or has come back. */
  readonly linkChanged: (name: string, running: boolean) => void;
}

interface Parts {
  readonly config: LiveGatewayConfig;
  readonly engine: Engine;
  readonly map: LiveMap;
  readonly ports: OpenedPorts;
  readonly threads: readonly LiveThread[];
  /** None where both sides are memory. */
  readonly links: LinkWatch | undefined;
}

export class LiveGateway {
  /** Rejects when a worker's thread breaks, or an interface is gone. */
  readonly broken: Promise<never>;
  readonly #config: LiveGatewayConfig;
  readonly #engine: Engine;
  readonly #map: LiveMap;
  readonly #ports: OpenedPorts;
  readonly #threads: readonly LiveThread[];
  readonly #links: LinkWatch | undefined;
  readonly #started = performance.now();
  #failure: unknown;

  private constructor({ config, engine, map, ports, threads, links }: Parts) {
    this.#config = config;
    this.#engine = engine;
    this.#map = map;
    this.#ports = ports;
    this.#threads = threads;
    this.#links = links;
    this.broken = Promise.race([...(links ? [links.gone] : []), ...threads.map(({ broken }) => broken)]);
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
    let ports: OpenedPorts | undefined;
    try {
      const { tunnel, delivery } = sidesOf(config, memory);
      const interfaces = [tunnel, delivery].filter((side) => "name" in side);
      const links = interfaces.length > 0 ? LinkWatch.open(interfaces) : undefined;
      opened.push(() => links?.close());
      const room = "memory" in tunnel && "memory" in delivery ? roomOf(config) : undefined;
      const workers = "memory" in tunnel ? 1 : config.tunnel.queues;
      const { receiveRing, transmitRing, ...sizes } = liveSizes(config, workers, room);
      const queues = Math.max(1, 2 * config.sniffers.length);
      const engine = await Engine.create(
        { ...engineOptions(decode, config.tunnel.ports), ...sizes, workers, queues },
        "shared",
      );
      const map =
        "memory" in delivery
          ? LiveMap.ofConfiguration(config, engine)
          : await LiveMap.start(config, engine, delivery);
      opened.push(() => map.close());
      ports = await openPorts({
        engine,
        config: config.tunnel,
        tunnel,
        delivery,
        receiveRing,
        transmitRing,
      });
      const { tunnel: receiving, delivery: sending } = ports;
      opened.push(
        () => receiving.close(),
        () => sending.close(),
      );
      const threads: LiveThread[] = [];
      opened.push(() => Promise.all(threads.map((thread) => thread.terminate())));
      await startThreads(threads, { engine, ports, beforeThreads });
      await Promise.all(threads.map(({ ready }) => ready));
      return new LiveGateway({ config, engine, map, ports, threads, links });
    } catch (error) {
      for (const undo of opened.reverse()) {
        try {
          await undo();
        } catch {
          // What went wrong first is what is told.
        }
      }
      throw withLeft(error, ports?.tunnel.notRestored);
    }
  }

  /** `afxdp, in the driver`: how frames come in; how they go out, if otherwise. */
  get description(): string {
    const { tunnel, delivery, memory } = this.#ports;
    const isMemory = memory.tunnel !== undefined || memory.delivery !== undefined;
    const isOneOfMany = memory.tunnel !== undefined && this.#config.tunnel.queues > 1;
    return [
      tunnel.description,
      ...(isMemory ? [delivery.description] : []),
      ...(isOneOfMany ? ["one worker, as tunnel.queues are the interface's"] : []),
    ].join("; ");
  }

  /** What is not as it could be since the start, each in one line. */
  get notes(): readonly string[] {
    const { tunnel, delivery, notes } = this.#ports;
    return [...notes, ...[tunnel.warning, delivery.warning].filter((warning) => warning !== undefined)];
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

  /** What is not there now, each in one line: interfaces that are down, sniffers that cannot be reached. */
  get absent(): readonly string[] {
    return [...(this.#links?.down ?? []).map((name) => `${name} is down`), ...this.#map.unreachable];
  }

  /** What is left of the gateway after `stop`, in one line. */
  get left(): string | undefined {
    return this.#ports.tunnel.notRestored;
  }

  /** What went wrong after `stop` was called: an interface that did not let go, a worker's thread that broke or had to be ended by force. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Follows what the kernel says of the interfaces and of the ways to sniffers. */
  follow({ failed, linkChanged }: Followers): void {
    this.#map.follow(() => this.#wake(), failed);
    this.#links?.follow(linkChanged);
  }

  #wake(): void {
    for (const thread of this.#threads) thread.wake();
  }

  /** Accounts now, with up to so many `sessions`. Of a worker in full work they are some packets apart from one another. */
  status(sessions: number): LiveStatus {
    const sources = {
      engine: this.#engine,
      kernel: this.#ports.tunnel.losses(),
      notes: [...this.notes, ...this.absent],
      receive: this.#ports.tunnel.description,
      send: this.#ports.delivery.description,
      seconds: (performance.now() - this.#started) / 1000,
    };
    return readStatus(sources, sessions);
  }

  /** Takes nothing in any more, sends what is queued for `deadline` milliseconds at the most, and ends. Gives the last accounts. */
  async stop(sessions: number, deadline = DRAIN_DEADLINE): Promise<LiveStatus> {
    this.#map.close();
    this.#links?.close();
    let failure: unknown;
    await this.#ports.tunnel.detach().catch((error: unknown) => {
      failure = error;
    });
    const broken = await endThreads(this.#threads, deadline);
    this.#failure = failure ?? broken;
    try {
      return this.status(sessions);
    } finally {
      this.#ports.delivery.close();
      this.#ports.tunnel.close();
    }
  }
}

/** An error that tells, too, what of the interface is not as it was before. */
function withLeft(error: unknown, left: string | undefined): unknown {
  if (left === undefined || !(error instanceof SpangateError)) return error;
  const { code, message, details, cause } = error;
  return new SpangateError(code, `${message} ${left}`, { details, cause });
}

interface ThreadParts {
  readonly engine: Engine;
  readonly ports: OpenedPorts;
  readonly beforeThreads: (() => Promise<void>) | undefined;
}

/** Adds each to `threads` as it is made. */
async function startThreads(threads: LiveThread[], parts: ThreadParts): Promise<void> {
  const { engine, ports, beforeThreads } = parts;
  await beforeThreads?.();
  for (const [i, seat] of ports.seats.entries()) threads.push(startThread(engine, i, seat));
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
