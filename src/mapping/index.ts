// The tenant map, from configuration to the engine's image.

export type { Claim, Claims } from "./claims.js";
export { type CompiledMap, type CompileOptions, compileMap } from "./compile.js";
export type { Image, Queue } from "./image.js";
export { type Origin, sourceAddresses } from "./sniffers.js";
