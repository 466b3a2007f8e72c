// The data path over capture files: read, process, write, account.

export { type DecapRequest, decap } from "./decap.js";
export { engineOptions } from "./decode-options.js";
export { type OfflineDelivery, offlineDelivery } from "./offline-delivery.js";
export type { Delivery as SnifferTotal, Progress, Report, WrittenFile } from "./report.js";
export { type StripRequest, strip } from "./strip.js";
