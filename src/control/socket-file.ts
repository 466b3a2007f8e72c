// A server's place in the file system: a Unix socket that only its owner and group may use, taken over from a dead process, left alone
// when a living one answers there, and removed at the end.

import { chownSync, existsSync, mkdirSync, renameSync, rmSync, type Stats, statSync } from "node:fs";
import { connect, type Server } from "node:net";
import { dirname } from "node:path";
import { SpangateError } from "../errors.js";

/** Bytes of a path that the kernel takes, the ending 0 not counted (unix(7)). */
const LONGEST = 107;
/** Everything but reading and writing by user and group. */
const UMASK = 0o117;
const PATIENCE = 2000;

/** Who may use it, beside root. */
export interface SocketOwner {
  readonly uid: number;
  readonly gid: number;
}

export interface SocketFileOptions {
  readonly owner: SocketOwner | undefined;
  /** Whoever answers at the path is to be replaced. */
  readonly isSuccessor: boolean;
}

export class SocketFile {
  readonly #path: string;
  readonly #made: Stats;
  /** Where it is now. */
  #at: string;

  private constructor(path: string, at: string) {
    this.#path = path;
    this.#at = at;
    this.#made = statSync(at);
  }

  /**
   * Has `server` listen beside `path`; makes the folder when there is none.
   *
   * Under a name of its own first: by the time it has the name that others know (`takeName`), it has its owner too, and a dead process's
   * socket is replaced in one step. Of two that start in the same moment the second has the name.
   *
   * @throws SpangateError GATEWAY_RUNS, NOT_PERMITTED, IO_FAILED, USAGE
   */
  static async make(
    server: Server,
    path: string,
    { owner, isSuccessor }: SocketFileOptions,
  ): Promise<SocketFile> {
    const unnamed = `${path}.${process.pid}`;
    if (Buffer.byteLength(unnamed) > LONGEST)
      throw new SpangateError("USAGE", `${path} is too long for a socket: at most 99 bytes.`);
    try {
      makeFolder(dirname(path), owner);
      if (!isSuccessor) await assertFree(path);
      else if (owner !== undefined) assertWritable(dirname(path), owner);
      rmSync(unnamed, { force: true });
      await listenAt(server, unnamed);
      if (owner !== undefined && process.geteuid!() === 0) chownSync(unnamed, owner.uid, owner.gid);
      return new SocketFile(path, unnamed);
    } catch (error) {
      server.close();
      throw failure(error, path);
    }
  }

  /** @throws SpangateError NOT_PERMITTED, IO_FAILED */
  takeName(): void {
    try {
      renameSync(this.#at, this.#path);
      this.#at = this.#path;
    } catch (error) {
      throw failure(error, this.#path);
    }
  }

  /** Takes the name away, unless another process has it by now. */
  remove(): void {
    try {
      const { ino, dev } = statSync(this.#at);
      if (ino === this.#made.ino && dev === this.#made.dev) rmSync(this.#at);
    } catch {
      // It is gone; or a user may not remove it from root's folder, and the next gateway replaces it.
    }
  }
}

function makeFolder(folder: string, owner: SocketOwner | undefined): void {
  if (existsSync(folder)) return;
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  // So that the user can remove the socket in the end.
  if (owner !== undefined && process.geteuid!() === 0) chownSync(folder, owner.uid, owner.gid);
}

/** The name is taken when the gateway is that user already. @throws SpangateError NOT_PERMITTED */
function assertWritable(folder: string, { uid, gid }: SocketOwner): void {
  const stats = statSync(folder);
  const shift = stats.uid === uid ? 6 : stats.gid === gid ? 3 : 0;
  if (uid === 0 || ((stats.mode >> shift) & 0o3) === 0o3) return;
  const message = `To take over, user ${uid} has to be allowed to write in ${folder}, where the control socket is: chown ${uid} ${folder}, or give the socket another folder.`;
  throw new SpangateError("NOT_PERMITTED", message, { details: { folder, user: uid } });
}

async function assertFree(path: string): Promise<void> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new SpangateError("USAGE", `${path} is there already, and is no socket.`);
  if (await answers(path))
    throw new SpangateError(
      "GATEWAY_RUNS",
      `A gateway answers at ${path} already. Each takes its own \`api.socket\`.`,
      {
        details: { socket: path },
      },
    );
}

/** Whether a living process listens there. One that is too busy to answer lives. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const late = setTimeout(() => settle(true), PATIENCE);
    const settle = (alive: boolean) => {
      clearTimeout(late);
      socket.destroy();
      resolve(alive);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(late);
      if (error.code === "EACCES" || error.code === "EPERM") reject(error);
      else settle(error.code !== "ECONNREFUSED" && error.code !== "ENOENT");
    });
  });
}

function listenAt(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // `listen` makes the file before it returns.
    const before = process.umask(UMASK);
    try {
      server.listen({ path }, () => {
        server.off("error", reject);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

function failure(error: unknown, path: string): unknown {
  if (error instanceof SpangateError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const about = `Cannot listen at ${path}: ${message}`;
  const details = { socket: path, errno: code };
  if (code === "EACCES" || code === "EPERM")
    return new SpangateError("NOT_PERMITTED", about, { cause: error, details });
  return new SpangateError("IO_FAILED", about, { cause: error, details });
}
