// The engine: owns a WebAssembly instance and its memory. Frames in, verdicts and decoded frames out, a batch at a time.

import * as at from "../../assembly/memory/layout.js";
import { SpangateError } from "../errors.js";
import { Batch } from "./batch.js";
import { checkLimits, configure } from "./configure.js";
import { Deliveries } from "./deliveries.js";
import type { MapImage } from "./map-image.js";
import { LinearMemory, type Stretch } from "./memory.js";
import type { Header } from "./names.js";
import { DEFAULT_OPTIONS, type EngineOptions } from "./options.js";
import type { SlotPool } from "./pool.js";
import { QueueStore } from "./queues.js";
import { Samples } from "./samples.js";
import type { SenderSeat } from "./sender-thread.js";
import type { SessionTable } from "./sessions.js";
import { MapStore } from "./tenant-map.js";
import type { EngineSeat } from "./thread.js";
import { type Build, type EngineExports, instantiate, loadModule } from "./wasm.js";
import { type Counters, WorkerBlock } from "./worker-block.js";

/** A header the parser passed. */
export interface TraceEntry {
  readonly header: Header;
  readonly address: number;
  readonly length: number;
}

/** Bytes of the shared build, which takes them at once, when nothing else is said. */
const SHARED_MEMORY = 256 * 2 ** 20;

export class Engine {
  readonly memory: LinearMemory;
  readonly batch: Batch;
  readonly sessions: SessionTable;
  /** Slots for frames. */
  readonly slots: SlotPool;
  /** The sniffers' queues. */
  readonly queues: QueueStore;
  /** What the queues give. */
  readonly deliveries: Deliveries;
  /** Packets of a tenant that somebody watches. */
  readonly samples: Samples;
  /** Sessions that the table can hold. */
  readonly sessionCapacity: number;
  /** Address of the first worker's block in memory, to which a sender in another thread attaches an instance of its own. */
  readonly worker: number;
  /** Of which everything here but queues and map is the first one's. */
  readonly workers: readonly WorkerBlock[];
  readonly #exports: EngineExports;
  readonly #map: MapStore;
  #disposed = false;

  private constructor(memory: LinearMemory, exports: EngineExports, options: EngineOptions) {
    this.memory = memory;
    this.#exports = exports;
    this.sessionCapacity = options.sessions;
    configure(memory, options);
    this.workers = Array.from({ length: options.workers }, () => new WorkerBlock(memory, exports, options));
    const { address, slots, sessions } = this.workers[0]!;
    exports.attach(address, 0);
    this.worker = address;
    this.slots = slots;
    this.sessions = sessions;
    this.queues = new QueueStore(
      memory,
      exports,
      this.workers.map((worker) => worker.address),
      options,
    );
    this.deliveries = new Deliveries(memory, exports, address, this.queues);
    this.samples = new Samples(
      memory,
      this.workers.map((worker) => worker.address),
    );
    this.batch = new Batch(memory, address, exports.recycle);
    this.#map = new MapStore(memory, exports, this.queues);
  }

  /**
   * @param options what differs from DEFAULT_OPTIONS
   * @param build which of the two builds; the shared one takes its whole memory at once
   */
  static async create(options: Partial<EngineOptions> = {}, build: Build = "plain"): Promise<Engine> {
    const whole = { ...DEFAULT_OPTIONS, ...options };
    checkLimits(whole);
    const memory = new LinearMemory(
      build,
      build === "shared" ? (options.memory ?? SHARED_MEMORY) : undefined,
    );
    const exports = await instantiate(await loadModule(build), memory.memory);
    return new Engine(memory, exports, whole);
  }

  /** What the thread of worker `number` is given to attach to its part. */
  seat(number: number): EngineSeat {
    this.queues.share();
    return { memory: this.memory.memory, block: this.workers[number]!.address };
  }

  /** What the thread of a sender is given. */
  get senderSeat(): SenderSeat {
    return { memory: this.memory.memory, workers: this.workers.map(({ address }) => address) };
  }

  /** Generation of the tenant map that each worker has seen. */
  get generations(): number[] {
    return this.workers.map((worker) => worker.generation);
  }
  /** The one that every worker has seen, at the least. */
  get acknowledged(): number {
    return Math.min(...this.generations);
  }

  /** Generation of the tenant map in force, 0 before the first. */
  get generation(): number {
    return this.#map.number;
  }

  /** A stretch of linear memory for frames, or for what is written. */
  allocate(length: number): Stretch {
    this.#check();
    return this.memory.allocate(length);
  }

  /**
   * Processes descriptors `first` up to the batch's count. Gives where it stopped: the count, or less when the area for
   * reassembled datagrams is full; the results so far are to be taken before it is called again from there.
   */
  process(first = 0): number {
    this.#check();
    return this.#exports.process(first, this.batch.count);
  }

  /** The end of input: fragments that are held will never be complete. Settled events tell which. */
  flush(): void {
    this.#check();
    this.#exports.flush();
  }

  /** Held fragments that the last `process` or `flush` settled: packet number and verdict. */
  *settled(): Generator<{ packet: number; verdict: number }> {
    const count = this.#field(at.WORKER_SETTLED_COUNT);
    let event = this.#field(at.WORKER_SETTLED);
    for (let i = 0; i < count; i++, event += at.SETTLED_SIZE) {
      const packet = Number(this.memory.u64[(event + at.SETTLED_PACKET) >>> 3]!);
      yield { packet, verdict: this.memory.u32[(event + at.SETTLED_VERDICT) >>> 2]! };
    }
  }

  /** Headers the last packet passed, with `trace`. */
  *trace(): Generator<TraceEntry> {
    const count = this.#field(at.WORKER_TRACE_COUNT);
    let entry = (this.worker + at.TRACE) >>> 2;
    for (let i = 0; i < count; i++, entry += at.TRACE_ENTRY / 4) {
      const { u32 } = this.memory;
      yield { header: u32[entry]! as Header, address: u32[entry + 1]!, length: u32[entry + 2]! };
    }
  }

  /** Switches to another tenant map, from the next batch on. Gives its generation number. */
  replaceMap(image: MapImage): number {
    this.#check();
    return this.#map.install(image);
  }

  /** Chooses descriptors, by number and in order, for `encode`. */
  select(numbers: Uint8Array, count = numbers.length): void {
    this.#check();
    this.memory.u8.set(numbers.subarray(0, count), this.worker + at.SELECTION);
  }

  /**
   * Encodes descriptors `from` to `count` of the selection as capture-file records between `to` and `limit`: the decoded
   * frame of those delivered, of others the frame as it came. Stops before one that does not fit, or whose interface is
   * not known: neither in the table at `interfaces` (u32 by session number, number + 1) nor, for what has no session, in
   * its descriptor. Gives the address after the last record; `encoded` tells how many there are.
   */
  encode(
    format: "pcapng" | "pcap",
    from: number,
    count: number,
    to: number,
    limit: number,
    snaplen: number,
    interfaces: number,
  ): number {
    this.#check();
    const call = format === "pcapng" ? this.#exports.encodePcapng : this.#exports.encodePcap;
    return call(from, count, to, limit, snaplen, interfaces) >>> 0;
  }

  /**
   * The same of deliveries that were taken, chosen by their numbers; all IP fragments of one or none. `rewritten`: their frames are as
   * on a wire, where nothing tells what length they had before. The interface of what has no session stands in the table behind
   * those of all sessions there can be.
   */
  encodeDeliveries(
    format: "pcapng" | "pcap",
    from: number,
    count: number,
    to: number,
    limit: number,
    rewritten: boolean,
    interfaces: number,
  ): number {
    this.#check();
    const asPcapng = format === "pcapng" ? 1 : 0;
    const call = this.#exports.encodeDeliveries;
    return call(from, count, to, limit, rewritten ? 1 : 0, interfaces, asPcapng) >>> 0;
  }

  /** How many descriptors or deliveries the last encoder call took. */
  get encoded(): number {
    return this.#field(at.WORKER_EMITTED);
  }

  /** A counter's value now: of a verdict, or of one of the others. */
  counter(number: number): number {
    this.#check();
    return this.workers[0]!.counter(number);
  }

  /** All counters by name, since the engine was created. */
  counters(): Counters {
    this.#check();
    return this.workers[0]!.counters();
  }

  /** Whether `dispose` was called. */
  get isDisposed(): boolean {
    return this.#disposed;
  }

  /** Ends the engine: every later call throws DISPOSED. Its memory goes when nobody holds the engine any more. */
  dispose(): void {
    this.#disposed = true;
  }

  #check(): void {
    if (this.#disposed) throw new SpangateError("DISPOSED", "This engine was disposed of; create another.");
  }

  #field(offset: number): number {
    return this.memory.u32[(this.worker + offset) >>> 2]!;
  }
}
