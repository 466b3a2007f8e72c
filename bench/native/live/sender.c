// A sender as cheap as the kernel allows: BPF_PROG_TEST_RUN with live frames, each numbered by a program and redirected into a veth.
//
//   sender INTERFACE FRAMES.pcap [options]
//
//   --seconds S       how long (1)
//   --count N         at most so many packets
//   --rate N          packets a second, evenly; without it as fast as it goes
//   --burst N         packets that leave together (as many as are due in 20 us, 1 to 64)
//   --sessions N      so many ERSPAN sessions of the frames; without it each frame is a session
//   --session-at N    where the session of an ERSPAN header stands (44)
//   --sequence-at N   where the GRE sequence number stands (38); -1: nowhere
//   --mark-at N       where the mark goes (mark.h): in the payload of the inner UDP (92); -1: nowhere
//   --first N         the first sequence number (0)
//   --stamp           the time is in the mark
//   --processor N     the processor it runs on (0)
//
// The peer of INTERFACE must have NAPI (native XDP, or GRO on): else frames vanish, and are counted as sent.
//
// {"sent":…,"nanoseconds":…,"waitedNanoseconds":…,"rounds":…}: rounds is how often each session had its turn.

#define _GNU_SOURCE
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/time.h>
#include "records.h"
#include "sender-program.h"

#define LIVE_FRAMES (1u << 1) // BPF_F_TEST_XDP_LIVE_FRAMES
enum { BATCH_MOST = 64, CALL_MOST = 1 << 30, LONGEST = 3400 };

struct options {
  const char *interface, *frames;
  double seconds, rate;
  uint64_t count;
  uint32_t burst, sessions, session_at, first;
  int sequence_at, mark_at, processor;
  bool stamp;
};

static volatile sig_atomic_t ended;

static void on_signal(int number) {
  (void)number;
  ended = 1;
}

static struct options read_options(int count, char **words) {
  static const struct option names[] = {
      {"seconds", 1, NULL, 's'},     {"count", 1, NULL, 'c'},       {"rate", 1, NULL, 'r'},    {"burst", 1, NULL, 'b'},
      {"sessions", 1, NULL, 'n'},    {"session-at", 1, NULL, 'i'},  {"stamp", 0, NULL, 't'},   {"first", 1, NULL, 'f'},
      {"sequence-at", 1, NULL, 'q'}, {"mark-at", 1, NULL, 'm'},     {"processor", 1, NULL, 'p'}, {NULL, 0, NULL, 0},
  };
  struct options o = {.seconds = 1, .session_at = 44, .sequence_at = 38, .mark_at = 92, .count = UINT64_MAX};
  for (int name; (name = getopt_long(count, words, "", names, NULL)) != -1;) {
    switch (name) {
      case 's': o.seconds = atof(optarg); break;
      case 'c': o.count = strtoull(optarg, NULL, 0); break;
      case 'r': o.rate = atof(optarg); break;
      case 'b': o.burst = (uint32_t)atoi(optarg); break;
      case 'n': o.sessions = (uint32_t)atoi(optarg); break;
      case 'i': o.session_at = (uint32_t)atoi(optarg); break;
      case 'f': o.first = (uint32_t)strtoul(optarg, NULL, 0); break;
      case 'q': o.sequence_at = atoi(optarg); break;
      case 'm': o.mark_at = atoi(optarg); break;
      case 'p': o.processor = atoi(optarg); break;
      case 't': o.stamp = true; break;
      default: die("usage: sender INTERFACE FRAMES.pcap [options], which are in sender.c");
    }
  }
  if (count - optind != 2) die("usage: sender INTERFACE FRAMES.pcap [options], which are in sender.c");
  if (o.burst > BATCH_MOST) die("a burst is 1 to 64 packets");
  if (o.stamp && o.mark_at < 0) die("a stamp is in a mark");
  o.interface = words[optind];
  o.frames = words[optind + 1];
  return o;
}

static struct records prepare(const struct options *o) {
  struct records records = read_records(o->frames);
  if (records.length > LONGEST) die("live frames are at most 3,400 bytes");
  if (o->sessions > 0) records = multiply(records, o->sessions, o->session_at);
  if (o->mark_at >= 0) write_marks(&records, (uint32_t)o->mark_at);
  return records;
}

static struct places places_of(const struct options *o, const struct records *records) {
  uint32_t mark_end = o->mark_at < 0 ? 0 : (uint32_t)o->mark_at + (uint32_t)sizeof(struct mark);
  uint32_t sequence_end = o->sequence_at < 0 ? 0 : (uint32_t)o->sequence_at + 4;
  uint32_t head = mark_end > sequence_end ? mark_end : sequence_end;
  head = head < 64 ? 64 : (head + 7) & ~7u;
  if (head > records->length) head = records->length;
  if (sequence_end > head) die("there is no place for a sequence number in the frame");
  return (struct places){.head = head, .sequence = o->sequence_at, .mark = o->mark_at, .sequence_in_mark = o->first};
}

static int heads_map(const struct records *records, uint32_t head) {
  int map = create_map(BPF_MAP_TYPE_ARRAY, head, records->count);
  for (uint32_t i = 0; i < records->count; i++) put_value(map, i, records->bytes + (size_t)i * records->length);
  return map;
}

static int ports_map(const char *interface) {
  uint32_t index = interface_index(interface);
  int map = create_map(BPF_MAP_TYPE_DEVMAP, sizeof index, 1);
  put_value(map, 0, &index);
  return map;
}

static struct state first_state(const struct options *o, const struct records *records) {
  uint32_t due = o->rate > 0 ? (uint32_t)(o->rate * 20e-6) : BATCH_MOST;
  uint32_t burst = o->burst > 0 ? o->burst : due < 1 ? 1 : due > BATCH_MOST ? BATCH_MOST : due;
  uint64_t interval = o->rate > 0 ? (uint64_t)(burst * 1e9 / o->rate) : 0;
  uint64_t slack = 2 * interval > 100000 ? 2 * interval : 100000;
  return (struct state){.interval = interval, .slack = slack, .burst = burst, .limit = o->count,
                        .records = records->count, .sequence = o->first};
}

// One call runs until a signal interrupts it or it has run `repeat` times. It costs some 30 ms in which nothing is sent, and so
// there is one call a run.
static void run(int program, const struct records *records, uint32_t repeat, uint32_t batch) {
  union bpf_attr a = {.test = {.prog_fd = (uint32_t)program, .data_in = (uintptr_t)records->bytes}};
  a.test.data_size_in = records->length;
  a.test.repeat = repeat;
  a.test.flags = LIVE_FRAMES;
  a.test.batch_size = batch;
  if (bpf(BPF_PROG_TEST_RUN, &a) < 0 && errno != EINTR) fail("cannot send live frames");
}

static void start_clock(double seconds) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGALRM, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  // Again and again: a signal that comes between two calls must not be the last.
  struct itimerval timer = {.it_interval = {.tv_usec = 10000}};
  timer.it_value.tv_sec = (time_t)seconds;
  timer.it_value.tv_usec = (suseconds_t)((seconds - (double)timer.it_value.tv_sec) * 1e6) + 1;
  setitimer(ITIMER_REAL, &timer, NULL);
}

static void stay_on(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)processor, &set);
  if (sched_setaffinity(0, sizeof set, &set) < 0) fail("cannot stay on the processor");
}

int main(int count, char **words) {
  struct options o = read_options(count, words);
  lift_memory_limit();
  stay_on(o.processor);
  struct records records = prepare(&o);
  struct places places = places_of(&o, &records);
  struct state state = first_state(&o, &records);
  int states = create_map(BPF_MAP_TYPE_ARRAY, sizeof state, 1);
  put_value(states, 0, &state);
  bool paced = o.rate > 0;
  struct program p = assemble(states, heads_map(&records, places.head), ports_map(o.interface), places, paced, o.stamp);
  int program = load_program(BPF_PROG_TYPE_XDP, &p, "sender");

  uint32_t batch = paced ? state.burst : BATCH_MOST;
  // A paced run that has sent everything ends a little late: its program cannot end it.
  start_clock(paced && o.count != UINT64_MAX ? (double)o.count / o.rate + 0.05 : o.seconds);
  uint64_t begin = now();
  while (!ended && state.sent < o.count) {
    uint64_t left = paced ? CALL_MOST : o.count - state.sent;
    run(program, &records, left < CALL_MOST ? (uint32_t)left : CALL_MOST, batch);
    get_value(states, 0, &state);
  }
  uint64_t spent = now() - begin;
  printf("{\"sent\":%llu,\"nanoseconds\":%llu,\"waitedNanoseconds\":%llu,\"rounds\":%u,\"burst\":%u}\n",
         (unsigned long long)state.sent, (unsigned long long)spent, (unsigned long long)state.waited,
         state.sequence - o.first, batch);
  return 0;
}
