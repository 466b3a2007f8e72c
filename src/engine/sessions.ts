// The session table, read: which mirror sessions there were and what was lost of each on the way here.

import * as at from "../../assembly/memory/layout.js";
import { addressText } from "./address.js";
import type { LinearMemory } from "./memory.js";
import { ENCAPSULATIONS, type EncapsulationName } from "./names.js";

/** A mirror session and its accounts since the engine began. */
export interface Session {
  readonly encapsulation: EncapsulationName;
  /** Outer source address. */
  readonly source: string;
  /** Outer destination address. */
  readonly destination: string;
  /** Session, key or VNI; absent where the encapsulation has none. */
  readonly id?: number;
  /** Decoded packets. */
  readonly packets: number;
  /** Captured bytes of decoded frames. */
  readonly bytes: number;
  /** By GRE sequence numbers; absent without them, or when another session of its tunnel holds them. */
  readonly sequence?: {
    /** Packets that never came. */
    readonly lost: number;
    readonly reordered: number;
    readonly duplicates: number;
    /** Times the numbers began anew. */
    readonly restarts: number;
    /** Packets that would have come had none been lost, repeated ones not counted. */
    readonly expected: number;
  };
}

/** Reads the table of one worker. */
export class SessionTable {
  readonly #memory: Pick<LinearMemory, "u8" | "u32">;
  readonly #worker: number;

  /** @internal */
  constructor(memory: Pick<LinearMemory, "u8" | "u32">, worker: number) {
    this.#memory = memory;
    this.#worker = worker;
  }

  /** Entries used, sessions and tunnels. */
  get count(): number {
    return this.#memory.u32[(this.#worker + at.WORKER_SESSION_COUNT) >>> 2]!;
  }

  /** Entry `number`, undefined when it is not a session but holds the sequence of a tunnel. */
  session(number: number): Session | undefined {
    if (this.isTunnel(number)) return undefined;
    const meta = this.#word(number, at.SESSION_META);
    const id = (meta & at.SESSION_HAS_ID) !== 0 ? { id: this.#word(number, at.SESSION_ID) } : {};
    const sequence = this.#sequence(number);
    const ipv6 = (meta & at.SESSION_IPV6) !== 0;
    return {
      encapsulation: ENCAPSULATIONS[meta & at.SESSION_ENCAPSULATION_MASK]!,
      source: addressText(this.#bytes(number, at.SESSION_SOURCE), ipv6),
      destination: addressText(this.#bytes(number, at.SESSION_DESTINATION), ipv6),
      ...id,
      packets: this.#long(number, at.SESSION_PACKETS),
      bytes: this.#long(number, at.SESSION_BYTES),
      ...(sequence === undefined ? {} : { sequence }),
    };
  }

  /** Whether entry `number` is no session, but holds the sequence of a tunnel. */
  isTunnel(number: number): boolean {
    return (this.#word(number, at.SESSION_META) & at.SESSION_TUNNEL) !== 0;
  }
  packets(number: number): number {
    return this.#long(number, at.SESSION_PACKETS);
  }

  /** `<encapsulation>/<source>/<id>`, the name of the session's interface in capture files. */
  name(number: number): string {
    const session = this.session(number);
    if (session === undefined) return "tunnel";
    const { encapsulation, source, id } = session;
    return id === undefined ? `${encapsulation}/${source}` : `${encapsulation}/${source}/${id}`;
  }

  /** All sessions, in the order in which they appeared. */
  *[Symbol.iterator](): Generator<Session> {
    for (let number = 0; number < this.count; number++) {
      const session = this.session(number);
      if (session !== undefined) yield session;
    }
  }

  /** With tunnel scope the numbers are the tunnel's; the session that appeared first shows them. Gives the entry that has them. */
  sequenced(number: number): number | undefined {
    const track = this.#word(number, at.SESSION_TRACK);
    // A tunnel's entry comes right after that of the session it was made for.
    if (this.isTunnel(track) && track !== number + 1) return undefined;
    return (this.#byte(track, at.SESSION_STATE) & at.STATE_SEQUENCE) === 0 ? undefined : track;
  }

  /** Adds what entry `track` has by sequence numbers to `sum`. Gives what it has lost. */
  addLoss(track: number, sum: { -readonly [Of in keyof NonNullable<Session["sequence"]>]: number }): number {
    const lost = this.#long(track, at.SESSION_LOST);
    const duplicates = this.#long(track, at.SESSION_DUPLICATES);
    sum.lost += lost;
    sum.expected += this.#long(track, at.SESSION_PACKETS) - duplicates + lost;
    sum.reordered += this.#long(track, at.SESSION_REORDERED);
    sum.duplicates += duplicates;
    sum.restarts += this.#word(track, at.SESSION_RESTARTS);
    return lost;
  }

  #sequence(number: number): Session["sequence"] | undefined {
    const track = this.sequenced(number);
    if (track === undefined) return undefined;
    const lost = this.#long(track, at.SESSION_LOST);
    const duplicates = this.#long(track, at.SESSION_DUPLICATES);
    return {
      lost,
      expected: this.#long(track, at.SESSION_PACKETS) - duplicates + lost,
      reordered: this.#long(track, at.SESSION_REORDERED),
      duplicates,
      restarts: this.#word(track, at.SESSION_RESTARTS),
    };
  }

  #entry(number: number): number {
    const table = this.#memory.u32[(this.#worker + at.WORKER_SESSIONS) >>> 2]!;
    return table + number * at.SESSION_ENTRY;
  }
  #byte(number: number, offset: number): number {
    return this.#memory.u8[this.#entry(number) + offset]!;
  }
  #word(number: number, offset: number): number {
    return this.#memory.u32[(this.#entry(number) + offset) >>> 2]!;
  }
  #long(number: number, offset: number): number {
    const low = (this.#entry(number) + offset) >>> 2;
    return (this.#memory.u32[low + 1]! | 0) * 2 ** 32 + this.#memory.u32[low]!;
  }
  #bytes(number: number, offset: number): Uint8Array {
    const start = this.#entry(number) + offset;
    return this.#memory.u8.subarray(start, start + 16);
  }
}
