// What a gateway starts with: what its unit gives it, or what the shell has in which the doctor is asked.

import { readFileSync } from "node:fs";
import { SpangateError } from "../errors.js";
import { type Capability, capabilities, findGroup, findUser } from "../linux/index.js";
import type { Unit } from "./unit.js";

export interface Start {
  /** Undefined: the shell's. */
  readonly unit: Unit | undefined;
  readonly capabilities: readonly Capability[];
  /** Bytes that may be locked; Infinity without a limit. */
  readonly memlock: number;
  /** Files that may be open at a time. */
  readonly files: number;
  readonly reader: Reader;
}

/** Who reads a file: by owner, group and others; what access lists say besides is not asked. */
export interface Reader {
  readonly uid: number;
  readonly groups: readonly number[];
  /** Reads whatever there is (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE). */
  readonly readsAll: boolean;
}

/** @param limits as /proc/PID/limits has them */
export function startOf(unit: Unit | undefined, limits = readFileSync("/proc/self/limits", "utf8")): Start {
  if (unit !== undefined) return startByUnit(unit);
  const { effective } = capabilities();
  return {
    unit,
    capabilities: effective,
    memlock: limitIn(limits, /^Max locked memory +(\S+)/m),
    files: limitIn(limits, /^Max open files +\S+ +(\S+)/m),
    reader: { uid: process.geteuid!(), groups: process.getgroups!(), readsAll: readsAll(effective) },
  };
}

/** What starts as root has what the unit leaves it; anybody else has the ambient ones. */
function startByUnit(unit: Unit): Start {
  const isRoot = unit.user === undefined || unit.user === "root";
  const held = isRoot ? unit.bounding : unit.ambient.filter((each) => unit.bounding.includes(each));
  return {
    unit,
    capabilities: held,
    memlock: unit.memlock,
    files: unit.files,
    reader: { ...idsOf(unit), readsAll: readsAll(held) },
  };
}

/** Numbers may stand for names. */
function idsOf({ user = "root", group }: Unit): { readonly uid: number; readonly groups: readonly number[] } {
  const gid = group === undefined ? undefined : findGroup(group);
  const more = gid === undefined ? [] : [gid];
  try {
    const { uid, groups } = findUser(user);
    return { uid, groups: [...groups, ...more] };
  } catch (error) {
    if (!(error instanceof SpangateError)) throw error;
    return { uid: Number(user), groups: more };
  }
}

function readsAll(held: readonly Capability[]): boolean {
  return held.includes("DAC_READ_SEARCH") || held.includes("DAC_OVERRIDE");
}

function limitIn(limits: string, pattern: RegExp): number {
  const [, value = "unlimited"] = pattern.exec(limits) ?? [];
  return value === "unlimited" ? Number.POSITIVE_INFINITY : Number(value);
}
