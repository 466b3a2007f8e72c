// What other tools may import wherever there is JavaScript: index.ts adds what needs an operating system, browser.ts the other
// half of what has two forms.

export {
  type CaptureOptions,
  captureBytes,
  encodeFrames,
  type Frames,
  type FrameToWrite,
} from "./capture/encode-frames.js";
export type { CaptureFormat } from "./capture/format.js";
export { FrameReader, READ_AREA_LENGTH, type ReadOptions } from "./capture/frame-reader.js";
export type { CapturedFrame } from "./capture/frames.js";
export { type FrameBatch, heapArea, type MemoryArea } from "./capture/memory.js";
export type { CaptureBytes } from "./capture/web-source.js";
export type { Address, EndpointAddress, Mac, Prefix } from "./config/addresses.js";
export { type ConfigPurpose, configOf } from "./config/check.js";
export { formatMistakes, type Mistake } from "./config/mistakes.js";
export { type Parsed, parseConfig } from "./config/parse.js";
export type { GatewayConfig, GatewayInput, LiveGatewayConfig } from "./config/schema.js";
export { Decapsulator, type DecapsulatorOptions, type FrameIn } from "./datapath/decapsulator.js";
export { engineOptions } from "./datapath/decode-options.js";
export type { Delivery } from "./datapath/delivery.js";
export type { AboutFrame } from "./datapath/intake.js";
export * from "./engine/index.js";
export {
  ERRORS,
  type ErrorCode,
  type ErrorKind,
  SpangateError,
  type SpangateErrorOptions,
} from "./errors.js";
export {
  type Claim,
  type Claims,
  type CompiledMap,
  type CompileOptions,
  compileMap,
  type Image,
  type Origin,
  type Queue,
} from "./mapping/index.js";
export { VERSION } from "./version.js";
