// Every error that Spangate raises on purpose: one table gives each code its meaning, its HTTP status and its
// exit code, and one class carries it. Imports nothing, so that the browser and `spangate --version` stay light.

/** What a code stands for, wherever it ends up: documentation, an HTTP response or a shell. */
export interface ErrorKind {
  /** One sentence for documentation and for errors raised without a message of their own. */
  readonly description: string;
  /** Status of the control API's response. */
  readonly httpStatus: number;
  /** Exit code of the command line: 1 failed while running, 2 wrong usage or configuration. */
  readonly exitCode: 1 | 2;
}

/** The one table of error codes. A code is stable: programs compare it, messages may be reworded. */
export const ERRORS = {
  USAGE: { description: "The command line or the call is not understood.", httpStatus: 400, exitCode: 2 },
  CONFIG_INVALID: {
    description: "The configuration has mistakes; `details.mistakes` lists all of them with their places.",
    httpStatus: 422,
    exitCode: 2,
  },
  IO_FAILED: { description: "A file or device could not be read or written.", httpStatus: 500, exitCode: 1 },
  CAPTURE_MAGIC: {
    description: "The file does not begin like a capture file (pcap or pcapng).",
    httpStatus: 422,
    exitCode: 1,
  },
  CAPTURE_RECORD_LENGTH: {
    description: "A record of the capture file declares a length that cannot be right.",
    httpStatus: 422,
    exitCode: 1,
  },
  CAPTURE_TRUNCATED: {
    description: "The capture file ends in the middle of a record.",
    httpStatus: 422,
    exitCode: 1,
  },
  CAPTURE_CORRUPT: {
    description:
      "The capture file contradicts itself: damaged gzip data, or a packet of an undeclared interface.",
    httpStatus: 422,
    exitCode: 1,
  },
  OUTPUT_LINK_TYPE: {
    description: "Packets of this link type cannot be written to the chosen output.",
    httpStatus: 422,
    exitCode: 1,
  },
  MAP_TOO_LARGE: {
    description: "The tenant map does not fit into the memory reserved for it.",
    httpStatus: 413,
    exitCode: 2,
  },
  MEMORY_EXHAUSTED: {
    description: "The engine's memory cannot grow further; fewer sniffers or sessions need less.",
    httpStatus: 507,
    exitCode: 1,
  },
  ABI_MISMATCH: {
    description: "The engine's WebAssembly module has another ABI version than this library.",
    httpStatus: 500,
    exitCode: 1,
  },
  SYSTEM_CALL: {
    description: "The kernel refused something; `details` name the call and its errno.",
    httpStatus: 500,
    exitCode: 1,
  },
  NOT_PERMITTED: {
    description: "The kernel wants a privilege that this process does not have.",
    httpStatus: 403,
    exitCode: 1,
  },
  INTERFACE_UNKNOWN: {
    description: "There is no network interface of that name.",
    httpStatus: 422,
    exitCode: 2,
  },
  INTERFACE_GONE: {
    description: "A network interface was removed while it was in use.",
    httpStatus: 500,
    exitCode: 1,
  },
  BACKEND_UNAVAILABLE: {
    description:
      "No way of receiving or sending that was asked for works here; the message says why, one by one.",
    httpStatus: 500,
    exitCode: 1,
  },
  UNSUPPORTED: {
    description:
      "The configuration asks for what this version of `run` does not do; `details.unsupported` lists all of it with its places.",
    httpStatus: 501,
    exitCode: 2,
  },
  RESTART_NEEDED: {
    description:
      "The configuration changes what a running gateway cannot: anything but sniffers, tenants and shared sources; `details.keys` names it.",
    httpStatus: 409,
    exitCode: 1,
  },
  GENERATION_CHANGED: {
    description: "The tenant map is not of the generation that the change was meant for.",
    httpStatus: 412,
    exitCode: 1,
  },
  SEALED: {
    description:
      "The gateway has given up every capability (`sealed: true`); what needs one takes a gateway that is started anew.",
    httpStatus: 403,
    exitCode: 1,
  },
  GATEWAY_RUNS: {
    description: "A gateway answers at that socket already.",
    httpStatus: 409,
    exitCode: 1,
  },
  GATEWAY_UNREACHABLE: {
    description: "No gateway answers at that socket.",
    httpStatus: 503,
    exitCode: 1,
  },
  TAIL_BUSY: {
    description: "Somebody looks at packets already: one at a time.",
    httpStatus: 409,
    exitCode: 1,
  },
  NOT_READY: { description: "The gateway is still starting.", httpStatus: 503, exitCode: 1 },
  UNAUTHORIZED: {
    description: "Requests by TCP carry the token of `api.listen.token`: `Authorization: Bearer TOKEN`.",
    httpStatus: 401,
    exitCode: 1,
  },
  NOT_FOUND: { description: "The control API has nothing there.", httpStatus: 404, exitCode: 1 },
  INTERNAL: {
    description: "A mistake in Spangate itself; please report it.",
    httpStatus: 500,
    exitCode: 1,
  },
  DISPOSED: { description: "The object was used after dispose().", httpStatus: 500, exitCode: 1 },
} as const satisfies Record<string, ErrorKind>;

/** A code of the table above. */
export type ErrorCode = keyof typeof ERRORS;

/** What an error may carry beside its code and message. */
export interface SpangateErrorOptions extends ErrorOptions {
  /** Plain data that says where and what: file, offset, record, mistakes. It goes into JSON responses as it is. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * An error with a stable code.
 *
 * The message says what was wrong, where, and what would be right; without one the table's description stands in.
 */
export class SpangateError extends Error {
  override readonly name = "SpangateError";
  /** Stable code to compare against. */
  readonly code: ErrorCode;
  /** Plain data that says where and what. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message?: string, options: SpangateErrorOptions = {}) {
    super(message ?? ERRORS[code].description, options);
    this.code = code;
    this.details = options.details ?? {};
  }

  /** The error again that was sent by another thread or process, which keeps code, message and details; undefined of anything else. */
  static revive(value: unknown): SpangateError | undefined {
    if (value instanceof SpangateError) return value;
    const { code, message, details } = (value ?? {}) as Partial<Record<keyof SpangateError, unknown>>;
    if (typeof code !== "string" || !Object.hasOwn(ERRORS, code)) return undefined;
    return new SpangateError(code as ErrorCode, typeof message === "string" ? message : undefined, {
      details: typeof details === "object" && details !== null ? { ...details } : {},
    });
  }

  /** Status of the control API's response. */
  get httpStatus(): number {
    return ERRORS[this.code].httpStatus;
  }

  /** Exit code of the command line: 1 failed while running, 2 wrong usage or configuration. */
  get exitCode(): 1 | 2 {
    return ERRORS[this.code].exitCode;
  }

  /** What stands in the control API's response, and the line of a JSON log. */
  toJSON(): { code: ErrorCode; message: string; details: Readonly<Record<string, unknown>> } {
    return { code: this.code, message: this.message, details: this.details };
  }
}
