// A live gateway from before it runs until after: what the control API can be told at any time.

import { STATUS_SESSIONS } from "../config/defaults.js";
import type { Lent, LetGo, LiveGateway, LiveReadings, LiveStatus, Offer } from "../datapath/live.js";
import type { SessionTable } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import type { Controlled } from "./api.js";
import type { HandsOver } from "./handover.js";
import type { LiveMapping } from "./live-mapping.js";
import { Tails, type TailsParts } from "./tails.js";

export class Supervised implements Controlled {
  #state: Controlled["state"] = "starting";
  #status: Controlled["status"] | undefined;
  #gateway: LiveGateway | undefined;
  #mapping: LiveMapping | undefined;
  #tails: Tails | undefined;
  #last: LiveReadings | undefined;
  readonly #parts: Omit<TailsParts, "gateway">;
  readonly handsOver: HandsOver;
  /** Resolves when another gateway has taken its place: what is queued has to go out, and nothing else is to be done. */
  readonly replaced: Promise<void>;

  constructor(parts: Omit<TailsParts, "gateway">) {
    this.#parts = parts;
    let isReplaced = () => {};
    this.replaced = new Promise((resolve) => {
      isReplaced = resolve;
    });
    const running = (): LiveGateway => {
      if (this.#state === "running" && this.#gateway !== undefined) return this.#gateway;
      throw new SpangateError("NOT_READY", `The gateway is ${this.#state}: it has nothing to hand over.`);
    };
    this.handsOver = {
      offer: (): Offer => running().offer(),
      lend: (mailbox: string): Lent => running().lend(mailbox),
      letGo: async (): Promise<LetGo> => {
        const gateway = running();
        this.#state = "draining";
        const last = await gateway.handOver();
        isReplaced();
        return last;
      },
    };
  }

  get state(): Controlled["state"] {
    return this.#state;
  }

  status(sessions: number): LiveStatus {
    if (this.#status === undefined) throw new SpangateError("NOT_READY");
    return this.#status(sessions);
  }

  get mapping(): LiveMapping {
    if (this.#mapping === undefined) throw new SpangateError("NOT_READY");
    return this.#mapping;
  }
  readings(): LiveReadings {
    if (this.#gateway === undefined) throw new SpangateError("NOT_READY");
    return this.#last ?? this.#gateway.readings();
  }
  get sessionTables(): readonly SessionTable[] {
    return this.#gateway?.sessionTables ?? [];
  }
  /** While it runs. */
  get tails(): Tails | undefined {
    return this.#state === "running" ? this.#tails : undefined;
  }

  started(gateway: LiveGateway, mapping: LiveMapping): void {
    this.#gateway = gateway;
    this.#mapping = mapping;
    this.#tails = new Tails({ gateway, ...this.#parts });
    this.#status = (sessions) => gateway.status(sessions);
    this.#state = "running";
  }

  /** As LiveGateway's. Its last accounts are told from then on. */
  async stop(deadline?: number): Promise<LiveStatus> {
    if (this.#gateway === undefined) throw new SpangateError("NOT_READY");
    this.#state = "draining";
    this.#tails?.close();
    const last = await this.#gateway.stop(STATUS_SESSIONS.most, deadline);
    this.#last = last;
    this.#status = (sessions) => ({ ...last, sessions: last.sessions.slice(0, sessions) });
    return last;
  }
}
