// What reassembly keeps: datagrams under way (found by hash), the pieces of each in order of their offset, the blocks
// of bytes a piece fills, and what each outer source holds. One area, four pools; `pieces` records in each.
//
//   area ─▶ ┌──────────────────────────┐
//           │ deadline          u64    │ packet time at which the earliest datagram is over
//           │ datagram buckets  u32 ×N │
//           │ source buckets    u32 ×N │
//           │ pool of datagrams        │
//           │ pool of sources          │
//           │ pool of pieces           │
//           │ pool of blocks           │
//           └──────────────────────────┘

import { PIECE_BLOCK, WORKER_PIECES } from "./layout";
import * as pool from "./pool";
import { datagrams as area, field } from "./worker";

const BUCKETS = 1024;
const DEADLINE = 0;
const DATAGRAM_BUCKETS = 8;
const SOURCE_BUCKETS = DATAGRAM_BUCKETS + BUCKETS * 4;
const POOLS = SOURCE_BUCKETS + BUCKETS * 4;

// ── a datagram under way ──
export const DATAGRAM_NEXT = 0; // u32, in its bucket
export const DATAGRAM_PIECE = 4; // u32, the piece of least offset
export const DATAGRAM_FIRST_TIME = 8; // u64, ns
export const DATAGRAM_SOURCE = 16; // 16 bytes
// 16 bytes of destination follow
export const DATAGRAM_ID = 48; // u32
export const DATAGRAM_META = 52; // u32: outer VLAN, protocol, family
export const DATAGRAM_COUNT = 56; // u32, pieces held
export const DATAGRAM_BYTES = 60; // u32, bytes held
export const DATAGRAM_TOTAL = 64; // u32, bytes in all, 0 until the last fragment tells
export const DATAGRAM_NEXT_HEADER = 68; // u32, IPv6 next header of the first fragment
export const DATAGRAM_DISCARDED = 72; // u32, 0, or the verdict that its later fragments get
const DATAGRAM_SIZE = 80;

// ── what an outer source holds ──
const SOURCE_NEXT = 0; // u32
const SOURCE_BLOCKS = 4; // u32
const SOURCE_ADDRESS = 8; // 16 bytes
const SOURCE_SIZE = 24;

// ── a piece: one fragment ──
export const PIECE_NEXT = 0; // u32, the piece of next higher offset
const PIECE_BLOCKS = 4; // u32, its first block
export const PIECE_PACKET = 8; // u64
export const PIECE_OFFSET = 16; // u32
export const PIECE_LENGTH = 20; // u32
const PIECE_SIZE = 24;

const BLOCK_NEXT = 0; // u32
const BLOCK_DATA = 8;
const BLOCK_SIZE = BLOCK_DATA + PIECE_BLOCK;

function poolSize(size: u32, pieces: u32): u32 {
  return pool.POOL_HEADER + size * pieces;
}
function datagramPool(): usize {
  return area() + POOLS;
}
function sourcePool(): usize {
  return datagramPool() + poolSize(DATAGRAM_SIZE, field(WORKER_PIECES));
}
function piecePool(): usize {
  return sourcePool() + poolSize(SOURCE_SIZE, field(WORKER_PIECES));
}
function blockPool(): usize {
  return piecePool() + poolSize(PIECE_SIZE, field(WORKER_PIECES));
}

/** Bytes the area takes. */
export function areaSize(pieces: u32): u32 {
  return (
    POOLS + poolSize(DATAGRAM_SIZE + SOURCE_SIZE + PIECE_SIZE + BLOCK_SIZE, pieces) + 3 * pool.POOL_HEADER
  );
}

export function createArea(): void {
  const pieces = field(WORKER_PIECES);
  store<u64>(area(), u64.MAX_VALUE, DEADLINE);
  memory.fill(area() + DATAGRAM_BUCKETS, 0, BUCKETS * 8);
  pool.create(datagramPool(), pieces);
  pool.create(sourcePool(), pieces);
  pool.create(piecePool(), pieces);
  pool.create(blockPool(), pieces);
}

export function deadline(): u64 {
  return load<u64>(area(), DEADLINE);
}
export function setDeadline(time: u64): void {
  store<u64>(area(), time, DEADLINE);
}

// ── datagrams ──

export const DATAGRAM_BUCKET_COUNT: u32 = BUCKETS;

export function datagramBucket(hash: u32): usize {
  return area() + DATAGRAM_BUCKETS + ((hash & (BUCKETS - 1)) << 2);
}
export function datagram(number: u32): usize {
  return pool.record(datagramPool(), DATAGRAM_SIZE, number);
}
/** A fresh datagram at the head of `bucket`; 0 when there is no room. */
export function addDatagram(bucket: usize): u32 {
  const number = pool.take(datagramPool(), DATAGRAM_SIZE);
  if (number == 0) return 0;
  const at = datagram(number);
  memory.fill(at, 0, DATAGRAM_SIZE);
  store<u32>(at, load<u32>(bucket), DATAGRAM_NEXT);
  store<u32>(bucket, number);
  return number;
}
export function removeDatagram(bucket: usize, number: u32): void {
  const next = load<u32>(datagram(number), DATAGRAM_NEXT);
  let link = bucket;
  while (load<u32>(link) != number) link = datagram(load<u32>(link)) + DATAGRAM_NEXT;
  store<u32>(link, next);
  pool.give(datagramPool(), DATAGRAM_SIZE, number);
}

// ── sources ──

function sourceOf(bucket: usize, address: usize): u32 {
  let number = load<u32>(bucket);
  while (number != 0) {
    const at = pool.record(sourcePool(), SOURCE_SIZE, number);
    if (
      load<u64>(at, SOURCE_ADDRESS) == load<u64>(address) &&
      load<u64>(at, SOURCE_ADDRESS + 8) == load<u64>(address, 8)
    ) {
      return number;
    }
    number = load<u32>(at, SOURCE_NEXT);
  }
  return 0;
}
function sourceBucket(address: usize): usize {
  const mixed = (load<u64>(address) ^ load<u64>(address, 8)) * 0x9e3779b97f4a7c15;
  return area() + SOURCE_BUCKETS + ((<u32>(mixed >> 40) & (BUCKETS - 1)) << 2);
}
/** Blocks the outer source at `address` holds. */
export function heldBy(address: usize): u32 {
  const number = sourceOf(sourceBucket(address), address);
  return number == 0 ? 0 : load<u32>(pool.record(sourcePool(), SOURCE_SIZE, number), SOURCE_BLOCKS);
}
function charge(address: usize, blocks: i32): void {
  const bucket = sourceBucket(address);
  let number = sourceOf(bucket, address);
  if (number == 0) {
    number = pool.take(sourcePool(), SOURCE_SIZE); // as many as blocks: there is always one
    const fresh = pool.record(sourcePool(), SOURCE_SIZE, number);
    store<u32>(fresh, load<u32>(bucket), SOURCE_NEXT);
    store<u32>(fresh, 0, SOURCE_BLOCKS);
    memory.copy(fresh + SOURCE_ADDRESS, address, 16);
    store<u32>(bucket, number);
  }
  const at = pool.record(sourcePool(), SOURCE_SIZE, number);
  const left = load<u32>(at, SOURCE_BLOCKS) + blocks;
  store<u32>(at, left, SOURCE_BLOCKS);
  if (left != 0) return;
  let link = bucket;
  while (load<u32>(link) != number)
    link = pool.record(sourcePool(), SOURCE_SIZE, load<u32>(link)) + SOURCE_NEXT;
  store<u32>(link, load<u32>(at, SOURCE_NEXT));
  pool.give(sourcePool(), SOURCE_SIZE, number);
}

// ── pieces ──

export function piece(number: u32): usize {
  return pool.record(piecePool(), PIECE_SIZE, number);
}
export function blocksFor(length: u32): u32 {
  return (length + PIECE_BLOCK - 1) / PIECE_BLOCK;
}
export function freeBlocks(): u32 {
  return pool.free(blockPool());
}

/** A piece with a copy of `length` bytes at `data`, for which there is room; not yet linked to its datagram. */
export function addPiece(source: usize, data: usize, length: u32): u32 {
  const number = pool.take(piecePool(), PIECE_SIZE);
  const at = piece(number);
  store<u32>(at, length, PIECE_LENGTH);
  charge(source, blocksFor(length));
  let link = at + PIECE_BLOCKS;
  for (let left = length; left > 0; ) {
    const block = pool.take(blockPool(), BLOCK_SIZE);
    const bytes = min<u32>(left, PIECE_BLOCK);
    store<u32>(link, block);
    link = pool.record(blockPool(), BLOCK_SIZE, block) + BLOCK_NEXT;
    memory.copy(link + BLOCK_DATA, data, bytes);
    data += bytes;
    left -= bytes;
  }
  store<u32>(link, 0);
  return number;
}

export function removePiece(source: usize, number: u32): void {
  const at = piece(number);
  charge(source, -(<i32>blocksFor(load<u32>(at, PIECE_LENGTH))));
  let block = load<u32>(at, PIECE_BLOCKS);
  while (block != 0) {
    const next = load<u32>(pool.record(blockPool(), BLOCK_SIZE, block), BLOCK_NEXT);
    pool.give(blockPool(), BLOCK_SIZE, block);
    block = next;
  }
  pool.give(piecePool(), PIECE_SIZE, number);
}

export function copyPiece(number: u32, to: usize): void {
  let left = load<u32>(piece(number), PIECE_LENGTH);
  let block = load<u32>(piece(number), PIECE_BLOCKS);
  while (block != 0) {
    const at = pool.record(blockPool(), BLOCK_SIZE, block);
    const bytes = min<u32>(left, PIECE_BLOCK);
    memory.copy(to, at + BLOCK_DATA, bytes);
    to += bytes;
    left -= bytes;
    block = load<u32>(at, BLOCK_NEXT);
  }
}

/** Whether the piece holds the same bytes as stand at `data`. */
export function samePiece(number: u32, data: usize): bool {
  let left = load<u32>(piece(number), PIECE_LENGTH);
  let block = load<u32>(piece(number), PIECE_BLOCKS);
  while (block != 0) {
    const at = pool.record(blockPool(), BLOCK_SIZE, block);
    const bytes = min<u32>(left, PIECE_BLOCK);
    if (memory.compare(at + BLOCK_DATA, data, bytes) != 0) return false;
    data += bytes;
    left -= bytes;
    block = load<u32>(at, BLOCK_NEXT);
  }
  return true;
}
