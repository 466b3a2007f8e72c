// The program at the sniffer's end: counts, reads the mark, drops. As XDP or, where frames come as the stack's buffers and XDP would
// have to copy them first, as tcx.
//
// Of a session: the highest sequence number plus one, and how many came. What is missing between them was lost, whatever the order.
// Latency goes into buckets: 256 ns up to 1 ms, 65.536 us up to 268 ms.

#ifndef LIVE_SINK_PROGRAM_H
#define LIVE_SINK_PROGRAM_H

#include "kernel.h"
#include "mark.h"

enum { FINE_SHIFT = 8, COARSE_SHIFT = 16, TIER = 4096, MACS = 65536 };

struct totals {
  uint64_t packets, bytes;
  uint64_t unmarked;
  uint64_t strange; // a session number that is too high
  uint64_t reordered;
};

struct session {
  uint32_t next, received;
};

// Of a destination.
struct destination {
  uint64_t count;
  uint64_t first; // when the first one came, in nanoseconds of CLOCK_MONOTONIC
};

struct maps {
  int totals, sessions, buckets, macs;
};

// Where the context has the first byte and the end, and what the answer is.
struct hook {
  size_t data, end;
  int32_t drop;
};

static inline struct hook xdp_hook(void) {
  return (struct hook){offsetof(struct xdp_md, data), offsetof(struct xdp_md, data_end), XDP_DROP};
}
static inline struct hook tcx_hook(void) {
  enum { TC_DROP = 2 };
  return (struct hook){offsetof(struct __sk_buff, data), offsetof(struct __sk_buff, data_end), TC_DROP};
}

// R6 frame, R7 end, R9 totals.
static inline void count_mac(struct program *p, int macs) {
  load(p, 2, R1, R6, 4);
  uint32_t none = look_up(p, macs);
  move(p, R8, R0);
  load(p, 8, R1, R8, offsetof(struct destination, count));
  uint32_t known = jump_if_value(p, BPF_JNE, R1, 0);
  call(p, BPF_FUNC_ktime_get_ns);
  store(p, 8, R8, offsetof(struct destination, first), R0);
  land(p, known);
  increase(p, 8, R8, offsetof(struct destination, count), 1);
  land(p, none);
}

static inline void count_session(struct program *p, int sessions, uint32_t mark_at) {
  load(p, 4, R1, R6, mark_at + offsetof(struct mark, session));
  uint32_t none = look_up(p, sessions);
  increase(p, 4, R0, offsetof(struct session, received), 1);
  load(p, 4, R1, R6, mark_at + offsetof(struct mark, sequence));
  load(p, 4, R2, R0, offsetof(struct session, next));
  uint32_t late = jump_if(p, BPF_JLT, R1, R2);
  with_value(p, BPF_ADD, R1, 1);
  store(p, 4, R0, offsetof(struct session, next), R1);
  uint32_t done = jump(p);
  land(p, late);
  increase(p, 8, R9, offsetof(struct totals, reordered), 1);
  uint32_t counted = jump(p);
  land(p, none);
  increase(p, 8, R9, offsetof(struct totals, strange), 1);
  land(p, done);
  land(p, counted);
}

static inline void count_latency(struct program *p, int buckets, uint32_t mark_at) {
  load(p, 8, R8, R6, mark_at + offsetof(struct mark, stamp));
  uint32_t unstamped = jump_if_value(p, BPF_JEQ, R8, 0);
  call(p, BPF_FUNC_ktime_get_ns);
  with(p, BPF_SUB, R0, R8);
  move(p, R1, R0);
  with_value(p, BPF_RSH, R1, FINE_SHIFT);
  uint32_t fine = jump_if_value(p, BPF_JLT, R1, TIER);
  move(p, R1, R0);
  with_value(p, BPF_RSH, R1, COARSE_SHIFT);
  with_value(p, BPF_ADD, R1, TIER);
  uint32_t fits = jump_if_value(p, BPF_JLT, R1, 2 * TIER);
  set(p, R1, 2 * TIER - 1);
  land(p, fine);
  land(p, fits);
  uint32_t none = look_up(p, buckets);
  increase(p, 8, R0, 0, 1);
  land(p, none);
  land(p, unstamped);
}

// Maps that are -1 are not kept.
static inline struct program assemble(struct maps maps, uint32_t mark_at, struct hook hook) {
  struct program p = {.flags = BPF_F_XDP_HAS_FRAGS};
  load(&p, 4, R6, R1, hook.data);
  load(&p, 4, R7, R1, hook.end);
  set(&p, R1, 0);
  uint32_t none = look_up(&p, maps.totals);
  move(&p, R9, R0);
  increase(&p, 8, R9, offsetof(struct totals, packets), 1);
  load(&p, 8, R1, R9, offsetof(struct totals, bytes));
  move(&p, R2, R7);
  with(&p, BPF_SUB, R2, R6);
  with(&p, BPF_ADD, R1, R2);
  store(&p, 8, R9, offsetof(struct totals, bytes), R1);

  move(&p, R1, R6);
  with_value(&p, BPF_ADD, R1, (int32_t)(mark_at + sizeof(struct mark)));
  uint32_t brief = jump_if(&p, BPF_JGT, R1, R7);
  if (maps.macs >= 0) count_mac(&p, maps.macs);
  load(&p, 4, R1, R6, mark_at + offsetof(struct mark, magic));
  uint32_t unmarked = jump_if_value(&p, BPF_JNE, R1, MARK_MAGIC);
  if (maps.sessions >= 0) count_session(&p, maps.sessions, mark_at);
  if (maps.buckets >= 0) count_latency(&p, maps.buckets, mark_at);
  leave(&p, hook.drop);
  land(&p, brief);
  land(&p, unmarked);
  increase(&p, 8, R9, offsetof(struct totals, unmarked), 1);
  land(&p, none);
  leave(&p, hook.drop);
  return p;
}

#endif
