// The tenant map, from configuration to the engine's image.

export { type Claim, type CompiledMap, compileMap } from "./compile.js";
