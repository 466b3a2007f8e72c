// Lines in packet order although some packets' fates are settled late: what comes after a held fragment waits for it, but no
// longer than a bounded window allows.

/** Most lines that wait for a held fragment. When there are more, the settled ones are let go out of order. */
export const WINDOW = 65_536;

interface Line {
  readonly packet: number;
  text: string | undefined;
}

export class Lines {
  #waiting: Line[] = [];
  #open = new Map<number, Line>();
  #limit: number;
  readonly #window: number;
  #ready: string[] = [];
  #readyLength = 0;

  constructor(window = WINDOW) {
    this.#window = window;
    this.#limit = window;
  }

  /** Characters that can be taken. */
  get length(): number {
    return this.#readyLength;
  }

  /** The next packet's line; without text its place is kept for `settle`. */
  add(packet: number, text?: string): void {
    if (this.#waiting.length === 0 && text !== undefined) {
      this.#release(text);
      return;
    }
    const line = { packet, text };
    this.#waiting.push(line);
    if (text === undefined) this.#open.set(packet, line);
    if (this.#waiting.length > this.#limit) this.#overflow();
  }

  /** The line of a packet whose place was kept. */
  settle(packet: number, text: string): void {
    const line = this.#open.get(packet);
    if (line === undefined) return;
    this.#open.delete(packet);
    line.text = text;
    if (line === this.#waiting[0]) this.#advance();
  }

  /** Everything that is ready, which is then gone from here. */
  take(): string {
    const text = this.#ready.join("");
    this.#ready = [];
    this.#readyLength = 0;
    return text;
  }

  #release(text: string): void {
    this.#ready.push(text);
    this.#readyLength += text.length;
  }

  #advance(): void {
    let settled = 0;
    for (const { text } of this.#waiting) {
      if (text === undefined) break;
      this.#release(text);
      settled++;
    }
    this.#waiting = this.#waiting.slice(settled);
  }

  #overflow(): void {
    for (const { text } of this.#waiting) if (text !== undefined) this.#release(text);
    this.#waiting = this.#waiting.filter(({ text }) => text === undefined);
    // A map of limits may let more fragments be held than lines may wait; then let go less often.
    this.#limit = Math.max(this.#window, 2 * this.#waiting.length);
  }
}
