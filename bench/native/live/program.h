// eBPF programs put together instruction by instruction. Jumps forward are made first and landed later.

#ifndef LIVE_PROGRAM_H
#define LIVE_PROGRAM_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct program {
  struct bpf_insn code[512];
  uint32_t count;
  uint32_t flags; // of XDP programs
};

enum { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FRAME_POINTER };

static inline uint32_t emit(struct program *p, uint8_t code, int to, int from, int offset, int32_t value) {
  if (p->count == sizeof p->code / sizeof p->code[0]) abort();
  p->code[p->count] = (struct bpf_insn){.code = code, .off = (int16_t)offset, .imm = value};
  p->code[p->count].dst_reg = to & 0xf;
  p->code[p->count].src_reg = from & 0xf;
  return p->count++;
}

static inline void set(struct program *p, int to, int32_t value) { emit(p, BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value); }
static inline void move(struct program *p, int to, int from) { emit(p, BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
// `operation`: BPF_ADD, BPF_SUB, BPF_RSH and so on.
static inline void with(struct program *p, int operation, int to, int from) {
  emit(p, (uint8_t)(BPF_ALU64 | operation | BPF_X), to, from, 0, 0);
}
static inline void with_value(struct program *p, int operation, int to, int32_t value) {
  emit(p, (uint8_t)(BPF_ALU64 | operation | BPF_K), to, 0, 0, value);
}
static inline void to_big_endian(struct program *p, int to, int bits) {
  emit(p, BPF_ALU | BPF_END | BPF_TO_BE, to, 0, 0, bits);
}

static inline uint8_t width(int bytes) { return bytes == 8 ? BPF_DW : bytes == 4 ? BPF_W : bytes == 2 ? BPF_H : BPF_B; }
static inline void load(struct program *p, int bytes, int to, int from, size_t offset) {
  emit(p, (uint8_t)(BPF_LDX | width(bytes) | BPF_MEM), to, from, (int)offset, 0);
}
static inline void store(struct program *p, int bytes, int to, size_t offset, int from) {
  emit(p, (uint8_t)(BPF_STX | width(bytes) | BPF_MEM), to, from, (int)offset, 0);
}

// Adds to a field in memory, by way of R1. A field has one writer: no lock.
static inline void increase(struct program *p, int bytes, int at, size_t offset, int32_t by) {
  load(p, bytes, R1, at, offset);
  with_value(p, BPF_ADD, R1, by);
  store(p, bytes, at, offset, R1);
}

// Jumps when `condition` (BPF_JGT, BPF_JEQ and so on) holds of two registers, of one and a number, or always. Give the answer to
// `land`.
static inline uint32_t jump_if(struct program *p, int condition, int left, int right) {
  return emit(p, (uint8_t)(BPF_JMP | condition | BPF_X), left, right, 0, 0);
}
static inline uint32_t jump_if_value(struct program *p, int condition, int left, int32_t value) {
  return emit(p, (uint8_t)(BPF_JMP | condition | BPF_K), left, 0, 0, value);
}
static inline uint32_t jump(struct program *p) { return emit(p, BPF_JMP | BPF_JA, 0, 0, 0, 0); }
static inline void land(struct program *p, uint32_t jump) { p->code[jump].off = (int16_t)(p->count - jump - 1); }
// A jump back to where the program's count was `place`.
static inline void back(struct program *p, uint32_t jump, uint32_t place) { p->code[jump].off = (int16_t)(place - jump - 1); }

static inline void call(struct program *p, int function) { emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, function); }
static inline void leave(struct program *p, int32_t verdict) {
  set(p, R0, verdict);
  emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static inline void set_map(struct program *p, int to, int map) {
  emit(p, BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_FD, 0, map);
  emit(p, 0, 0, 0, 0, 0);
}
// The address of the first value of an array.
static inline void set_value(struct program *p, int to, int map) {
  emit(p, BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_VALUE, 0, map);
  emit(p, 0, 0, 0, 0, 0);
}

// R0 = the value of `map` whose key is in R1, and a jump for when there is none.
static inline uint32_t look_up(struct program *p, int map) {
  store(p, 4, FRAME_POINTER, (size_t)-4, R1);
  move(p, R2, FRAME_POINTER);
  with_value(p, BPF_ADD, R2, -4);
  set_map(p, R1, map);
  call(p, BPF_FUNC_map_lookup_elem);
  return jump_if_value(p, BPF_JEQ, R0, 0);
}

#endif
