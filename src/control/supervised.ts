// A live gateway from before it runs until after: what the control API can be told at any time.

import { STATUS_SESSIONS } from "../config/defaults.js";
import type { LiveGateway, LiveStatus } from "../datapath/live.js";
import { SpangateError } from "../errors.js";
import type { Controlled } from "./api.js";

export class Supervised implements Controlled {
  #state: Controlled["state"] = "starting";
  #status: Controlled["status"] | undefined;
  #gateway: LiveGateway | undefined;

  get state(): Controlled["state"] {
    return this.#state;
  }

  status(sessions: number): LiveStatus {
    if (this.#status === undefined) throw new SpangateError("NOT_READY");
    return this.#status(sessions);
  }

  started(gateway: LiveGateway): void {
    this.#gateway = gateway;
    this.#status = (sessions) => gateway.status(sessions);
    this.#state = "running";
  }

  /** As LiveGateway's. Its last accounts are told from then on. */
  async stop(deadline?: number): Promise<LiveStatus> {
    if (this.#gateway === undefined) throw new SpangateError("NOT_READY");
    this.#state = "draining";
    const last = await this.#gateway.stop(STATUS_SESSIONS.most, deadline);
    this.#status = (sessions) => ({ ...last, sessions: last.sessions.slice(0, sessions) });
    return last;
  }
}
