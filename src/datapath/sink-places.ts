// What sinks need of the system, opened by the main thread while it may still do everything: TAP interfaces, sockets of the delivery
// interface, the quarantine's file. Files of sniffers are made later, as the user that the gateway becomes, in folders that are its own.

import {
  accessSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import type { LiveGatewayConfig } from "../config/schema.js";
import { type Engine, enterMessages } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import { addressOf, type Link, PacketSendSocket, Tap, type User } from "../linux/index.js";
import { TapGuard } from "../transmit/guard.js";
import type { SinkSeat } from "./sender-seats.js";

type LiveSniffer = LiveGatewayConfig["sniffers"][number];

/** An opened place, and how to let it go. */
export interface SinkPlace {
  readonly seat: SinkSeat;
  /** What whoever runs the gateway should know. */
  readonly warning?: string;
  close(): void;
}

/** @throws SpangateError CONFIG_INVALID, NOT_PERMITTED, SYSTEM_CALL */
export function openTap(name: string): SinkPlace {
  const tap = Tap.open(name);
  const seat = { kind: "tap", fd: tap.fd, name, mtu: tap.mtu } as const;
  try {
    const guard = TapGuard.attach(tap);
    const close = () => {
      guard.close();
      tap.close();
    };
    return { seat, close };
  } catch (error) {
    // Linux before 6.6: everything else about it works.
    const warning = `frames that arrive at ${name} reach the host, too: ${(error as Error).message}`;
    return { seat, warning, close: () => tap.close() };
  }
}

/** @throws SpangateError NOT_PERMITTED, SYSTEM_CALL */
export function openSocketSink({ memory }: Engine, link: Link): SinkPlace {
  const socket = PacketSendSocket.open(link);
  const messages = enterMessages(memory, addressOf(memory.u8)).address;
  return { seat: { kind: "packet", fd: socket.fd, messages }, close: () => socket.close() };
}

/**
 * The folder is made when there is none, and is the owner's then.
 *
 * @throws SpangateError IO_FAILED
 */
export function openFolder(
  sniffer: Extract<LiveSniffer, { deliver: "pcap" }>,
  owner: User | undefined,
): SinkPlace {
  const directory = resolve(sniffer.directory);
  try {
    const made = mkdirSync(directory, { recursive: true, mode: 0o750 });
    if (made !== undefined && owner !== undefined) own(directory, made, owner);
  } catch (error) {
    throw failed(`make the folder ${directory} for the files of ${sniffer.name}`, error, directory);
  }
  const { rotate, diskFull, name } = sniffer;
  return {
    seat: { kind: "pcap", sniffer: name, directory, size: rotate.size, keep: rotate.keep, diskFull },
    close: () => {},
  };
}

/** All folders from `last` up to `first`, which have just been made. */
function own(last: string, first: string, { uid, gid }: User): void {
  for (let path = last; ; path = dirname(path)) {
    chownSync(path, uid, gid);
    if (path === first) return;
  }
}

/** As whom the gateway runs now. @throws SpangateError NOT_PERMITTED */
export function assertFolder(seat: SinkSeat, user: string | undefined): void {
  if (seat.kind !== "pcap") return;
  const { directory, sniffer } = seat;
  try {
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const who = user === undefined ? "The gateway" : `User ${user}`;
    const message = `${who} may not write into ${directory}, the folder of ${sniffer}: give it to that user (chown), or name another.`;
    throw new SpangateError("NOT_PERMITTED", message, { cause, details: { directory, sniffer } });
  }
}

/** The quarantine's file: its owner's only. Nothing in it is touched before `empty`. */
export interface QuarantineFile extends SinkPlace {
  empty(): void;
}

/**
 * @param isSuccessor another gateway may still write into the file, which is called `.old` then
 * @throws SpangateError IO_FAILED
 */
export function openQuarantine(
  { file, limit }: NonNullable<LiveGatewayConfig["quarantine"]>,
  owner: User | undefined,
  isSuccessor: boolean,
): QuarantineFile {
  const path = resolve(file);
  const about = `write the quarantine ${path}`;
  try {
    if (isSuccessor && existsSync(path)) renameSync(path, `${path}.old`);
    // No link that somebody else has laid.
    const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    try {
      fchmodSync(fd, 0o600);
      if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return {
      seat: { kind: "quarantine", fd, path, limit },
      empty: () => ftruncateSync(fd, 0),
      close: () => closeSync(fd),
    };
  } catch (error) {
    throw failed(about, error, path);
  }
}

function failed(about: string, error: unknown, file: string): SpangateError {
  return new SpangateError("IO_FAILED", `Cannot ${about}: ${(error as Error).message}`, {
    cause: error,
    details: { file },
  });
}
