// What other tools may import in Node: everything portable, files and streams of the operating system, and whole runs over
// capture files.

export { CaptureReader, readFrames, writeFrames } from "./capture/index.js";
export { loadConfig } from "./config/load.js";
export {
  type DecapRequest,
  decap,
  type Progress,
  type Report,
  type SnifferTotal,
  type StripRequest,
  strip,
  type WrittenFile,
} from "./datapath/index.js";
export * from "./portable.js";
