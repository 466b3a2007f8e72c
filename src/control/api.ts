// What the control API answers. It says what it is asked over a Unix socket, and to whom the socket's mode lets in.

import type { RequestListener } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { METRICS_SERIES, STATUS_SESSIONS } from "../config/defaults.js";
import type { LiveReadings, LiveStatus } from "../datapath/live.js";
import type { SessionTable } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import type { Log } from "../telemetry/events.js";
import { VERSION } from "../version.js";
import { addHandover, type HandsOver } from "./handover.js";
import type { LiveMapping } from "./live-mapping.js";
import { addMapRoutes } from "./map-routes.js";
import { describe } from "./openapi.js";
import type { PeerOf } from "./peer.js";
import { PROBLEM_TYPE, problemOf } from "./problem.js";
import { logRequests } from "./request-log.js";
import { Snapshots } from "./snapshots.js";
import { statusText } from "./status.js";
import { tailRoute } from "./tail.js";
import type { Tails } from "./tails.js";

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

const JSON_TYPE = "application/json; charset=utf-8";

/** The gateway as the control API sees it. */
export interface Controlled {
  /** Only a gateway that is `running` takes packets in. */
  readonly state: "starting" | "running" | "draining";
  /** With up to so many `sessions`. @throws SpangateError NOT_READY */
  status(sessions: number): LiveStatus;
  /** @throws SpangateError NOT_READY */
  readonly mapping: LiveMapping;
  /** Without sessions. @throws SpangateError NOT_READY */
  readings(): LiveReadings;
  /** Tables of mirror sessions. None before it runs. */
  readonly sessionTables: readonly SessionTable[];
  /** When another gateway may take its place. */
  readonly handsOver?: HandsOver;
}

export interface ApiOptions {
  /** Series of GET /metrics at the most. */
  readonly series?: number;
  /** Who asks. Without it nobody can look at packets, or take the gateway's place. */
  readonly peerOf?: PeerOf;
  /** Where packets are looked at. */
  readonly tails?: () => Tails | undefined;
  /** Told of each request. */
  readonly log?: Log;
}

export interface Health {
  readonly state: Controlled["state"];
  readonly version: string;
  readonly pid: number;
}

/** Handles the requests of an HTTP server. */
export async function apiOf(gateway: Controlled, options: ApiOptions = {}): Promise<RequestListener> {
  const { fastify } = await import("fastify");
  const { metricsRoute } = await import("./metrics.js");
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

  // Schemas describe answers; what is answered is sent as it is.
  api.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  await describe(api);
  const statuses = new Snapshots<Buffer>();
  // Whoever changes the map and asks then is told of it.
  const era = () =>
    gateway.state === "starting" ? gateway.state : `${gateway.state} ${gateway.mapping.generation}`;
  api.get<{ Querystring: { sessions: number } }>(
    "/status",
    { schema: { tags: ["accounts"], summary: "The accounts now", querystring: STATUS_QUERY } },
    ({ query: { sessions } }, reply) => {
      const text = statuses.of(`${era()} ${sessions}`, () =>
        Buffer.from(statusText(gateway.status(sessions))),
      );
      return reply.type(JSON_TYPE).send(text);
    },
  );
  addMapRoutes(api, () => gateway.mapping);
  api.get("/health", { schema: { summary: "Whether it forwards" } }, (_, reply): Health => {
    const { state } = gateway;
    if (state !== "running") reply.code(503);
    return { state, version: VERSION, pid: process.pid };
  });

  metricsRoute(api, gateway, { series: options.series ?? METRICS_SERIES, era });
  const { peerOf, tails, log } = options;
  if (peerOf !== undefined && tails !== undefined) tailRoute(api, tails, peerOf);
  if (peerOf !== undefined && gateway.handsOver !== undefined) addHandover(api, gateway.handsOver, peerOf);
  if (log !== undefined) logRequests(api, log);

  await api.ready();
  return (request, response) => api.routing(request, response);
}
