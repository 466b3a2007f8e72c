// What a mistake in a configuration is, where it stands in the file, and how it is printed.
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type LineCounter, type Node } from "yaml";

/** Keys and list positions from the top of the configuration. */
export type Path = readonly (string | number)[];

/** A mistake before its place in a file is looked up: values without a file have only a path. */
export interface Finding {
  readonly path: Path;
  /** Whether the key itself is wrong; then it is pointed at, not its value. */
  readonly atKey?: boolean;
  readonly message: string;
  readonly expected: string;
}

/** One mistake in a configuration file. */
export interface Mistake {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** `tenants[0].sources[1].session`; empty for a mistake of the whole file or of its YAML. */
  readonly path: string;
  /** What is wrong, as the rest of a sentence that begins with the path: `is 5000`. */
  readonly message: string;
  /** What would be right: `an integer from 0 to 1023 (10 bits)`. */
  readonly expected: string;
}

/** `file:line:column path: message; expected …`, one line for each mistake. */
export function formatMistakes(mistakes: readonly Mistake[]): string {
  return mistakes
    .map(({ file, line, column, path, message, expected }) => {
      const subject = path === "" ? "" : `${path}: `;
      return `${file}:${line}:${column} ${subject}${message}; expected ${expected}`;
    })
    .join("\n");
}

/** `["tenants", 0, "name"]` -> `tenants[0].name`. */
export function formatPath(path: Path): string {
  return path
    .map((step, i) => (typeof step === "number" ? `[${step}]` : i === 0 ? step : `.${step}`))
    .join("");
}

/** Gives a finding its place in the file. */
export function placeFinding(
  finding: Finding,
  document: Document,
  lines: LineCounter,
  file: string,
): Mistake {
  const { message, expected } = finding;
  const place = placeAt(lines, offsetOf(document, finding));
  return { file, ...place, path: formatPath(finding.path), message, expected };
}

/** Sorted by place, and none twice: two rules of the schema may find the same fault. */
export function inOrder(mistakes: readonly Mistake[]): Mistake[] {
  return distinct(mistakes).sort((a, b) => a.line - b.line || a.column - b.column);
}

/** Each once, where the last of its kind stands. */
export function distinct<M extends Pick<Mistake | Finding, "path" | "message" | "expected">>(
  mistakes: readonly M[],
): M[] {
  return [...new Map(mistakes.map((m) => [`${m.path}\n${m.message}\n${m.expected}`, m])).values()];
}

/** Line and column, both from 1. An empty file has only its beginning. */
export function placeAt(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return line === 0 ? { line: 1, column: 1 } : { line, column: col };
}

/** Where the value (or key) at a path stands; where the path leaves the document, its last part that is there. */
function offsetOf(document: Document, { path, atKey = false }: Finding): number {
  let node: Node | null = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const [i, step] of path.entries()) {
    const container: unknown = isAlias(node) ? node.resolve(document) : node;
    let next: unknown;
    if (isSeq(container)) {
      next = container.items[Number(step)];
    } else if (isMap(container)) {
      const pair = container.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      const pointAtKey = (atKey && i === path.length - 1) || !isNode(pair?.value);
      next = pointAtKey ? pair?.key : pair?.value;
    }
    if (!isNode(next)) break;
    node = next;
    offset = node.range?.[0] ?? offset;
  }
  return offset;
}

/** The path of the key that begins at an offset; empty when there is none. For the parser's own errors. */
export function pathOfKeyAt(document: Document, offset: number): Path {
  const search = (node: unknown): Path | undefined => {
    if (isSeq(node)) {
      for (const [i, item] of node.items.entries()) {
        const rest = search(item);
        if (rest !== undefined) return [i, ...rest];
      }
    } else if (isMap(node)) {
      for (const { key, value } of node.items) {
        if (!isScalar(key)) continue;
        const step = String(key.value);
        if (key.range?.[0] === offset) return [step];
        const rest = search(value);
        if (rest !== undefined) return [step, ...rest];
      }
    }
    return undefined;
  };
  return search(document.contents) ?? [];
}
