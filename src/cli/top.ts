// spangate top: what a running gateway does now, in a table that renews itself.

import { type Command, InvalidArgumentError, Option } from "commander";
import { API_SOCKET } from "../config/defaults.js";
import type { StatusDocument } from "../control/status.js";
import { ratesBetween } from "./rates.js";
import type { Screen } from "./screen.js";
import type { Page, Paper } from "./top-page.js";
import { SORTS, type Sort, VIEWS, type View } from "./top-rows.js";

const EXAMPLES = `
Examples:
  $ spangate top
        sniffers with most packets first; t tenants, s sniffers, e mirror sessions (tab: the next of them)
        sorts by key: p packets, b bits, d drops, u queue, l upstream loss, n name; space pauses, q or Ctrl-C quits
  $ spangate top --once --view tenants --sort drops
        a table of one second, for scripts
  $ spangate top --interval 10 > top.txt
        a table every ten seconds

Exit code: 0 ended by q or after --once, 1 no gateway answers, 130 by Ctrl-C.`;

interface Flags {
  readonly socket: string;
  /** Seconds. */
  readonly interval: number;
  readonly view: View;
  readonly sort: Sort;
  readonly once?: boolean;
}

const SHORTEST = 0.1;
const LONGEST = 3600;
/** Mirror sessions that are asked for: more than a terminal has lines. */
const SESSIONS = 200;
const SORT_KEYS: Readonly<Record<string, Sort>> = {
  p: "packets",
  b: "bits",
  d: "drops",
  u: "queue",
  l: "loss",
  n: "name",
};
const VIEW_KEYS: Readonly<Record<string, View>> = { t: "tenants", s: "sniffers", e: "sessions" };

export function topCommand(command: Command): Command {
  return command
    .description("show what a running gateway does now, live")
    .option("--socket <PATH>", "its control socket, `api.socket` of its configuration", API_SOCKET)
    .option("--interval <SECONDS>", "between two looks (1)", seconds, 1)
    .addOption(
      new Option("--view <WHAT>", `${VIEWS.join(", ")} (sniffers)`).choices(VIEWS).default("sniffers"),
    )
    .addOption(new Option("--sort <BY>", `${SORTS.join(", ")} (packets)`).choices(SORTS).default("packets"))
    .option("--once", "one table of what happens in one interval, and end")
    .addHelpText("after", EXAMPLES)
    .action(top);
}

async function top({ socket, interval, view, sort, once }: Flags): Promise<void> {
  const { askGateway } = await import("../control/client.js");
  const { endOnSignals } = await import("./interruption.js");
  endOnSignals();
  const ask = async () => (await askGateway(socket, `/status?sessions=${SESSIONS}`)) as StatusDocument;
  const looks = new Looks(await ask(), view, sort);
  if (once || !process.stdout.isTTY) await print(looks, ask, 1000 * interval, once === true);
  else await show(looks, ask, 1000 * interval);
}

/** The last two looks, and what of them is shown. */
class Looks {
  view: View;
  sort: Sort;
  first = 0;
  isPaused = false;
  #now: StatusDocument;
  #before: StatusDocument | undefined;

  constructor(now: StatusDocument, view: View, sort: Sort) {
    this.#now = now;
    this.view = view;
    this.sort = sort;
  }

  add(document: StatusDocument): void {
    // Of a gateway that was started anew there is nothing to compare.
    this.#before = ratesBetween(this.#now, document) === undefined ? undefined : this.#now;
    this.#now = document;
  }

  get page(): Page {
    const { view, sort, first, isPaused } = this;
    return { view, sort, first, isPaused, now: this.#now, before: this.#before };
  }
}

type Ask = () => Promise<StatusDocument>;

/** For files and scripts: a table an interval. */
async function print(looks: Looks, ask: Ask, pause: number, once: boolean): Promise<void> {
  const { setTimeout } = await import("node:timers/promises");
  const { reportStyleFor, write } = await import("./terminal.js");
  const { pageLines } = await import("./top-page.js");
  const paper: Paper = { width: undefined, height: undefined, ...reportStyleFor(process.stdout) };
  do {
    await setTimeout(pause);
    looks.add(await ask());
    await write(process.stdout, `${pageLines(looks.page, paper).join("\n")}\n${once ? "" : "\n"}`);
  } while (!once);
}

async function show(looks: Looks, ask: Ask, pause: number): Promise<void> {
  const { compact } = await import("./table.js");
  const { paintFor } = await import("./terminal.js");
  const { pageLines } = await import("./top-page.js");
  const { Screen } = await import("./screen.js");
  const { title } = paintFor(process.stdout);
  const draw = (screen: Screen) => {
    const { width, height } = screen;
    screen.draw(pageLines(looks.page, { width, height, title, number: compact }));
  };
  await new Promise<void>((resolve, reject) => {
    const screen = Screen.open({
      key: (name) => {
        if (name === "q") end();
        else if (press(looks, name, screen.height)) draw(screen);
      },
      changed: () => draw(screen),
    });
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const end = (error?: unknown) => {
      isOver = true;
      clearTimeout(timer);
      screen.close();
      if (error === undefined) resolve();
      else reject(error);
    };
    const look = async () => {
      if (!looks.isPaused) {
        const document = await ask();
        if (isOver) return;
        looks.add(document);
        draw(screen);
      }
      timer = setTimeout(() => void look().catch(end), pause);
    };
    draw(screen);
    timer = setTimeout(() => void look().catch(end), pause);
  });
}

/** Whether the key changed what is shown. */
function press(looks: Looks, key: string, height: number): boolean {
  const rows = Math.max(1, height - 8);
  const moves: Readonly<Record<string, number>> = { up: -1, down: 1, pageup: -rows, pagedown: rows };
  if (key in SORT_KEYS) looks.sort = SORT_KEYS[key]!;
  else if (key in VIEW_KEYS) looks.view = VIEW_KEYS[key]!;
  else if (key === "tab") looks.view = VIEWS[(VIEWS.indexOf(looks.view) + 1) % VIEWS.length]!;
  else if (key === "space" || key === " ") looks.isPaused = !looks.isPaused;
  else if (key in moves) looks.first = Math.max(0, looks.first + moves[key]!);
  else if (key === "home") looks.first = 0;
  else return false;
  if (!(key in moves)) looks.first = key === "space" || key === " " ? looks.first : 0;
  return true;
}

function seconds(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= SHORTEST && value <= LONGEST) return value;
  throw new InvalidArgumentError(`Expected seconds from ${SHORTEST} to ${LONGEST}.`);
}
