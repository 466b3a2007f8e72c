// Places in the file system, and the user that the gateway becomes: the control socket's folder, folders for captures and their room.

import { existsSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { LiveGatewayConfig } from "../config/schema.js";
import { SpangateError } from "../errors.js";
import { findGroup, findUser, type User } from "../linux/index.js";
import { bad, type Finding, ok, warn, word } from "./finding.js";
import type { Start } from "./start.js";
import { dropIn, letsWrite, type Unit } from "./unit.js";

export function userFindings(config: LiveGatewayConfig, { unit }: Start): Finding[] {
  return [...configuredUser(config), ...(unit === undefined ? [] : unitUser(config, unit))];
}

function configuredUser({ user }: LiveGatewayConfig): Finding[] {
  const check = "user";
  if (user === undefined) return [warn(check, "the gateway stays root: `user` says whom it becomes")];
  if (userOf(user) !== undefined) return [ok(check, `there is a user ${user}`)];
  const mend = `useradd --system --no-create-home --shell /usr/sbin/nologin ${word(user)}`;
  return [bad(check, `there is no user ${user}`, mend)];
}

/** The gateway starts as root and becomes its user by itself. */
function unitUser({ user, sealed }: LiveGatewayConfig, unit: Unit): Finding[] {
  const check = "user";
  const findings: Finding[] = [];
  if (unit.group !== undefined && findGroup(unit.group) === undefined)
    findings.push(
      bad(
        check,
        `there is no group ${unit.group}, which ${unit.name} has`,
        `groupadd --system ${word(unit.group)}`,
      ),
    );
  const setting = `User=${unit.user}`;
  if (unit.user === "root" && user !== undefined && user !== "root")
    // exec-invoke.c, keep_seccomp_privileges
    findings.push(
      warn(
        check,
        `${unit.name} has ${setting}: systemd takes CAP_SETUID away then (from 255 on)`,
        dropIn(unit, "User="),
      ),
    );
  else if (unit.user !== undefined && unit.user !== "root" && user !== undefined && user !== unit.user)
    findings.push(
      bad(check, `${unit.name} has ${setting}, who cannot become ${user}`, dropIn(unit, "User=")),
    );
  else if (unit.user !== undefined && unit.user !== "root" && sealed)
    findings.push(
      bad(
        check,
        `${unit.name} has ${setting}, and sealed: true takes a start as root`,
        dropIn(unit, "User="),
      ),
    );
  return findings;
}

/** Undefined when there is none. */
export function userOf(name: string | undefined): User | undefined {
  if (name === undefined) return undefined;
  try {
    return findUser(name);
  } catch (error) {
    if (error instanceof SpangateError) return undefined;
    throw error;
  }
}

export function socketFindings({ api, user }: LiveGatewayConfig, { unit }: Start): Finding[] {
  const check = "control socket";
  if (api === undefined) return [];
  const { socket } = api;
  const folder = dirname(socket);
  if (existsSync(socket) && !statSync(socket).isSocket())
    return [bad(check, `${socket} is there and is no socket`, `rm ${word(socket)}`)];
  if (unit !== undefined && !letsWrite(unit, folder)) return [keptFrom(check, unit, folder)];
  if (!existsSync(folder)) return [ok(check, `${folder} is made when the gateway starts`)];
  if (!statSync(folder).isDirectory()) return [bad(check, `${folder} is no folder`, `rm ${word(folder)}`)];
  const owner = userOf(user);
  if (owner !== undefined && !mayWrite(folder, owner))
    return [
      warn(
        check,
        `${user} may not write in ${folder}: the socket stays there at the end, and \`run --replace\` is refused`,
        `chown ${word(user!)} ${word(folder)}`,
      ),
    ];
  return [ok(check, `${folder} is there`)];
}

/** `ProtectSystem=strict` */
function keptFrom(check: string, unit: Unit, folder: string): Finding {
  const text = `${unit.name} may not write in ${folder}, which its ReadWritePaths= does not have`;
  return bad(check, text, dropIn(unit, `ReadWritePaths=${folder}`));
}

/** By owner, group and others: what access lists say besides is not asked. */
function mayWrite(path: string, { uid, groups }: User): boolean {
  const stats = statSync(path);
  const shift = stats.uid === uid ? 6 : groups.includes(stats.gid) ? 3 : 0;
  return uid === 0 || ((stats.mode >> shift) & 0o3) === 0o3;
}

/** Where captures are written, and how many bytes they may come to. */
interface Place {
  readonly folder: string;
  readonly bytes: number;
  readonly of: string;
}

export function diskFindings(config: LiveGatewayConfig, { unit }: Start): Finding[] {
  return placesOf(config).flatMap((place) => {
    const finding = diskFinding(config, place);
    // A folder that a unit is to write into has to be there before.
    return unit === undefined || letsWrite(unit, place.folder)
      ? [finding]
      : [...(finding.level === "bad" ? [finding] : []), keptFrom("disk", unit, place.folder)];
  });
}

function placesOf({ sniffers, quarantine }: LiveGatewayConfig): Place[] {
  const places = sniffers.flatMap((sniffer) => {
    if (sniffer.deliver !== "pcap") return [];
    const { size, keep } = sniffer.rotate;
    return [{ folder: sniffer.directory, bytes: size * keep, of: `sniffer ${sniffer.name}` }];
  });
  if (quarantine === undefined) return places;
  return [...places, { folder: dirname(quarantine.file), bytes: quarantine.limit, of: "the quarantine" }];
}

function diskFinding({ user }: LiveGatewayConfig, { folder, bytes, of }: Place): Finding {
  const check = "disk";
  const owner = userOf(user);
  if (!existsSync(folder)) {
    const owned = owner === undefined ? "" : `-o ${word(user!)} `;
    return bad(check, `${folder} is not there, for ${of}`, `install -d -m 750 ${owned}${word(folder)}`);
  }
  if (owner !== undefined && !mayWrite(folder, owner))
    return bad(
      check,
      `${user} may not write in ${folder}, for ${of}`,
      `chown ${word(user!)} ${word(folder)}`,
    );
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (free >= bytes) return ok(check, `${folder} has ${gib(free)} GiB for the ${gib(bytes)} of ${of}`);
  return warn(check, `${folder} has ${gib(free)} GiB, and ${of} may come to ${gib(bytes)}`);
}

function gib(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}
