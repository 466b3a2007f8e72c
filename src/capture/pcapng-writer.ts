// The pcapng around the packets: one section, and one interface description for each name and link type.
// Source: draft-ietf-opsawg-pcapng. Little endian, nanoseconds.

import type { CaptureWriter } from "./capture-writer.js";
import type { OutputFile } from "./output-file.js";
import { BYTE_ORDER_MAGIC, INTERFACE, SECTION } from "./pcapng.js";

const SECTION_APPLICATION = 4;
const INTERFACE_NAME = 2;
const INTERFACE_RESOLUTION = 9;
const NANOSECONDS = 9;
const UNKNOWN_LENGTH = 0xffffffff;

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
    const body = Buffer.alloc(16);
    body.writeUInt32LE(BYTE_ORDER_MAGIC, 0);
    body.writeUInt16LE(1, 4); // version 1.0
    body.writeUInt32LE(UNKNOWN_LENGTH, 8);
    body.writeUInt32LE(UNKNOWN_LENGTH, 12);
    file.append(
      block(SECTION, [body, option(SECTION_APPLICATION, Buffer.from(application)), END_OF_OPTIONS]),
    );
  }

  interfaceFor(name: string, linkType: number, snaplen = 0, key = `${linkType} ${name}`): number {
    const known = this.interfaces.get(key);
    if (known !== undefined) return known;
    const body = Buffer.alloc(8);
    body.writeUInt16LE(linkType, 0);
    body.writeUInt32LE(snaplen, 4);
    const options = [
      option(INTERFACE_NAME, Buffer.from(name)),
      option(INTERFACE_RESOLUTION, Buffer.from([NANOSECONDS])),
      END_OF_OPTIONS,
    ];
    if (!this.file.append(block(INTERFACE, [body, ...options]))) return -1;
    const id = this.interfaces.size;
    this.interfaces.set(key, id);
    return id;
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

const END_OF_OPTIONS = Buffer.alloc(4);

function option(code: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt16LE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

function block(type: number, parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 12);
  const frame = Buffer.alloc(8);
  frame.writeUInt32LE(type, 0);
  frame.writeUInt32LE(length, 4);
  return Buffer.concat([frame, ...parts, frame.subarray(4)]);
}
