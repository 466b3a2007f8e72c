// How the main thread tells a worker what to do, be it of the data path or a sender; and how the one knows that the other sleeps.

/**
 * Words by which they talk, in shared memory. `rounds`: of a data-path worker's loop so far, modulo 2^32. `sleeps` is a sender's: 1 while it
 * has to be woken when there is something to send.
 */
export const CONTROL = { state: 0, rounds: 1, sleeps: 2 } as const;
/** Bytes. */
export const CONTROL_SIZE = 64;
/**
 * What a worker is to do. `waiting`: it takes nothing in yet, as its sockets are not bound. `draining`: nothing comes in any more; it ends
 * when nothing is left.
 */
export const STATES = { running: 0, draining: 1, stopped: 2, waiting: 3 } as const;
