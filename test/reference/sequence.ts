// What GRE sequence numbers (RFC 2890) tell about loss and order. Nothing is dropped because of them.

const WINDOW = 64;
const LARGEST_GAP = 2 ** 24;

export class Sequence {
  lost = 0;
  reordered = 0;
  duplicates = 0;
  restarts = 0;
  /** The highest number seen, as it was on the wire. */
  private highest: number | undefined;
  /** Numbers are told apart by position, which does not wrap: the highest one's, and the first one's. */
  private position = 0;
  private first = 0;
  /** Positions seen, of the last 64. */
  private seen = new Set<number>();

  note(number: number): void {
    if (this.highest === undefined) {
      this.begin(number);
      return;
    }
    const distance = (number - this.highest) | 0;
    if (distance >= 1 && distance <= LARGEST_GAP) {
      this.lost += distance - 1;
      this.highest = number;
      this.position += distance;
      this.seen.add(this.position);
      for (const old of this.seen) if (old <= this.position - WINDOW) this.seen.delete(old);
    } else if (distance <= 0 && distance > -WINDOW) {
      this.late(this.position + distance);
    } else {
      this.restarts++;
      this.begin(number);
    }
  }

  private late(position: number): void {
    if (this.seen.has(position)) {
      this.duplicates++;
      return;
    }
    this.seen.add(position);
    this.reordered++;
    if (position > this.first) this.lost--; // a number before the first one was never counted as lost
  }

  private begin(number: number): void {
    this.highest = number;
    this.first = this.position;
    this.seen = new Set([this.position]);
  }
}
