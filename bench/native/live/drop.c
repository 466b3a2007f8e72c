// The end of a sender-only run: XDP that counts and drops.
//
//   drop INTERFACE native|skb
//
// {"packets":…,"bytes":…}

#include "service.h"

struct totals {
  uint64_t packets, bytes;
};

static struct program assemble(int totals) {
  struct program p = {.flags = BPF_F_XDP_HAS_FRAGS};
  load(&p, 4, R6, R1, offsetof(struct xdp_md, data));
  load(&p, 4, R7, R1, offsetof(struct xdp_md, data_end));
  set(&p, R1, 0);
  uint32_t none = look_up(&p, totals);
  with(&p, BPF_SUB, R7, R6);
  increase(&p, 8, R0, offsetof(struct totals, packets), 1);
  load(&p, 8, R1, R0, offsetof(struct totals, bytes));
  with(&p, BPF_ADD, R1, R7);
  store(&p, 8, R0, offsetof(struct totals, bytes), R1);
  land(&p, none);
  leave(&p, XDP_DROP);
  return p;
}

static void report(void *context) {
  struct totals totals;
  sum_value(*(int *)context, 0, (uint64_t *)&totals, sizeof totals / 8);
  printf("{\"packets\":%llu,\"bytes\":%llu}\n", (unsigned long long)totals.packets, (unsigned long long)totals.bytes);
}

static void reset(void *context) {
  void *zero = calloc(possible_processors(), sizeof(struct totals));
  if (zero == NULL) die("there is not enough memory");
  put_value(*(int *)context, 0, zero);
  free(zero);
}

int main(int count, char **words) {
  if (count != 3) die("usage: drop INTERFACE native|skb");
  struct service service = open_service();
  int totals = create_map(BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(struct totals), 1);
  struct program program = assemble(totals);
  attach_xdp(load_program(BPF_PROG_TYPE_XDP, &program, "drop"), interface_index(words[1]), words[2]);
  say_ready();
  while (attend(&service, NULL, 0, -1, &totals, report, reset)) continue;
  return 0;
}
