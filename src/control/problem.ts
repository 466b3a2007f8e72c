// Errors of the control API: problem details (RFC 9457) with the code, message and details of the error table.

import { ERRORS, type ErrorCode, SpangateError } from "../errors.js";

export const PROBLEM_TYPE = "application/problem+json";

export interface Problem {
  readonly type: string;
  /** What the code stands for. */
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export function problemOf(error: unknown): Problem {
  const known = SpangateError.revive(error) ?? ofRequest(error) ?? new SpangateError("INTERNAL");
  return {
    type: `urn:spangate:error:${known.code}`,
    title: ERRORS[known.code].description,
    status: known.httpStatus,
    ...known.toJSON(),
  };
}

/** What the server itself finds wrong with a request. */
function ofRequest(error: unknown): SpangateError | undefined {
  if (!(error instanceof Error) || !("statusCode" in error)) return undefined;
  const status = Number(error.statusCode);
  return status >= 400 && status < 500 ? new SpangateError("USAGE", error.message) : undefined;
}
