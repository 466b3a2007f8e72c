// The hashes of tables (seeded) and of flows (not: every gateway comes to the same). assembly/memory/hash.ts and
// assembly/README.md, "Flow hash".

#ifndef YARDSTICK_HASH_H
#define YARDSTICK_HASH_H

#include "worker.h"

#define K1 0x9e3779b97f4a7c15u
#define K2 0xbf58476d1ce4e5b9u
#define K3 0x94d049bb133111ebu

static inline uint32_t hash16(uint64_t seed, struct address address, uint32_t a, uint32_t b) {
  uint64_t mixed = seed ^ ((uint64_t)a << 32 | b);
  mixed = (mixed ^ address.high) * K1;
  mixed = (mixed ^ mixed >> 29 ^ address.low) * K2;
  mixed = (mixed ^ mixed >> 32) * K3;
  return (uint32_t)(mixed >> 32);
}

static inline uint32_t hash32(uint64_t seed, const struct address *source, const struct address *destination, uint32_t a,
                              uint32_t b) {
  uint64_t mixed = seed ^ ((uint64_t)a << 32 | b);
  mixed = (mixed ^ source->high) * K1;
  mixed = (mixed ^ mixed >> 29 ^ source->low) * K2;
  mixed = (mixed ^ mixed >> 32 ^ destination->high) * K3;
  mixed = (mixed ^ mixed >> 29 ^ destination->low) * K1;
  return (uint32_t)(mixed >> 32);
}

static inline uint64_t flow_endpoint(uint64_t high, uint64_t low, uint32_t port) {
  uint64_t mixed = (high ^ port) * K1;
  mixed = (mixed ^ mixed >> 29 ^ low) * K2;
  mixed = (mixed ^ mixed >> 32) * K3;
  return mixed ^ mixed >> 32;
}

static inline uint32_t flow_of(uint64_t source, uint64_t destination, uint32_t protocol) {
  return (uint32_t)((source + destination + protocol) * K3 >> 32);
}

#endif
