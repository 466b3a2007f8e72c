// The classic pcap header before the records: little endian, nanoseconds, one link type for the whole file.
// Source: draft-ietf-opsawg-pcap.
import { SpangateError } from "../errors.js";
import type { CaptureWriter } from "./capture-writer.js";
import type { OutputFile } from "./output-file.js";
import { HEADER_LENGTH, MAGIC_NANOSECONDS } from "./pcap.js";
import { MAX_CAPTURED } from "./reader.js";

const ETHERNET = 1;

/** Writes a classic pcap file. The header is written with the first link type that is asked for. */
export class PcapWriter implements CaptureWriter {
  readonly format = "pcap";
  private linkType = -1;

  constructor(readonly file: OutputFile) {}

  /** Names are not kept: the format has no room for them. The interface number is always 0. */
  interfaceFor(_name: string, linkType: number, snaplen = 0): number {
    if (linkType === this.linkType) return 0;
    if (this.linkType >= 0)
      throw new SpangateError(
        "OUTPUT_LINK_TYPE",
        `${this.file.path}: a pcap file holds one link type, this one ${this.linkType}, and a packet of link type ` +
          `${linkType} is to be written; give the output a name that ends in .pcapng`,
        { details: { file: this.file.path, linkType: this.linkType, other: linkType } },
      );
    const header = Buffer.alloc(HEADER_LENGTH);
    header.writeUInt32LE(MAGIC_NANOSECONDS, 0);
    header.writeUInt16LE(2, 4);
    header.writeUInt16LE(4, 6);
    header.writeUInt32LE(snaplen === 0 ? MAX_CAPTURED : snaplen, 16);
    header.writeUInt32LE(linkType, 20);
    if (!this.file.append(header)) return -1;
    this.linkType = linkType;
    return 0;
  }

  /** A file without packets still gets its header, of an Ethernet capture. */
  close(): Promise<void> {
    if (this.linkType < 0) this.interfaceFor("", ETHERNET);
    return this.file.close();
  }
}
