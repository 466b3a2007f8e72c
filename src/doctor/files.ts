// Files that the gateway reads: its configuration, which its `user` reads again whenever it changes; token and TLS files, which are read
// once, by whoever starts it.

import { existsSync, realpathSync, type Stats, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { LiveGatewayConfig } from "../config/schema.js";
import { findGroup, groupName } from "../linux/index.js";
import { bad, type Finding, ok, warn, word } from "./finding.js";
import { userOf } from "./places.js";
import type { Reader, Start } from "./start.js";
import { dropIn, isIn } from "./unit.js";

const SETTLED = "/etc/spangate";
/** What `ProtectHome=` hides (systemd.exec(5)). */
const HOMES = ["/home", "/root", "/run/user"];

/** @param file the configuration */
export function fileFindings(config: LiveGatewayConfig, file: string, start: Start): Finding[] {
  return [...configurationFindings(config, file, start), ...apiFindings(config, start)];
}

function configurationFindings({ user }: LiveGatewayConfig, file: string, start: Start): Finding[] {
  const check = "configuration";
  const path = realpathSync(file);
  // This process has just read it.
  const atStart = start.unit && startFinding(check, path, start);
  if (atStart !== undefined) return [atStart];
  const owner = userOf(user);
  if (owner === undefined) return [ok(check, `${file} is read by the user that starts the gateway`)];
  // Its folder is read, too: it is watched.
  const readsAll = owner.uid === 0 && start.reader.readsAll;
  const closed = closedTo({ ...owner, readsAll }, path, { watched: true });
  if (closed.length === 0) return [ok(check, `${user} may read ${file}, and sees when it changes`)];
  const text = `${user} may not read ${closed.join(" and ")}: the gateway starts, and what changes in ${file} does not come into force`;
  return [warn(check, text, opened(path, closed, groupName(owner.gid)))];
}

/** They are read before the gateway becomes its `user`. */
function apiFindings({ api }: LiveGatewayConfig, start: Start): Finding[] {
  const { token, tls } = api?.listen ?? {};
  const files = [
    ["token", token],
    ["certificate", tls?.certificate],
    ["key", tls?.key],
  ] as const;
  return files.flatMap(([check, file]) => {
    if (file === undefined) return [];
    if (!existsSync(file)) return [missing(check, file, start)];
    const wrong = startFinding(check, realpathSync(file), start);
    return [wrong ?? ok(check, `${file} may be read when the gateway starts`)];
  });
}

function missing(check: string, file: string, { unit }: Start): Finding {
  const group = unit?.group === undefined ? "" : `-g ${word(unit.group)} `;
  const make = `openssl rand -hex 32 | install -m 640 ${group}/dev/stdin ${word(file)}`;
  return bad(check, `${file} is not there, which api.listen says`, check === "token" ? make : undefined);
}

/** What keeps the one from reading it who starts the gateway: in a unit, not even root reads whatever there is. */
function startFinding(check: string, path: string, { unit, reader }: Start): Finding | undefined {
  if (unit?.hidesHome && HOMES.some((home) => isIn(path, home)))
    return bad(
      check,
      `${unit.name} does not see ${path} (ProtectHome=)`,
      dropIn(unit, "ProtectHome=read-only"),
    );
  const closed = closedTo(reader, path);
  if (closed.length === 0) return undefined;
  const who = unit === undefined ? "this process" : `${unit.name}, as it starts,`;
  const why = unit !== undefined && reader.uid === 0 ? ": its root has no CAP_DAC_READ_SEARCH" : "";
  const group = unit?.group ?? groupName(reader.groups[0] ?? 0);
  return bad(check, `${who} may not read ${closed.join(" and ")}${why}`, opened(path, closed, group));
}

/** Which of the folders on the way to `path`, and of itself, the reader may not use. */
function closedTo(reader: Reader, path: string, { watched = false } = {}): string[] {
  if (reader.readsAll) return [];
  const folder = dirname(path);
  const ways: string[] = [];
  for (let each = folder; ways.at(-1) !== each; each = dirname(each)) ways.push(each);
  const closed = ways
    .reverse()
    .filter((each) => !allows(reader, statSync(each), watched && each === folder ? 0o5 : 0o1));
  return allows(reader, statSync(path), 0o4) ? closed : [...closed, path];
}

function allows({ uid, groups }: Reader, { uid: owner, gid, mode }: Stats, bits: number): boolean {
  const shift = uid === owner ? 6 : groups.includes(gid) ? 3 : 0;
  return ((mode >> shift) & bits) === bits;
}

/**
 * Lets a group in: by giving it what is closed. Other folders than root's own on the way are somebody else's, and /root is nobody's to
 * look into: from there the file has to move.
 */
function opened(path: string, closed: readonly string[], group: string): string {
  const isOwn = (folder: string) => {
    const { uid, gid } = statSync(folder);
    return folder !== "/" && folder !== "/root" && uid === 0 && (gid === 0 || gid === findGroup(group));
  };
  const folders = closed.filter((each) => each !== path);
  if (!folders.every(isOwn))
    return `install -D -m 640 -g ${word(group)} ${word(path)} ${word(`${SETTLED}/${basename(path)}`)}`;
  const named = closed.map(word).join(" ");
  const modes = [
    ...(folders.length > 0 ? [`chmod g+rx ${folders.map(word).join(" ")}`] : []),
    ...(closed.includes(path) ? [`chmod g+r ${word(path)}`] : []),
  ];
  return [`chgrp ${word(group)} ${named}`, ...modes].join(" && ");
}
