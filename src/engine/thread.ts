// The engine in a worker thread: an instance of its own over the shared memory, attached to the block that the main thread has made for
// it. Numbers in, numbers out; nothing here makes an object a batch but the time.

import * as at from "../../assembly/memory/layout.js";
import * as sockets from "../../assembly/memory/sockets.js";
import { type EngineExports, instantiate, loadModule } from "./wasm.js";

/** Queues of other threads that are looked at in a round. */
const RECLAIMED_AT_ONCE = 64;

/** What a thread is given, by `postMessage`. */
export interface EngineSeat {
  readonly memory: WebAssembly.Memory;
  /** Address of the worker's block. */
  readonly block: number;
}

export class EngineThread {
  /** Most frames that a batch takes. */
  readonly capacity = at.BATCH;
  /** All of linear memory, which is shared and never grows. */
  readonly bytes: Uint8Array;
  readonly #exports: EngineExports;
  readonly #words: Uint32Array;
  readonly #block: number;

  private constructor(exports: EngineExports, { memory, block }: EngineSeat) {
    this.#exports = exports;
    this.bytes = new Uint8Array(memory.buffer);
    this.#words = new Uint32Array(memory.buffer);
    this.#block = block;
  }

  /** Throws ABI_MISMATCH. */
  static async attach(seat: EngineSeat): Promise<EngineThread> {
    const exports = await instantiate(await loadModule("shared"), seat.memory);
    exports.attach(seat.block, 0);
    return new EngineThread(exports, seat);
  }

  /** Announces what an AF_XDP socket has received, at the time given (ns since 1970). Gives how many frames. */
  receive(socket: number, time: number): number {
    return this.#exports.xdpReceive(socket, 0, at.BATCH, time);
  }
  /** Times that `receive` is given from now on are of a clock that was set, ahead by so many nanoseconds. */
  clockSet(nanoseconds: number): void {
    this.#exports.clockSet(nanoseconds);
  }
  /** Gives the kernel free slots to receive into. */
  refill(socket: number): void {
    this.#exports.xdpRefill(socket);
  }
  /** Processes the first `count` descriptors (0: says only which map this worker has seen), and frees the slots that no queue took. */
  process(count: number): void {
    let done = 0;
    do {
      done = this.#exports.process(done, count);
    } while (done < count);
    if (count > 0) this.#exports.recycle(count);
  }
  /** Puts what is queued into a socket's transmit ring, in turns of `quantum` bytes. Gives how many packets. */
  transmit(socket: number, quantum: number): number {
    return this.#exports.xdpTransmit(socket, quantum);
  }
  /** Settles what was sent. Gives how many packets. */
  complete(socket: number): number {
    return this.#exports.xdpComplete(socket);
  }
  /** What of the transmit ring the kernel has not looked at and waits to be told of. */
  unsent(socket: number): number {
    return this.#exports.xdpUnsent(socket);
  }
  /** Announces what an AF_PACKET socket's ring has. Gives how many frames. */
  receivePackets(socket: number): number {
    return this.#exports.packetReceive(socket, 0, at.BATCH);
  }
  /** Messages for `sendmmsg` that wait at `nextMessage`; made of what is queued, in turns of `quantum` bytes, when none did. */
  prepareMessages(socket: number, quantum: number): number {
    return this.#exports.packetPrepare(socket, quantum);
  }
  /** Offset in linear memory of the first message that waits. */
  nextMessage(socket: number): number {
    const first = this.#words[(socket + sockets.PACKET_FIRST) >>> 2]!;
    return this.#words[(socket + sockets.PACKET_MESSAGES) >>> 2]! + first * sockets.MESSAGE_SIZE;
  }
  /** So many of them are sent, and with `refused` the one behind never can be. Gives how many packets are done with. */
  settleMessages(socket: number, sent: number, refused: boolean): number {
    return this.#exports.packetSettle(socket, sent, refused ? 1 : 0);
  }
  /** What the kernel looked at last in a transmit ring it has dropped. */
  notSent(socket: number): void {
    this.#exports.xdpNotSent(socket);
  }
  /** Frees what senders in other threads are done with. In each round of the loop. */
  reclaim(): void {
    if (this.lent !== 0) this.#exports.reclaimNext(RECLAIMED_AT_ONCE);
  }
  /** Whether something was put into a queue of sender number `sender` since this was asked. */
  rings(sender: number): boolean {
    const bell = (this.#block + at.BELLS + 4 * sender) >>> 2;
    if (this.#words[bell] === 0) return false;
    this.#words[bell] = 0;
    return true;
  }
  /** Words of the shared memory. */
  int32(address: number, length: number): Int32Array {
    return new Int32Array(this.#words.buffer, address, length);
  }
  /** Gives up fragments that wait for others. */
  flush(): void {
    this.#exports.flush();
  }

  /** Nothing is queued, and nothing that was taken from a queue is not done. */
  get isEmpty(): boolean {
    const isUnderWay = this.#field(at.WORKER_TAKEN_DONE) !== this.#field(at.WORKER_TAKEN_COUNT);
    return this.readyQueues === 0 && this.inFlight === 0 && !isUnderWay;
  }
  /** Packets that senders in other threads have, or have not given back. */
  get lent(): number {
    return this.#field(at.WORKER_LENT);
  }
  /** Queues that hold something. */
  get readyQueues(): number {
    return this.#field(at.WORKER_READY_COUNT);
  }
  /** Chunks in a transmit ring. */
  get inFlight(): number {
    return this.#field(at.WORKER_IN_FLIGHT);
  }
  #field(offset: number): number {
    return this.#words[(this.#block + offset) >>> 2]!;
  }
}
