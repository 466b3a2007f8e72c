// The control API's server: HTTP over a Unix socket, and by TCP where it is asked for.

import { createServer, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { SpangateError } from "../errors.js";
import type { ApiOptions, Controlled } from "./api.js";
import { LateApi } from "./late-api.js";
import { PROBLEM_TYPE, problemOf } from "./problem.js";
import { SocketFile, type SocketOwner } from "./socket-file.js";
import { type TcpOptions, TcpServer } from "./tcp-server.js";

/** Where it answers. */
export interface ServerPlaces {
  /** Path of the Unix socket. */
  readonly socket: string;
  readonly listen?: TcpOptions | undefined;
}

export interface ServerOptions extends ApiOptions {
  readonly owner?: SocketOwner | undefined;
  /** Whoever answers there is to be replaced. */
  readonly isSuccessor?: boolean;
}

interface Parts {
  readonly server: Server;
  readonly tcp: TcpServer | undefined;
  readonly file: SocketFile;
  readonly api: LateApi;
}

export class ControlServer {
  readonly #server: Server;
  readonly #tcp: TcpServer | undefined;
  readonly #file: SocketFile;
  readonly #api: LateApi;
  // However the process ends, but by SIGKILL.
  readonly #atExit = () => this.#file.remove();

  private constructor({ server, tcp, file, api }: Parts) {
    this.#server = server;
    this.#tcp = tcp;
    this.#file = file;
    this.#api = api;
    process.on("exit", this.#atExit);
  }

  /** @throws SpangateError GATEWAY_RUNS, NOT_PERMITTED, IO_FAILED, USAGE, CONFIG_INVALID */
  static async listen(
    gateway: Controlled,
    places: ServerPlaces,
    options: ServerOptions = {},
  ): Promise<ControlServer> {
    const control = await ControlServer.prepare(gateway, places, options);
    try {
      control.takeName();
      await control.listenByTcp();
    } catch (error) {
      await control.close();
      throw error;
    }
    return control;
  }

  /**
   * Answers under no name that others know before `takeName`. Somebody may answer under it until then.
   *
   * @throws SpangateError as `listen`, of what is to be asked before
   */
  static async prepare(
    gateway: Controlled,
    { socket, listen }: ServerPlaces,
    { owner, isSuccessor = false, ...options }: ServerOptions = {},
  ): Promise<ControlServer> {
    const api = new LateApi(gateway, options);
    const tcp = listen && (await TcpServer.make(api.handle, listen));
    tcp?.server.on("clientError", refuse);
    const server = createServer(api.handle).on("clientError", refuse);
    const file = await SocketFile.make(server, socket, { owner, isSuccessor });
    return new ControlServer({ server, tcp, file, api });
  }

  /** Answers under its name, in the place of whoever had that. @throws SpangateError NOT_PERMITTED, IO_FAILED */
  takeName(): void {
    this.#file.takeName();
  }

  /**
   * By TCP, too, if that is wanted.
   *
   * @param patience milliseconds that whoever has the port may take to let it go
   * @throws SpangateError NOT_PERMITTED, IO_FAILED
   */
  async listenByTcp(patience?: number): Promise<void> {
    await this.#tcp?.listen(patience);
  }

  /** Loads what the first request would wait for otherwise. */
  async load(): Promise<void> {
    await this.#api.load();
  }

  /** Another gateway has the names now. */
  letGo(): void {
    this.#tcp?.server.close();
  }

  /** Answers no more; who waits for an answer is cut off. */
  async close(): Promise<void> {
    process.off("exit", this.#atExit);
    this.#file.remove();
    const servers = this.#tcp === undefined ? [this.#server] : [this.#server, this.#tcp.server];
    const closed = servers.map(
      (server) =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    );
    await Promise.all(closed);
  }
}

/** What is no HTTP is answered like all else that is wrong. */
function refuse(error: Error, socket: Duplex): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemOf(new SpangateError("USAGE", `This is no request: ${error.message}`));
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} Bad Request`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
