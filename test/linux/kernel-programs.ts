// XDP programs run by the kernel on frames that no interface sees. Where that is not possible the tests say so aloud and are skipped; with
// SPANGATE_LIVE=required (CI) that is an error.

import { describe } from "vitest";
import { loadProgram, testRun, XDP_HAS_FRAGS } from "../../src/linux/bpf.js";
import { BpfProgram, R, XDP_ACTIONS } from "../../src/linux/bpf-program.js";
import { close } from "../../src/linux/index.js";

const ACTIONS = ["aborted", "drop", "pass", "tx", "redirect"] as const;
type Action = (typeof ACTIONS)[number];

/** Fewer the kernel does not give to a program. */
export const LEAST_FRAME = 14;
/** And more not in one piece. */
export const MOST_FRAME = 3000;

export class KernelProgram {
  readonly #fd: number;

  /** The verifier has let it through. */
  constructor(instructions: Uint8Array) {
    this.#fd = loadProgram(instructions, "spangate_test", XDP_HAS_FRAGS);
  }

  /** What it says of a frame, which it must leave as it is. */
  action(frame: Uint8Array): Action {
    const { action, frame: after } = testRun(this.#fd, frame);
    if (Buffer.compare(after, frame) !== 0) throw new Error("the program has changed the frame");
    const name = ACTIONS[action];
    if (name === undefined) throw new Error(`there is no action ${action}`);
    return name;
  }

  close(): void {
    close(this.#fd);
  }
}

function lack(): string | undefined {
  if (process.platform !== "linux") return "This is not Linux";
  if (process.getuid?.() !== 0) return "Not root";
  try {
    const pass = new BpfProgram().alu("mov", R.r0, { value: XDP_ACTIONS.pass }).exit();
    const program = new KernelProgram(pass.bytes());
    program.action(new Uint8Array(LEAST_FRAME));
    program.close();
    return undefined;
  } catch (error) {
    return `The kernel runs no XDP program for a test (${(error as Error).message})`;
  }
}

const lacking = lack();
if (lacking !== undefined) {
  if (process.env.SPANGATE_LIVE === "required") throw new Error(`XDP programs: ${lacking}`);
  console.warn(`${lacking}: XDP programs are not tested`);
}

/** `describe` of tests that run programs in the kernel. */
export function inKernel(name: string, tests: () => void): void {
  describe.skipIf(lacking !== undefined)(name, tests);
}
