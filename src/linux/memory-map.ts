// Kernel memory in linear memory: what a file descriptor offers to `mmap` comes to lie at an address that the engine can reach.

import { errno, libc, systemError } from "./libc.js";

export const PAGE = 4096;
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_POPULATE = 0x8000;
const NO_FILE = -1;

function map(
  address: number,
  length: number,
  flags: number,
  fd: number,
  offset: number,
  about: string,
): void {
  const got = libc.mmap(address, length, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, offset);
  if (Number(got) === address) return;
  throw systemError(errno(), "mmap", about);
}

/** Maps `length` bytes of `fd` over what lies at `address` of this process, both whole pages. */
export function mapOver(address: number, length: number, fd: number, offset: number, about: string): void {
  map(address, length, MAP_SHARED | MAP_POPULATE, fd, offset, about);
}

/** Ordinary memory again, zeroed: what was mapped there holds its file open otherwise. */
export function unmapOver(address: number, length: number): void {
  map(address, length, MAP_PRIVATE | MAP_ANONYMOUS, NO_FILE, 0, "unmap a ring");
}
