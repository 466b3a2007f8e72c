// The compiled engine: found beside this file, loaded from disk in Node and over the network in a browser.

import { ABI_VERSION } from "../../assembly/abi.js";
import { SpangateError } from "../errors.js";

/** `plain`: memory of its own, any browser. `shared`: one memory for several workers. */
export type Build = "plain" | "shared";

type Encode = (
  first: number,
  count: number,
  to: number,
  limit: number,
  snaplen: number,
  interfaces: number,
) => number;

/** What assembly/index.ts exports. */
export interface EngineExports extends Record<string, unknown> {
  readonly ABI_VERSION: { readonly value: number };
  reassemblySize(pieces: number): number;
  attach(block: number, fresh: number): void;
  createPool(records: number): void;
  takeSlot(large: number): number;
  giveSlot(slot: number): void;
  process(first: number, count: number): number;
  recycle(count: number): void;
  take(most: number, quantum: number): number;
  settle(first: number, end: number, sent: number): void;
  takeFrom(queue: number, most: number, into: number): number;
  settleFrom(queue: number, entry: number, sent: number): void;
  reclaim(queue: number): void;
  reclaimNext(most: number): void;
  flush(): void;
  clockSet(nanoseconds: number): void;
  xdpReceive(socket: number, first: number, most: number, time: number): number;
  xdpRefill(socket: number): void;
  xdpTransmit(socket: number, quantum: number): number;
  xdpComplete(socket: number): number;
  xdpUnsent(socket: number): number;
  xdpNotSent(socket: number): void;
  packetReceive(socket: number, first: number, most: number): number;
  packetPrepare(socket: number, quantum: number): number;
  packetSettle(socket: number, sent: number, refused: number): number;
  mapBuild(generation: number, images: number, count: number): number;
  prepareSniffer(record: number): void;
  publish(generation: number): void;
  encodePcapng: Encode;
  encodePcap: Encode;
  encodeRecord(record: number, id: number, to: number, limit: number): number;
  encodeDeliveries(
    first: number,
    count: number,
    to: number,
    limit: number,
    rewritten: number,
    interfaces: number,
    asPcapng: number,
  ): number;
}

const modules = new Map<Build, Promise<WebAssembly.Module>>();

/** The compiled module of `build`, compiled once a process. */
export function loadModule(build: Build): Promise<WebAssembly.Module> {
  let module = modules.get(build);
  if (module === undefined) {
    module = compile(build);
    modules.set(build, module);
  }
  return module;
}

async function compile(build: Build): Promise<WebAssembly.Module> {
  const url =
    build === "plain"
      ? new URL("./spangate.wasm", import.meta.url)
      : new URL("./spangate.shared.wasm", import.meta.url);
  if (url.protocol !== "file:") return WebAssembly.compileStreaming(fetch(url));
  // Asked of the process, not imported: bundlers for browsers follow every import.
  const { readFile } = process.getBuiltinModule("node:fs/promises");
  return WebAssembly.compile(await readFile(url));
}

/** One instance over `memory`. Throws ABI_MISMATCH when the module is of another version than the host. */
export async function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Promise<EngineExports> {
  // The module is compiled already. The loader's other function asks for `Response`, with which Node loads all of fetch.
  const { instantiateSync } = await import("@assemblyscript/loader");
  const { exports } = instantiateSync<EngineExports>(module, { env: { memory } });
  const version = exports.ABI_VERSION.value;
  if (version !== ABI_VERSION) {
    throw new SpangateError(
      "ABI_MISMATCH",
      `The engine has ABI version ${version}, this library needs ${ABI_VERSION}; rebuild both together (npm run build).`,
      { details: { found: version, expected: ABI_VERSION } },
    );
  }
  return exports;
}
