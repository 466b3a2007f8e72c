// The session table: who sent what, and what sequence numbers and mirror clocks say, per session or per tunnel.

import { absoluteTime, isUnknownGranularity, RelativeClock } from "./mirror-time.js";
import { Sequence } from "./sequence.js";
import type { MirrorClock } from "./tunnel.js";

export interface SessionName {
  encapsulation: string;
  source: string;
  destination: string;
  id?: number;
}

export interface SessionReport extends SessionName {
  packets: number;
  /** Of decoded frames, as captured. */
  bytes: number;
  lost: number;
  reordered: number;
  duplicates: number;
  restarts: number;
  hasSequence: boolean;
}

interface Session {
  name: SessionName;
  packets: number;
  bytes: number;
  hasSequence: boolean;
  clock: RelativeClock;
  /** Shared by the sessions of a tunnel with scope `tunnel`. */
  order: { sequence: Sequence; owner: Session | undefined };
}

export class Sessions {
  untracked = 0;
  unknownGranularity = 0;
  private readonly table = new Map<string, Session>();
  private readonly tunnels = new Map<string, Session["order"]>();

  constructor(
    private readonly capacity: number,
    private readonly scope: "session" | "tunnel",
    private readonly mirrorTime: boolean,
  ) {}

  /** Enters a decoded packet; gives its time. */
  enter(
    name: SessionName,
    bytes: number,
    sequence: number | undefined,
    clock: MirrorClock | undefined,
    capture: bigint,
  ): bigint {
    const session = this.find(name);
    if (session === undefined) {
      this.untracked++;
      return capture;
    }
    session.packets++;
    session.bytes += bytes;
    if (sequence !== undefined) {
      session.hasSequence = true;
      session.order.sequence.note(sequence);
    }
    if (!this.mirrorTime || clock === undefined) return capture;
    const absolute = absoluteTime(clock);
    if (absolute !== undefined) return absolute;
    if (isUnknownGranularity(clock)) {
      this.unknownGranularity++;
      return capture;
    }
    return session.clock.time(clock, capture);
  }

  private find(name: SessionName): Session | undefined {
    const tunnelKey = `${name.encapsulation} ${name.source} ${name.destination}`;
    const key = `${tunnelKey} ${name.id ?? "none"}`;
    const known = this.table.get(key);
    if (known !== undefined || this.table.size >= this.capacity) return known;
    const shared = this.scope === "tunnel" ? this.tunnels.get(tunnelKey) : undefined;
    const order = shared ?? { sequence: new Sequence(), owner: undefined };
    const session = { name, packets: 0, bytes: 0, hasSequence: false, clock: new RelativeClock(), order };
    order.owner ??= session;
    if (this.scope === "tunnel") this.tunnels.set(tunnelKey, order);
    this.table.set(key, session);
    return session;
  }

  report(): SessionReport[] {
    return [...this.table.values()].map((session) => {
      const { name, packets, bytes, hasSequence, order } = session;
      const { lost, reordered, duplicates, restarts } =
        order.owner === session ? order.sequence : { lost: 0, reordered: 0, duplicates: 0, restarts: 0 };
      return { ...name, packets, bytes, lost, reordered, duplicates, restarts, hasSequence };
    });
  }
}
