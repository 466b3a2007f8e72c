// What the control API's description (OpenAPI) says of the tenant map. What is written there is checked as gateway.yaml is
// (config/check.ts), which tells all mistakes at once; these schemas describe it.

import { configurationJsonSchema } from "../config/documentation.js";

interface ListSchema {
  readonly type: "array";
  readonly description?: string;
  readonly items: object;
}
const properties = configurationJsonSchema().properties as Record<
  "sharedSources" | "sniffers" | "tenants",
  ListSchema
>;
const { sharedSources, sniffers, tenants } = properties;
const ITEMS = { tenant: tenants.items, sniffer: sniffers.items } as const;
type Kind = keyof typeof ITEMS;

export const ETAG = '"3"';
const etag = { etag: { type: "string", description: `The map's generation, such as ${ETAG}.` } };
const generation = {
  type: "integer",
  minimum: 1,
  description: "Counts the maps that were put in force since the start.",
};
const names = { type: "array", items: { type: "string" } };
const changes = {
  type: "object",
  properties: {
    added: names,
    removed: names,
    changed: {
      type: "array",
      items: { type: "object", properties: { name: { type: "string" }, keys: names } },
    },
  },
};
const count = { type: "integer", minimum: 0 };
const change = {
  description: "What is different, and in force on every worker; with `dryRun` what would be.",
  headers: etag,
  type: "object",
  required: ["generation", "difference", "applied"],
  properties: {
    generation,
    applied: { type: "boolean" },
    difference: {
      type: "object",
      properties: {
        tenants: changes,
        sniffers: changes,
        sharedSources: { type: "object", properties: { added: count, removed: count } },
      },
    },
  },
};
const map = { sharedSources, sniffers, tenants };
const read = (schema: object) => ({ 200: { headers: etag, ...schema } });
const tags = ["map"];

/** Of every route that changes the map. */
const asking = {
  tags,
  querystring: {
    type: "object",
    properties: {
      dryRun: { type: "boolean", default: false, description: "Tell what would change, and change nothing." },
    },
  },
  headers: {
    type: "object",
    properties: {
      "if-match": {
        type: "string",
        description: "The generation that the change is meant for, as its ETag; 412 when it is another one.",
      },
    },
  },
  response: { 200: change },
};

export const MAP = {
  read: {
    tags,
    summary: "The map in force, as it was written",
    response: read({ type: "object", properties: { generation, ...map } }),
  },
  replace: { ...asking, summary: "Replace the whole map" },
  /** Described, and checked as gateway.yaml is. */
  body: { type: "object", properties: map },
} as const;

/** Of tenants, or of sniffers. */
export function namedSchemas(kind: Kind, list: string) {
  const item = ITEMS[kind];
  const params = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
  return {
    list: { tags, summary: `All ${list}`, response: read({ type: "array", items: item }) },
    read: { tags, summary: `One ${kind}`, params, response: read(item) },
    put: { ...asking, summary: `Add a ${kind}, or replace the one of that name`, params },
    body: item,
    remove: { ...asking, summary: `Remove a ${kind}`, params },
  };
}
