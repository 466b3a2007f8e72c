// Waiting for a condition, with a deadline: never for a length of time in the hope that it suffices.

const STEP = 4;

/**
 * What `condition` gives once it gives something other than undefined or false.
 *
 * @param what is waited for, for the error; asked when it is needed
 */
export async function until<T>(
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  what: () => string,
  timeout = 15_000,
): Promise<T> {
  const end = Date.now() + timeout;
  for (;;) {
    const result = await condition();
    if (result !== undefined && result !== false) return result;
    if (Date.now() > end) throw new Error(`Waited ${timeout / 1000} s in vain for ${what()}`);
    await pause(STEP);
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
