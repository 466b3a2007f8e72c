// What people and editors read about gateway.yaml, made from the schema: the JSON Schema, and one row for each key,
// from which come the README's table and the help text.
import { z } from "zod";
import { gatewayConfig } from "./schema.js";

/** A key of gateway.yaml. */
export interface ConfigurationKey {
  /** `tunnel.ports.vxlan`, `tenants[].sources[].session`. */
  readonly key: string;
  /** What can be written: `size`, `integer 0..1023`, `copy | balance`, `list of IP address`. */
  readonly type: string;
  /** As it would be written; `required`, or empty when the key may be absent and has no default. */
  readonly default: string;
  readonly meaning: string;
}

/** JSON Schema (draft 7, which editors' YAML plugins read) of what may be written in gateway.yaml. */
export function configurationJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(gatewayConfig, { io: "input", target: "draft-7", unrepresentable: "any" });
}

/** Every key with its type, default and meaning, in the order of the schema. */
export function configurationKeys(): ConfigurationKey[] {
  return keysWithin(configurationJsonSchema() as Schema, "");
}

/** The README's table: a row for each key. */
export function configurationTable(): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const code = (text: string) => (text === "" || text === "required" ? text : `\`${cell(text)}\``);
  const rows = configurationKeys().map(
    (row) => `| \`${row.key}\` | ${cell(row.type)} | ${code(row.default)} | ${cell(row.meaning)} |`,
  );
  return ["| key | type | default | meaning |", "| --- | --- | --- | --- |", ...rows, ""].join("\n");
}

/** The part of JSON Schema that z.toJSONSchema writes for this schema. */
interface Schema {
  type?: string;
  title?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  not?: Schema;
}

function keysWithin(schema: Schema, prefix: string): ConfigurationKey[] {
  if (schema.oneOf !== undefined) return keysOfVariants(schema.oneOf, prefix);
  if (schema.items !== undefined) return keysWithin(schema.items, `${prefix}[]`);
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const key = prefix === "" ? name : `${prefix}.${name}`;
    const required = schema.required?.includes(name) === true;
    const row = {
      key,
      type: typeOf(property),
      default: defaultOf(property, required),
      meaning: meaningOf(property),
    };
    return [row, ...keysWithin(property, key)];
  });
}

/** Keys of a list whose entries come in variants: one row for what is the same in several of them. */
function keysOfVariants(variants: Schema[], prefix: string): ConfigurationKey[] {
  const discriminator = Object.entries(variants.at(-1)?.properties ?? {}).find(
    ([, p]) => wordsOf(p).length > 0,
  );
  const [name, described] = discriminator ?? ["", {}];
  const tag = (variant: Schema) => wordsOf(variant.properties?.[name] ?? {});
  const rows = new Map<string, { row: ConfigurationKey; words: string[]; variants: number }>();
  for (const variant of variants) {
    for (const row of keysWithin(variant, prefix)) {
      if (row.key === `${prefix}.${name}`) continue;
      const same = JSON.stringify(row);
      const merged = rows.get(same) ?? { row, words: [], variants: 0 };
      merged.words.push(...tag(variant));
      merged.variants++;
      rows.set(same, merged);
    }
  }
  const first = {
    key: `${prefix}.${name}`,
    type: variants.flatMap(tag).join(" | "),
    default: variants.every((variant) => variant.required?.includes(name)) ? "required" : "",
    meaning: meaningOf(described),
  };
  const only = (words: string[]) => `${words.map((word) => `\`${word}\``).join(", ")}: `;
  const others = [...rows.values()].map((entry) => {
    const everywhere = entry.variants === variants.length;
    return everywhere ? entry.row : { ...entry.row, meaning: only(entry.words) + entry.row.meaning };
  });
  return [first, ...others];
}

function wordsOf({ const: constant, enum: words }: Schema): string[] {
  return (words ?? (constant === undefined ? [] : [constant])).map(String);
}

function typeOf(schema: Schema): string {
  if (schema.title !== undefined) return schema.title;
  if (wordsOf(schema).length > 0) return wordsOf(schema).join(" | ");
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(" | ");
  if (schema.items !== undefined) {
    const entry = schema.items.oneOf !== undefined || schema.items.properties !== undefined;
    return entry ? "list of maps" : `list of ${typeOf(schema.items)}`;
  }
  if (schema.type === "integer") return `integer ${schema.minimum}..${schema.maximum}`;
  return schema.type === "object" ? "map" : (schema.type ?? "");
}

function defaultOf(schema: Schema, required: boolean): string {
  if (required) return "required";
  // A map's default is the defaults of its keys, which have rows of their own.
  if (schema.default === undefined || schema.properties !== undefined) return "";
  return typeof schema.default === "string" ? schema.default : JSON.stringify(schema.default);
}

function meaningOf(schema: Schema): string {
  return schema.description ?? "";
}
