// What a service manager is told of a gateway (sd_notify(3)): that it is ready, reads its configuration again, or ends; and, when it
// asks for that, that it is alive. It is alive while every data-path worker goes on: a main thread that answers is not what counts.

/** Where lines go. */
export interface Manager {
  say(...lines: readonly string[]): void;
}

/** Variables of the environment by which a service manager says what it wants. */
export interface ManagerWishes {
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

/** The shortest time between two beats, in milliseconds: a worker that sleeps goes on every 100. */
const SHORTEST = 250;

export class ServiceManager {
  readonly #manager: Manager;
  /** Milliseconds from one beat to the next; none that anybody waits for. */
  readonly #pause: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(manager: Manager, wishes: ManagerWishes, pid = process.pid) {
    this.#manager = manager;
    this.#pause = pauseOf(wishes, pid);
  }

  /**
   * It forwards. From now on it beats as often as the manager asks for.
   *
   * @param isMoving whether everything that has to move has moved since it was asked last
   */
  ready(status: string, isMoving: () => boolean): void {
    this.#manager.say("READY=1", `STATUS=${line(status)}`);
    if (this.#pause === undefined) return;
    isMoving(); // since now
    this.#timer = setInterval(() => {
      if (isMoving()) this.#manager.say("WATCHDOG=1");
    }, this.#pause);
  }

  /** Something has changed that people should know of. */
  status(status: string): void {
    this.#manager.say(`STATUS=${line(status)}`);
  }

  /** Reads its configuration again as long as `work` takes, and is ready then, whatever came of it. */
  async reloading<T>(work: () => Promise<T>): Promise<T> {
    this.#manager.say("RELOADING=1", `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
    try {
      return await work();
    } finally {
      this.#manager.say("READY=1");
    }
  }

  /** What is queued goes out, and it ends. No worker has to move any more, and the manager has a deadline of its own. */
  stopping(status: string): void {
    clearInterval(this.#timer);
    this.#manager.say("STOPPING=1", `STATUS=${line(status)}`);
  }
}

/** Half of what the manager waits (sd_watchdog_enabled(3)). */
function pauseOf({ WATCHDOG_USEC, WATCHDOG_PID }: ManagerWishes, pid: number): number | undefined {
  const microseconds = Number(WATCHDOG_USEC);
  const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === pid;
  if (!isOurs || !(microseconds > 0)) return undefined;
  return Math.max(SHORTEST, Math.floor(microseconds / 2000));
}

/** A line ends a value. */
function line(text: string): string {
  return text.replaceAll("\n", " ");
}
