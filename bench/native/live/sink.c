// What arrives at the sniffer's end of the delivery link: counts it, says exactly what is missing, and how long it was under way.
//
//   sink INTERFACE native|skb|tcx [options]
//
//   --sessions N   so many sessions are told apart by the mark (0: none)
//   --mark-at N    where the mark is (42: an inner UDP payload; 92: still in ERSPAN II)
//   --latency      the marks are stamped
//   --macs         counts by the last two bytes of the destination
//
// {"packets":…,"bytes":…,"unmarked":…,"strange":…,"reordered":…,
//  "sessions":…,"marked":…,"lost":…,     sessions seen, packets of them, numbers missing below each one's highest
//  "latency":{"count":…,"p50":…,"p99":…,"p999":…,"most":…},     nanoseconds; upper ends of buckets
//  "macs":{"0a01":…},"firsts":{"0a01":…}}     packets, and when the first one came (nanoseconds of CLOCK_MONOTONIC)

#include <getopt.h>
#include "service.h"
#include "sink-program.h"

struct sink {
  struct maps maps;
  uint32_t session_count, mark_at;
};

static void *zeros(size_t size) {
  void *zero = calloc(1, size);
  if (zero == NULL) die("there is not enough memory");
  return zero;
}

static void report_sessions(const struct sink *s) {
  uint64_t seen = 0, marked = 0;
  int64_t lost = 0;
  for (uint32_t i = 0; i < s->session_count; i++) {
    struct session session;
    get_value(s->maps.sessions, i, &session);
    seen += session.next > 0;
    marked += session.received;
    lost += (int64_t)session.next - session.received;
  }
  printf(",\"sessions\":%llu,\"marked\":%llu,\"lost\":%lld", (unsigned long long)seen, (unsigned long long)marked,
         (long long)lost);
}

static uint64_t bucket_end(uint32_t bucket) {
  if (bucket < TIER) return ((uint64_t)bucket + 1) << FINE_SHIFT;
  return ((uint64_t)bucket - TIER + 1) << COARSE_SHIFT;
}

static uint64_t percentile(const uint64_t *buckets, uint64_t count, double share) {
  uint64_t wanted = (uint64_t)((double)count * share), sum = 0;
  for (uint32_t i = 0; i < 2 * TIER; i++) {
    sum += buckets[i];
    if (sum > wanted || (sum == count && sum > 0)) return bucket_end(i);
  }
  return 0;
}

static void report_latency(const struct sink *s) {
  static uint64_t buckets[2 * TIER];
  uint64_t count = 0;
  for (uint32_t i = 0; i < 2 * TIER; i++) {
    get_value(s->maps.buckets, i, &buckets[i]);
    count += buckets[i];
  }
  printf(",\"latency\":{\"count\":%llu,\"p50\":%llu,\"p99\":%llu,\"p999\":%llu,\"most\":%llu}", (unsigned long long)count,
         (unsigned long long)percentile(buckets, count, 0.5), (unsigned long long)percentile(buckets, count, 0.99),
         (unsigned long long)percentile(buckets, count, 0.999), (unsigned long long)percentile(buckets, count, 1));
}

static void report_macs(const struct sink *s, const char *name, size_t field) {
  const char *separator = "";
  printf(",\"%s\":{", name);
  for (uint32_t i = 0; i < MACS; i++) {
    struct destination destination;
    get_value(s->maps.macs, i, &destination);
    if (destination.count == 0) continue;
    uint64_t value = *(const uint64_t *)((const char *)&destination + field);
    printf("%s\"%02x%02x\":%llu", separator, i & 0xff, i >> 8, (unsigned long long)value);
    separator = ",";
  }
  putchar('}');
}

static void report(void *context) {
  const struct sink *s = context;
  struct totals totals;
  sum_value(s->maps.totals, 0, (uint64_t *)&totals, sizeof totals / 8);
  printf("{\"packets\":%llu,\"bytes\":%llu,\"unmarked\":%llu,\"strange\":%llu,\"reordered\":%llu",
         (unsigned long long)totals.packets, (unsigned long long)totals.bytes, (unsigned long long)totals.unmarked,
         (unsigned long long)totals.strange, (unsigned long long)totals.reordered);
  if (s->maps.sessions >= 0) report_sessions(s);
  if (s->maps.buckets >= 0) report_latency(s);
  if (s->maps.macs >= 0) {
    report_macs(s, "macs", offsetof(struct destination, count));
    report_macs(s, "firsts", offsetof(struct destination, first));
  }
  puts("}");
}

static void reset(void *context) {
  const struct sink *s = context;
  void *zero = zeros(possible_processors() * sizeof(struct totals));
  put_value(s->maps.totals, 0, zero);
  for (uint32_t i = 0; i < s->session_count; i++) put_value(s->maps.sessions, i, zero);
  for (uint32_t i = 0; s->maps.buckets >= 0 && i < 2 * TIER; i++) put_value(s->maps.buckets, i, zero);
  for (uint32_t i = 0; s->maps.macs >= 0 && i < MACS; i++) put_value(s->maps.macs, i, zero);
  free(zero);
}

static struct sink read_options(int count, char **words) {
  static const struct option names[] = {
      {"sessions", 1, NULL, 's'}, {"mark-at", 1, NULL, 'm'}, {"latency", 0, NULL, 'l'}, {"macs", 0, NULL, 'a'}, {NULL, 0, NULL, 0},
  };
  struct sink s = {.maps = {-1, -1, -1, -1}, .mark_at = 42};
  for (int name; (name = getopt_long(count, words, "", names, NULL)) != -1;) {
    switch (name) {
      case 's': s.session_count = (uint32_t)atoi(optarg); break;
      case 'm': s.mark_at = (uint32_t)atoi(optarg); break;
      case 'l': s.maps.buckets = create_map(BPF_MAP_TYPE_ARRAY, 8, 2 * TIER); break;
      case 'a': s.maps.macs = create_map(BPF_MAP_TYPE_ARRAY, sizeof(struct destination), MACS); break;
      default: die("usage: sink INTERFACE native|skb|tcx [options], which are in sink.c");
    }
  }
  if (count - optind != 2) die("usage: sink INTERFACE native|skb|tcx [options], which are in sink.c");
  s.maps.totals = create_map(BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(struct totals), 1);
  if (s.session_count > 0) s.maps.sessions = create_map(BPF_MAP_TYPE_ARRAY, sizeof(struct session), s.session_count);
  return s;
}

int main(int count, char **words) {
  struct service service = open_service();
  struct sink s = read_options(count, words);
  uint32_t interface = interface_index(words[optind]);
  if (strcmp(words[optind + 1], "tcx") == 0) {
    struct program p = assemble(s.maps, s.mark_at, tcx_hook());
    attach(load_program(BPF_PROG_TYPE_SCHED_CLS, &p, "sink"), interface, TCX_INGRESS, 0);
  } else {
    struct program p = assemble(s.maps, s.mark_at, xdp_hook());
    attach_xdp(load_program(BPF_PROG_TYPE_XDP, &p, "sink"), interface, words[optind + 1]);
  }
  say_ready();
  while (attend(&service, NULL, 0, -1, &s, report, reset)) continue;
  return 0;
}
