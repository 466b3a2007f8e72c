// What the doctor finds: one thing that was looked at, how it is, and the command that mends it.

export const LEVELS = ["ok", "warn", "bad"] as const;
/** `warn`: it runs, but not as it could, or may not for long. `bad`: it does not run, or packets are lost for certain. */
export type Level = (typeof LEVELS)[number];

export interface Finding {
  /** What was looked at, in a word or two. Several findings may be of one. */
  readonly check: string;
  readonly level: Level;
  /** One sentence, without the stop. */
  readonly text: string;
  /** A command for a root shell that mends it, exactly; absent where nothing is wrong, or no command does. */
  readonly mend?: string;
}

export function ok(check: string, text: string): Finding {
  return { check, level: "ok", text };
}

export function warn(check: string, text: string, mend?: string): Finding {
  return { check, level: "warn", text, ...(mend !== undefined && { mend }) };
}

export function bad(check: string, text: string, mend?: string): Finding {
  return { check, level: "bad", text, ...(mend !== undefined && { mend }) };
}

/** A word of a shell command, quoted when it has to be. */
export function word(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
