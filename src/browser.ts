// What other tools may import in a browser: nothing here, nor in what it imports, is Node's.

export { readFrames } from "./capture/web-read-frames.js";
export { CaptureReader } from "./capture/web-reader.js";
export { writeFrames } from "./capture/web-write-frames.js";
export * from "./portable.js";
