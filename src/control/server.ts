// The control API's server: HTTP over a Unix socket.

import { createServer, type Server } from "node:http";
import { apiOf, type Controlled } from "./api.js";
import { SocketFile, type SocketOwner } from "./socket-file.js";

export class ControlServer {
  readonly #server: Server;
  readonly #file: SocketFile;
  // However the process ends, but by SIGKILL.
  readonly #atExit = () => this.#file.remove();

  private constructor(server: Server, file: SocketFile) {
    this.#server = server;
    this.#file = file;
    process.on("exit", this.#atExit);
  }

  /** @throws SpangateError GATEWAY_RUNS, NOT_PERMITTED, IO_FAILED, USAGE */
  static async listen(gateway: Controlled, path: string, owner?: SocketOwner): Promise<ControlServer> {
    const server = createServer(await apiOf(gateway));
    return new ControlServer(server, await SocketFile.listen(server, path, owner));
  }

  /** Answers no more; who waits for an answer is cut off. */
  close(): Promise<void> {
    process.off("exit", this.#atExit);
    this.#file.remove();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}
