// Classic BPF on a socket (SO_ATTACH_FILTER, Documentation/networking/filter.rst): a small assembler, and the filters themselves.
//
//     sock_filter   0 code:16 | 2 jt:8 | 3 jf:8 | 4 k:32
//     sock_fprog    0 length:16 | 8 address:64

import { check, libc, stable } from "./libc.js";
import { SOL_SOCKET } from "./socket.js";

const SO_ATTACH_FILTER = 26;
const LOAD = 0x00;
const LOAD_INDEX = 0x01;
const SIZES = { u32: 0x00, u16: 0x08, u8: 0x10 } as const;
const ABSOLUTE = 0x20;
const INDIRECT = 0x40;
const FROM_STORE = 0x60;
const TO_STORE = 0x02;
const OPERATIONS = { add: 0x04, mul: 0x24, and: 0x54, shl: 0x64, shr: 0x74 } as const;
const ADD_INDEX = 0x0c;
const XOR_INDEX = 0xac;
const JUMP = 0x05;
const CONDITIONS = { eq: 0x15, ge: 0x35, set: 0x45 } as const;
const RETURN = 0x06;
const RETURN_ACCUMULATOR = 0x16;
const TO_INDEX = 0x07;
const FROM_INDEX = 0x87;
/** What a load sees here is about the packet, not in it. */
const ABOUT = -0x1000;
/** The EtherType behind the tag that it has taken off. */
const ABOUT_TYPE = ABOUT + 0;
/** The index of the interface. */
const ABOUT_INTERFACE = ABOUT + 8;
/** 1 when the kernel has taken a VLAN tag off. */
const ABOUT_TAG = ABOUT + 48;
const WHOLE = 0xffffffff;
/** Offsets from here on are behind the Ethernet header, wherever the program sees the packet begin. */
export const NETWORK_HEADER = -0x100000;

type FilterSize = keyof typeof SIZES;

interface Instruction {
  readonly code: number;
  /** Of a conditional jump: how many instructions to skip when it is so, and when not. */
  readonly jumps: readonly [number, number];
  readonly value: number | string;
}

/**
 * Instructions in order; `label` names the next one. There is an accumulator, and an index register. A load beyond the end of the
 * packet ends the program: the packet is refused.
 */
export class SocketFilter {
  readonly #instructions: Instruction[] = [];
  readonly #labels = new Map<string, number>();

  /** The accumulator = what lies at `offset`, in network order. */
  load(size: FilterSize, offset: number): this {
    return this.#emit(LOAD | SIZES[size] | ABSOLUTE, offset >>> 0);
  }
  /** The same, `offset` behind the index. */
  loadAtIndex(size: FilterSize, offset: number): this {
    return this.#emit(LOAD | SIZES[size] | INDIRECT, offset >>> 0);
  }
  /** The accumulator = 1 when the kernel has taken a VLAN tag off, else 0. */
  loadHasTag(): this {
    return this.#emit(LOAD | ABSOLUTE, ABOUT_TAG >>> 0);
  }
  /** The accumulator = the EtherType of what is behind the tag that the kernel has taken off, if there was one. */
  loadType(): this {
    return this.#emit(LOAD | ABSOLUTE, ABOUT_TYPE >>> 0);
  }
  /** The accumulator = the index of the interface that the packet came in by. */
  loadInterface(): this {
    return this.#emit(LOAD | ABSOLUTE, ABOUT_INTERFACE >>> 0);
  }
  /** The index = a value. */
  index(value: number): this {
    return this.#emit(LOAD_INDEX, value);
  }
  /** Puts the accumulator aside, and takes it back. */
  keep(): this {
    return this.#emit(TO_STORE, 0);
  }
  restore(): this {
    return this.#emit(FROM_STORE, 0);
  }
  alu(operation: keyof typeof OPERATIONS, value: number): this {
    return this.#emit(OPERATIONS[operation], value);
  }
  addIndex(): this {
    return this.#emit(ADD_INDEX, 0);
  }
  xorIndex(): this {
    return this.#emit(XOR_INDEX, 0);
  }
  toIndex(): this {
    return this.#emit(TO_INDEX, 0);
  }
  fromIndex(): this {
    return this.#emit(FROM_INDEX, 0);
  }
  jump(label: string): this {
    return this.#emit(JUMP, label);
  }
  /** Jumps when the accumulator is `value`, is not less, or has any bit of it. In two instructions: a condition by itself reaches 255 instructions. */
  jumpIf(condition: keyof typeof CONDITIONS, value: number, label: string): this {
    return this.#emit(CONDITIONS[condition], value, [0, 1]).jump(label);
  }
  /** Jumps unless the accumulator is `value`. */
  jumpUnless(value: number, label: string): this {
    return this.#emit(CONDITIONS.eq, value, [1, 0]).jump(label);
  }
  /** Gives the accumulator. */
  give(): this {
    return this.#emit(RETURN_ACCUMULATOR, 0);
  }
  accept(): this {
    return this.#emit(RETURN, WHOLE);
  }
  refuse(): this {
    return this.#emit(RETURN, 0);
  }
  label(name: string): this {
    if (this.#labels.has(name)) throw new Error(`label ${name} stands twice`);
    this.#labels.set(name, this.#instructions.length);
    return this;
  }

  #emit(code: number, value: number | string, jumps: readonly [number, number] = [0, 0]): this {
    this.#instructions.push({ code, jumps, value });
    return this;
  }

  /** 8 bytes an instruction, little-endian. */
  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.#instructions.length * 8);
    const view = new DataView(bytes.buffer);
    for (const [i, { code, jumps, value }] of this.#instructions.entries()) {
      view.setUint16(i * 8, code, true);
      view.setUint8(i * 8 + 2, jumps[0]);
      view.setUint8(i * 8 + 3, jumps[1]);
      view.setUint32(i * 8 + 4, typeof value === "number" ? value : this.#distance(i, value), true);
    }
    return bytes;
  }

  /** Forward only. */
  #distance(from: number, label: string): number {
    const to = this.#labels.get(label);
    if (to === undefined) throw new Error(`there is no label ${label}`);
    if (to <= from) throw new Error(`label ${label} is behind`);
    return to - from - 1;
  }
}

const NOTHING = new SocketFilter().refuse().bytes();

/** From now on the socket takes the packets that the program accepts. */
export function attachFilter(fd: number, instructions: Uint8Array): void {
  setProgram(fd, SOL_SOCKET, SO_ATTACH_FILTER, instructions, "filter a socket");
}

/** Sets an option that is a program. */
export function setProgram(
  fd: number,
  level: number,
  option: number,
  instructions: Uint8Array,
  about: string,
): void {
  const code = stable(instructions.length);
  code.bytes.set(instructions);
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, instructions.length / 8, true);
  program.setBigUint64(8, BigInt(code.address), true);
  const bytes = new Uint8Array(program.buffer);
  check(libc.setsockopt(fd, level, option, bytes, bytes.length), "setsockopt", about);
}

/** From now on the socket takes packets and keeps none of them: its buffer never fills, and nobody has to read. */
export function dropEverything(fd: number): void {
  attachFilter(fd, NOTHING);
}
