// What was delivered, as one number that the engine and the yardstick must agree on (bench/native/report.c).

const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;

/**
 * Over every delivered frame, queue by queue in its order: FNV-1a of 32 bits over length and original length (32 bits each,
 * little-endian) and bytes; then, with the queue's number behind, added up modulo 2^32.
 */
export class DeliveryHash {
  readonly #queues = new Map<number, number>();

  add(queue: number, originalLength: number, frame: Uint8Array): void {
    let hash = this.#queues.get(queue) ?? OFFSET;
    hash = withNumber(hash, frame.length);
    hash = withNumber(hash, originalLength);
    for (let i = 0; i < frame.length; i++) hash = Math.imul(hash ^ frame[i]!, PRIME);
    this.#queues.set(queue, hash);
  }

  get value(): number {
    let sum = 0;
    for (const [queue, hash] of this.#queues) sum = (sum + withNumber(hash, queue)) >>> 0;
    return sum;
  }
}

function withNumber(hash: number, number: number): number {
  for (let shift = 0; shift < 32; shift += 8) hash = Math.imul(hash ^ ((number >>> shift) & 0xff), PRIME);
  return hash;
}
