// Reads a gateway.yaml from a file.
import { readFile } from "node:fs/promises";
import { SpangateError } from "../errors.js";
import type { ConfigPurpose } from "./check.js";
import { formatMistakes } from "./mistakes.js";
import { parseConfig } from "./parse.js";
import type { GatewayConfig, LiveGatewayConfig } from "./schema.js";

export type { ConfigPurpose } from "./check.js";
export { formatMistakes, type Mistake } from "./mistakes.js";
export { type Parsed, parseConfig } from "./parse.js";

/**
 * Reads a gateway.yaml from a file.
 *
 * @throws SpangateError `IO_FAILED` when the file cannot be read; `CONFIG_INVALID` with all mistakes in its message,
 *   one a line, and in `details.mistakes` (`Mistake[]`).
 */
export async function loadConfig(
  path: string,
  purpose: ConfigPurpose & { live: true },
): Promise<LiveGatewayConfig>;
export async function loadConfig(path: string, purpose?: ConfigPurpose): Promise<GatewayConfig>;
export async function loadConfig(path: string, purpose: ConfigPurpose = {}): Promise<GatewayConfig> {
  return (await loadWritten(path, purpose)).config;
}

/** A configuration, and the same as it stands in its file. */
export interface Loaded<Config = GatewayConfig> {
  readonly config: Config;
  readonly written: Readonly<Record<string, unknown>>;
}

/** As `loadConfig`. */
export async function loadWritten(
  path: string,
  purpose: ConfigPurpose & { live: true },
): Promise<Loaded<LiveGatewayConfig>>;
export async function loadWritten(path: string, purpose: ConfigPurpose): Promise<Loaded>;
export async function loadWritten(path: string, purpose: ConfigPurpose): Promise<Loaded> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SpangateError("IO_FAILED", `cannot read the configuration ${path}: ${reason}`, {
      cause,
      details: { file: path },
    });
  }
  const { config, written, mistakes } = parseConfig(text, path, purpose);
  if (mistakes === undefined) return { config, written };
  throw new SpangateError("CONFIG_INVALID", formatMistakes(mistakes), { details: { file: path, mistakes } });
}
