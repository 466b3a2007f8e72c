// The live data path: what control and the command line use of it. Apart from index.ts, because it needs Linux and koffi.

export { LiveGateway, type Offer } from "./live-gateway.js";
export type { MapInForce } from "./live-map.js";
export type { LiveReadings, LiveStatus } from "./live-status.js";
export type { Lent, LetGo, Predecessor, TakeoverReport } from "./takeover.js";
