// The program that the sender runs once a packet: waits until the packet is due, writes the next record's head over the frame,
// numbers it, and redirects it. Frames come back from the page pool with whatever the last receiver wrote into them, so that the
// head is written each time.
//
// The wait is inside the program, where neither a timer's grain nor a wake-up disturbs it, and its nanoseconds are counted: they
// are to be taken off the processor's time. A burst is due as one, and a burst is a batch of the kernel's, which is handed over at
// its end. What is overdue by more than `slack` is not made up for.

#ifndef LIVE_SENDER_PROGRAM_H
#define LIVE_SENDER_PROGRAM_H

#include "kernel.h"
#include "mark.h"

struct state {
  uint64_t sent;
  uint64_t waited;   // nanoseconds
  uint64_t due;      // when the next burst is
  uint64_t interval; // nanoseconds between bursts
  uint64_t slack;
  uint64_t limit; // packets
  uint32_t burst, left;
  uint32_t record, records;
  uint32_t sequence;
  uint32_t reserved;
};

struct places {
  uint32_t head;             // bytes at the beginning of the frame that are written each time
  int sequence, mark;        // -1: there is none
  uint32_t sequence_in_mark; // what is subtracted from the sequence number for the mark
};

enum { POLLS = 4000 };
#define STATE(field) offsetof(struct state, field)

// R6 context, R8 state, R9 packet or polls.
static void wait_for_due(struct program *p) {
  load(p, 8, R1, R8, STATE(sent));
  load(p, 8, R2, R8, STATE(limit));
  uint32_t more = jump_if(p, BPF_JLT, R1, R2);
  leave(p, XDP_DROP);
  land(p, more);
  load(p, 4, R1, R8, STATE(left));
  uint32_t inside = jump_if_value(p, BPF_JNE, R1, 0);

  call(p, BPF_FUNC_ktime_get_ns);
  move(p, R7, R0);
  set(p, R9, POLLS);
  uint32_t again = p->count;
  load(p, 8, R1, R8, STATE(due));
  uint32_t due = jump_if(p, BPF_JGE, R0, R1);
  call(p, BPF_FUNC_ktime_get_ns);
  with_value(p, BPF_SUB, R9, 1);
  back(p, jump_if_value(p, BPF_JNE, R9, 0), again);
  land(p, due);
  // R0 now, R7 when the wait began
  move(p, R1, R0);
  with(p, BPF_SUB, R1, R7);
  load(p, 8, R2, R8, STATE(waited));
  with(p, BPF_ADD, R2, R1);
  store(p, 8, R8, STATE(waited), R2);
  load(p, 8, R1, R8, STATE(due));
  uint32_t is_due = jump_if(p, BPF_JGE, R0, R1);
  leave(p, XDP_DROP); // the kernel may want the processor: the wait goes on in the next run
  land(p, is_due);

  move(p, R2, R0);
  with(p, BPF_SUB, R2, R1);
  load(p, 8, R3, R8, STATE(slack));
  uint32_t in_time = jump_if(p, BPF_JLE, R2, R3);
  move(p, R1, R0);
  land(p, in_time);
  load(p, 8, R2, R8, STATE(interval));
  with(p, BPF_ADD, R1, R2);
  store(p, 8, R8, STATE(due), R1);
  load(p, 4, R1, R8, STATE(burst));
  store(p, 4, R8, STATE(left), R1);
  land(p, inside);
  increase(p, 4, R8, STATE(left), -1);
}

// `from` in R0, `to` in R9, by way of R1.
static void copy(struct program *p, uint32_t length) {
  uint32_t at = 0;
  for (int bytes = 8; bytes > 0; bytes /= 2) {
    for (; at + (uint32_t)bytes <= length; at += (uint32_t)bytes) {
      load(p, bytes, R1, R0, at);
      store(p, bytes, R9, at, R1);
    }
  }
}

static struct program assemble(int state, int heads, int ports, struct places places, bool paced, bool stamped) {
  struct program p = {0};
  move(&p, R6, R1);
  set_value(&p, R8, state);
  if (paced) wait_for_due(&p);

  load(&p, 4, R1, R8, STATE(record));
  uint32_t none = look_up(&p, heads);
  load(&p, 4, R9, R6, offsetof(struct xdp_md, data));
  load(&p, 4, R2, R6, offsetof(struct xdp_md, data_end));
  move(&p, R1, R9);
  with_value(&p, BPF_ADD, R1, (int32_t)places.head);
  uint32_t beyond = jump_if(&p, BPF_JGT, R1, R2);
  copy(&p, places.head);

  load(&p, 4, R7, R8, STATE(sequence));
  if (places.sequence >= 0) {
    move(&p, R1, R7);
    to_big_endian(&p, R1, 32);
    store(&p, 4, R9, (size_t)places.sequence, R1);
  }
  if (places.mark >= 0) {
    move(&p, R1, R7);
    with_value(&p, BPF_SUB, R1, (int32_t)places.sequence_in_mark);
    store(&p, 4, R9, (size_t)places.mark + offsetof(struct mark, sequence), R1);
  }
  if (stamped) {
    call(&p, BPF_FUNC_ktime_get_ns);
    store(&p, 8, R9, (size_t)places.mark + offsetof(struct mark, stamp), R0);
  }

  increase(&p, 8, R8, STATE(sent), 1);
  load(&p, 4, R1, R8, STATE(record));
  with_value(&p, BPF_ADD, R1, 1);
  load(&p, 4, R2, R8, STATE(records));
  uint32_t same_round = jump_if(&p, BPF_JLT, R1, R2);
  with_value(&p, BPF_ADD, R7, 1);
  store(&p, 4, R8, STATE(sequence), R7);
  set(&p, R1, 0);
  land(&p, same_round);
  store(&p, 4, R8, STATE(record), R1);

  set_map(&p, R1, ports);
  set(&p, R2, 0);
  set(&p, R3, XDP_ABORTED);
  call(&p, BPF_FUNC_redirect_map);
  emit(&p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  land(&p, none);
  land(&p, beyond);
  leave(&p, XDP_ABORTED);
  return p;
}

#endif
