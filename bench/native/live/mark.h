// What the sender writes into the payload of the inner frame, and the sink reads there: which session, its how-manieth packet, and
// when it was made. In the byte order of the machine: both ends are on it.

#ifndef LIVE_MARK_H
#define LIVE_MARK_H

#include <stdint.h>

#define MARK_MAGIC 0x5347414d

struct __attribute__((packed)) mark {
  uint32_t magic;
  uint32_t session;  // number of the record in the sender's file
  uint32_t sequence; // from 0
  uint64_t stamp;    // CLOCK_MONOTONIC, nanoseconds; 0 when nobody asked
};

#endif
