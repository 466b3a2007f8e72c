// A small assembler for eBPF (RFC 9669): registers, loads, jumps to labels, calls of helpers. What it makes goes to `loadProgram`.

/** Registers by their use in the kernel's calling convention. */
export const R = { r0: 0, r1: 1, r2: 2, r3: 3, r4: 4, r5: 5, r6: 6, r7: 7, r8: 8, r9: 9, r10: 10 } as const;
export type Register = (typeof R)[keyof typeof R];

export type Size = "u8" | "u16" | "u32" | "u64";
const SIZES: Record<Size, number> = { u32: 0x00, u16: 0x08, u8: 0x10, u64: 0x18 };

const CLASS_LDX = 0x01;
const CLASS_STX = 0x03;
const CLASS_JMP = 0x05;
const CLASS_JMP32 = 0x06;
const CLASS_ALU64 = 0x07;
const MODE_MEM = 0x60;
const FROM_REGISTER = 0x08;
const LOAD_IMMEDIATE_64 = 0x18;
const PSEUDO_MAP_FD = 1;

const OPERATIONS = { add: 0x00, sub: 0x10, or: 0x40, and: 0x50, shl: 0x60, shr: 0x70, mov: 0xb0 } as const;
type Operation = keyof typeof OPERATIONS;
const CONDITIONS = { eq: 0x10, gt: 0x20, ge: 0x30, set: 0x40, ne: 0x50, lt: 0xa0, le: 0xb0 } as const;
type Condition = keyof typeof CONDITIONS;
const ALWAYS = 0x00;
const CALL = 0x80;
const EXIT = 0x90;

/** What a program says of a frame. */
export const XDP_ACTIONS = { drop: 1, pass: 2 } as const;
/** Helper: redirects to an entry of a map. */
export const BPF_REDIRECT_MAP = 51;
/** Fields of the context. */
export const XDP_CONTEXT = { data: 0, dataEnd: 4, queue: 16 } as const;

interface Instruction {
  readonly code: number;
  readonly registers: number;
  readonly offset: number | string;
  readonly immediate: number;
}

/** Instructions in order; `label` names the next one. Every method gives the program itself. */
export class BpfProgram {
  readonly #instructions: Instruction[] = [];
  readonly #labels = new Map<string, number>();

  /** `to <operation>= from`, of 64 bits; `from` a register, or when it is given as `{ value }` a number of 32 bits with its sign. */
  alu(operation: Operation, to: Register, from: Register | { readonly value: number }): this {
    const code = CLASS_ALU64 | OPERATIONS[operation];
    if (typeof from === "number") return this.#emit(code | FROM_REGISTER, to, from, 0, 0);
    return this.#emit(code, to, 0, 0, within(from.value, -(2 ** 31), 2 ** 31));
  }
  /** `to` = what lies `offset` bytes behind the address in `at`, in the machine's byte order. */
  load(size: Size, to: Register, at: Register, offset: number): this {
    return this.#emit(CLASS_LDX | MODE_MEM | SIZES[size], to, at, offset, 0);
  }
  store(size: Size, at: Register, offset: number, from: Register): this {
    return this.#emit(CLASS_STX | MODE_MEM | SIZES[size], at, from, offset, 0);
  }
  /** `to` = the map of file descriptor `fd`. */
  loadMap(to: Register, fd: number): this {
    return this.#emit(LOAD_IMMEDIATE_64, to, PSEUDO_MAP_FD, 0, fd).#emit(0, 0, 0, 0, 0);
  }
  jump(label: string): this {
    return this.#emit(CLASS_JMP | ALWAYS, 0, 0, label, 0);
  }
  /** Jumps when `a <condition> b`; of 64 bits with a register, of 32 with a value. */
  jumpIf(condition: Condition, a: Register, b: Register | { readonly value: number }, label: string): this {
    if (typeof b === "number") {
      return this.#emit(CLASS_JMP | CONDITIONS[condition] | FROM_REGISTER, a, b, label, 0);
    }
    const value = within(b.value, -(2 ** 31), 2 ** 32);
    return this.#emit(CLASS_JMP32 | CONDITIONS[condition], a, 0, label, value);
  }
  call(helper: number): this {
    return this.#emit(CLASS_JMP | CALL, 0, 0, 0, helper);
  }
  exit(): this {
    return this.#emit(CLASS_JMP | EXIT, 0, 0, 0, 0);
  }
  label(name: string): this {
    if (this.#labels.has(name)) throw new Error(`label ${name} stands twice`);
    this.#labels.set(name, this.#instructions.length);
    return this;
  }

  #emit(code: number, to: number, from: number, offset: number | string, immediate: number): this {
    this.#instructions.push({ code, registers: (from << 4) | to, offset, immediate });
    return this;
  }

  /** 8 bytes an instruction, little-endian. */
  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.#instructions.length * 8);
    const view = new DataView(bytes.buffer);
    for (const [i, { code, registers, offset, immediate }] of this.#instructions.entries()) {
      view.setUint8(i * 8, code);
      view.setUint8(i * 8 + 1, registers);
      const places = typeof offset === "number" ? offset : this.#distance(i, offset);
      view.setInt16(i * 8 + 2, within(places, -(2 ** 15), 2 ** 15), true);
      view.setInt32(i * 8 + 4, immediate, true);
    }
    return bytes;
  }

  #distance(from: number, label: string): number {
    const to = this.#labels.get(label);
    if (to === undefined) throw new Error(`there is no label ${label}`);
    return to - from - 1;
  }
}

/** The number, for which there are so many bits. */
function within(value: number, least: number, beyond: number): number {
  if (Number.isInteger(value) && value >= least && value < beyond) return value;
  throw new Error(`${value} does not fit into an instruction`);
}
