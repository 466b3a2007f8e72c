// The live gateway. The main thread is never on a packet's way: it starts, reads accounts, and ends.

import type { MemoryTunnelPort } from "../capture/memory-tunnel.js";
import { notByUdpSockets, notToUdpSockets } from "../config/backends.js";
import type { LiveGatewayConfig } from "../config/schema.js";
import type { ArrivingFrame, Engine, Samples, SessionTable } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import { arrivedPackets } from "../linux/index.js";
import { addLosses, NO_LOSSES } from "../telemetry/losses.js";
import type { FrameSink } from "../transmit/memory-delivery.js";
import { Heartbeat } from "./heartbeat.js";
import type { LinkWatch } from "./link-watch.js";
import type { LiveMap, MapInForce } from "./live-map.js";
import { type LiveGatewayOptions, type LiveParts, openLive } from "./live-opening.js";
import { expectNone, type OpenedPorts } from "./live-ports.js";
import type { LiveSenders } from "./live-senders.js";
import { roomOf } from "./live-sides.js";
import { type LiveReadings, type LiveStatus, readNow, readStatus, sessionTables } from "./live-status.js";
import { endThreads, type LiveThread } from "./live-thread-handle.js";
import { type Lent, type LetGo, lend, type Takeover, type TakeoverReport } from "./takeover.js";

/** How long what is queued may take to go out at the end, in milliseconds. */
const DRAIN_DEADLINE = 5000;
/** How long senders have at the least, when workers have taken all of it. */
const LEAST_DEADLINE = 100;
/** How long another gateway that was told what this one is may take to open its sockets, in milliseconds. */
const OFFER = 60_000;

/** What a gateway that is asked to hand over is. */
export interface Offer {
  /** What it takes AF_PACKET does not see. */
  readonly takesFirst: boolean;
}

export interface Followers {
  /** What came of a map that could not be put in force; the one before stays. */
  readonly failed: (error: unknown) => void;
  /** Another map is in force. */
  readonly mapChanged: (generation: number) => void;
  /** An interface has gone down, or has come back. */
  readonly linkChanged: (name: string, running: boolean) => void;
  /** A sender has something to say. */
  readonly told: (text: string) => void;
}

export class LiveGateway {
  /** Rejects when a worker's thread breaks, an interface is gone, or a full disk is to end it. */
  readonly broken: Promise<never>;
  readonly #config: LiveGatewayConfig;
  readonly #engine: Engine;
  readonly #map: LiveMap;
  readonly #ports: OpenedPorts;
  readonly #threads: readonly LiveThread[];
  readonly #senders: LiveSenders;
  readonly #links: LinkWatch | undefined;
  readonly #heartbeat: Heartbeat;
  readonly #takeover: Takeover | undefined;
  /** How it took another gateway's place, if it did. */
  readonly tookOver: TakeoverReport | undefined;
  readonly #started = performance.now();
  #failure: unknown;
  #offered: NodeJS.Timeout | undefined;

  private constructor({
    config,
    engine,
    map,
    ports,
    threads,
    senders,
    links,
    takeover,
    tookOver,
  }: LiveParts) {
    this.#takeover = takeover;
    this.tookOver = tookOver;
    this.#heartbeat = new Heartbeat(threads.map(({ control }) => control));
    this.#config = config;
    this.#engine = engine;
    this.#map = map;
    this.#ports = ports;
    this.#threads = threads;
    this.#senders = senders;
    this.#links = links;
    this.broken = Promise.race([
      ...(links ? [links.gone] : []),
      ...threads.map(({ broken }) => broken),
      senders.broken,
    ]);
    this.broken.catch(() => {});
  }

  /** @throws SpangateError of every kind that the kernel or the configuration gives reason for */
  static async start(config: LiveGatewayConfig, options: LiveGatewayOptions = {}): Promise<LiveGateway> {
    return new LiveGateway(await openLive(config, options));
  }

  /** `afxdp, in the driver`: how frames come in; how they go out, if otherwise. */
  get description(): string {
    const { tunnel, delivery, memory, receiver, sender } = this.#ports;
    const isMemory = memory.tunnel !== undefined || memory.delivery !== undefined;
    const isOneOfMany = this.#engine.workers.length < this.#config.tunnel.queues;
    return [
      tunnel.description,
      ...(isMemory ? [delivery.description] : []),
      ...(!isMemory && receiver !== sender ? [`sends by ${delivery.description}`] : []),
      ...(isOneOfMany ? ["one worker, as tunnel.queues are the interface's"] : []),
    ].join("; ");
  }

  /** Whether packets pass through the main thread: then it is as urgent as the workers. */
  get receivesOnMain(): boolean {
    return this.#ports.receiver === "libpcap";
  }

  /** What is not as it could be since the start, each in one line. */
  get notes(): readonly string[] {
    const { tunnel, delivery, notes } = this.#ports;
    const warnings = [tunnel.warning, delivery.warning].filter((warning) => warning !== undefined);
    return [...notes, ...warnings, ...this.#senders.notes];
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

  /** What is not there now, each in one line: interfaces that are down, sniffers that cannot be reached, files that cannot be written. */
  get absent(): readonly string[] {
    const down = (this.#links?.down ?? []).map((name) => `${name} is down`);
    return [...down, ...this.#map.unreachable, ...this.#senders.troubles];
  }

  /** What is left of the gateway after `stop`, in one line. */
  get left(): string | undefined {
    return this.#ports.tunnel.notRestored;
  }

  /** What went wrong after `stop` was called: an interface that did not let go, a worker's thread that broke or had to be ended by force. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Whether every worker has gone on since this was asked last. */
  get isMoving(): boolean {
    return this.#heartbeat.still().length === 0;
  }

  /**
   * Another gateway is about to take its place; it goes on as before.
   *
   * @throws SpangateError UNSUPPORTED when none can
   */
  offer(): Offer {
    const handover = this.#handover;
    handover.share(true);
    clearTimeout(this.#offered);
    this.#offered = setTimeout(() => handover.share(false), OFFER).unref();
    return { takesFirst: handover.takesFirst };
  }

  /** Sends its programs on the interfaces to the gateway that takes its place. @throws SpangateError UNSUPPORTED, SYSTEM_CALL */
  lend(mailbox: string): Lent {
    return lend(mailbox, this.#handover.attached?.(), this.#ports.delivery.attached?.());
  }

  /** Nothing comes in from now on: another gateway gets it. `stop` comes next. @throws SpangateError UNSUPPORTED, SYSTEM_CALL */
  async handOver(): Promise<LetGo> {
    const { interface: name } = this.#config.tunnel;
    // Before: what comes between the two looks would be nobody's, and counted by nobody.
    const arrived = name === undefined ? undefined : arrivedPackets(name);
    const handed = await this.#handover.letGo();
    return {
      ...handed,
      received: this.#engine.workers.reduce((sum, worker) => sum + worker.counters().received, 0),
      arrived,
    };
  }

  get #handover() {
    const { handover, description } = this.#ports.tunnel;
    if (handover !== undefined) return handover;
    const message = `A gateway that receives by ${description} cannot hand over: end it, and start the other one then.`;
    throw new SpangateError("UNSUPPORTED", message);
  }

  /** Follows what the kernel says of the interfaces and of the ways to sniffers. */
  follow({ failed, mapChanged, linkChanged, told }: Followers): void {
    this.#senders.follow(told);
    this.#map.follow({ wake: () => this.#wake(), changed: mapChanged, failed });
    this.#links?.follow(linkChanged);
  }

  /**
   * Puts the sniffers, tenants and shared sources of another configuration in force. Packets that are queued keep their sniffer; one that
   * is removed gets what is queued for it. Resolves with the map's generation when every worker goes by it.
   *
   * @throws SpangateError CONFIG_INVALID when a sniffer cannot be reached, or the backends can do nothing for it, MAP_TOO_LARGE,
   *   MEMORY_EXHAUSTED, and what keeps a TAP interface or a folder from being opened; then the map in force stays
   */
  async replaceMap(config: LiveGatewayConfig): Promise<number> {
    const { receiver, sender } = this.#ports;
    // What `auto` has come to; what was asked for is looked at with the configuration.
    if (receiver === "udp" && config.tunnel.backend === "auto") expectNone(notByUdpSockets(config, false));
    if (sender === "udp") expectNone(notToUdpSockets(config));
    const generation = await this.#map.replace(config, () => this.#senders.prepare(config.sniffers));
    await this.#senders.enter();
    this.#senders.retire();
    return generation;
  }

  #wake(): void {
    for (const thread of this.#threads) thread.wake();
  }

  /** Accounts now, with up to so many `sessions`. Of a worker in full work they are some packets apart from one another. */
  status(sessions: number): LiveStatus {
    return readStatus(this.#sources(), sessions);
  }

  /** The same without mirror sessions. */
  readings(): LiveReadings {
    return readNow(this.#sources());
  }

  /** Tables of mirror sessions, a worker's each. */
  get sessionTables(): readonly SessionTable[] {
    return sessionTables(this.#engine);
  }

  /** Packets of a tenant that somebody watches. */
  get samples(): Samples {
    return this.#engine.samples;
  }

  /** The tenant map that packets are looked up in now. */
  get mapInForce(): MapInForce {
    return this.#map.inForce;
  }

  #sources() {
    return {
      engine: this.#engine,
      kernel: addLosses(this.#ports.tunnel.losses(), this.#takeover?.losses ?? NO_LOSSES),
      notes: [...this.notes, ...this.absent],
      map: { generation: this.#map.generation, workers: this.#map.workers },
      receive: this.#ports.tunnel.description,
      send: this.#ports.delivery.description,
      seconds: (performance.now() - this.#started) / 1000,
      tenants: this.#map.tenants,
    };
  }

  /** Takes nothing in any more, sends what is queued for `deadline` milliseconds at the most, and ends. Gives the last accounts. */
  async stop(sessions: number, deadline = DRAIN_DEADLINE): Promise<LiveStatus> {
    clearTimeout(this.#offered);
    this.#map.close();
    this.#links?.close();
    let failure: unknown;
    await this.#ports.tunnel.detach().catch((error: unknown) => {
      failure = error;
    });
    const begin = performance.now();
    const broken = await endThreads(this.#threads, deadline);
    // Workers end when senders have nothing of theirs any more, or at the deadline.
    const left = Math.max(LEAST_DEADLINE, deadline - (performance.now() - begin));
    const brokenSender = await this.#senders.stop(left);
    this.#failure = failure ?? broken ?? brokenSender;
    try {
      return this.status(sessions);
    } finally {
      this.#senders.close();
      this.#ports.delivery.close();
      this.#ports.tunnel.close();
    }
  }
}
