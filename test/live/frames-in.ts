// What is in a capture file that the gateway has written.

import { readFrames } from "../../src/capture/index.js";

export async function framesIn(path: string): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  for await (const { data } of readFrames(path)) frames.push(data);
  return frames;
}
