// Contenders side by side, each in a lab of its own and all there at once, so that they can take turns.

import type { LiveContender } from "./contenders.js";
import type { LiveFrames } from "./frames.js";
import { Lab } from "./lab.js";
import { Link, type LinkOptions } from "./link.js";
import type { Programs } from "./programs.js";

export interface Entrant {
  readonly contender: LiveContender;
  readonly frames: LiveFrames;
  readonly options?: LinkOptions;
}

/** Starts all, does `work` with their links, and ends all. One that does not start is told of, and its link is not there. */
export async function onStage<T>(
  programs: Programs,
  entrants: readonly Entrant[],
  work: (links: ReadonlyMap<LiveContender, Link>) => Promise<T>,
): Promise<T> {
  const labs: Lab[] = [];
  const links = new Map<LiveContender, Link>();
  try {
    for (const { contender, frames, options } of entrants) {
      const lab = Lab.create();
      labs.push(lab);
      try {
        links.set(contender, await Link.open(lab, programs, frames, contender, options));
      } catch (error) {
        console.log(`${contender.name}: ${(error as Error).message}`);
        process.exitCode = 1;
      }
    }
    return await work(links);
  } finally {
    for (const link of links.values()) await link.close();
    for (const lab of labs) lab.dispose();
  }
}
