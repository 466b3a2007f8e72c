// Reading pcapng: blocks of type, length, body, and the length once more. Packets come in three kinds of block, of
// which the enhanced one is what everybody writes and has the fast path. Source: draft-ietf-opsawg-pcapng.
//
//   section    0 0x0a0d0d0a  4 length  8 byte-order magic  12 major, minor  16 section length (ignored)
//   interface  0 1  4 length   8 link type, reserved  12 snaplen  16 options
//   enhanced   0 6  4 length   8 interface            12 time high, low  20 captured  24 original  28 frame, options
//   obsolete   0 2  4 length   8 interface, drops     12 time high, low  20 captured  24 original  28 frame, options
//   simple     0 3  4 length   8 original  12 frame
import type { FrameBatch } from "./memory.js";
import { MICROSECONDS, NANOSECONDS, PER_TWO_32, TimeScale } from "./timescale.js";
import type { Decoder, Window } from "./window.js";

export const SECTION = 0x0a0d0d0a;
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
export const INTERFACE = 1;
export const ENHANCED = 6;
/** Bytes of an enhanced packet block around its frame and options: what a record needs beyond the frame. */
export const ENHANCED_OVERHEAD = 32;

const OBSOLETE = 2;
const SIMPLE = 3;
const SECTION_MIN = 28;
const INTERFACE_MIN = 20;
const SIMPLE_MIN = 16;
const BLOCK_MIN = 12;
const TRAILER = 4;
/** Where the frame lies in an enhanced packet block. */
export const FRAME = 28;
const SIMPLE_FRAME = 12;
const OPTION_RESOLUTION = 9;
const OPTION_OFFSET = 14;

/** What one interface description block declares. */
interface Interface {
  readonly linkType: number;
  readonly snaplen: number;
  readonly scale: TimeScale;
}

/** Decodes the blocks of one pcapng file, sections of either byte order. */
export class PcapngDecoder implements Decoder {
  private littleEndian = true;
  private interfaces: Interface[] = [];
  /** A block that reaches past the window: its length, to be compared at its end, and its place for messages. */
  private openLength = 0;
  private openOffset = 0;

  decode(window: Window, batch: FrameBatch): number {
    if (window.fault !== undefined || (this.openLength > 0 && !this.closeBlock(window))) return 0;
    const { view, end, address, maxCaptured } = window;
    const room = batch.room;
    let { littleEndian, interfaces } = this;
    let position = window.position;
    let pushed = 0;
    while (pushed < room && end - position >= BLOCK_MIN) {
      const length = view.getUint32(position + 4, littleEndian);
      if (
        view.getUint32(position, littleEndian) === ENHANCED &&
        length <= end - position &&
        length >= ENHANCED_OVERHEAD &&
        (length & 3) === 0 &&
        view.getUint32(position + length - TRAILER, littleEndian) === length
      ) {
        const captured = view.getUint32(position + 20, littleEndian);
        const from = interfaces[view.getUint32(position + 8, littleEndian)];
        if (from !== undefined && captured <= length - ENHANCED_OVERHEAD && captured <= maxCaptured) {
          const original = view.getUint32(position + 24, littleEndian);
          let high = view.getUint32(position + 12, littleEndian);
          let low = view.getUint32(position + 16, littleEndian);
          const scale = from.scale;
          if (scale.unit === MICROSECONDS) {
            high = Math.imul(high, 1000) + Math.floor(low * 1000 * PER_TWO_32);
            low = Math.imul(low, 1000);
          } else if (scale.unit !== NANOSECONDS) {
            scale.convert(high, low);
            high = scale.high[0]!;
            low = scale.low[0]!;
          }
          batch.push(
            address + position + FRAME,
            captured,
            Math.max(original, captured),
            high >>> 0,
            low >>> 0,
            from.linkType,
          );
          position += length;
          pushed++;
          continue;
        }
      }
      window.position = position;
      const frames = this.block(window, batch);
      if (frames < 0) return pushed;
      pushed += frames;
      position = window.position;
      ({ littleEndian, interfaces } = this);
    }
    window.position = position;
    return pushed;
  }

  finish(window: Window): void {
    const left = window.end - window.position;
    const end = window.offset + left;
    if (this.openLength > 0)
      window.fail(
        "CAPTURE_TRUNCATED",
        this.openOffset,
        `the file ends at ${end}, ${end - this.openOffset} bytes into a block of ${this.openLength} bytes`,
      );
    else if (left > 0) {
      const length = left < 8 ? 0 : window.view.getUint32(window.position + 4, this.littleEndian);
      const block = length === 0 ? "a block" : `a block of ${length} bytes`;
      window.fail("CAPTURE_TRUNCATED", window.offset, `the file ends at ${end}, ${left} bytes into ${block}`);
    }
  }

  /**
   * Any block that the fast path left alone, at least 12 bytes of which are here.
   * Returns the frames pushed (0 or 1), or -1 when there is no going on: a fault, or bytes that are not here yet.
   */
  private block(window: Window, batch: FrameBatch): number {
    const { view, position } = window;
    const type = view.getUint32(position, this.littleEndian);
    if (type === SECTION && !this.byteOrder(window)) return -1;
    const length = view.getUint32(position + 4, this.littleEndian);
    if (length < BLOCK_MIN || (length & 3) !== 0) {
      const rule = length < BLOCK_MIN ? `less than ${BLOCK_MIN}` : "not a multiple of 4";
      return this.badLength(window, `a block claims a length of ${length} bytes, ${rule}`);
    }
    switch (type) {
      case ENHANCED:
      case OBSOLETE:
        return this.packet(window, batch, length, type);
      case SIMPLE:
        return this.simple(window, batch, length);
      case INTERFACE:
        return this.interface(window, length);
      case SECTION:
        return this.section(window, length);
      default:
        return this.pass(window, length);
    }
  }

  private packet(window: Window, batch: FrameBatch, length: number, type: number): number {
    const { view, position, end } = window;
    const { littleEndian } = this;
    if (length < ENHANCED_OVERHEAD) return this.badLength(window, `a packet block claims ${length} bytes`);
    if (end - position < FRAME) return -1;
    const captured = view.getUint32(position + 20, littleEndian);
    if (!this.frameFits(window, captured, length - ENHANCED_OVERHEAD)) return -1;
    const id =
      type === ENHANCED
        ? view.getUint32(position + 8, littleEndian)
        : view.getUint16(position + 8, littleEndian);
    const from = this.interfaces[id];
    if (from === undefined) return this.undeclared(window, id);
    if (!this.isHere(window, length, FRAME + captured)) return -1;
    const original = Math.max(captured, view.getUint32(position + 24, littleEndian));
    const { scale } = from;
    scale.convert(view.getUint32(position + 12, littleEndian), view.getUint32(position + 16, littleEndian));
    const frame = window.address + position + FRAME;
    batch.push(frame, captured, original, scale.high[0]!, scale.low[0]!, from.linkType);
    this.pass(window, length);
    return 1;
  }

  /** A simple packet block has no time (it is given 0) and belongs to the section's first interface. */
  private simple(window: Window, batch: FrameBatch, length: number): number {
    const { view, position, end } = window;
    if (length < SIMPLE_MIN) return this.badLength(window, `a simple packet block claims ${length} bytes`);
    if (end - position < SIMPLE_FRAME) return -1;
    const from = this.interfaces[0];
    if (from === undefined) return this.undeclared(window, 0);
    const original = view.getUint32(position + 8, this.littleEndian);
    const captured = from.snaplen === 0 ? original : Math.min(original, from.snaplen);
    if (!this.frameFits(window, captured, length - SIMPLE_MIN)) return -1;
    if (!this.isHere(window, length, SIMPLE_FRAME + captured)) return -1;
    batch.push(window.address + position + SIMPLE_FRAME, captured, original, 0, 0, from.linkType);
    this.pass(window, length);
    return 1;
  }

  private interface(window: Window, length: number): number {
    if (length < INTERFACE_MIN || length > window.maxRecord)
      return this.badLength(window, `an interface description block claims ${length} bytes`);
    if (!this.isHere(window, length, length)) return -1;
    this.interfaces.push(declaredInterface(window.view, window.position, length, this.littleEndian));
    return this.pass(window, length);
  }

  private section(window: Window, length: number): number {
    const { view, position, end } = window;
    if (length < SECTION_MIN) return this.badLength(window, `a section header block claims ${length} bytes`);
    if (end - position < 16) return -1;
    const major = view.getUint16(position + 12, this.littleEndian);
    if (major !== 1) {
      const minor = view.getUint16(position + 14, this.littleEndian);
      window.fail("CAPTURE_MAGIC", window.offset, `pcapng version ${major}.${minor} is not read, only 1.x`);
      return -1;
    }
    if (!this.isHere(window, length, 16)) return -1;
    this.interfaces = [];
    return this.pass(window, length);
  }

  /** Takes over the byte order of the section that begins here. */
  private byteOrder(window: Window): boolean {
    const magic = window.view.getUint32(window.position + 8, true);
    if (magic !== BYTE_ORDER_MAGIC && magic !== 0x4d3c2b1a) {
      const found = magic.toString(16).padStart(8, "0");
      window.fail(
        "CAPTURE_MAGIC",
        window.offset,
        `a section's byte-order magic is 0x${found}, not 0x1a2b3c4d`,
      );
      return false;
    }
    this.littleEndian = magic === BYTE_ORDER_MAGIC;
    return true;
  }

  private frameFits(window: Window, captured: number, space: number): boolean {
    if (captured <= space && captured <= window.maxCaptured) return true;
    const limit =
      captured > space
        ? `the ${space} that its block has room for`
        : `the ${window.maxCaptured} that a frame can have`;
    this.badLength(window, `a packet block claims ${captured} captured bytes, more than ${limit}`);
    return false;
  }

  /**
   * Whether a block can be used: all of it is here and its end repeats its length. Of a block that is too long to be
   * held in one piece (packets with huge options) only the first `needed` bytes are asked for.
   */
  private isHere(window: Window, length: number, needed: number): boolean {
    const { position, end } = window;
    if (end - position < length) return length > window.maxRecord && end - position >= needed;
    return this.checkTrailer(window, position + length - TRAILER, length, window.offset);
  }

  private checkTrailer(window: Window, at: number, length: number, offset: number): boolean {
    const trailer = window.view.getUint32(at, this.littleEndian);
    if (trailer === length) return true;
    window.fail(
      "CAPTURE_RECORD_LENGTH",
      offset,
      `a block claims ${length} bytes at its beginning and ${trailer} at its end`,
    );
    return false;
  }

  /** Goes to the end of the block at `position`, wherever that is. Returns 0, or -1 as `block` does. */
  private pass(window: Window, length: number): number {
    this.openLength = length;
    this.openOffset = window.offset;
    window.pass(length - TRAILER);
    return this.closeBlock(window) ? 0 : -1;
  }

  private closeBlock(window: Window): boolean {
    if (window.skip > 0 || window.end - window.position < TRAILER) return false;
    if (!this.checkTrailer(window, window.position, this.openLength, this.openOffset)) return false;
    window.position += TRAILER;
    this.openLength = 0;
    return true;
  }

  private badLength(window: Window, what: string): -1 {
    window.fail("CAPTURE_RECORD_LENGTH", window.offset, what);
    return -1;
  }

  private undeclared(window: Window, id: number): -1 {
    const declared = this.interfaces.length;
    window.fail(
      "CAPTURE_CORRUPT",
      window.offset,
      `a packet names interface ${id}, but its section has declared ${declared}`,
    );
    return -1;
  }
}

/** Reads an interface description block. Options that make no sense are passed over, as other readers do. */
function declaredInterface(
  view: DataView,
  position: number,
  length: number,
  littleEndian: boolean,
): Interface {
  let resolution = 6;
  let offset = 0n;
  const end = position + length - TRAILER;
  for (let at = position + 16; at + 4 <= end; ) {
    const code = view.getUint16(at, littleEndian);
    const size = view.getUint16(at + 2, littleEndian);
    if (code === 0 || at + 4 + size > end) break;
    if (code === OPTION_RESOLUTION && size === 1) resolution = view.getUint8(at + 4);
    if (code === OPTION_OFFSET && size === 8) offset = view.getBigInt64(at + 4, littleEndian);
    at += 4 + ((size + 3) & ~3);
  }
  return {
    linkType: view.getUint16(position + 8, littleEndian),
    snaplen: view.getUint32(position + 12, littleEndian),
    scale: new TimeScale(resolution, offset),
  };
}
