// What other tools may import: the engine, the tenant map, capture files through both, and errors with stable codes.

export {
  type CapturedFrame,
  CaptureReader,
  type FrameBatch,
  type MemoryArea,
  READ_AREA_LENGTH,
  readFrames,
} from "./capture/index.js";
export { loadConfig, type Mistake, parseConfig } from "./config/load.js";
export type { GatewayConfig } from "./config/schema.js";
export {
  type DecapRequest,
  type Delivery,
  decap,
  engineOptions,
  type Progress,
  type Report,
  type StripRequest,
  strip,
  type WrittenFile,
} from "./datapath/index.js";
export {
  type Counters,
  DEFAULT_OPTIONS,
  type DecodeOptions,
  ENCAPSULATIONS,
  type EncapsulationName,
  Engine,
  type EngineOptions,
  FrameSlots,
  type MapImage,
  type Session,
  type TunnelPorts,
  VERDICTS,
  type VerdictName,
} from "./engine/index.js";
export { ERRORS, type ErrorCode, SpangateError } from "./errors.js";
export {
  type Claim,
  type CompiledMap,
  type CompileOptions,
  compileMap,
  type Origin,
} from "./mapping/index.js";
export { VERSION } from "./version.js";
