// Turns a pcapng interface's 64-bit timestamps into nanoseconds since 1970, exactly and without BigInt: a number has
// 53 bits, so a timestamp travels as two unsigned 32-bit halves and odd units are worked out in limbs of 16 bits.
// Source: draft-ietf-opsawg-pcapng, if_tsresol and if_tsoffset.

/** 2^32, and its inverse, which is exact: multiplying is faster than dividing. */
export const TWO_32 = 4294967296;
export const PER_TWO_32 = 1 / TWO_32;

/** How a timestamp becomes nanoseconds: it is them already, it is microseconds, or `convert` has to be called. */
export const NANOSECONDS = 1;
export const MICROSECONDS = 2;
const OTHER = 3;

const NANOSECONDS_PER_SECOND = 1_000_000_000;
const LIMBS = 6; // 64 bits of timestamp times 30 bits of nanoseconds
const limbs = new Float64Array(LIMBS);

function multiply(factor: number): void {
  let carry = 0;
  for (let i = 0; i < LIMBS; i++) {
    const product = limbs[i]! * factor + carry; // below 2^16 * 2^30 + 2^31
    carry = Math.floor(product / 65536);
    limbs[i] = product - carry * 65536;
  }
}

function divide(divisor: number): void {
  let rest = 0;
  for (let i = LIMBS - 1; i >= 0; i--) {
    const dividend = rest * 65536 + limbs[i]!; // below 2^30 * 2^16: the rounded quotient's floor is exact
    const quotient = Math.floor(dividend / divisor);
    rest = dividend - quotient * divisor;
    limbs[i] = quotient;
  }
}

/** The unit and origin of one interface's timestamps. Results wrap at 2^64 nanoseconds (the year 2554). */
export class TimeScale {
  /** `NANOSECONDS`, `MICROSECONDS` or `OTHER`. */
  readonly unit: number;
  /** Result of `convert`: upper and lower 32 bits. */
  readonly high = new Uint32Array(1);
  readonly low = new Uint32Array(1);
  private readonly factor: number;
  private readonly divisors: readonly number[];
  private readonly offsetHigh: number;
  private readonly offsetLow: number;

  /**
   * @param resolution the octet of if_tsresol: 10^-n seconds, or 2^-n when its top bit is set
   * @param offset if_tsoffset: seconds to add to every timestamp
   */
  constructor(resolution = 6, offset = 0n) {
    const exponent = resolution & 0x7f;
    const divisors: number[] = [];
    if (resolution & 0x80) {
      this.factor = NANOSECONDS_PER_SECOND;
      for (let left = exponent; left > 0; left -= 30) divisors.push(2 ** Math.min(left, 30));
    } else {
      this.factor = exponent < 9 ? 10 ** (9 - exponent) : 1;
      for (let left = exponent - 9; left > 0; left -= 9) divisors.push(10 ** Math.min(left, 9));
    }
    this.divisors = divisors;
    const nanoseconds = BigInt.asUintN(64, offset * BigInt(NANOSECONDS_PER_SECOND));
    this.offsetHigh = Number(nanoseconds >> 32n);
    this.offsetLow = Number(nanoseconds & 0xffffffffn);
    if (offset !== 0n || resolution & 0x80) this.unit = OTHER;
    else this.unit = exponent === 9 ? NANOSECONDS : exponent === 6 ? MICROSECONDS : OTHER;
  }

  /** Converts a timestamp given as two unsigned halves; the result is in `high` and `low`. */
  convert(timeHigh: number, timeLow: number): void {
    limbs[0] = timeLow & 0xffff;
    limbs[1] = timeLow >>> 16;
    limbs[2] = timeHigh & 0xffff;
    limbs[3] = timeHigh >>> 16;
    limbs[4] = 0;
    limbs[5] = 0;
    if (this.factor !== 1) multiply(this.factor);
    for (const divisor of this.divisors) divide(divisor);
    const low = limbs[0]! + limbs[1]! * 65536 + this.offsetLow;
    const carry = low >= TWO_32 ? 1 : 0;
    this.low[0] = low; // storing keeps the lower 32 bits
    this.high[0] = limbs[2]! + limbs[3]! * 65536 + this.offsetHigh + carry;
  }
}
