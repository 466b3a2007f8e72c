// The yardstick: what the engine does, in plain C, on the same frames. One translation unit, so that the compiler sees the
// whole hot path, as the optimiser of WebAssembly does. Compiled by bench/native.ts: cc -O3 -march=native yardstick.c
//
//   yardstick WORKLOAD one-pass|two-pass
//
// Then a line in, an answer out:
//   rounds N    N rounds, each of as many frames as are in flight; nanoseconds that processing and draining the median batch took
//   check       one round; what came of it, as JSON
//   packets     one round; a line a packet, then "end"
//   deliveries  one round; a line a delivery, then "end"
//   sessions    a line a session, then "end"

#include "tunnel.c"
#include "inner.c"
#include "parse.c"
#include "sessions.c"
#include "map.c"
#include "flow.c"
#include "rate.c"
#include "queue.c"
#include "rewrite.c"
#include "encapsulate.c"
#include "offer.c"
#include "route.c"
#include "process.c"
#include "workload.c"
#include "report.c"

#include <time.h>

struct bench {
  struct worker *worker;
  struct workload workload;
  void (*process)(struct worker *, uint32_t);
  uint32_t *slots; // where each frame lies this round
  uint64_t packets; // so far
  uint64_t *spent;  // nanoseconds of each batch since the last question
  size_t batches;
};

// What a round is for. Without anything asked for it is only measured.
struct asked {
  struct results *results;
  bool packets, deliveries;
};

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static const struct frame *frame_at(const struct bench *bench, uint64_t packet) {
  return &bench->workload.frames[packet % bench->workload.frame_count];
}

// The frames of a round into slots, as they came: those of the last round were changed in place, and sequence numbers rise.
static void restore(struct bench *bench) {
  struct worker *w = bench->worker;
  for (uint32_t i = 0; i < bench->workload.in_flight; i++) {
    uint64_t packet = bench->packets + i;
    const struct frame *frame = frame_at(bench, packet);
    bench->slots[i] = take_slot(w);
    uint8_t *at = slot_start(w, bench->slots[i]) + w->slot_headroom;
    memcpy(at, frame->bytes, frame->length);
    uint32_t times = (uint32_t)(packet / bench->workload.frame_count);
    if (frame->sequence_at != 0) put32(at + frame->sequence_at, frame->sequence + times * frame->step);
  }
}

static void fill(const struct bench *bench, uint32_t first, uint32_t count) {
  struct worker *w = bench->worker;
  for (uint32_t i = 0; i < count; i++) {
    struct descriptor *d = &w->descriptors[i];
    d->packet = bench->packets + first + i;
    const struct frame *frame = frame_at(bench, d->packet);
    d->slot = bench->slots[first + i];
    d->frame = slot_start(w, d->slot) + w->slot_headroom;
    d->captured = frame->length;
    d->original = frame->original;
    d->link_type = (uint16_t)frame->link_type;
    d->time = bench->workload.first_time + d->packet * bench->workload.time_step;
  }
}

static void note_deliveries(const struct worker *w, uint32_t count, const struct asked *asked) {
  for (uint32_t i = 0; i < count; i++) {
    const struct record *record = &w->records[w->taken[i]];
    if (asked->results != NULL) note_delivery(asked->results, record);
    if (asked->deliveries) print_delivery(record);
  }
}

// The sender's part: takes what is queued, round by round, and is done with it.
static inline void drain(struct worker *w, uint32_t quantum, const struct asked *asked) {
  for (uint32_t count; (count = take_ready(w, BATCH, quantum, w->taken)) != 0;) {
    if (asked != NULL) note_deliveries(w, count, asked);
    settle(w, w->taken, count);
  }
}

static void note_packets(const struct worker *w, uint32_t count, const struct asked *asked) {
  for (uint32_t i = 0; i < count; i++) {
    if (asked->results != NULL) note_packet(asked->results, &w->descriptors[i]);
    if (asked->packets) print_packet(&w->descriptors[i]);
  }
}

static void run(struct bench *bench, const struct asked *asked) {
  struct worker *w = bench->worker;
  restore(bench);
  for (uint32_t first = 0; first < bench->workload.in_flight; first += BATCH) {
    uint32_t left = bench->workload.in_flight - first;
    uint32_t count = left < BATCH ? left : BATCH;
    fill(bench, first, count);
    if (asked == NULL) {
      uint64_t begin = now();
      bench->process(w, count);
      drain(w, bench->workload.quantum, NULL);
      bench->spent[bench->batches++] = now() - begin;
    } else {
      bench->process(w, count);
      note_packets(w, count, asked);
      drain(w, bench->workload.quantum, asked);
    }
    recycle(w, count);
  }
  bench->packets += bench->workload.in_flight;
}

static int compare(const void *a, const void *b) {
  uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
  return (left > right) - (left < right);
}

// The median batch: one that was interrupted by whatever else runs on the machine says nothing.
static uint64_t measure(struct bench *bench, uint32_t rounds) {
  bench->batches = 0;
  bench->spent = malloc((size_t)rounds * (bench->workload.in_flight / BATCH + 1) * sizeof *bench->spent);
  if (bench->spent == NULL || rounds == 0) die("there is nothing to measure");
  while (rounds-- > 0) run(bench, NULL);
  qsort(bench->spent, bench->batches, sizeof *bench->spent, compare);
  uint64_t median = bench->spent[bench->batches / 2];
  free(bench->spent);
  return median;
}

static void check(struct bench *bench) {
  struct results results = {.hashes = lines((bench->worker->sniffer_count + 1) * sizeof(uint32_t))};
  run(bench, &(struct asked){.results = &results});
  print_results(bench->worker, &results);
  free(results.hashes);
}

static void answer(struct bench *bench, const char *line) {
  unsigned rounds;
  if (sscanf(line, "rounds %u", &rounds) == 1) {
    printf("%llu\n", (unsigned long long)measure(bench, rounds));
  } else if (strcmp(line, "check\n") == 0) {
    check(bench);
  } else if (strcmp(line, "packets\n") == 0) {
    run(bench, &(struct asked){.packets = true});
    puts("end");
  } else if (strcmp(line, "deliveries\n") == 0) {
    run(bench, &(struct asked){.deliveries = true});
    puts("end");
  } else if (strcmp(line, "sessions\n") == 0) {
    print_sessions(bench->worker);
    puts("end");
  } else {
    die("there is no such command");
  }
}

int main(int count, char **words) {
  bool two_pass = count == 3 && strcmp(words[2], "two-pass") == 0;
  if (count != 3 || (!two_pass && strcmp(words[2], "one-pass") != 0)) die("usage: yardstick WORKLOAD one-pass|two-pass");
  struct bench bench = {.worker = lines(sizeof(struct worker)), .process = two_pass ? process_two_pass : process_one_pass};
  bench.workload = read_workload(words[1], bench.worker);
  if (bench.workload.in_flight > bench.worker->free_slot_count) die("there are more frames than slots");
  bench.slots = lines(bench.workload.in_flight * sizeof *bench.slots);
  puts("ready");
  fflush(stdout);
  for (char line[64]; fgets(line, sizeof line, stdin) != NULL; fflush(stdout)) answer(&bench, line);
  return 0;
}
