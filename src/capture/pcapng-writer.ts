// The pcapng around the packets: one section, and one interface description for each name and link type.
// Source: draft-ietf-opsawg-pcapng. Little endian, nanoseconds.

import { interfaceDescription, sectionHeader } from "./blocks.js";
import type { CaptureWriter } from "./capture-writer.js";
import type { OutputFile } from "./output-file.js";

/** Writes a pcapng file with nanosecond interfaces. */
export class PcapngWriter implements CaptureWriter {
  readonly format = "pcapng";
  private readonly interfaces = new Map<string, number>();

  /**
   * @param file freshly opened; the section header goes into it at once
   * @param application what writes the file, for the section header
   */
  constructor(
    readonly file: OutputFile,
    application: string,
  ) {
    file.append(sectionHeader(application));
  }

  interfaceFor(name: string, linkType: number, snaplen = 0, key = `${linkType} ${name}`): number {
    const known = this.interfaces.get(key);
    if (known !== undefined) return known;
    if (!this.file.append(interfaceDescription(name, linkType, snaplen))) return -1;
    const id = this.interfaces.size;
    this.interfaces.set(key, id);
    return id;
  }

  close(): Promise<void> {
    return this.file.close();
  }
}
