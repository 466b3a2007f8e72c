// What a running gateway says on stderr: lines for people, or records for programs, one JSON object a line (pino). Both from one call.

import { EVENTS, type EventCode, LEVELS, type Level } from "../telemetry/events.js";
import { VERSION } from "../version.js";
import { type FailureRecord, failureText, reportBy, say } from "./failures.js";

export const FORMS = ["text", "json"] as const;
export type Form = (typeof FORMS)[number];

export interface LogFlags {
  /** Text at a terminal when absent, JSON elsewhere. */
  readonly log?: Form;
  readonly logLevel?: Level;
  readonly quiet?: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

export interface EventLog {
  readonly form: Form;
  /** Whether events of that level are told of. */
  tells(level: Level): boolean;
  event(code: EventCode, message: string, fields?: Fields): void;
}

/** Errors that end the command are told of in the same form from now on. */
export async function openLog({ log, logLevel, quiet }: LogFlags): Promise<EventLog> {
  const form = log ?? (process.stderr.isTTY ? "text" : "json");
  const level = logLevel ?? (quiet ? "warn" : "info");
  return form === "text" ? openText(level) : await openRecords(level);
}

function openText(level: Level): EventLog {
  const tells = (wanted: Level) => LEVELS.indexOf(wanted) >= LEVELS.indexOf(level);
  return {
    form: "text",
    tells,
    event(code, message) {
      const kind = EVENTS[code];
      if (tells(kind.level) && (kind.isSaid || level === "debug")) say(message);
    },
  };
}

async function openRecords(level: Level): Promise<EventLog> {
  const { pino } = await import("pino");
  const logger = pino(
    {
      level,
      base: { pid: process.pid, version: VERSION },
      messageKey: "message",
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // Written before the call returns: the last record says why the process ends.
    pino.destination({ dest: process.stderr.fd, sync: true }),
  );
  reportBy((error: unknown, record: FailureRecord) => {
    logger.error(record, failureText(error));
  });
  return {
    form: "json",
    tells: (wanted) => logger.isLevelEnabled(wanted),
    event(code, message, fields = {}) {
      logger[EVENTS[code].level]({ code, ...fields }, message);
    },
  };
}
