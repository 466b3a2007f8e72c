// The control API describes itself: OpenAPI 3.1, made from the schemas of its routes, as a document and to be browsed.

import type { FastifyInstance } from "fastify";
import { VERSION } from "../version.js";

/** What a route says of itself beside its schema. */
declare module "fastify" {
  interface FastifyContextConfig {
    /** Schema of a body that the route checks itself. */
    body?: object;
  }
}

const DESCRIPTION =
  "Tenant map, accounts and health of a running gateway. Errors are problem details (RFC 9457) with a stable `code`.";

/** Before the routes. */
export async function describe(api: FastifyInstance): Promise<void> {
  const { default: swagger } = await import("@fastify/swagger");
  const { default: swaggerUi } = await import("@fastify/swagger-ui");
  await api.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Spangate control API", version: VERSION, description: DESCRIPTION },
    },
    transform: ({ schema, url, route }) => {
      const body = route.config?.body;
      return { schema: body === undefined ? schema : { ...schema, body }, url };
    },
  });
  await api.register(swaggerUi, { routePrefix: "/docs" });
  api.get("/openapi.json", { schema: { hide: true } }, () => api.swagger());
}
