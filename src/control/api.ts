// What the control API answers. It says what it is asked over a Unix socket, and to whom the socket's mode lets in.

import type { RequestListener } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { STATUS_SESSIONS } from "../config/defaults.js";
import type { LiveStatus } from "../datapath/live.js";
import { SpangateError } from "../errors.js";
import { VERSION } from "../version.js";
import { PROBLEM_TYPE, problemOf } from "./problem.js";
import { statusDocument } from "./status.js";

const STATUS_QUERY = {
  type: "object",
  properties: {
    sessions: {
      type: "integer",
      minimum: 0,
      maximum: STATUS_SESSIONS.most,
      default: STATUS_SESSIONS.usual,
    },
  },
} as const;

/** The gateway as the control API sees it. */
export interface Controlled {
  /** Only a gateway that is `running` takes packets in. */
  readonly state: "starting" | "running" | "draining";
  /** With up to so many `sessions`. @throws SpangateError NOT_READY */
  status(sessions: number): LiveStatus;
}

export interface Health {
  readonly state: Controlled["state"];
  readonly version: string;
  readonly pid: number;
}

/** Handles the requests of an HTTP server. Nothing is loaded later: the gateway may have become a user who cannot read files. */
export async function apiOf(gateway: Controlled): Promise<RequestListener> {
  const { fastify } = await import("fastify");
  const refuse = (error: unknown, _: FastifyRequest, reply: FastifyReply) => {
    const problem = problemOf(error);
    return reply.code(problem.status).type(PROBLEM_TYPE).send(JSON.stringify(problem));
  };
  // What is wrong before there is a route goes another way in fastify.
  const api = fastify({ logger: false, frameworkErrors: refuse });
  api.setErrorHandler(refuse);
  api.setNotFoundHandler(({ method, url }) => {
    throw new SpangateError("NOT_FOUND", `The control API has no ${method} ${url}.`);
  });

  api.get<{ Querystring: { sessions: number } }>(
    "/status",
    { schema: { querystring: STATUS_QUERY } },
    ({ query }) => statusDocument(gateway.status(query.sessions)),
  );
  api.get("/health", (_, reply): Health => {
    const { state } = gateway;
    if (state !== "running") reply.code(503);
    return { state, version: VERSION, pid: process.pid };
  });

  await api.ready();
  return (request, response) => api.routing(request, response);
}
