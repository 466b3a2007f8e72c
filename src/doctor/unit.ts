// The unit that starts the gateway, as systemd has it with all of its drop-ins.

import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import type { Capability } from "../linux/index.js";
import { bad, type Finding, ok, warn, word } from "./finding.js";

export const USUAL_UNIT = "spangate.service";

export interface Unit {
  readonly name: string;
  /** `User=`; undefined without it, which is root. */
  readonly user: string | undefined;
  readonly group: string | undefined;
  /** `CapabilityBoundingSet=` */
  readonly bounding: readonly Capability[];
  readonly ambient: readonly Capability[];
  /** The soft limit in bytes; Infinity without one. */
  readonly memlock: number;
  /** The hard one, to which Node raises its own. */
  readonly files: number;
  /** Folders in which it may write; undefined when `ProtectSystem=strict` is not there, and file modes alone count. */
  readonly writable: readonly string[] | undefined;
  /** `ProtectHome=`: what is in /home, /root and /run/user is not there for it. */
  readonly hidesHome: boolean;
  /** The program with its arguments. */
  readonly command: string;
  /** Its files are others than those that systemd has read. */
  readonly isOutdated: boolean;
}

export interface Found {
  readonly unit?: Unit;
  /** What there is to say of it, or of there being none. */
  readonly finding: Finding;
}

const check = "unit";
const PATIENCE = 10_000;
const PROPERTIES = [
  "LoadState",
  "NeedDaemonReload",
  "ExecStart",
  "User",
  "Group",
  "CapabilityBoundingSet",
  "AmbientCapabilities",
  "LimitMEMLOCKSoft",
  "LimitNOFILE",
  "ProtectSystem",
  "ProtectHome",
  "ReadWritePaths",
  "RuntimeDirectory",
  "StateDirectory",
  "CacheDirectory",
  "LogsDirectory",
] as const;
type Property = (typeof PROPERTIES)[number];

/** Where systemd makes the folders that a unit names (systemd.exec(5)). */
const MADE_IN = {
  RuntimeDirectory: "/run",
  StateDirectory: "/var/lib",
  CacheDirectory: "/var/cache",
  LogsDirectory: "/var/log",
} as const;

/**
 * The unit that counts: `wanted`, else the usual one where it is installed; none when `wanted` is false.
 *
 * @param show what `systemctl show` says of a unit's properties; throws where systemd does not answer
 */
export function findUnit(wanted: string | boolean | undefined, show = showUnit): Found {
  if (wanted === false) return { finding: ok(check, "none is asked about: what this shell has counts") };
  const name = typeof wanted === "string" ? nameOf(wanted) : USUAL_UNIT;
  // One that was asked for has to be there.
  const without = typeof wanted === "string" ? bad : ok;
  let values: Values;
  try {
    values = valuesIn(show(name));
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const why = isMissing ? "there is no systemctl here" : "systemd does not answer here";
    return { finding: without(check, `${why}: what this shell has is looked at`) };
  }
  const state = values.LoadState;
  if (state === "not-found" || state === "")
    return { finding: without(check, `there is no ${name}: what this shell has is looked at`) };
  if (state !== "loaded")
    return { finding: bad(check, `systemd says of ${name}: ${state}`, `systemctl status ${word(name)}`) };
  const unit = unitOf(name, values);
  return { unit, finding: ok(check, `what ${name} has is looked at, and not this shell: ${unit.command}`) };
}

/** What is wrong with the unit itself. @param file the configuration that the doctor was asked about */
export function unitFindings(unit: Unit, file: string | undefined): Finding[] {
  const { name, command, isOutdated } = unit;
  return [
    ...(isOutdated
      ? [warn(check, `the files of ${name} are not those that systemd has read`, "systemctl daemon-reload")]
      : []),
    ...(file !== undefined && !command.includes(resolve(file))
      ? [warn(check, `${name} does not start with ${resolve(file)}; for a start by hand ask with --no-unit`)]
      : []),
  ];
}

/**
 * A command that changes a setting for good. All are added to one drop-in, the last to be read: what `systemctl edit` has made does not
 * count against it.
 */
export function dropIn({ name }: Unit, ...settings: readonly string[]): string {
  const folder = word(`/etc/systemd/system/${name}.d`);
  const lines = ["[Service]", ...settings].map(word).join(" ");
  return `mkdir -p ${folder} && printf '%s\\n' ${lines} >> ${folder}/zz-doctor.conf && systemctl daemon-reload`;
}

/** Whether the unit lets it write there, whatever the modes of files say. */
export function letsWrite({ writable }: Unit, folder: string): boolean {
  return writable === undefined || writable.some((each) => isIn(folder, each));
}

export function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
}

type Values = Readonly<Record<Property, string>>;

function nameOf(wanted: string): string {
  return /\.[a-z]+$/.test(wanted) ? wanted : `${wanted}.service`;
}

function showUnit(name: string): string {
  return execFileSync("systemctl", ["show", `--property=${PROPERTIES.join(",")}`, "--", name], {
    encoding: "utf8",
    timeout: PATIENCE,
    stdio: ["ignore", "pipe", "ignore"],
  });
}

function valuesIn(text: string): Values {
  const lines = text.split("\n");
  const valueIn = (name: Property) =>
    lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
  return Object.fromEntries(PROPERTIES.map((name) => [name, valueIn(name)])) as Values;
}

function unitOf(name: string, values: Values): Unit {
  const [, command = ""] = /argv\[\]=(.*?) ; ignore_errors=/.exec(values.ExecStart) ?? [];
  return {
    name,
    user: values.User === "" ? undefined : values.User,
    group: values.Group === "" ? undefined : values.Group,
    bounding: capabilitiesIn(values.CapabilityBoundingSet),
    ambient: capabilitiesIn(values.AmbientCapabilities),
    memlock: limitOf(values.LimitMEMLOCKSoft),
    files: limitOf(values.LimitNOFILE),
    writable: values.ProtectSystem === "strict" ? writableOf(values) : undefined,
    hidesHome: !["", "no", "read-only"].includes(values.ProtectHome),
    command,
    isOutdated: values.NeedDaemonReload === "yes",
  };
}

/** systemd writes `cap_net_admin`. */
function capabilitiesIn(text: string): Capability[] {
  return wordsOf(text).map((each) => each.toUpperCase().replace(/^CAP_/, "") as Capability);
}

function limitOf(text: string): number {
  return text === "infinity" || text === "" ? Number.POSITIVE_INFINITY : Number(text);
}

function writableOf(values: Values): string[] {
  const made = (Object.keys(MADE_IN) as (keyof typeof MADE_IN)[]).flatMap((kind) =>
    wordsOf(values[kind]).map((each) => `${MADE_IN[kind]}/${each.split(":")[0]}`),
  );
  // With - what is not there is no failure, with + it is of the unit's own root.
  return [...wordsOf(values.ReadWritePaths).map((each) => each.replace(/^[-+]+/, "")), ...made];
}

function wordsOf(text: string): string[] {
  return text.split(" ").filter((each) => each !== "");
}
