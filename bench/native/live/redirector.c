// The limit of the kernel: an XDP program that takes a fixed number of bytes off, writes six bytes of MAC, and redirects. It looks at
// nothing else.
//
//   redirector TUNNEL-INTERFACE DELIVERY-INTERFACE native|skb [OFFSET [MAC]]
//
// In native mode the delivery interface's peer must have NAPI. {"packets":…}: those that were redirected.

#include "service.h"

static struct program assemble(int total, int ports, uint32_t offset, const uint8_t *mac) {
  struct program p = {0};
  int32_t first;
  memcpy(&first, mac, 4);
  move(&p, R6, R1);
  set(&p, R2, (int32_t)offset);
  call(&p, BPF_FUNC_xdp_adjust_head);
  uint32_t beyond = jump_if_value(&p, BPF_JNE, R0, 0);
  load(&p, 4, R7, R6, offsetof(struct xdp_md, data));
  load(&p, 4, R8, R6, offsetof(struct xdp_md, data_end));
  move(&p, R1, R7);
  with_value(&p, BPF_ADD, R1, 14);
  uint32_t brief = jump_if(&p, BPF_JGT, R1, R8);
  set(&p, R1, first);
  store(&p, 4, R7, 0, R1);
  set(&p, R1, mac[4] | mac[5] << 8);
  store(&p, 2, R7, 4, R1);
  set(&p, R1, 0);
  uint32_t none = look_up(&p, total);
  increase(&p, 8, R0, 0, 1);
  land(&p, none);
  set_map(&p, R1, ports);
  set(&p, R2, 0);
  set(&p, R3, XDP_ABORTED);
  call(&p, BPF_FUNC_redirect_map);
  emit(&p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  land(&p, beyond);
  land(&p, brief);
  leave(&p, XDP_DROP);
  return p;
}

static void report(void *context) {
  uint64_t packets;
  sum_value(*(int *)context, 0, &packets, 1);
  printf("{\"packets\":%llu}\n", (unsigned long long)packets);
}

int main(int count, char **words) {
  if (count < 4) die("usage: redirector TUNNEL DELIVERY native|skb [OFFSET [MAC]]");
  uint32_t offset = count > 4 ? (uint32_t)atoi(words[4]) : 50;
  uint8_t m[6];
  if (sscanf(count > 5 ? words[5] : "02:00:00:00:0a:01", "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &m[0], &m[1], &m[2], &m[3], &m[4],
             &m[5]) != 6) {
    die("this is no MAC");
  }
  struct service service = open_service();
  int total = create_map(BPF_MAP_TYPE_PERCPU_ARRAY, 8, 1), ports = create_map(BPF_MAP_TYPE_DEVMAP, 4, 1);
  uint32_t delivery = interface_index(words[2]);
  put_value(ports, 0, &delivery);
  struct program program = assemble(total, ports, offset, m);
  attach_xdp(load_program(BPF_PROG_TYPE_XDP, &program, "redirector"), interface_index(words[1]), words[3]);
  say_ready();
  while (attend(&service, NULL, 0, -1, &total, report, NULL)) continue;
  return 0;
}
