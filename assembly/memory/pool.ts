// A pool of records of one size, by number (1 up; 0 is none). Freed records are chained through their first word; fresh
// ones are taken in order, so that memory nobody has used is never touched.
//
//   pool ─▶ ┌───────┬───────┬──────────┬───────┬──────────────────────
//           │ freed │ fresh │ capacity │ in use│ record 1 │ record 2 …
//           └───────┴───────┴──────────┴───────┴──────────────────────

export const POOL_HEADER = 16;
const FREED = 0;
const FRESH = 4;
const CAPACITY = 8;
const IN_USE = 12;

export function create(pool: usize, capacity: u32): void {
  store<u32>(pool, 0, FREED);
  store<u32>(pool, 0, FRESH);
  store<u32>(pool, capacity, CAPACITY);
  store<u32>(pool, 0, IN_USE);
}

export function free(pool: usize): u32 {
  return load<u32>(pool, CAPACITY) - load<u32>(pool, IN_USE);
}

export function record(pool: usize, size: usize, number: u32): usize {
  return pool + POOL_HEADER + <usize>(number - 1) * size;
}

/** Number of a free record, 0 when there is none. */
export function take(pool: usize, size: usize): u32 {
  let number = load<u32>(pool, FREED);
  if (number != 0) {
    store<u32>(pool, load<u32>(record(pool, size, number)), FREED);
  } else {
    if (load<u32>(pool, FRESH) == load<u32>(pool, CAPACITY)) return 0;
    number = load<u32>(pool, FRESH) + 1;
    store<u32>(pool, number, FRESH);
  }
  store<u32>(pool, load<u32>(pool, IN_USE) + 1, IN_USE);
  return number;
}

export function give(pool: usize, size: usize, number: u32): void {
  store<u32>(record(pool, size, number), load<u32>(pool, FREED));
  store<u32>(pool, number, FREED);
  store<u32>(pool, load<u32>(pool, IN_USE) - 1, IN_USE);
}
