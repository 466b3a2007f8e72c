// What happened between two looks at a gateway, in packets a second.

import type { StatusDocument } from "../control/status.js";

export interface SnifferRates {
  readonly offered: number;
  readonly sent: number;
}

/** Packets a second. */
export interface Rates {
  /** Between the looks, by the gateway's clock. */
  readonly seconds: number;
  readonly received: number;
  readonly delivered: number;
  readonly drops: number;
  /** In the kernel, of all causes. */
  readonly lost: number;
  readonly sniffers: ReadonlyMap<string, SnifferRates>;
}

const NONE = { offered: 0, sent: 0 };

/** Undefined when it is not the same gateway any more. */
export function ratesBetween(before: StatusDocument, now: StatusDocument): Rates | undefined {
  const seconds = now.seconds - before.seconds;
  if (!(seconds > 0) || now.received < before.received) return undefined;
  const rate = (count: number, earlier: number) => (count - earlier) / seconds;
  const sniffers = Object.entries(now.sniffers).map(([name, { offered, sent }]) => {
    const earlier = before.sniffers[name] ?? NONE;
    return [name, { offered: rate(offered, earlier.offered), sent: rate(sent, earlier.sent) }] as const;
  });
  return {
    seconds,
    received: rate(now.received, before.received),
    delivered: rate(now.delivered, before.delivered),
    drops: rate(now.drops, before.drops),
    lost: rate(lost(now), lost(before)),
    sniffers: new Map(sniffers),
  };
}

function lost({ kernel }: StatusDocument): number {
  return kernel.dropped + kernel.ringFull + kernel.noFrames;
}
