// How the main thread tells a data-path worker what to do.

/** Words by which the main thread and a worker talk, in shared memory. */
export const CONTROL = { state: 0 } as const;
/** Bytes. */
export const CONTROL_SIZE = 64;
/** What a worker is to do. `draining`: nothing comes in any more; it ends when nothing is left. */
export const STATES = { running: 0, draining: 1, stopped: 2 } as const;
