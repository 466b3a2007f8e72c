// The kernel without a library: maps, programs and links of eBPF by the bpf system call. Whatever fails ends the program and says
// what it was. Needs Linux 6.6 for links of tc (tcx), 5.18 for live frames, and the headers of Linux 6.1.

#ifndef LIVE_KERNEL_H
#define LIVE_KERNEL_H

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "program.h"

#define TCX_INGRESS 46 // enum bpf_attach_type, since Linux 6.6

_Noreturn static void die(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

_Noreturn static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static inline uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static inline int bpf(int command, union bpf_attr *attributes) {
  return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

// Memory that is locked was counted against a limit of 8 MiB once, and UMEMs still are.
static inline void lift_memory_limit(void) {
  struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &all);
}

static inline int create_map(int type, uint32_t value_size, uint32_t entries) {
  union bpf_attr a = {.map_type = (uint32_t)type, .key_size = 4, .value_size = value_size, .max_entries = entries};
  int map = bpf(BPF_MAP_CREATE, &a);
  if (map < 0) fail("cannot make a map");
  return map;
}

static inline void put_value(int map, uint32_t key, const void *value) {
  union bpf_attr a = {.map_fd = (uint32_t)map, .key = (uintptr_t)&key, .value = (uintptr_t)value};
  if (bpf(BPF_MAP_UPDATE_ELEM, &a) < 0) fail("cannot write into a map");
}

static inline void get_value(int map, uint32_t key, void *value) {
  union bpf_attr a = {.map_fd = (uint32_t)map, .key = (uintptr_t)&key, .value = (uintptr_t)value};
  if (bpf(BPF_MAP_LOOKUP_ELEM, &a) < 0) fail("cannot read a map");
}

// A map of one value a processor has as many values as there are processors, each filled up to 8 bytes.
static inline uint32_t possible_processors(void) {
  FILE *file = fopen("/sys/devices/system/cpu/possible", "r");
  unsigned first = 0, last = 0;
  if (file == NULL) fail("/sys/devices/system/cpu/possible");
  if (fscanf(file, "%u-%u", &first, &last) < 2) last = first;
  fclose(file);
  return last + 1;
}

// The sum over all processors of a value that is `words` words of 8 bytes.
static inline void sum_value(int map, uint32_t key, uint64_t *sum, uint32_t words) {
  uint32_t processors = possible_processors();
  uint64_t *all = calloc((size_t)processors * words, 8);
  if (all == NULL) die("there is not enough memory");
  get_value(map, key, all);
  memset(sum, 0, (size_t)words * 8);
  for (uint32_t i = 0; i < processors * words; i++) sum[i % words] += all[i];
  free(all);
}

static inline int load_program(int type, const struct program *program, const char *name) {
  static char log[1 << 18];
  union bpf_attr a = {.prog_type = (uint32_t)type, .insns = (uintptr_t)program->code, .insn_cnt = program->count};
  a.license = (uintptr_t) "GPL";
  a.prog_flags = type == BPF_PROG_TYPE_XDP ? program->flags : 0;
  snprintf(a.prog_name, sizeof a.prog_name, "%s", name);
  int fd = bpf(BPF_PROG_LOAD, &a);
  if (fd >= 0) return fd;
  // Once more, for the reason.
  a.log_level = 1;
  a.log_buf = (uintptr_t)log;
  a.log_size = sizeof log;
  bpf(BPF_PROG_LOAD, &a);
  fprintf(stderr, "%s", log);
  fail("cannot load the program");
}

static inline uint32_t interface_index(const char *name) {
  uint32_t index = if_nametoindex(name);
  if (index == 0) fail(name);
  return index;
}

static inline int attach(int program, uint32_t interface, int type, uint32_t flags) {
  union bpf_attr a = {.link_create = {.prog_fd = (uint32_t)program, .target_ifindex = interface}};
  a.link_create.attach_type = (uint32_t)type;
  a.link_create.flags = flags;
  int link = bpf(BPF_LINK_CREATE, &a);
  if (link < 0) fail("cannot attach the program");
  return link;
}

// To `native` or generic (`skb`) XDP. The link goes with the process.
static inline int attach_xdp(int program, uint32_t interface, const char *mode) {
  uint32_t flags = strcmp(mode, "native") == 0 ? XDP_FLAGS_DRV_MODE : strcmp(mode, "skb") == 0 ? XDP_FLAGS_SKB_MODE : 0;
  if (flags == 0) die("the mode is native or skb");
  return attach(program, interface, BPF_XDP, flags);
}

#endif
