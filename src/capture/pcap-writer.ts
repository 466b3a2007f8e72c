// The classic pcap header before the records: little endian, nanoseconds, one link type for the whole file.
// Source: draft-ietf-opsawg-pcap.
import { SpangateError } from "../errors.js";
import { pcapHeader } from "./blocks.js";
import type { CaptureWriter } from "./capture-writer.js";
import { MAX_CAPTURED } from "./frame-reader.js";
import type { OutputFile } from "./output-file.js";

const ETHERNET = 1;

/** Writes a classic pcap file. The header is written with the first link type that is asked for. */
export class PcapWriter implements CaptureWriter {
  readonly format = "pcap";
  private linkType = -1;

  constructor(readonly file: OutputFile) {}

  /** Names are not kept: the format has no room for them. The interface number is always 0. */
  interfaceFor(_name: string, linkType: number, snaplen = 0): number {
    if (linkType === this.linkType) return 0;
    if (this.linkType >= 0) throw twoLinkTypes(this.file.path, this.linkType, linkType);
    const header = pcapHeader(linkType, snaplen === 0 ? MAX_CAPTURED : snaplen);
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

/** What is wrong when a pcap file of one link type is to take a packet of another. */
export function twoLinkTypes(file: string, linkType: number, other: number): SpangateError {
  return new SpangateError(
    "OUTPUT_LINK_TYPE",
    `${file}: a pcap file holds one link type, this one ${linkType}, and a packet of link type ` +
      `${other} is to be written; pcapng (a name that ends in .pcapng) holds several`,
    { details: { file, linkType, other } },
  );
}
