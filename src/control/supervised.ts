// A live gateway from before it runs until after: what the control API can be told at any time.

import type { LiveGateway, LiveStatus } from "../datapath/live.js";
import { SpangateError } from "../errors.js";
import type { Controlled } from "./api.js";

export class Supervised implements Controlled {
  #state: Controlled["state"] = "starting";
  #status: (() => LiveStatus) | undefined;
  #gateway: LiveGateway | undefined;

  get state(): Controlled["state"] {
    return this.#state;
  }

  status(): LiveStatus {
    if (this.#status === undefined) throw new SpangateError("NOT_READY");
    return this.#status();
  }

  started(gateway: LiveGateway): void {
    this.#gateway = gateway;
    this.#status = () => gateway.status();
    this.#state = "running";
  }

  /** As LiveGateway's. Its last accounts are told from then on. */
  async stop(deadline?: number): Promise<LiveStatus> {
    if (this.#gateway === undefined) throw new SpangateError("NOT_READY");
    this.#state = "draining";
    const last = await this.#gateway.stop(deadline);
    this.#status = () => last;
    return last;
  }
}
