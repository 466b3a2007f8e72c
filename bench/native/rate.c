// Token buckets on packet time, as theoretical arrival time (GCRA): assembly/README.md, "Token bucket".

#include "worker.h"

enum { TICKS = 256 };

static bool admits(uint64_t *bucket, uint64_t cost, uint64_t burst, uint32_t bytes, uint64_t time) {
  int64_t price = (int64_t)((uint64_t)bytes * (cost >> 32) + ((uint64_t)bytes * (uint32_t)cost >> 32));
  uint64_t now = time * TICKS;
  int64_t ahead = (int64_t)(*bucket - now);
  bool other_clock = ahead > (int64_t)burst + INT64_C(1000000000) * TICKS || ahead < -INT64_C(0x4000000000000000);
  uint64_t arrival = *bucket == 0 || other_clock || ahead < 0 ? now : *bucket;
  if ((int64_t)(arrival - now) + price > (int64_t)burst) return false;
  *bucket = arrival + (uint64_t)price;
  return true;
}
