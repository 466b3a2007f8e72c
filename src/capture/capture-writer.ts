// What the two formats that are written have in common: frames go to an `OutputFile`, packet blocks encoded elsewhere,
// and the writer puts the headers around them.
import type { CaptureFormat } from "./format.js";
import type { OutputFile } from "./output-file.js";

/** A capture being written. The caller reserves room in `file` and commits packet blocks or records there. */
export interface CaptureWriter {
  readonly format: CaptureFormat;
  readonly file: OutputFile;
  /**
   * The interface number that packets of this name and link type carry; declares it if it is new. Two interfaces may
   * have one name, as mirror sessions to two destinations do: `key` tells them apart.
   *
   * @param snaplen bytes a packet was cut to; 0 (the default) is no limit
   * Returns -1 when there is no room for the declaration: `await file.ready()` and ask again. Throws
   * `OUTPUT_LINK_TYPE` when the format cannot hold another link type.
   */
  interfaceFor(name: string, linkType: number, snaplen?: number, key?: string): number;
  /** Completes and closes the file. Throws `IO_FAILED`. */
  close(): Promise<void>;
}
