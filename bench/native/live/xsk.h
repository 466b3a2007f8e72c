// AF_XDP sockets: one UMEM in unaligned chunks, a socket that receives and one that sends out of it.

#ifndef LIVE_XSK_H
#define LIVE_XSK_H

#include <linux/if_xdp.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include "kernel.h"

#define MAX_TX_SKB_BUDGET 9 // XDP_MAX_TX_SKB_BUDGET, since Linux 6.17: frames a call sends, otherwise 32
#define BASE_MASK ((1ull << XSK_UNALIGNED_BUF_OFFSET_SHIFT) - 1)

// Of the four rings of a socket, as seen by this side. `mine` is the counter that only this side moves, `theirs` a copy of the
// kernel's, read again only when the copy says that there is nothing (left).
struct ring {
  uint32_t *producer, *consumer, *flags;
  void *entries;
  uint32_t size, mask, mine, theirs;
};

struct umem {
  uint8_t *bytes;
  uint64_t size;
  uint32_t stride, frames;
};

struct xsk {
  int fd;
  struct ring receive, transmit, fill, completion;
};

static inline void set_option(int fd, int name, const void *value, socklen_t length) {
  if (setsockopt(fd, SOL_XDP, name, value, length) < 0) fail("setsockopt of an AF_XDP socket");
}

static inline struct umem create_umem(uint32_t stride, uint32_t frames) {
  struct umem umem = {.stride = stride, .frames = frames};
  umem.size = ((uint64_t)stride * frames + 4095) & ~4095ull;
  umem.bytes = mmap(NULL, umem.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (umem.bytes == MAP_FAILED) fail("cannot have memory for frames");
  return umem;
}

static inline void register_umem(int fd, const struct umem *umem) {
  struct xdp_umem_reg reg = {.addr = (uintptr_t)umem->bytes, .len = umem->size, .chunk_size = umem->stride};
  reg.flags = XDP_UMEM_UNALIGNED_CHUNK_FLAG;
  set_option(fd, XDP_UMEM_REG, &reg, sizeof reg);
}

static inline struct ring map_ring(int fd, uint64_t page, const struct xdp_ring_offset *at, uint32_t size, size_t entry) {
  uint8_t *map = mmap(NULL, at->desc + size * entry, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, (off_t)page);
  if (map == MAP_FAILED) fail("cannot map a ring");
  return (struct ring){.producer = (uint32_t *)(map + at->producer), .consumer = (uint32_t *)(map + at->consumer),
                       .flags = (uint32_t *)(map + at->flags), .entries = map + at->desc, .size = size, .mask = size - 1};
}

// Fill and completion rings every socket of an interface has; `receives` and `sends` say which of the others.
static inline struct xsk open_xsk(const struct umem *umem, bool receives, bool sends, bool registers, uint32_t size) {
  struct xsk xsk = {.fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0)};
  if (xsk.fd < 0) fail("cannot make an AF_XDP socket");
  if (registers) register_umem(xsk.fd, umem);
  set_option(xsk.fd, XDP_UMEM_FILL_RING, &size, sizeof size);
  set_option(xsk.fd, XDP_UMEM_COMPLETION_RING, &size, sizeof size);
  if (receives) set_option(xsk.fd, XDP_RX_RING, &size, sizeof size);
  if (sends) set_option(xsk.fd, XDP_TX_RING, &size, sizeof size);
  struct xdp_mmap_offsets at;
  socklen_t length = sizeof at;
  if (getsockopt(xsk.fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &length) < 0) fail("XDP_MMAP_OFFSETS");
  xsk.fill = map_ring(xsk.fd, XDP_UMEM_PGOFF_FILL_RING, &at.fr, size, 8);
  xsk.completion = map_ring(xsk.fd, XDP_UMEM_PGOFF_COMPLETION_RING, &at.cr, size, 8);
  if (receives) xsk.receive = map_ring(xsk.fd, XDP_PGOFF_RX_RING, &at.rx, size, sizeof(struct xdp_desc));
  if (sends) xsk.transmit = map_ring(xsk.fd, XDP_PGOFF_TX_RING, &at.tx, size, sizeof(struct xdp_desc));
  uint32_t budget = size;
  if (sends) setsockopt(xsk.fd, SOL_XDP, MAX_TX_SKB_BUDGET, &budget, sizeof budget); // an older kernel knows none
  return xsk;
}

// `shared`: the socket whose UMEM it uses; -1: its own. A queue that another process has just left is busy for some 16 ms.
static inline void bind_xsk(const struct xsk *xsk, uint32_t interface, uint32_t queue, int shared) {
  struct sockaddr_xdp address = {.sxdp_family = AF_XDP, .sxdp_ifindex = interface, .sxdp_queue_id = queue};
  address.sxdp_flags = shared >= 0 ? XDP_SHARED_UMEM : XDP_COPY | XDP_USE_NEED_WAKEUP;
  if (shared >= 0) address.sxdp_shared_umem_fd = (uint32_t)shared;
  for (int attempt = 0; bind(xsk->fd, (struct sockaddr *)&address, sizeof address) < 0; attempt++) {
    if (errno != EBUSY || attempt == 100) fail("cannot bind an AF_XDP socket");
    usleep(10000);
  }
}

// ── rings: the kernel produces ──

// How many entries there are to read, up to `most`.
static inline uint32_t readable(struct ring *r, uint32_t most) {
  if (r->theirs == r->mine) r->theirs = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
  uint32_t count = r->theirs - r->mine;
  return count < most ? count : most;
}
static inline void have_read(struct ring *r, uint32_t count) {
  r->mine += count;
  __atomic_store_n(r->consumer, r->mine, __ATOMIC_RELEASE);
}

// ── rings: this side produces ──

static inline uint32_t writable(struct ring *r, uint32_t most) {
  if (r->size - (r->mine - r->theirs) < most) r->theirs = __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
  uint32_t count = r->size - (r->mine - r->theirs);
  return count < most ? count : most;
}
static inline void have_written(struct ring *r, uint32_t count) {
  r->mine += count;
  __atomic_store_n(r->producer, r->mine, __ATOMIC_RELEASE);
}

static inline uint64_t *address_at(struct ring *r, uint32_t i) { return &((uint64_t *)r->entries)[(r->mine + i) & r->mask]; }
static inline struct xdp_desc *desc_at(struct ring *r, uint32_t i) {
  return &((struct xdp_desc *)r->entries)[(r->mine + i) & r->mask];
}

static inline bool needs_wakeup(const struct ring *r) {
  return (__atomic_load_n(r->flags, __ATOMIC_RELAXED) & XDP_RING_NEED_WAKEUP) != 0;
}

#endif
