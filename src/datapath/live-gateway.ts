// The live gateway: opens both interfaces, builds the engine with a worker for each receive queue, and runs a thread for each. The main
// thread is never on a packet's way: it starts, reads accounts, and ends.

import { SLOT_STRIDE } from "../../assembly/memory/layout.js";
import { XdpTunnelPort } from "../capture/afxdp.js";
import type { LiveGatewayConfig } from "../config/schema.js";
import { Engine, enterXdpSocket } from "../engine/index.js";
import { addressOf, createEvent, type FrameMemory, PAGE, Rtnetlink, type XdpSocket } from "../linux/index.js";
import { compileMap } from "../mapping/index.js";
import { XdpDeliveryPort } from "../transmit/afxdp.js";
import { engineOptions } from "./decode-options.js";
import { CONTROL_SIZE } from "./live-loop.js";
import { originOf } from "./live-origin.js";
import { type LiveStatus, readStatus } from "./live-status.js";
import type { ThreadSeat } from "./live-thread.js";
import { endThreads, LiveThread } from "./live-thread-handle.js";

/** Frames that wait to be received into, and places of the rings: some milliseconds of a fast sender. */
const FILL = 4096;
const RING = 2048;
/** Slots beside those: for queues, and for copies. */
const QUEUED = 8192;
const LARGE_SLOTS = 256;
/** Linear memory: two generations of the tenant map above all. Pages that nobody touches cost nothing. */
const MEMORY = 1 << 30;
const ETHERNET_AND_TAG = 18;
/** How long what is queued may take to go out at the end, in milliseconds. */
const DRAIN_DEADLINE = 5000;

export interface LiveGatewayOptions {
  /** When every socket is open and no worker has been started: what is given up here, workers never have. */
  readonly beforeThreads?: () => void;
}

export class LiveGateway {
  /** Rejects when a worker's thread breaks. */
  readonly broken: Promise<never>;
  readonly #engine: Engine;
  readonly #tunnel: XdpTunnelPort;
  readonly #delivery: XdpDeliveryPort;
  readonly #threads: readonly LiveThread[];
  readonly #started = Date.now();

  private constructor(parts: {
    engine: Engine;
    tunnel: XdpTunnelPort;
    delivery: XdpDeliveryPort;
    threads: readonly LiveThread[];
  }) {
    this.#engine = parts.engine;
    this.#tunnel = parts.tunnel;
    this.#delivery = parts.delivery;
    this.#threads = parts.threads;
    this.broken = Promise.race(parts.threads.map(({ broken }) => broken));
    this.broken.catch(() => {});
  }

  /** @throws SpangateError of every kind that the kernel or the configuration gives reason for */
  static async start(config: LiveGatewayConfig, options: LiveGatewayOptions = {}): Promise<LiveGateway> {
    const netlink = Rtnetlink.open();
    try {
      return await LiveGateway.#open(config, netlink, options);
    } finally {
      netlink.close();
    }
  }

  static async #open(
    config: LiveGatewayConfig,
    netlink: Rtnetlink,
    { beforeThreads }: LiveGatewayOptions,
  ): Promise<LiveGateway> {
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
    const map = compileMap(config, {
      delivery: "configured",
      origin: originOf(config, deliveryLink, netlink),
    });
    engine.replaceMap(map.image);
    const memories = engine.workers.map(
      (worker): FrameMemory => ({
        base: addressOf(engine.memory.u8),
        umem: worker.slots.start,
        length: worker.slots.length,
        chunk: SLOT_STRIDE,
        allocatePages: (length) => engine.memory.allocate(length, PAGE).address,
      }),
    );
    const tunnelPort = await XdpTunnelPort.open({
      link: tunnelLink,
      mode: tunnel.xdp,
      addresses: tunnel.addresses,
      ports: Object.values(tunnel.ports).flat(),
      memories,
      ring: RING,
      fill: FILL,
    });
    const threads: LiveThread[] = [];
    let deliveryPort: XdpDeliveryPort | undefined;
    try {
      deliveryPort = await XdpDeliveryPort.open({
        link: deliveryLink,
        mode: tunnel.xdp,
        memories: memories.map((memory, i) => ({ memory, owner: tunnelPort.seats[i]! })),
        queues: 1,
        ring: RING,
      });
      const longest = deliveryLink.mtu + ETHERNET_AND_TAG;
      beforeThreads?.();
      for (const i of engine.workers.keys())
        threads.push(startThread(engine, i, tunnelPort.seats[i]!, deliveryPort.seats[i]!, longest));
      await Promise.all(threads.map(({ ready }) => ready));
      return new LiveGateway({ engine, tunnel: tunnelPort, delivery: deliveryPort, threads });
    } catch (error) {
      await Promise.all(threads.map((thread) => thread.terminate()));
      deliveryPort?.close();
      tunnelPort.close();
      throw error;
    }
  }

  /** `afxdp, in the driver, copy`: how frames come in. */
  get description(): string {
    return this.#tunnel.description;
  }

  /** Accounts now. Of a worker in full work they are some packets apart from one another. */
  status(): LiveStatus {
    return readStatus({
      engine: this.#engine,
      kernel: this.#tunnel.losses(),
      receive: this.#tunnel.description,
      send: this.#delivery.description,
      seconds: (Date.now() - this.#started) / 1000,
    });
  }

  /** Takes nothing in any more, sends what is queued for `deadline` milliseconds at the most, and ends. Gives the last accounts. */
  async stop(deadline = DRAIN_DEADLINE): Promise<LiveStatus> {
    this.#tunnel.detach();
    await endThreads(this.#threads, deadline);
    const status = this.status();
    this.#delivery.close();
    this.#tunnel.close();
    return status;
  }
}

function startThread(
  engine: Engine,
  number: number,
  tunnel: XdpSocket,
  delivery: XdpSocket,
  longest: number,
): LiveThread {
  const { memory } = engine;
  const control = memory.allocate(CONTROL_SIZE).address;
  const event = createEvent();
  const seat: ThreadSeat = {
    engine: engine.seat(number),
    tunnel: { fd: tunnel.fd, socket: enterXdpSocket(memory, tunnel.rings, longest) },
    delivery: { fd: delivery.fd, socket: enterXdpSocket(memory, delivery.rings, longest) },
    control,
    event,
  };
  return new LiveThread({
    program: new URL("./live-thread.js", import.meta.url),
    seat,
    control: new Int32Array(memory.memory.buffer, control, CONTROL_SIZE / 4),
    event,
  });
}
