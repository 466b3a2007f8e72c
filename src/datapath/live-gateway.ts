// The live gateway: opens both interfaces, builds the engine with a worker for each receive queue, and runs a thread for each. The main
// thread is never on a packet's way: it starts, reads accounts, and ends.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { LiveGatewayConfig } from "../config/schema.js";
import { Engine } from "../engine/index.js";
import { close, createEvent, Rtnetlink, wake } from "../linux/index.js";
import { engineOptions } from "./decode-options.js";
import { CONTROL, CONTROL_SIZE, STATES } from "./live-loop.js";
import { LiveMap } from "./live-map.js";
import { type OpenedPorts, openPorts } from "./live-ports.js";
import { type LiveStatus, readStatus } from "./live-status.js";
import type { ThreadSeat } from "./live-thread.js";

/** Frames that wait to be received into, and places of the rings: some milliseconds of a fast sender. */
const FILL = 4096;
const RING = 2048;
/** Slots beside those: for queues, and for copies. */
const QUEUED = 8192;
const LARGE_SLOTS = 256;
/** Linear memory: two generations of the tenant map above all. Pages that nobody touches cost nothing. */
const MEMORY = 1 << 30;
/** How long what is queued may take to go out at the end, in milliseconds. */
export const DRAIN_DEADLINE = 5000;

interface Thread {
  readonly worker: Worker;
  readonly control: Int32Array;
  readonly event: number;
  readonly ended: Promise<unknown>;
}

export class LiveGateway {
  /** Rejects when a worker's thread breaks. */
  readonly broken: Promise<never>;
  readonly #engine: Engine;
  readonly #map: LiveMap;
  readonly #ports: OpenedPorts;
  readonly #threads: readonly Thread[];
  readonly #started = Date.now();

  private constructor(parts: {
    engine: Engine;
    map: LiveMap;
    ports: OpenedPorts;
    threads: readonly Thread[];
  }) {
    this.#engine = parts.engine;
    this.#map = parts.map;
    this.#ports = parts.ports;
    this.#threads = parts.threads;
    this.broken = Promise.race(
      parts.threads.map(async ({ worker }) => {
        const [error] = await once(worker, "error");
        throw error;
      }),
    );
    this.broken.catch(() => {});
  }

  /** @throws SpangateError of every kind that the kernel or the configuration gives reason for */
  static async start(config: LiveGatewayConfig): Promise<LiveGateway> {
    const netlink = Rtnetlink.open();
    try {
      return await LiveGateway.#open(config, netlink);
    } finally {
      netlink.close();
    }
  }

  static async #open(config: LiveGatewayConfig, netlink: Rtnetlink): Promise<LiveGateway> {
    const { tunnel, delivery, decode } = config;
    const tunnelLink = netlink.link(tunnel.interface);
    const deliveryLink = netlink.link(delivery.interface ?? tunnel.interface);
    const engine = await Engine.create(
      {
        ...engineOptions(decode, tunnel.ports),
        workers: tunnel.queues,
        slots: FILL + RING + QUEUED,
        reserved: RING,
        largeSlots: LARGE_SLOTS,
        queues: Math.max(1, 2 * config.sniffers.length),
        memory: MEMORY,
      },
      "shared",
    );
    const map = await LiveMap.start(config, engine, deliveryLink);
    const opening = openPorts({
      engine,
      config: tunnel,
      tunnelLink,
      deliveryLink,
      fill: FILL,
      ring: RING,
    });
    const ports = await opening.catch((error: unknown) => {
      map.close();
      throw error;
    });
    try {
      const threads = ports.seats.map((seats, i) => startThread(engine, i, seats));
      await Promise.all(threads.map(({ worker }) => once(worker, "message")));
      return new LiveGateway({ engine, map, ports, threads });
    } catch (error) {
      ports.delivery.close();
      ports.tunnel.close();
      map.close();
      throw error;
    }
  }

  /** `afxdp, in the driver, copy`: how frames come in, and in one line what is not as it could be. */
  get description(): string {
    const { tunnel, delivery, notes } = this.#ports;
    const remarks = [...notes, ...(delivery.warning === undefined ? [] : [delivery.warning])];
    return [tunnel.description, ...remarks].join("; ");
  }

  /** Where sniffers are whose next hop is not known now; what is for them is a send error. */
  get unreachable(): readonly string[] {
    return this.#map.unreachable;
  }

  /** Follows what the kernel says of the ways to sniffers. `failed` is told what went wrong on the way; the map in force stays. */
  follow(failed: (error: unknown) => void): void {
    this.#map.follow(() => this.#wake(), failed);
  }

  /** Accounts now. Of a worker in full work they are some packets apart from one another. */
  status(): LiveStatus {
    return readStatus({
      engine: this.#engine,
      kernel: this.#ports.tunnel.losses(),
      receive: this.#ports.tunnel.description,
      send: this.#ports.delivery.description,
      seconds: (Date.now() - this.#started) / 1000,
    });
  }

  /** Takes nothing in any more, sends what is queued, and ends. Gives the last accounts. */
  async stop(deadline = DRAIN_DEADLINE): Promise<LiveStatus> {
    this.#map.close();
    await this.#ports.tunnel.detach();
    this.#tell(STATES.draining);
    const all = Promise.all(this.#threads.map(({ ended }) => ended));
    const late = setTimeout(() => this.#tell(STATES.stopped), deadline);
    await all;
    clearTimeout(late);
    const status = this.status();
    this.#ports.delivery.close();
    this.#ports.tunnel.close();
    for (const { event } of this.#threads) close(event);
    return status;
  }

  #tell(state: number): void {
    for (const { control } of this.#threads) {
      Atomics.store(control, CONTROL.state, state);
    }
    this.#wake();
  }

  #wake(): void {
    for (const { event } of this.#threads) wake(event);
  }
}

function startThread(engine: Engine, number: number, seats: OpenedPorts["seats"][number]): Thread {
  const { memory } = engine;
  const control = memory.allocate(CONTROL_SIZE).address;
  const event = createEvent();
  const seat: ThreadSeat = { engine: engine.seat(number), ...seats, control, event };
  const worker = new Worker(new URL("./live-thread.js", import.meta.url), { workerData: seat });
  return {
    worker,
    control: new Int32Array(memory.memory.buffer, control, CONTROL_SIZE / 4),
    event,
    ended: once(worker, "exit"),
  };
}
