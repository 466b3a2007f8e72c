// A parsing step gives the address of what comes next, or a verdict. Frames never lie this low in memory, so one
// number can say both.

const LAST_VERDICT: usize = 0xff;

export function isVerdict(next: usize): bool {
  return next <= LAST_VERDICT;
}
