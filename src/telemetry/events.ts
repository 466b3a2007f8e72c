// What a gateway tells of itself while it runs: one table gives each kind of event its code, its level and its meaning. Errors have the
// codes of errors.ts. Nothing here is told of single packets.

/** Least first. */
export const LEVELS = ["debug", "info", "warn", "error"] as const;
export type Level = (typeof LEVELS)[number];

export interface EventKind {
  readonly level: Exclude<Level, "error">;
  /** Said to people at a terminal, too; else it is only in records for programs, unless `debug` is asked for. */
  readonly isSaid: boolean;
  /** One sentence for documentation. */
  readonly description: string;
}

/** A code is stable: programs compare it, messages may be reworded. */
export const EVENTS = {
  STARTING: {
    level: "info",
    isSaid: false,
    description: "The gateway starts, with the configuration in `file`.",
  },
  READY: {
    level: "info",
    isSaid: true,
    description:
      "Packets are taken in and sent: `receive` and `send` say how, `generation` which tenant map is in force.",
  },
  TOOK_OVER: {
    level: "info",
    isSaid: true,
    description:
      "This gateway has taken the place of process `from`, which had received `before` packets; `lost` came in between and nobody had them.",
  },
  REPLACED: { level: "info", isSaid: true, description: "Another gateway has taken this one's place." },
  NOTE: {
    level: "warn",
    isSaid: true,
    description: "Something is not as it could be; the message says what.",
  },
  MAP_IN_FORCE: {
    level: "info",
    isSaid: false,
    description:
      "The tenant map was compiled anew, of what was configured as `generation` or because the kernel knows other ways to sniffers, with so many `tenants` and `sniffers`.",
  },
  MAP_CHANGED: {
    level: "info",
    isSaid: true,
    description:
      "The map was changed to `generation`, `by` its file, SIGHUP or the control API; `difference` says how.",
  },
  MAP_REFUSED: {
    level: "warn",
    isSaid: true,
    description:
      "What changed in the file, or came with SIGHUP, is not in force: an error before it says why.",
  },
  INTERFACE_DOWN: { level: "warn", isSaid: true, description: "Nothing goes through `interface` now." },
  INTERFACE_UP: { level: "warn", isSaid: true, description: "`interface` is up again." },
  TAIL_BEGUN: {
    level: "warn",
    isSaid: true,
    description: "Somebody looks at packets of `tenant`: `uid` and `pid` say who.",
  },
  TAIL_ENDED: {
    level: "warn",
    isSaid: true,
    description: "Nobody does any more, after so many `seconds` and `packets`.",
  },
  REQUEST: { level: "debug", isSaid: true, description: "The control API was asked, and has answered." },
  DRAINING: {
    level: "info",
    isSaid: false,
    description: "Nothing comes in any more; what is queued goes out.",
  },
  LEFT: {
    level: "warn",
    isSaid: true,
    description: "Something of the system is not as it was before the gateway.",
  },
  ENDED: {
    level: "info",
    isSaid: false,
    description:
      "The gateway has ended; the balance of all packets is in `balance`, with the accounts of the 20 sniffers that missed most (`sniffers.missing`).",
  },
} as const satisfies Record<string, EventKind>;

export type EventCode = keyof typeof EVENTS;

/** Tells of an event. */
export type Log = (code: EventCode, message: string, fields?: Readonly<Record<string, unknown>>) => void;
