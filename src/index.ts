// What other tools may import in Node: everything portable, files and streams of the operating system, and whole runs over
// capture files.

export { readFrames } from "./capture/read-frames.js";
export { CaptureReader } from "./capture/reader.js";
export { writeFrames } from "./capture/write-frames.js";
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
