// Real packets to begin with: this repository's fixtures, and the captures of other projects where they are at hand.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readPcap } from "../reference/pcap.js";
import type { Frame } from "./harness.js";

const FIXTURES = fileURLToPath(new URL("../fixtures", import.meta.url));
const SHARED =
  process.env.SPANGATE_CAPTURES ?? fileURLToPath(new URL("../../../shared/captures", import.meta.url));

/** A capture's name and frames. */
export interface Capture {
  name: string;
  path: string;
  frames: Frame[];
}

function capturesIn(folder: string): Capture[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(".pcap"));
  return files.map((file) => {
    const path = join(folder, file);
    return { name: basename(file, ".pcap"), path, frames: readPcap(readFileSync(path)) };
  });
}

export const fixtures = capturesIn(FIXTURES);

export const sharedCaptures = existsSync(SHARED) ? capturesIn(SHARED) : [];
if (sharedCaptures.length === 0)
  console.warn(`${SHARED} is not there: the captures of other projects are not tested`);

/** Frames short enough to be mutated by the hundred thousand. */
export const seeds = [...fixtures, ...sharedCaptures].flatMap(({ frames }) =>
  frames.filter(({ frame }) => frame.length < 3000),
);
