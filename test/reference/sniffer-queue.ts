// One sniffer's queue and its account: offered = taken + refused + given up + queued.

/** One packet as a sniffer gets it. */
export interface SentPacket {
  /** One, or several with `fit: fragment`. */
  frames: Uint8Array[];
  /** Of the mirrored frame inside, however it was cut, tagged or wrapped. */
  originalLength: number;
  time: bigint;
}

export interface SnifferAccount {
  offered: number;
  tooLarge: number;
  rate: number;
  droppedNewest: number;
  droppedOldest: number;
  queued: number;
  /** Handed to the caller. */
  taken: number;
}

export class SnifferQueue {
  private readonly packets: SentPacket[] = [];
  private readonly account: SnifferAccount = {
    offered: 0,
    tooLarge: 0,
    rate: 0,
    droppedNewest: 0,
    droppedOldest: 0,
    queued: 0,
    taken: 0,
  };

  constructor(
    private readonly capacity: number,
    private readonly overflow: "drop-newest" | "drop-oldest",
  ) {}

  count(what: "offered" | "tooLarge" | "rate"): void {
    this.account[what]++;
  }

  /** `queue-full` when it was not taken; `displaced` when the oldest made room for it. */
  put(make: () => SentPacket): "queue-full" | "displaced" | undefined {
    const full = this.packets.length >= this.capacity;
    if (full && this.overflow === "drop-newest") {
      this.account.droppedNewest++;
      return "queue-full";
    }
    if (full) {
      this.packets.shift();
      this.account.droppedOldest++;
    }
    this.packets.push(make());
    return full ? "displaced" : undefined;
  }

  /** The oldest packets, at most so many. */
  take(count: number): SentPacket[] {
    const taken = this.packets.splice(0, count);
    this.account.taken += taken.length;
    return taken;
  }

  report(): SnifferAccount {
    return { ...this.account, queued: this.packets.length };
  }
}
