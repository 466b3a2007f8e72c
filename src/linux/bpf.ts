// eBPF by the `bpf` system call (bpf(2), include/uapi/linux/bpf.h): maps, XDP programs, and links that hold a program on an interface
// for as long as this process has them open, so that nothing is left behind when it is killed.

import { check, errno, libc, stable, systemError } from "./libc.js";

const NR_BPF = process.arch === "arm64" ? 280 : 321;
const MAP_CREATE = 0;
const MAP_UPDATE_ELEM = 2;
const MAP_DELETE_ELEM = 3;
const PROG_LOAD = 5;
const PROG_TEST_RUN = 10;
const LINK_CREATE = 28;
const LINK_UPDATE = 29;
const PROG_TYPE_XDP = 6;
const ATTACH_XDP = 37;
const PROG_TYPE_SCHED_CLS = 3;
const ATTACH_TCX_INGRESS = 46;
const LOG_SIZE = 1 << 20;
const NAME_LENGTH = 15;
/** Bytes by which a program may lengthen the frame of a test. */
const GROWTH = 256;

/** Kinds of maps that are used here. */
export const BpfMap = { XskMap: 17 } as const;

/** Program flag: takes frames of several buffers (jumbo frames). */
export const XDP_HAS_FRAGS = 32;
/** How a program runs: in the driver, or behind it on socket buffers. */
export const XDP_MODES = { native: 4, skb: 2 } as const;
export type XdpMode = keyof typeof XDP_MODES;
/** `auto`: in the driver where that is possible. */
export type XdpChoice = XdpMode | "auto";

function bpf(command: number, attributes: DataView, about: string): number {
  const bytes = new Uint8Array(attributes.buffer);
  return check(libc.syscall(NR_BPF, command, bytes, bytes.length), "bpf", about);
}

function attributes(length: number): DataView {
  return new DataView(new ArrayBuffer(length));
}

function setName(view: DataView, offset: number, name: string): void {
  for (const [i, char] of [...name.slice(0, NAME_LENGTH)].entries())
    view.setUint8(offset + i, char.charCodeAt(0));
}

/** A new map, by its file descriptor. Sizes in bytes. @throws SpangateError NOT_PERMITTED, SYSTEM_CALL */
export function createMap(
  type: number,
  keySize: number,
  valueSize: number,
  entries: number,
  name: string,
): number {
  const view = attributes(72);
  for (const [i, word] of [type, keySize, valueSize, entries].entries()) view.setUint32(i * 4, word, true);
  setName(view, 28, name);
  return bpf(MAP_CREATE, view, `create the BPF map ${name}`);
}

/** Sets a map's entry of 4 bytes, such as a socket. @throws SpangateError NOT_PERMITTED, SYSTEM_CALL */
export function updateMap(map: number, key: number, value: number): void {
  element(MAP_UPDATE_ELEM, map, key, value, `set entry ${key} of a BPF map`);
}

/**
 * Takes an entry out of a map.
 *
 * @throws SpangateError SYSTEM_CALL; NOT_PERMITTED or SEALED where the kernel wants CAP_BPF for that, as older ones do with
 *   kernel.unprivileged_bpf_disabled
 */
export function deleteFromMap(map: number, key: number): void {
  element(MAP_DELETE_ELEM, map, key, 0, `take entry ${key} out of a BPF map`);
}

function element(command: number, map: number, key: number, value: number, about: string): void {
  const { bytes, address } = stable(16);
  const words = new Uint32Array(bytes.buffer);
  words[0] = key;
  words[2] = value;
  const view = attributes(32);
  view.setUint32(0, map, true);
  view.setBigUint64(8, BigInt(address), true);
  if (command === MAP_UPDATE_ELEM) view.setBigUint64(16, BigInt(address + 8), true);
  bpf(command, view, about);
}

/**
 * Loads an XDP program. Gives its file descriptor; what the verifier says of one that it refuses is in the error.
 *
 * @param flags XDP_HAS_FRAGS or 0
 * @throws SpangateError NOT_PERMITTED, SYSTEM_CALL
 */
export function loadProgram(instructions: Uint8Array, name: string, flags: number): number {
  return load(instructions, name, { type: PROG_TYPE_XDP, attach: ATTACH_XDP, flags });
}

/** The same of a program that looks at what the kernel is about to take from an interface, behind everybody who only listens (tcx). */
export function loadIngressProgram(instructions: Uint8Array, name: string): number {
  return load(instructions, name, { type: PROG_TYPE_SCHED_CLS, attach: 0, flags: 0 });
}

interface ProgramKind {
  readonly type: number;
  /** expected_attach_type */
  readonly attach: number;
  readonly flags: number;
}

function load(instructions: Uint8Array, name: string, { type, attach, flags }: ProgramKind): number {
  const code = stable(instructions.length);
  code.bytes.set(instructions);
  const license = stable(8);
  license.bytes.set(new TextEncoder().encode("GPL"));
  const attempt = (log: { address: number } | undefined) => {
    const view = attributes(72);
    view.setUint32(0, type, true);
    view.setUint32(4, instructions.length / 8, true);
    view.setBigUint64(8, BigInt(code.address), true);
    view.setBigUint64(16, BigInt(license.address), true);
    if (log !== undefined) {
      view.setUint32(24, 1, true);
      view.setUint32(28, LOG_SIZE, true);
      view.setBigUint64(32, BigInt(log.address), true);
    }
    view.setUint32(44, flags, true);
    setName(view, 48, name);
    view.setUint32(68, attach, true);
    const bytes = new Uint8Array(view.buffer);
    return libc.syscall(NR_BPF, PROG_LOAD, bytes, bytes.length);
  };
  const program = attempt(undefined);
  if (program >= 0) return program;
  const log = stable(LOG_SIZE);
  const again = attempt(log);
  if (again >= 0) return again;
  const number = errno();
  const text = new TextDecoder().decode(log.bytes.slice(0, log.bytes.indexOf(0)));
  const last = text.trim().split("\n").slice(-3).join("; ");
  throw systemError(number, "bpf", `load the BPF program ${name}${last === "" ? "" : ` (${last})`}`);
}

/** A program on an interface: it is there until `fd` is closed or the process ends. */
export interface XdpLink {
  readonly fd: number;
  readonly mode: XdpMode;
}

/**
 * Attaches `program` to an interface.
 *
 * @throws SpangateError NOT_PERMITTED, SYSTEM_CALL (EBUSY: another program is there) with what the first of several modes had to say
 */
export function attachXdp(
  program: number,
  { index, name }: { readonly index: number; readonly name: string },
  choice: XdpChoice,
): XdpLink {
  const modes: XdpMode[] = choice === "auto" ? ["native", "skb"] : [choice];
  let reason: unknown;
  for (const mode of modes) {
    const view = attributes(48);
    view.setUint32(0, program, true);
    view.setUint32(4, index, true);
    view.setUint32(8, ATTACH_XDP, true);
    view.setUint32(12, XDP_MODES[mode], true);
    try {
      return { fd: bpf(LINK_CREATE, view, `attach an XDP program to ${name}`), mode };
    } catch (error) {
      reason ??= error;
    }
  }
  throw reason;
}

/**
 * Attaches a program of `loadIngressProgram` to an interface, until the descriptor that this gives is closed or the process ends. Linux
 * 6.6 and later.
 *
 * @throws SpangateError NOT_PERMITTED, SYSTEM_CALL
 */
export function attachIngress(
  program: number,
  { index, name }: { readonly index: number; readonly name: string },
): number {
  const view = attributes(48);
  view.setUint32(0, program, true);
  view.setUint32(4, index, true);
  view.setUint32(8, ATTACH_TCX_INGRESS, true);
  return bpf(LINK_CREATE, view, `attach a BPF program to ${name}`);
}

/**
 * Puts another program in the place of the one on a link, without a moment in which there is none: no driver begins anew for that.
 *
 * @throws SpangateError NOT_PERMITTED, SYSTEM_CALL
 */
export function updateLink(link: number, program: number): void {
  const view = attributes(16);
  view.setUint32(0, link, true);
  view.setUint32(4, program, true);
  bpf(LINK_UPDATE, view, "put another XDP program in place");
}

/** What a program made of a frame. */
export interface TestRun {
  /** XDP_* of the kernel. */
  readonly action: number;
  /** The frame as the program left it. */
  readonly frame: Uint8Array;
}

/**
 * Lets a loaded XDP program look at a frame that no interface sees. It takes 14 bytes at the least.
 *
 * @throws SpangateError SYSTEM_CALL
 */
export function testRun(program: number, frame: Uint8Array): TestRun {
  const data = stable(2 * frame.length + GROWTH);
  data.bytes.set(frame);
  const view = attributes(80);
  view.setUint32(0, program, true);
  view.setUint32(8, frame.length, true);
  view.setUint32(12, frame.length + GROWTH, true);
  view.setBigUint64(16, BigInt(data.address), true);
  view.setBigUint64(24, BigInt(data.address + frame.length), true);
  view.setUint32(32, 1, true);
  bpf(PROG_TEST_RUN, view, "run a BPF program on a frame");
  const length = view.getUint32(12, true);
  return { action: view.getUint32(4, true), frame: data.bytes.slice(frame.length, frame.length + length) };
}
