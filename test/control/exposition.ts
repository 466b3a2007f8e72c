// Prometheus' text format, read: what a scrape gives, strictly.

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Exposition {
  readonly samples: readonly Sample[];
  /** By metric: `counter`, `gauge`, and so on. */
  readonly types: ReadonlyMap<string, string>;
  readonly help: ReadonlyMap<string, string>;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/g;

/** Throws at what Prometheus would refuse: a series that comes twice, a metric without a type. */
export function readExposition(text: string): Exposition {
  const samples: Sample[] = [];
  const types = new Map<string, string>();
  const help = new Map<string, string>();
  const seen = new Set<string>();
  for (const line of text.split("\n")) {
    const [, kind, metric, rest] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === "HELP") help.set(metric!, rest!);
    if (kind === "TYPE") types.set(metric!, rest!);
    if (line === "" || line.startsWith("#")) continue;
    const match = SAMPLE.exec(line);
    if (match === null) throw new Error(`no sample: ${line}`);
    const [, name, list = "", value] = match;
    const labels = Object.fromEntries([...list.matchAll(LABEL)].map(([, label, text]) => [label!, text!]));
    const series = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
    if (seen.has(series)) throw new Error(`twice: ${line}`);
    seen.add(series);
    const base = name!.replace(/_(bucket|sum|count)$/, "");
    if (!types.has(name!) && !types.has(base)) throw new Error(`no type: ${line}`);
    samples.push({ name: name!, labels, value: Number(value) });
  }
  return { samples, types, help };
}

/** The one value of a metric with these labels. */
export function oneOf({ samples }: Exposition, name: string, labels: Record<string, string> = {}): number {
  const found = samples.filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([label, text]) => sample.labels[label] === text),
  );
  if (found.length !== 1) throw new Error(`${found.length} values of ${name} ${JSON.stringify(labels)}`);
  return found[0]!.value;
}

export function sumOf({ samples }: Exposition, name: string, labels: Record<string, string> = {}): number {
  return samples
    .filter(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, text]) => sample.labels[label] === text),
    )
    .reduce((sum, { value }) => sum + value, 0);
}
