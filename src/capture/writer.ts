// Opens a capture for writing, in the format that its name asks for.
import { extname } from "node:path";
import { SpangateError } from "../errors.js";
import type { CaptureWriter } from "./capture-writer.js";
import type { CaptureFormat } from "./format.js";
import type { MemoryArea } from "./memory.js";
import { OutputFile, type OutputOptions } from "./output-file.js";
import { PcapWriter } from "./pcap-writer.js";
import { PcapngWriter } from "./pcapng-writer.js";

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
