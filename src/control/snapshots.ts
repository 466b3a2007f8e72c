// Answers that are made once for all who ask within a moment: with ten thousand sniffers a status takes some milliseconds.

/** How old an answer may be, in milliseconds. */
export const OLDEST = 100;
/** Different ones that are kept; who asks for more gets them made. */
const MOST = 8;

export class Snapshots<Answer> {
  readonly #answers = new Map<string, { readonly answer: Answer; readonly since: number }>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** What `make` gave for this key less than OLDEST ago, or what it gives now. */
  of(key: string, make: () => Answer): Answer {
    const since = this.#now();
    const known = this.#answers.get(key);
    if (known !== undefined && since - known.since < OLDEST) return known.answer;
    this.#answers.delete(key);
    const answer = make();
    if (this.#answers.size >= MOST) this.clear();
    this.#answers.set(key, { answer, since });
    return answer;
  }

  clear(): void {
    this.#answers.clear();
  }
}
