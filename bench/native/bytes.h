// Big-endian reads and writes, and the Internet checksum. None of these checks a bound.

#ifndef YARDSTICK_BYTES_H
#define YARDSTICK_BYTES_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "hashes and tables are those of the engine, whose memory is little-endian"
#endif

static inline uint32_t get16(const uint8_t *p) {
  uint16_t value;
  memcpy(&value, p, 2);
  return __builtin_bswap16(value);
}

static inline uint32_t get32(const uint8_t *p) {
  uint32_t value;
  memcpy(&value, p, 4);
  return __builtin_bswap32(value);
}

static inline uint32_t get24(const uint8_t *p) { return get16(p) << 8 | p[2]; }

static inline void put16(uint8_t *p, uint32_t value) {
  uint16_t swapped = __builtin_bswap16((uint16_t)value);
  memcpy(p, &swapped, 2);
}

static inline void put32(uint8_t *p, uint32_t value) {
  uint32_t swapped = __builtin_bswap32(value);
  memcpy(p, &swapped, 4);
}

// In the machine's order: for sums, hashes and comparisons, which do not mind.
static inline uint16_t load16(const void *p) {
  uint16_t value;
  memcpy(&value, p, 2);
  return value;
}

static inline uint32_t load32(const void *p) {
  uint32_t value;
  memcpy(&value, p, 4);
  return value;
}

static inline uint64_t load64(const void *p) {
  uint64_t value;
  memcpy(&value, p, 8);
  return value;
}

static inline void store16(void *p, uint32_t value) {
  uint16_t narrow = (uint16_t)value;
  memcpy(p, &narrow, 2);
}

static inline void store64(void *p, uint64_t value) { memcpy(p, &value, 8); }

static inline uint32_t fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint32_t)((sum & 0xffff) + (sum >> 16));
}

// Ones' complement sum of a region, in the machine's order (RFC 1071, 2(B)); 0xffff when its checksum is good.
static inline uint32_t sum(const uint8_t *p, size_t length) {
  uint64_t total = 0;
  const uint8_t *end = p + length;
  for (; end - p >= 4; p += 4) total += load32(p);
  if (end - p >= 2) {
    total += load16(p);
    p += 2;
  }
  if (p < end) total += *p;
  return fold(total);
}

#endif
