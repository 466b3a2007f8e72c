// What is made from the schema mentions every key of it. The keys are found by walking the zod schema itself, so
// that a key which documentation.ts misses shows.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import type { z } from "zod";
import { DECODE } from "../../src/config/defaults.js";
import {
  configurationJsonSchema,
  configurationKeys,
  configurationTable,
} from "../../src/config/documentation.js";
import { gatewayConfig } from "../../src/config/schema.js";
import { ERRORS, type ErrorCode, SpangateError } from "../../src/errors.js";

type Definition = {
  innerType?: z.ZodType;
  in?: z.ZodType;
  element?: z.ZodType;
  options?: z.ZodType[];
  shape?: Record<string, z.ZodType>;
};

/** Every key path, and the schema of each key. */
function walk(schema: z.ZodType, path = ""): [string, z.ZodType][] {
  const { innerType, in: input, element, options, shape } = schema.def as Definition;
  if (innerType ?? input) return walk((innerType ?? input)!, path);
  if (element) return walk(element, `${path}[]`);
  if (options) return options.flatMap((option) => walk(option, path));
  return Object.entries(shape ?? {}).flatMap(([key, value]): [string, z.ZodType][] => {
    const here = path === "" ? key : `${path}.${key}`;
    return [[here, value], ...walk(value, here)];
  });
}

const keys = [...new Set(walk(gatewayConfig).map(([path]) => path))];

test("the walk finds keys of every kind", () => {
  expect(keys).toEqual(
    expect.arrayContaining([
      "sealed",
      "tunnel.ports.gre-udp",
      "decode.reassembly.timeout",
      "sniffers[].rotate.keep",
      "sniffers[].diskFull",
      "tenants[].sources[].vsid",
      "sharedSources[].direction",
    ]),
  );
  expect(keys.length).toBeGreaterThan(60);
});

test("the table has a row for every key, with a type and a meaning", () => {
  const table = configurationTable();
  for (const key of keys) expect(table).toContain(`\n| \`${key}\` | `);
  expect(new Set(configurationKeys().map(({ key }) => key))).toEqual(new Set(keys));
  for (const row of configurationKeys()) {
    expect(row.type, row.key).not.toBe("");
    expect(row.meaning, row.key).toMatch(/\.$/);
  }
  for (const line of table.trimEnd().split("\n")) expect(line.match(/(?<!\\)\|/g), line).toHaveLength(5);
});

test.each([
  ["decode.reassembly.timeout", "duration", "5s"],
  ["decode.greEthernet", "list of integer 1536..65535", "[35145]"],
  ["tunnel.ports.vxlan", "list of integer 1..65535", "[4789,8472]"],
  ["senders", "inline | per-sniffer | integer 1..32", "inline"],
  ["sniffers[].name", "name", "required"],
  ["sniffers[].udpChecksum", "boolean", "false"],
  ["delivery.addresses", "list of IP address", "[]"],
  ["tenants[].snaplen", "integer 1..262144", ""],
])("the row of %s", (key, type, value) => {
  expect(configurationKeys().find((row) => row.key === key)).toMatchObject({ type, default: value });
});

test("the JSON Schema mentions every key, describes each, and refuses others", () => {
  const schema = configurationJsonSchema();
  const found = new Map<string, boolean>();
  const collect = (node: Record<string, unknown>, path: string): void => {
    for (const variant of (node.oneOf ?? []) as Record<string, unknown>[]) collect(variant, path);
    if (node.items) collect(node.items as Record<string, unknown>, `${path}[]`);
    if (node.properties === undefined) return;
    expect(node.additionalProperties, path).toBe(false);
    for (const [key, property] of Object.entries(
      node.properties as Record<string, Record<string, unknown>>,
    )) {
      const here = path === "" ? key : `${path}.${key}`;
      found.set(here, found.get(here) === true || typeof property.description === "string");
      collect(property, here);
    }
  };
  collect(schema, "");
  expect([...found.keys()].sort()).toEqual([...keys].sort());
  expect([...found].filter(([, described]) => !described)).toEqual([]);
});

test("every top-level key of DESIGN's example is in the JSON Schema", () => {
  const example = parse(readFileSync(new URL("design.yaml", import.meta.url), "utf8"));
  expect(Object.keys(configurationJsonSchema().properties as object)).toEqual(
    expect.arrayContaining(Object.keys(example)),
  );
});

test("the defaults that hold without a file are those of an empty configuration", () => {
  const { reassembly: _, ...decode } = gatewayConfig.parse({}).decode;
  const { reassembly: __, ...defaults } = DECODE;
  expect(decode).toEqual(defaults);
});

test("what commands without a configuration import does not load zod", () => {
  const light = ["errors", "config/quantities", "config/addresses", "config/defaults"];
  for (const module of light) {
    const text = readFileSync(new URL(`../../src/${module}.ts`, import.meta.url), "utf8");
    for (const [, from] of text.matchAll(/^(?:import|export) .* from "(.*)";$/gm)) {
      expect(["ipaddr.js", "./quantities.js"], module).toContain(from);
    }
  }
});

test("every error code has a sentence, a status and an exit code", () => {
  for (const [code, kind] of Object.entries(ERRORS)) {
    expect(kind.description, code).toMatch(/^[A-Z].*\.$/);
    expect(kind.httpStatus, code).toBeGreaterThanOrEqual(400);
    const error = new SpangateError(code as ErrorCode);
    expect(error.message).toBe(kind.description);
    expect([error.exitCode, error.httpStatus]).toEqual([kind.exitCode, kind.httpStatus]);
  }
  const cause = new Error("disk");
  const error = new SpangateError("IO_FAILED", "cannot write x", { cause, details: { file: "x" } });
  expect(error.cause).toBe(cause);
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    code: "IO_FAILED",
    message: "cannot write x",
    details: { file: "x" },
  });
});
