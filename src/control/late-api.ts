// The control API that is loaded late, since it takes as long as all else of a start: when the gateway forwards, or with the first request,
// which waits for it.

import type { RequestListener } from "node:http";
import type { ApiOptions, Controlled } from "./api.js";
import { PROBLEM_TYPE, problemOf } from "./problem.js";

export class LateApi {
  readonly #gateway: Controlled;
  readonly #options: ApiOptions;
  #loading: Promise<RequestListener> | undefined;

  constructor(gateway: Controlled, options: ApiOptions) {
    this.#gateway = gateway;
    this.#options = options;
  }

  /** Loads it, once. */
  load(): Promise<RequestListener> {
    this.#loading ??= import("./api.js").then(({ apiOf }) => apiOf(this.#gateway, this.#options));
    return this.#loading;
  }

  readonly handle: RequestListener = (request, response) => {
    this.load().then(
      (handle) => handle(request, response),
      (error: unknown) => {
        const problem = problemOf(error);
        response.writeHead(problem.status, { "content-type": PROBLEM_TYPE });
        response.end(JSON.stringify(problem));
      },
    );
  };
}
