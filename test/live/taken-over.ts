// What a gateway says that has taken another's place, and what neither of the two had.

import { expect } from "vitest";
import type { Balance, Gateway } from "./gateway.js";

export interface TakenOver {
  /** The other one's process. */
  readonly pid: number;
  /** Packets that it had received. */
  readonly before: number;
  /** Packets that nobody had, at the most. */
  readonly between: number;
}

export function takenOver({ process: { output } }: Gateway): TakenOver {
  const said = /has taken over from process (\d+).*which had received (\d+) packets; (.*?); /.exec(output);
  expect(said, output).not.toBeNull();
  const between = Number(/at the most (\d+) packets/.exec(said![3]!)?.[1] ?? 0);
  return { pid: Number(said![1]), before: Number(said![2]), between };
}

const lostInKernel = ({ kernel }: Balance) => kernel.dropped! + kernel.ringFull! + kernel.noFrames!;

/** Of `sent` packets those of which no gateway knows. */
export function missingOf(sent: number, ...balances: readonly Balance[]): number {
  return balances.reduce((left, balance) => left - balance.received - lostInKernel(balance), sent);
}
