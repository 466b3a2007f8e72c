// Reading classic pcap: a header of 24 bytes, then records of 16 bytes and their frame.
// Source: draft-ietf-opsawg-pcap; limits as in libpcap's sf-pcap.c.
//
//   header  0 magic  4 major, minor  8 reserved  16 snaplen  20 link type (lower 16 bits; FCS length above)
//   record  0 seconds  4 micro- or nanoseconds  8 captured  12 original  16 frame
import type { FrameBatch } from "./memory.js";
import { PER_TWO_32, TWO_32 } from "./timescale.js";
import type { Decoder, Window } from "./window.js";

/** Magic numbers as the writer's byte order has them. */
export const MAGIC_MICROSECONDS = 0xa1b2c3d4;
export const MAGIC_NANOSECONDS = 0xa1b23c4d;
/** Kuznetzov's variant of 1999, whose records are eight bytes longer. */
export const MAGIC_MODIFIED = 0xa1b2cd34;

export const HEADER_LENGTH = 24;
export const RECORD_HEADER_LENGTH = 16;

const MAJOR = 4;
const MINOR = 6;
const LINK_TYPE = 20;
const FRACTION = 4;
const CAPTURED = 8;
const ORIGINAL = 12;

// seconds * 10^9 = seconds * 5^9 * 2^9. The first product stays below 2^53, so it is exact; 2^23 * 2^9 is 2^32.
const FIVE_9 = 1953125;
const TWO_23 = 8388608;

/** Decodes the records of one classic pcap file. */
export class PcapDecoder implements Decoder {
  private linkType = -1;

  /**
   * @param littleEndian byte order of the file
   * @param unit nanoseconds in one unit of the record's fraction: 1 or 1,000
   */
  constructor(
    private readonly littleEndian: boolean,
    private readonly unit: number,
  ) {}

  decode(window: Window, batch: FrameBatch): number {
    if (this.linkType < 0 && !this.header(window)) return 0;
    const { view, end, address, maxCaptured } = window;
    const { littleEndian, unit, linkType } = this;
    const room = batch.room;
    let position = window.position;
    let pushed = 0;
    while (pushed < room && end - position >= RECORD_HEADER_LENGTH) {
      const captured = view.getUint32(position + CAPTURED, littleEndian);
      if (captured > maxCaptured) {
        this.tooLong(window, position, captured);
        break;
      }
      const frame = position + RECORD_HEADER_LENGTH;
      if (captured > end - frame) break;
      const original = view.getUint32(position + ORIGINAL, littleEndian);
      const scaled = view.getUint32(position, littleEndian) * FIVE_9;
      let high = Math.floor(scaled * (1 / TWO_23));
      let low = (scaled - high * TWO_23) * 512 + view.getUint32(position + FRACTION, littleEndian) * unit;
      if (low >= TWO_32) {
        const carry = Math.floor(low * PER_TWO_32);
        low -= carry * TWO_32;
        high += carry;
      }
      batch.push(address + frame, captured, Math.max(original, captured), high >>> 0, low >>> 0, linkType);
      position = frame + captured;
      pushed++;
    }
    window.position = position;
    return pushed;
  }

  finish(window: Window): void {
    const left = window.end - window.position;
    if (left === 0 && this.linkType >= 0) return;
    const end = window.offset + left;
    if (this.linkType < 0)
      window.fail(
        "CAPTURE_TRUNCATED",
        window.offset,
        `the file ends at ${end}, inside its ${HEADER_LENGTH}-byte header`,
      );
    else if (left < RECORD_HEADER_LENGTH)
      window.fail(
        "CAPTURE_TRUNCATED",
        window.offset,
        `the file ends at ${end}, ${left} bytes into the ${RECORD_HEADER_LENGTH}-byte header of a record`,
      );
    else {
      const captured = window.view.getUint32(window.position + CAPTURED, this.littleEndian);
      const length = RECORD_HEADER_LENGTH + captured;
      window.fail(
        "CAPTURE_TRUNCATED",
        window.offset,
        `the file ends at ${end}, ${left} bytes into a record of ${length} bytes`,
      );
    }
  }

  private header(window: Window): boolean {
    const { view, position } = window;
    if (window.fault !== undefined || window.end - position < HEADER_LENGTH) return false;
    const major = view.getUint16(position + MAJOR, this.littleEndian);
    const minor = view.getUint16(position + MINOR, this.littleEndian);
    // Before 2.3 the two lengths of a record stood the other way round.
    if (major !== 2 || minor < 3) {
      window.fail(
        "CAPTURE_MAGIC",
        window.offset,
        `pcap version ${major}.${minor} is not read, only 2.3 and later 2.x`,
      );
      return false;
    }
    this.linkType = view.getUint32(position + LINK_TYPE, this.littleEndian) & 0xffff;
    window.position = position + HEADER_LENGTH;
    return true;
  }

  private tooLong(window: Window, position: number, captured: number): void {
    window.fail(
      "CAPTURE_RECORD_LENGTH",
      window.base + position,
      `a record claims ${captured} captured bytes, more than the ${window.maxCaptured} that a frame can have`,
    );
  }
}
