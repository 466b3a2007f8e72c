// Capture files: pcap and pcapng, read from disk, pipe or gzip into the engine's memory, and written from it.

export type { CaptureWriter } from "./capture-writer.js";
export type { CaptureFormat } from "./format.js";
export { MAX_CAPTURED, READ_AREA_LENGTH, type ReadOptions } from "./frame-reader.js";
export type { CapturedFrame } from "./frames.js";
export { type FrameBatch, heapArea, type MemoryArea } from "./memory.js";
export { OutputFile, type OutputOptions } from "./output-file.js";
export { readFrames } from "./read-frames.js";
export { CaptureReader } from "./reader.js";
export type { CaptureBytes } from "./web-source.js";
export { writeFrames } from "./write-frames.js";
export { createCapture, formatOf, type WriterOptions } from "./writer.js";
