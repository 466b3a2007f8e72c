// Each request of the control API in the log, once it is answered.

import type { FastifyInstance } from "fastify";
import type { Log } from "../telemetry/events.js";

export function logRequests(api: FastifyInstance, log: Log): void {
  api.addHook("onResponse", async ({ method, url }, reply) => {
    const milliseconds = Number(reply.elapsedTime.toFixed(1));
    const { statusCode } = reply;
    log("REQUEST", `${method} ${url}: ${statusCode}, ${milliseconds} ms`, {
      method,
      url,
      status: statusCode,
      milliseconds,
    });
  });
}
