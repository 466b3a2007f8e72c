// What is said of a gateway that has taken another's place.

import type { TakeoverReport } from "../datapath/live.js";

export function takeoverText(
  { pid, version }: { readonly pid: number; readonly version: string },
  { before, milliseconds, lost }: TakeoverReport,
): string {
  const how =
    lost === undefined
      ? "how many packets nobody had is not known"
      : lost === 0
        ? "no packet was lost in between"
        : `at the most ${lost} packets were lost in between`;
  const who = `process ${pid} (version ${version}), which had received ${before} packets`;
  return `has taken over from ${who}; ${how}; ${milliseconds.toFixed(0)} ms until the next was taken`;
}
