// A value against the schema and the rules between its parts; and a configuration out of an object, without a file.
import { SpangateError } from "../errors.js";
import { type Draft, draftOf } from "./draft.js";
import { explain } from "./explain.js";
import { distinct, type Finding, formatPath } from "./mistakes.js";
import { type GatewayConfig, type GatewayInput, gatewayConfig, type LiveGatewayConfig } from "./schema.js";
import { checkLive, crossCheck } from "./semantics.js";

/** For whom a configuration is read. */
export interface ConfigPurpose {
  /** True for `spangate run`: interfaces, tunnel addresses and every sniffer's `deliver` are required. */
  readonly live?: boolean;
  /** Of a live gateway: packets come from a capture, and `tunnel.interface` and `tunnel.addresses` may be absent. */
  readonly replay?: boolean;
  /** Of a live gateway: what goes out is recorded, and `delivery.interface` may be absent. */
  readonly record?: boolean;
}

/** The configuration in `value`, and what is wrong with it. */
export function check(
  value: unknown,
  purpose: ConfigPurpose,
): { config?: GatewayConfig; findings: Finding[] } {
  const result = gatewayConfig.safeParse(value);
  const draft: Draft = result.success ? result.data : draftOf(value);
  const findings = [
    ...crossCheck(draft),
    ...(purpose.live ? checkLive(draft, { ...purpose, greInUdp: writesGreInUdp(value) }) : []),
  ];
  if (result.success) return { config: result.data, findings };
  return { findings: [...result.error.issues.flatMap((issue) => explain(issue, value)), ...findings] };
}

/** Its default would say nothing: it is there for every configuration. */
function writesGreInUdp(value: unknown): boolean {
  const { tunnel } = (value ?? {}) as { tunnel?: { ports?: Record<string, unknown> | null } | null };
  return tunnel?.ports?.["gre-udp"] !== undefined;
}

/**
 * The configuration that an object in the form of gateway.yaml describes, with its defaults. One that was parsed already
 * is given back as it is.
 *
 * @throws SpangateError `CONFIG_INVALID` with all mistakes in its message, one a line, and in `details.mistakes`: a list of
 *   `{ path, message, expected }`.
 */
export function configOf(value: GatewayInput | GatewayConfig): GatewayConfig {
  return isParsed(value) ? value : configFor(value, {});
}

/** The same of any value, for a purpose. @throws SpangateError `CONFIG_INVALID` */
export function configFor(value: unknown, purpose: ConfigPurpose & { live: true }): LiveGatewayConfig;
export function configFor(value: unknown, purpose: ConfigPurpose): GatewayConfig;
export function configFor(value: unknown, purpose: ConfigPurpose): GatewayConfig {
  const { config, findings } = check(value, purpose);
  if (config !== undefined && findings.length === 0) return config;
  const mistakes = distinct(findings).map(({ path, message, expected }) => {
    return { path: formatPath(path), message, expected };
  });
  const lines = mistakes.map(({ path, message, expected }) => {
    return `${path === "" ? "" : `${path}: `}${message}; expected ${expected}`;
  });
  throw new SpangateError("CONFIG_INVALID", lines.join("\n"), { details: { mistakes } });
}

/** A duration is text where it is written, and a number where it was parsed. */
function isParsed(value: GatewayInput | GatewayConfig): value is GatewayConfig {
  return typeof (value as GatewayConfig | null | undefined)?.decode?.reassembly?.timeout === "number";
}
