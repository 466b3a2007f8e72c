// What the two formats that are written have in common: frames go to an `OutputFile`, packet blocks encoded elsewhere,
// and the writer puts the headers around them.
import { extname } from "node:path";
import { SpangateError } from "../errors.js";
import type { CaptureFormat } from "./format.js";
import type { MemoryArea } from "./memory.js";
import { OutputFile, type OutputOptions } from "./output-file.js";
import { PcapWriter } from "./pcap-writer.js";
import { PcapngWriter } from "./pcapng-writer.js";

/** A capture being written. The caller reserves room in `file` and commits packet blocks or records there. */
export interface CaptureWriter {
  readonly format: CaptureFormat;
  readonly file: OutputFile;
  /**
   * The interface number that packets of this name and link type carry; declares it if it is new.
   *
   * @param snaplen bytes a packet was cut to; 0 (the default) is no limit
   * Returns -1 when there is no room for the declaration: `await file.ready()` and ask again. Throws
   * `OUTPUT_LINK_TYPE` when the format cannot hold another link type.
   */
  interfaceFor(name: string, linkType: number, snaplen?: number): number;
  /** Completes and closes the file. Throws `IO_FAILED`. */
  close(): Promise<void>;
}

/** Options of a new capture file. */
export interface WriterOptions extends OutputOptions {
  /** What writes the file, for the pcapng section header: `spangate 0.1.0`. */
  readonly application: string;
}

/** The format that a path asks for by its name. Standard output (`-`) is pcapng. Throws `USAGE`. */
export function formatOf(path: string): CaptureFormat {
  if (path === "-") return "pcapng";
  const extension = extname(path).toLowerCase();
  if (extension === ".pcapng") return "pcapng";
  if (extension === ".pcap") return "pcap";
  const hint = extension === ".gz" ? "; compressed files are read, not written" : "";
  throw new SpangateError(
    "USAGE",
    `${path}: the name of a capture to write ends in .pcapng or .pcap, or is - for standard output${hint}`,
    { details: { file: path } },
  );
}

/** Opens a capture for writing, in the format that its name asks for. Throws `USAGE` or `IO_FAILED`. */
export async function createCapture(
  path: string,
  area: MemoryArea,
  options: WriterOptions,
): Promise<CaptureWriter> {
  const format = formatOf(path);
  const file = await OutputFile.open(path, area, options);
  return format === "pcap" ? new PcapWriter(file) : new PcapngWriter(file, options.application);
}
