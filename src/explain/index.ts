// What was in each packet, and why its verdict is what it is.

export type { DeliveryRecord } from "./delivery-record.js";
export { type ExplainRequest, explain } from "./explain.js";
export type { Paint } from "./header-text.js";
export type { HeaderRecord } from "./inner.js";
export type { PacketRecord } from "./record.js";
export { SampleExplainer } from "./sample.js";
export { VERDICT_SENTENCES } from "./sentences.js";
export { recordText } from "./text.js";
