// A user as the system's own files have it (passwd(5), group(5)). Users from elsewhere (LDAP, systemd's dynamic ones) are not found.

import { readFileSync } from "node:fs";
import { SpangateError } from "../errors.js";

export interface User {
  readonly uid: number;
  readonly gid: number;
  /** The groups that a login would give: its own and those that list it. */
  readonly groups: readonly number[];
}

/** @throws SpangateError USAGE when there is no such user */
export function findUser(name: string, passwd = "/etc/passwd", group = "/etc/group"): User {
  const entry = entries(passwd).find(([user]) => user === name);
  const [uid, gid] = [numberIn(entry?.[2]), numberIn(entry?.[3])];
  if (uid === undefined || gid === undefined)
    throw new SpangateError("USAGE", `There is no user ${JSON.stringify(name)} in ${passwd}.`, {
      details: { user: name },
    });
  const listing = entries(group)
    .filter(([, , , members = ""]) => members.split(",").includes(name))
    .flatMap(([, , number]) => numberIn(number) ?? []);
  return { uid, gid, groups: [...new Set([gid, ...listing])] };
}

/** The number of a group, which may stand for its name; undefined when there is no such group. */
export function findGroup(name: string, group = "/etc/group"): number | undefined {
  const entry = entries(group).find(([each]) => each === name);
  return numberIn(entry?.[2] ?? name);
}

/** The number itself where it has no name. */
export function groupName(gid: number, group = "/etc/group"): string {
  return entries(group).find(([, , number]) => numberIn(number) === gid)?.[0] ?? String(gid);
}

function entries(path: string): string[][] {
  return readFileSync(path, "utf8")
    .split("\n")
    .map((line) => line.split(":"));
}

/** An empty or broken field must not become 0, which is root. */
function numberIn(field: string | undefined): number | undefined {
  return field !== undefined && /^\d{1,10}$/.test(field) ? Number(field) : undefined;
}
