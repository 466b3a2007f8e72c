// The live data path: what control and the command line use of it. Apart from index.ts, because it needs Linux and koffi.

export { LiveGateway } from "./live-gateway.js";
export type { LiveStatus } from "./live-status.js";
