// Frames to send, from a capture file: classic pcap, little-endian, Ethernet, all of one length, none cut off. Each is a session.

#ifndef LIVE_RECORDS_H
#define LIVE_RECORDS_H

#include "kernel.h"
#include "mark.h"

struct records {
  uint8_t *bytes; // one behind the other
  uint32_t count, length;
};

static void *whole_file(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail(path);
  fseek(file, 0, SEEK_END);
  *length = (size_t)ftell(file);
  rewind(file);
  void *bytes = malloc(*length + 1);
  if (bytes == NULL || fread(bytes, 1, *length, file) != *length) fail(path);
  fclose(file);
  return bytes;
}

static uint32_t word_at(const uint8_t *p) {
  uint32_t word;
  memcpy(&word, p, 4);
  return word;
}

static struct records read_records(const char *path) {
  enum { FILE_HEADER = 24, RECORD_HEADER = 16 };
  size_t size;
  uint8_t *file = whole_file(path, &size);
  if (size < FILE_HEADER + RECORD_HEADER || (word_at(file) != 0xa1b2c3d4 && word_at(file) != 0xa1b23c4d)) {
    die("this is no little-endian pcap file with a frame in it");
  }
  struct records records = {.bytes = file, .length = word_at(file + FILE_HEADER + 8)};
  for (size_t at = FILE_HEADER; at < size; at += RECORD_HEADER + records.length, records.count++) {
    if (word_at(file + at + 8) != records.length || word_at(file + at + 12) != records.length) die("the frames differ in length");
    if (at + RECORD_HEADER + records.length > size) die("the file ends in a frame");
    memmove(file + (size_t)records.count * records.length, file + at + RECORD_HEADER, records.length);
  }
  return records;
}

// The one's complement sum over an IPv4 header without options, as the checksum of it.
static void fix_ipv4(uint8_t *header) {
  uint32_t sum = 0;
  header[10] = header[11] = 0;
  for (int i = 0; i < 20; i += 2) sum += (uint32_t)(header[i] << 8 | header[i + 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  header[10] = (uint8_t)(~sum >> 8);
  header[11] = (uint8_t)~sum;
}

// As many ERSPAN sessions as asked for of the frames there are: ten bits of session at `session_at`, and another source address
// for each 1,024, counted up from the frame's.
static struct records multiply(struct records few, uint32_t sessions, uint32_t session_at) {
  struct records many = {.bytes = malloc((size_t)sessions * few.length), .count = sessions, .length = few.length};
  if (many.bytes == NULL) die("there is not enough memory");
  if (session_at + 2 > few.length || few.length < 34) die("there is no place for a session in the frame");
  for (uint32_t i = 0; i < sessions; i++) {
    uint8_t *frame = many.bytes + (size_t)i * few.length;
    memcpy(frame, few.bytes + (size_t)(i % few.count) * few.length, few.length);
    frame[session_at] = (uint8_t)((frame[session_at] & 0xfc) | (i >> 8 & 3));
    frame[session_at + 1] = (uint8_t)i;
    uint32_t source = __builtin_bswap32(word_at(frame + 26)) + i / 1024;
    for (int byte = 0; byte < 4; byte++) frame[26 + byte] = (uint8_t)(source >> (24 - 8 * byte));
    fix_ipv4(frame + 14);
  }
  return many;
}

static void write_marks(struct records *records, uint32_t at) {
  if (at + sizeof(struct mark) > records->length) die("there is no place for a mark in the frame");
  for (uint32_t i = 0; i < records->count; i++) {
    struct mark mark = {.magic = MARK_MAGIC, .session = i};
    memcpy(records->bytes + (size_t)i * records->length + at, &mark, sizeof mark);
  }
}

#endif
