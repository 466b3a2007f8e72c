// Reads the text of gateway.yaml: YAML -> schema -> cross-checks, collecting every mistake with its place on the way. Runs
// wherever there is JavaScript.
import { type Document, LineCounter, parseDocument, type YAMLError } from "yaml";
import { type ConfigPurpose, check } from "./check.js";
import { formatPath, inOrder, type Mistake, pathOfKeyAt, placeAt, placeFinding } from "./mistakes.js";
import type { GatewayConfig, LiveGatewayConfig } from "./schema.js";

/** A valid configuration, or everything that is wrong with it. */
export type Parsed<Config = GatewayConfig> =
  | {
      readonly config: Config;
      /** The same as it was written: keys and values without defaults. */
      readonly written: Readonly<Record<string, unknown>>;
      readonly mistakes?: undefined;
    }
  | { readonly config?: undefined; readonly written?: undefined; readonly mistakes: readonly Mistake[] };

/**
 * Reads the text of a gateway.yaml. JSON is YAML and is read as well.
 *
 * @param file Name that mistakes carry; nothing is read from it.
 * @returns The configuration with its defaults, or all mistakes in the order of their places. Where the text is not
 *   YAML at all, those are the mistakes of its YAML only.
 */
export function parseConfig(
  text: string,
  file: string,
  purpose: ConfigPurpose & { live: true },
): Parsed<LiveGatewayConfig>;
export function parseConfig(text: string, file: string, purpose?: ConfigPurpose): Parsed;
export function parseConfig(text: string, file: string, purpose: ConfigPurpose = {}): Parsed {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const errors = [...document.errors, ...document.warnings];
  const unreadable = errors.map((error) => yamlMistake(error, document, lines, file));
  // A key given twice leaves the rest readable; after other errors more mistakes would be guesses.
  if (errors.some(({ code }) => code !== "DUPLICATE_KEY")) return { mistakes: unreadable };

  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // Aliases that would expand without end (yaml's maxAliasCount): a ReferenceError is all that it gives.
    const message = error instanceof Error ? error.message : String(error);
    return { mistakes: [{ file, line: 1, column: 1, path: "", message, expected: "fewer YAML aliases" }] };
  }
  const { config, findings } = check(value, purpose);
  // No spread into push(): a map of a hundred thousand tenants can have more mistakes than a call has arguments.
  const mistakes = unreadable.concat(findings.map((finding) => placeFinding(finding, document, lines, file)));
  if (config !== undefined && mistakes.length === 0) {
    return { config, written: (value ?? {}) as Record<string, unknown> };
  }
  return { mistakes: inOrder(mistakes) };
}

function yamlMistake(error: YAMLError, document: Document, lines: LineCounter, file: string): Mistake {
  const place = { file, ...placeAt(lines, error.pos[0]) };
  if (error.code === "DUPLICATE_KEY") {
    const path = formatPath(pathOfKeyAt(document, error.pos[0]));
    return { ...place, path, message: "is given twice", expected: "each key once" };
  }
  if (error.code === "MULTIPLE_DOCS") {
    return {
      ...place,
      path: "",
      message: "begins a second document",
      expected: "one YAML document in a file",
    };
  }
  return { ...place, path: "", message: error.message.replace(/\s+/g, " "), expected: "valid YAML" };
}
