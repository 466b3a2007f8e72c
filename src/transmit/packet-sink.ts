// The delivery interface as a sink: an AF_PACKET socket of the sender's own, to which frames go by sendmmsg from where they lie.

import { REFUSED, sendMessages, TRY_LATER } from "../linux/index.js";
import { type Sink, type SinkMemory, STOPPED, type WaitingFrames } from "./sink.js";

/** Messages (struct mmsghdr) that point to parts (struct iovec), which this fills in. */
export interface Messages {
  readonly messages: number;
  readonly messageSize: number;
  readonly parts: number;
  readonly partSize: number;
  readonly count: number;
}

const WORD = 2 ** 32;
const PART_LENGTH = 8;

export class PacketSink implements Sink {
  stopped: Sink["stopped"] = STOPPED.blocked;
  /** Its buffer has room also while the driver's ring has none, or there is no carrier. */
  readonly fd = -1;
  readonly patience = 1;
  readonly #socket: number;
  readonly #memory: SinkMemory;
  readonly #messages: Messages;

  /** @param socket descriptor */
  constructor(socket: number, memory: SinkMemory, messages: Messages) {
    this.#socket = socket;
    this.#memory = memory;
    this.#messages = messages;
  }

  send(frames: WaitingFrames, count: number): number {
    const { base, u32 } = this.#memory;
    const { messages, parts, partSize } = this.#messages;
    const most = Math.min(count, this.#messages.count);
    for (let i = 0; i < most; i++) {
      const part = (parts + i * partSize) >>> 2;
      const address = base + frames.address(i);
      u32[part] = address % WORD;
      u32[part + 1] = address / WORD;
      u32[part + PART_LENGTH / 4] = frames.length(i);
    }
    const sent = sendMessages(this.#socket, base + messages, most);
    if (sent === TRY_LATER || sent === REFUSED) {
      this.stopped = sent === REFUSED ? STOPPED.refused : STOPPED.blocked;
      return 0;
    }
    // Why the next one did not go, the kernel says when it is asked again.
    this.stopped = STOPPED.blocked;
    return sent;
  }

  /** The socket is the main thread's to close. */
  close(): void {}
}
