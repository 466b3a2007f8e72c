// A progress bar on the terminal's last line while captures are read. Nothing at all where stderr is no terminal.

import type { Progress } from "../datapath/index.js";
import { grouped } from "./table.js";

const BAR = 28;
/** Milliseconds between two drawings, and before the first: what is done sooner needs no bar. */
const INTERVAL = 100;
const PATIENCE = 300;

export class ProgressBar {
  readonly #shown: boolean;
  readonly #began = performance.now();
  #last = this.#began + PATIENCE - INTERVAL;
  #drawn = false;

  constructor(wanted: boolean) {
    this.#shown = wanted && process.stderr.isTTY === true;
  }

  update({ bytesRead, totalBytes, packets }: Progress): void {
    if (!this.#shown) return;
    const now = performance.now();
    if (now - this.#last < INTERVAL) return;
    this.#last = now;
    const rate = packets / Math.max(0.001, (now - this.#began) / 1000);
    const counts = `${grouped(packets)} packets, ${grouped(Math.round(rate))}/s`;
    process.stderr.write(`\r${barText(bytesRead, totalBytes)}${counts}\u001b[K`);
    this.#drawn = true;
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.#drawn) process.stderr.write("\r\u001b[K");
    this.#drawn = false;
  }
}

function barText(bytesRead: number, totalBytes: number | undefined): string {
  if (totalBytes === undefined || totalBytes === 0) return `${Math.round(bytesRead / 1e6)} MB  `;
  const part = Math.min(1, bytesRead / totalBytes);
  const full = Math.round(part * BAR);
  const percent = String(Math.floor(part * 100)).padStart(3);
  return `[${"=".repeat(full)}${" ".repeat(BAR - full)}] ${percent}%  `;
}
