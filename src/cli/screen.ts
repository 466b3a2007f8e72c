// The whole terminal for one command: another screen than the shell's, keys one by one, and everything as it was at the end, however the
// command ends.

import { emitKeypressEvents } from "node:readline";

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const REST_OF_LINE = "\u001b[K";
const REST_OF_SCREEN = "\u001b[J";
/** Where a terminal does not say. */
const USUAL = { columns: 80, rows: 24 };

export interface ScreenEvents {
  /** A letter, or a name such as `up`, `pagedown` and `space`. */
  readonly key: (name: string) => void;
  /** It has another size, or was away: draw it anew. */
  readonly changed: () => void;
}

interface Key {
  readonly name?: string;
  readonly sequence?: string;
  readonly ctrl?: boolean;
}

export class Screen {
  readonly #events: ScreenEvents;
  readonly #out = process.stdout;
  readonly #in = process.stdin;
  #isOpen = false;
  readonly #atExit = () => this.#leave();
  readonly #resized = () => this.#events.changed();
  readonly #continued = () => {
    this.#enter();
    this.#events.changed();
  };
  readonly #pressed = (_: unknown, key: Key) => this.#press(key);

  private constructor(events: ScreenEvents) {
    this.#events = events;
  }

  static open(events: ScreenEvents): Screen {
    const screen = new Screen(events);
    screen.#enter();
    process.on("exit", screen.#atExit);
    process.on("SIGCONT", screen.#continued);
    screen.#out.on("resize", screen.#resized);
    if (screen.#in.isTTY) {
      emitKeypressEvents(screen.#in);
      screen.#in.on("keypress", screen.#pressed);
      screen.#in.resume();
    }
    return screen;
  }

  get width(): number {
    return this.#out.columns > 0 ? this.#out.columns : USUAL.columns;
  }
  get height(): number {
    return this.#out.rows > 0 ? this.#out.rows : USUAL.rows;
  }

  /** In place of what was there before. */
  draw(lines: readonly string[]): void {
    if (this.#isOpen)
      this.#out.write(`${HOME}${lines.map((line) => line + REST_OF_LINE).join("\r\n")}${REST_OF_SCREEN}`);
  }

  close(): void {
    process.off("exit", this.#atExit);
    process.off("SIGCONT", this.#continued);
    this.#out.off("resize", this.#resized);
    this.#in.off("keypress", this.#pressed);
    this.#leave();
    this.#in.pause();
  }

  #enter(): void {
    if (this.#in.isTTY) this.#in.setRawMode(true);
    this.#out.write(ENTER);
    this.#isOpen = true;
  }

  #leave(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#out.write(LEAVE);
    if (this.#in.isTTY) this.#in.setRawMode(false);
  }

  #press({ name, sequence, ctrl }: Key): void {
    // Without them the terminal makes no signals of these two.
    if (ctrl && name === "c") process.kill(process.pid, "SIGINT");
    else if (ctrl && name === "z") {
      this.#leave();
      process.kill(process.pid, "SIGTSTP");
    } else if (!ctrl) this.#events.key(name ?? sequence ?? "");
  }
}
