// The hashes of tables (seeded) and of flows (not: every gateway comes to the same). assembly/memory/hash.ts and
// assembly/README.md, "Flow hash".

#ifndef YARDSTICK_HASH_H
#define YARDSTICK_HASH_H

#include "worker.h"

#define K1 0x9e3779b97f4a7c15u
#define K2 0xbf58476d1ce4e5b9u
#define K3 0x94d049bb133111ebu
#define TAIL 0x9e3779b1u // of the last four bytes of an address (assembly/tenant/filter.ts)

// Every word times a secret odd number of its own; the products do not wait for one another.
static inline uint32_t mixed(uint64_t total) { return (uint32_t)((total ^ total >> 32) * K3 >> 32); }

static inline uint32_t hash16(const uint64_t *seeds, struct address address, uint32_t a, uint32_t b) {
  return mixed(((uint64_t)a << 32 | b) * seeds[0] + address.high * seeds[1] + address.low * seeds[2]);
}

static inline uint32_t hash32(const uint64_t *seeds, const struct address *source, const struct address *destination,
                              uint32_t a, uint32_t b) {
  return mixed(((uint64_t)a << 32 | b) * seeds[0] + source->high * seeds[1] + source->low * seeds[2] +
               destination->high * seeds[3] + destination->low * seeds[4]);
}

static inline uint64_t flow_endpoint(uint64_t high, uint64_t low, uint32_t port) {
  uint64_t e = (high ^ port) * K1;
  e = (e ^ e >> 29 ^ low) * K2;
  e = (e ^ e >> 32) * K3;
  return e ^ e >> 32;
}

static inline uint32_t flow_of(uint64_t source, uint64_t destination, uint32_t protocol) {
  return (uint32_t)((source + destination + protocol) * K3 >> 32);
}

#endif
