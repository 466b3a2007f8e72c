// The engine: what the rest of Spangate may use of it.

export { ABI_VERSION } from "../../assembly/abi.js";
export * as layout from "../../assembly/memory/layout.js";
export { HELD } from "../../assembly/memory/layout.js";
export { ArrivalRing, type ArrivingFrame } from "./arrival-ring.js";
export { type Batch, DIRECTIONS } from "./batch.js";
export { type Deliveries, QUANTUM } from "./deliveries.js";
export { Engine, type TraceEntry } from "./engine.js";
export { REMOVED_SNIFFERS } from "./former-accounts.js";
export type { MapImage } from "./map-image.js";
export type { LinearMemory, Stretch } from "./memory.js";
export {
  type CounterName,
  ENCAPSULATIONS,
  Encapsulation,
  type EncapsulationName,
  Header,
  VERDICTS,
  Verdict,
  type VerdictName,
} from "./names.js";
export { DEFAULT_OPTIONS, type DecodeOptions, type EngineOptions, type TunnelPorts } from "./options.js";
export {
  type EnteredMessages,
  enterMessages,
  enterPacketRing,
  type MessagePlaces,
  messagePlaces,
  type PacketRing,
} from "./packet-port.js";
export { type PoolOptions, SlotPool } from "./pool.js";
export type { QueueBook } from "./queue-book.js";
export type { QueueStore } from "./queues.js";
export type { Sample, Samples } from "./samples.js";
export { type OutgoingQueue, type SenderSeat, SenderThread } from "./sender-thread.js";
export { SentRing } from "./sent-ring.js";
export type { Session, SessionTable } from "./sessions.js";
export { FrameSlots } from "./slots.js";
export { addAccounts, DROP_REASONS, NO_ACCOUNTS, type SnifferAccounts } from "./sniffer-accounts.js";
export { type EngineSeat, EngineThread } from "./thread.js";
export { type UpstreamLoss, UpstreamScan } from "./upstream.js";
export type { Build } from "./wasm.js";
export type { Counters, WorkerBlock } from "./worker-block.js";
export { type WorstSessions, worstSessions } from "./worst-sessions.js";
export { enterXdpSocket, type SharedRing, type SharedRings } from "./xdp-port.js";
