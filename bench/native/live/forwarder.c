// The limit of user space: AF_XDP in, a fixed number of bytes off, six bytes of MAC on, AF_XDP out, all in one place in memory and
// in one thread. It looks at nothing else.
//
//   forwarder TUNNEL-INTERFACE DELIVERY-INTERFACE native|skb [options]
//
//   --offset N      bytes that are taken off (50: Ethernet, IPv4, GRE with S, ERSPAN II)
//   --mac M         the sniffer's (02:00:00:00:0a:01)
//   --queue N       the queue of the tunnel interface (0)
//   --batch N       packets at a time (64)
//   --ring N        entries of each ring (2048)
//   --frames N      frames of memory (4096)
//   --stride N      bytes from one to the next (2112: a power of two costs conflicts in the cache)
//   --processor N   the processor it runs on (anywhere)
//   --spin          never sleeps
//
// {"received":…,"sent":…,"short":…,"statistics":{"dropped":…,"ringFull":…,"fillEmpty":…}}: statistics are the kernel's.

#define _GNU_SOURCE
#include <getopt.h>
#include <sched.h>
#include "service.h"
#include "xsk.h"

enum { BATCH_MOST = 256, STEPS_BETWEEN_LOOKS = 1024, IDLE_MILLISECONDS = 100 };

struct forwarder {
  struct umem umem;
  struct xsk in, out;
  uint32_t offset, batch;
  uint8_t mac[6];
  bool spin;
  uint64_t received, sent, brief; // `sent`: handed to the kernel, and come back
  uint64_t *free;                 // frames that are not in any ring
  uint32_t free_count, in_flight;
  uint64_t calls, polls;
};

struct options {
  const char *tunnel, *delivery, *mode;
  uint32_t queue, ring, frames, stride;
  int processor;
};

static void to_fill(struct forwarder *f) {
  uint32_t count = f->free_count == 0 ? 0 : writable(&f->in.fill, f->free_count);
  for (uint32_t i = 0; i < count; i++) *address_at(&f->in.fill, i) = f->free[--f->free_count];
  if (count > 0) have_written(&f->in.fill, count);
}

// Frames that were sent. In unaligned mode an address is a base, and an offset in its upper bits.
static void complete(struct forwarder *f) {
  uint32_t count = readable(&f->out.completion, f->in_flight);
  for (uint32_t i = 0; i < count; i++) f->free[f->free_count++] = *address_at(&f->out.completion, i) & BASE_MASK;
  if (count == 0) return;
  have_read(&f->out.completion, count);
  f->in_flight -= count;
  f->sent += count;
}

// As many packets as there are, and as there is room to send.
static uint32_t forward(struct forwarder *f) {
  uint32_t room = writable(&f->out.transmit, f->batch);
  uint32_t count = readable(&f->in.receive, room), sending = 0;
  for (uint32_t i = 0; i < count; i++) {
    struct xdp_desc d = *desc_at(&f->in.receive, i);
    if (d.len < f->offset + 14) {
      f->free[f->free_count++] = d.addr & BASE_MASK;
      f->brief++;
      continue;
    }
    uint64_t base = d.addr & BASE_MASK, inner = (d.addr >> XSK_UNALIGNED_BUF_OFFSET_SHIFT) + f->offset;
    memcpy(f->umem.bytes + base + inner, f->mac, 6);
    *desc_at(&f->out.transmit, sending++) = (struct xdp_desc){base | inner << XSK_UNALIGNED_BUF_OFFSET_SHIFT, d.len - f->offset, 0};
  }
  if (count == 0) return 0;
  have_read(&f->in.receive, count);
  have_written(&f->out.transmit, sending);
  f->received += count;
  f->in_flight += sending;
  return count;
}

// A copying socket sends in the call. EAGAIN: it has sent what one call may send; EBUSY and ENOBUFS: the interface is.
static void send_off(struct forwarder *f) {
  if (f->in_flight == 0 || !needs_wakeup(&f->out.transmit)) return;
  f->calls++;
  if (sendto(f->out.fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0) return;
  if (errno != EAGAIN && errno != EBUSY && errno != ENOBUFS && errno != ENETDOWN) fail("cannot send");
}

static bool step(struct forwarder *f) {
  uint32_t count = forward(f);
  send_off(f);
  complete(f);
  to_fill(f);
  return count > 0 || f->in_flight > 0;
}

static void report(void *context) {
  const struct forwarder *f = context;
  struct xdp_statistics s;
  socklen_t length = sizeof s;
  if (getsockopt(f->in.fd, SOL_XDP, XDP_STATISTICS, &s, &length) < 0) fail("XDP_STATISTICS");
  printf("{\"received\":%llu,\"sent\":%llu,\"short\":%llu,\"calls\":%llu,\"polls\":%llu,", (unsigned long long)f->received,
         (unsigned long long)f->sent, (unsigned long long)f->brief, (unsigned long long)f->calls, (unsigned long long)f->polls);
  printf("\"statistics\":{\"dropped\":%llu,\"ringFull\":%llu,\"fillEmpty\":%llu}}\n", (unsigned long long)s.rx_dropped,
         (unsigned long long)s.rx_ring_full, (unsigned long long)s.rx_fill_ring_empty_descs);
}

// Everything that arrives on the queue goes to the socket.
static struct program steer(int sockets) {
  struct program p = {0};
  load(&p, 4, R2, R1, offsetof(struct xdp_md, rx_queue_index));
  set_map(&p, R1, sockets);
  set(&p, R3, XDP_PASS);
  call(&p, BPF_FUNC_redirect_map);
  emit(&p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  return p;
}

static struct options read_options(int count, char **words, struct forwarder *f) {
  static const struct option names[] = {
      {"offset", 1, NULL, 'o'}, {"mac", 1, NULL, 'm'},    {"queue", 1, NULL, 'q'},     {"batch", 1, NULL, 'b'}, {"ring", 1, NULL, 'r'},
      {"frames", 1, NULL, 'f'}, {"stride", 1, NULL, 's'}, {"processor", 1, NULL, 'p'}, {"spin", 0, NULL, 'i'},  {NULL, 0, NULL, 0},
  };
  struct options o = {.ring = 2048, .frames = 4096, .stride = 2112, .processor = -1};
  const char *mac = "02:00:00:00:0a:01", *usage = "usage: forwarder TUNNEL DELIVERY native|skb [options], which are in forwarder.c";
  f->offset = 50;
  f->batch = 64;
  for (int name; (name = getopt_long(count, words, "", names, NULL)) != -1;) {
    switch (name) {
      case 'o': f->offset = (uint32_t)atoi(optarg); break;
      case 'm': mac = optarg; break;
      case 'q': o.queue = (uint32_t)atoi(optarg); break;
      case 'b': f->batch = (uint32_t)atoi(optarg); break;
      case 'r': o.ring = (uint32_t)atoi(optarg); break;
      case 'f': o.frames = (uint32_t)atoi(optarg); break;
      case 's': o.stride = (uint32_t)atoi(optarg); break;
      case 'p': o.processor = atoi(optarg); break;
      case 'i': f->spin = true; break;
      default: die(usage);
    }
  }
  if (count - optind != 3) die(usage);
  if (f->batch < 1 || f->batch > BATCH_MOST) die("a batch is 1 to 256 packets");
  if (sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &f->mac[0], &f->mac[1], &f->mac[2], &f->mac[3], &f->mac[4], &f->mac[5]) != 6) {
    die("this is no MAC");
  }
  o.tunnel = words[optind];
  o.delivery = words[optind + 1];
  o.mode = words[optind + 2];
  return o;
}

static void open_sockets(struct forwarder *f, const struct options *o) {
  f->umem = create_umem(o->stride, o->frames);
  f->free = malloc(o->frames * sizeof *f->free);
  if (f->free == NULL) die("there is not enough memory");
  while (f->free_count < o->frames) {
    f->free[f->free_count] = (uint64_t)f->free_count * o->stride;
    f->free_count++;
  }
  uint32_t tunnel = interface_index(o->tunnel);
  f->in = open_xsk(&f->umem, true, false, true, o->ring);
  f->out = open_xsk(&f->umem, false, true, false, o->ring);
  to_fill(f);
  int sockets = create_map(BPF_MAP_TYPE_XSKMAP, 4, 64);
  struct program program = steer(sockets);
  attach_xdp(load_program(BPF_PROG_TYPE_XDP, &program, "steer"), tunnel, o->mode);
  bind_xsk(&f->in, tunnel, o->queue, -1);
  bind_xsk(&f->out, interface_index(o->delivery), 0, f->in.fd);
  put_value(sockets, o->queue, &f->in.fd);
}

static void stay_on(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)processor, &set);
  if (sched_setaffinity(0, sizeof set, &set) < 0) fail("cannot stay on the processor");
}

int main(int count, char **words) {
  struct service service = open_service();
  struct forwarder f = {0};
  struct options o = read_options(count, words, &f);
  lift_memory_limit();
  if (o.processor >= 0) stay_on(o.processor);
  open_sockets(&f, &o);
  say_ready();
  for (uint32_t steps = 0;; steps++) {
    if (step(&f) && steps < STEPS_BETWEEN_LOOKS) continue;
    steps = 0;
    // Until a packet comes; or, with work still to do, only for a look whether somebody asks.
    struct pollfd packets = {.fd = f.in.fd, .events = POLLIN};
    f.polls++;
    int wait = f.spin || f.in_flight > 0 ? 0 : IDLE_MILLISECONDS;
    if (!attend(&service, &packets, 1, wait, &f, report, NULL)) return 0;
  }
}
