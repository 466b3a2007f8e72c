// The reference: a slow, obvious decoder, tenant map and delivery, written from the documents alone (DESIGN.md, the
// decisions in assembly/README.md, the RFCs). It shares no code with the engine; the two are compared packet for packet.

export {
  type Identity,
  ReferenceDecoder,
  type ReferenceMap,
  type ReferenceOptions,
  type ReferenceResult,
  type Settled,
} from "./decoder.js";
export { DEFAULTS } from "./defaults.js";
export { type Delivered, type Offer, ReferenceDelivery } from "./delivery.js";
export { type Mutated, mutations } from "./mutate.js";
export type { SessionReport } from "./sessions.js";
export type { DeliveryOptions, ReferenceSniffer } from "./sniffer.js";
export type { SentPacket, SnifferAccount } from "./sniffer-queue.js";
export type { Verdict } from "./verdict.js";
