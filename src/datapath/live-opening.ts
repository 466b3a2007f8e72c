// Opens a live gateway: both interfaces, or memory in their place, the engine, a thread for each receive queue and those of senders. What
// has been opened when something fails is closed again.

import { HELD_SIZE } from "../capture/afpacket.js";
import type { LiveGatewayConfig } from "../config/schema.js";
import { Engine } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import { findUser, isChange } from "../linux/index.js";
import { engineOptions } from "./decode-options.js";
import { KernelWays } from "./kernel-ways.js";
import { LinkWatch } from "./link-watch.js";
import { LiveMap } from "./live-map.js";
import { type OpenedPorts, openPorts } from "./live-ports.js";
import { LiveSenders } from "./live-senders.js";
import { type MemoryNames, roomOf, type Sides, sidesOf } from "./live-sides.js";
import { liveSizes, MOST_MEMORY } from "./live-sizes.js";
import type { LiveThread } from "./live-thread-handle.js";
import { LiveThreads } from "./live-threads.js";
import { NextHops } from "./next-hops.js";
import { SenderPlan } from "./sender-plan.js";
import { type Predecessor, Takeover, type TakeoverOptions, type TakeoverReport } from "./takeover.js";

/** Sniffers that a map may come to have, and those before them that are not empty yet; memory that nobody touches costs nothing. */
const LEAST_QUEUES = 16_384;

export interface LiveGatewayOptions {
  /** When every socket is open and no worker has begun: what the process gives up here, workers do not have. */
  readonly beforeWork?: () => Promise<void>;
  /** Sides that are memory in place of an interface, and what they are called. */
  readonly memory?: MemoryNames;
  /** Another gateway, whose place this one takes when all is ready; until then the other one is as it was. */
  readonly predecessor?: Predecessor | undefined;
}

/** All that a live gateway is made of. */
export interface LiveParts {
  readonly config: LiveGatewayConfig;
  readonly engine: Engine;
  readonly map: LiveMap;
  readonly ports: OpenedPorts;
  readonly threads: readonly LiveThread[];
  readonly senders: LiveSenders;
  /** None where both sides are memory. */
  readonly links: LinkWatch | undefined;
  readonly takeover: Takeover | undefined;
  readonly tookOver: TakeoverReport | undefined;
}

/** @throws SpangateError of every kind that the kernel or the configuration gives reason for */
export async function openLive(
  config: LiveGatewayConfig,
  { beforeWork, memory = {}, predecessor }: LiveGatewayOptions,
): Promise<LiveParts> {
  const { decode } = config;
  const opened: (() => unknown)[] = [];
  let ports: OpenedPorts | undefined;
  try {
    const { tunnel, delivery } = sidesOf(config, memory);
    const workers = hasOneWorker(config, tunnel) ? 1 : config.tunnel.queues;
    const interfaces = [tunnel, delivery].filter((side) => "name" in side);
    const links = interfaces.length > 0 ? LinkWatch.open(interfaces) : undefined;
    opened.push(() => links?.close());
    const room = "memory" in tunnel && "memory" in delivery ? roomOf(config) : undefined;
    const { receiveRing, transmitRing, ...sizes } = liveSizes(config, workers, room);
    const queues = 1 + Math.max(LEAST_QUEUES, 4 * config.sniffers.length);
    const held = predecessor !== undefined;
    const heldRings = held ? workers * HELD_SIZE : 0;
    const plan = new SenderPlan(config.senders, config.sniffers, "name" in delivery);
    const engine = await Engine.create(
      {
        ...engineOptions(decode, config.tunnel.ports),
        ...sizes,
        memory: Math.min(sizes.memory + heldRings, MOST_MEMORY),
        workers,
        queues,
        threaded: (sniffer) => plan.senderOf(sniffer) !== undefined,
        sender: (sniffer) => plan.senderOf(sniffer) ?? 0,
      },
      "shared",
    );
    const threads = new LiveThreads(engine);
    opened.push(() => threads.terminate());
    // Threads that run already must have nothing left when the user has changed.
    if (config.user === undefined || isChange(config.user)) threads.load(held);
    let map = await firstMap(config, engine, delivery);
    opened.push(() => map.close());
    const side = { engine, config, receiveRing, transmitRing, held };
    ports = await openPorts({ ...side, tunnel, delivery });
    const { tunnel: receiving, delivery: sending } = ports;
    opened.push(
      () => receiving.close(),
      () => sending.close(),
    );
    if (ports.sender === "udp" && config.delivery.backend !== "udp" && "name" in delivery) {
      map.close();
      map = await LiveMap.start(config, engine, delivery, KernelWays.find);
    }
    const takeover = held ? takeoverOf({ ports, tunnel, side }) : undefined;
    if (takeover !== undefined) {
      ports = { ...ports, seats: takeover.seats };
      opened.push(() => takeover.close());
    }
    const owner = config.user === undefined ? undefined : findUser(config.user);
    const link = "name" in delivery ? delivery : undefined;
    const senders = LiveSenders.open({ config, engine, plan, link, owner, isSuccessor: held });
    opened.push(() => senders.close());
    opened.push(() => Promise.all([senders.terminate(), threads.terminate()]));
    await beforeWork?.();
    senders.assertWritable();
    await senders.start();
    threads.load(held);
    await threads.run(ports, senders);
    const tookOver = predecessor && (await takeover?.run(predecessor, threads.all));
    return { config, engine, map, ports, threads: threads.all, senders, links, takeover, tookOver };
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

/** A capture has one, and so has the package cap, which gives everything to the main thread. */
function hasOneWorker({ tunnel }: LiveGatewayConfig, side: Sides["tunnel"]): boolean {
  return "memory" in side || tunnel.backend === "libpcap";
}

async function firstMap(
  config: LiveGatewayConfig,
  engine: Engine,
  delivery: Sides["delivery"],
): Promise<LiveMap> {
  if ("memory" in delivery) return LiveMap.ofConfiguration(config, engine);
  const isByKernel = config.delivery.backend === "udp";
  return await LiveMap.start(config, engine, delivery, isByKernel ? KernelWays.find : NextHops.find);
}

/** An error that tells, too, what of the interface is not as it was before. */
function withLeft(error: unknown, left: string | undefined): unknown {
  if (left === undefined || !(error instanceof SpangateError)) return error;
  const { code, message, details, cause } = error;
  return new SpangateError(code, `${message} ${left}`, { details, cause });
}

/** @throws SpangateError USAGE where the tunnel is memory */
function takeoverOf({
  ports,
  tunnel,
  side,
}: Pick<TakeoverOptions, "ports" | "side"> & Pick<Sides, "tunnel">): Takeover {
  if ("name" in tunnel) return Takeover.open({ ports, tunnel, side });
  throw new SpangateError("USAGE", "A gateway that replays a capture takes nobody's place.");
}
