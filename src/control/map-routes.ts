// The control API's part for the tenant map: read it, replace it, and change tenants and sniffers one by one. Whatever is changed, the
// whole map is checked, and the answer comes when it is in force.

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { SpangateError } from "../errors.js";
import type { LiveMapping, MapChange, MapDocument } from "./live-mapping.js";
import { ETAG, MAP, namedSchemas } from "./map-schemas.js";
import { MapText } from "./map-text.js";

/** Bytes of a map: a hundred thousand tenants. */
const LONGEST = 128 * 2 ** 20;

interface Write {
  Querystring: { dryRun?: boolean };
  Headers: { "if-match"?: string };
}
interface NamedWrite extends Write {
  Params: { name: string };
}

const JSON_TYPE = "application/json; charset=utf-8";
const texts = new WeakMap<readonly unknown[], Buffer>();

/** Its JSON: who reads a list again and again gets the same as long as it is in force. */
function listText(list: readonly unknown[]): Buffer {
  let text = texts.get(list);
  if (text === undefined) {
    text = Buffer.from(JSON.stringify(list));
    texts.set(list, text);
  }
  return text;
}

/** Lists of the map whose parts have names. */
const LISTS = { tenants: "tenant", sniffers: "sniffer" } as const;
type ListName = keyof typeof LISTS;

/** @param mapping gives the map. @throws SpangateError NOT_READY as long as there is none */
export function addMapRoutes(api: FastifyInstance, mapping: () => LiveMapping): void {
  const answer = (reply: FastifyReply, change: MapChange) => {
    reply.header("etag", etagOf(change.generation));
    return change;
  };

  api.get("/map", { schema: MAP.read }, (_, reply) => {
    const { generation, document } = mapping();
    reply.header("etag", etagOf(generation));
    const parts = Object.entries(document).flatMap(([name, list]) => [
      Buffer.from(`,"${name}":`),
      listText(list),
    ]);
    return reply
      .type(JSON_TYPE)
      .send(Buffer.concat([Buffer.from(`{"generation":${generation}`), ...parts, Buffer.from("}")]));
  });
  api.register(async (scope) => {
    readMapText(scope);
    scope.put<Write>(
      "/map",
      { schema: MAP.replace, config: { body: MAP.body }, bodyLimit: LONGEST },
      async (request, reply) =>
        answer(reply, await mapping().change(() => mapOf(request.body), optionsOf(request))),
    );
  });

  for (const list of Object.keys(LISTS) as ListName[]) {
    const kind = LISTS[list];
    const schemas = namedSchemas(kind, list);
    api.get(`/${list}`, { schema: schemas.list }, (_, reply) => {
      const { generation, document } = mapping();
      reply.header("etag", etagOf(generation));
      return reply.type(JSON_TYPE).send(listText(document[list]));
    });
    api.get<{ Params: { name: string } }>(
      `/${list}/:name`,
      { schema: schemas.read },
      ({ params: { name } }, reply) => {
        const { generation, document } = mapping();
        reply.header("etag", etagOf(generation));
        return find(document, list, name);
      },
    );
    api.put<NamedWrite>(
      `/${list}/:name`,
      { schema: schemas.put, config: { body: schemas.body } },
      async (request, reply) => answer(reply, await mapping().change(put(list, request), optionsOf(request))),
    );
    api.delete<NamedWrite>(`/${list}/:name`, { schema: schemas.remove }, async (request, reply) => {
      const { name } = request.params;
      const remove = (document: MapDocument) => {
        const gone = find(document, list, name);
        return { [list]: document[list].filter((each) => each !== gone) };
      };
      return answer(reply, await mapping().change(remove, optionsOf(request)));
    });
  }
}

/** JSON is what it is by default, but for what it costs. */
function readMapText(scope: FastifyInstance): void {
  const parser = scope.getDefaultJsonParser("error", "error");
  const texts = new MapText((text) => {
    let parsed: unknown;
    // It calls back before it returns.
    parser(undefined as never, text, (error, value) => {
      if (error) throw error;
      parsed = value;
    });
    return parsed;
  });
  scope.removeContentTypeParser("application/json");
  scope.addContentTypeParser<Buffer>("application/json", { parseAs: "buffer" }, (_, bytes, done) => {
    try {
      done(null, texts.read(bytes));
    } catch (error) {
      done(error as Error);
    }
  });
}

/** Puts a tenant or a sniffer into the map, in the place of the one of that name. */
function put(list: ListName, { body, params: { name } }: FastifyRequest<NamedWrite>) {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new SpangateError(
      "USAGE",
      `The body is no ${LISTS[list]}: an object as in gateway.yaml is expected.`,
    );
  const given = (body as { name?: unknown }).name;
  if (given !== undefined && given !== name) {
    const message = `The ${LISTS[list]} is called ${JSON.stringify(given)} in the body, and ${JSON.stringify(name)} in the path.`;
    throw new SpangateError("USAGE", message);
  }
  const one = { name, ...body };
  return (document: MapDocument) => {
    const place = document[list].findIndex((each) => nameOf(each) === name);
    return { [list]: place < 0 ? [...document[list], one] : document[list].with(place, one) };
  };
}

/** @throws SpangateError NOT_FOUND */
function find(document: MapDocument, list: ListName, name: string): unknown {
  const found = document[list].find((each) => nameOf(each) === name);
  if (found !== undefined) return found;
  throw new SpangateError("NOT_FOUND", `The map has no ${LISTS[list]} ${JSON.stringify(name)}.`);
}

function nameOf(value: unknown): unknown {
  return (value as { name?: unknown } | null)?.name;
}

/** The three lists, each of which is empty when absent; what else there is would be ignored, so it is refused. */
function mapOf(body: unknown): MapDocument {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new SpangateError("USAGE", "The body is no map: an object with sniffers and tenants is expected.");
  const {
    generation: _,
    sharedSources = [],
    sniffers = [],
    tenants = [],
    ...others
  } = body as Record<string, unknown>;
  const keys = Object.keys(others);
  if (keys.length > 0) {
    const message = `${keys.join(", ")}: not of the map, which has sharedSources, sniffers and tenants.`;
    throw new SpangateError("USAGE", message, { details: { keys } });
  }
  return { sharedSources, sniffers, tenants } as MapDocument;
}

function optionsOf({ headers, query, ip }: FastifyRequest<Write>) {
  const by = ip === undefined ? "the control API" : `the control API, ${ip}`;
  return { generation: generationOf(headers["if-match"]), dryRun: query.dryRun, by };
}

function etagOf(generation: number): string {
  return `"${generation}"`;
}

/** The generation that an If-Match names (RFC 9110 13.1.1); undefined when it is any. */
function generationOf(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === "*") return undefined;
  const [, digits] = /^\s*"(\d{1,15})"\s*$/.exec(header) ?? [];
  if (digits === undefined)
    throw new SpangateError(
      "USAGE",
      `If-Match is ${header}; the ETag of the map is expected, such as ${ETAG}.`,
    );
  return Number(digits);
}
