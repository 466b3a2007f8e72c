// The trace: which headers the parser passed, for `explain`. Off on the hot path, where it costs one predicted branch a
// header.

import { Header } from "../header";
import {
  CONFIG_FLAGS,
  FLAG_TRACE,
  TRACE,
  TRACE_ADDRESS,
  TRACE_ENTRY,
  TRACE_HEADER,
  TRACE_LENGTH,
  TRACE_MAX,
  WORKER_TRACE_COUNT,
} from "../memory/layout";
import { field, setField, worker } from "../memory/worker";

let tracing: bool = false;

export function beginTrace(): void {
  tracing = (load<u32>(CONFIG_FLAGS) & FLAG_TRACE) != 0;
  if (tracing) setField(WORKER_TRACE_COUNT, 0);
}

export function trace(header: Header, at: usize, length: usize): void {
  if (tracing) record(header, at, length);
}

function record(header: Header, at: usize, length: usize): void {
  const count = field(WORKER_TRACE_COUNT);
  if (count == TRACE_MAX) return;
  const entry = worker() + TRACE + count * TRACE_ENTRY;
  store<u32>(entry + TRACE_HEADER, header);
  store<u32>(entry + TRACE_ADDRESS, <u32>at);
  store<u32>(entry + TRACE_LENGTH, <u32>length);
  setField(WORKER_TRACE_COUNT, count + 1);
}
