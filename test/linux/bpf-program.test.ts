// The assembler's encodings, each against the tables of RFC 9669: opcode, registers (destination in the low four bits), offset of 16 bits,
// immediate of 32 bits, little-endian.

import { describe, expect, test } from "vitest";
import { BpfProgram, R } from "../../src/linux/bpf-program.js";

const hex = (program: BpfProgram) =>
  Buffer.from(program.bytes())
    .toString("hex")
    .replace(/.{16}(?=.)/g, "$& ");
const program = () => new BpfProgram();

describe("arithmetic (section 4.1): class ALU64 is 7, source K 0, X 8", () => {
  test.each([
    ["add", "07", "0f"],
    ["sub", "17", "1f"],
    ["or", "47", "4f"],
    ["and", "57", "5f"],
    ["shl", "67", "6f"],
    ["shr", "77", "7f"],
    ["mov", "b7", "bf"],
  ] as const)("%s", (operation, byValue, byRegister) => {
    expect(hex(program().alu(operation, R.r3, { value: 0x12345678 }))).toBe(`${byValue}03000078563412`);
    expect(hex(program().alu(operation, R.r3, { value: -2 }))).toBe(`${byValue}030000feffffff`);
    expect(hex(program().alu(operation, R.r3, R.r9))).toBe(`${byRegister}93000000000000`);
  });
});

describe("loads and stores (section 5): mode MEM is 0x60, class LDX 1, STX 3", () => {
  test.each([
    ["u32", "61", "63"],
    ["u16", "69", "6b"],
    ["u8", "71", "73"],
    ["u64", "79", "7b"],
  ] as const)("%s", (size, load, store) => {
    expect(hex(program().load(size, R.r4, R.r1, 0x1234))).toBe(`${load}14341200000000`);
    expect(hex(program().store(size, R.r10, -8, R.r2))).toBe(`${store}2af8ff00000000`);
  });

  test("a map takes two instructions: 0x18 with source 1, the descriptor, and what continues it", () => {
    expect(hex(program().loadMap(R.r1, 0x0102))).toBe("1811000002010000 0000000000000000");
  });
});

describe("jumps (section 4.3)", () => {
  test.each([
    ["eq", "16", "1d"],
    ["gt", "26", "2d"],
    ["ge", "36", "3d"],
    ["set", "46", "4d"],
    ["ne", "56", "5d"],
    ["lt", "a6", "ad"],
    ["le", "b6", "bd"],
  ] as const)(
    "%s: class JMP32 (6) with a value, JMP (5) with a register",
    (condition, byValue, byRegister) => {
      const value = program().jumpIf(condition, R.r7, { value: 0xfedcba98 }, "next").label("next");
      expect(hex(value)).toBe(`${byValue}07000098badcfe`);
      const register = program().jumpIf(condition, R.r7, R.r8, "next").label("next");
      expect(hex(register)).toBe(`${byRegister}87000000000000`);
    },
  );

  test("always, call, exit", () => {
    expect(hex(program().jump("next").label("next").call(51).exit())).toBe(
      "0500000000000000 8500000033000000 9500000000000000",
    );
  });

  test("distances count from the next instruction, forward and back, a map as two", () => {
    const made = program().label("start").jump("end").loadMap(R.r1, 5).jump("start").label("end").exit();
    expect(hex(made)).toBe(
      "0500030000000000 1811000005000000 0000000000000000 0500fcff00000000 9500000000000000",
    );
  });

  test("several labels of one place, and one at the end", () => {
    const made = program().jump("a").jump("b").label("a").label("b");
    expect(hex(made)).toBe("0500010000000000 0500000000000000");
  });
});

describe("what cannot be encoded is an error, and not another program", () => {
  test("a label that stands twice", () => {
    expect(() => program().label("here").exit().label("here")).toThrow("label here stands twice");
  });
  test("a label that is nowhere", () => {
    expect(() => program().jump("nowhere").bytes()).toThrow("there is no label nowhere");
  });
  test("a jump that is too far", () => {
    const far = (between: number) => {
      const made = program().jump("end");
      for (let i = 0; i < between; i++) made.exit();
      return made.label("end").exit();
    };
    expect(hex(far(0x7fff)).slice(0, 16)).toBe("0500ff7f00000000");
    expect(() => far(0x8000).bytes()).toThrow("32768 does not fit");
  });
  test("an offset of more than 16 bits", () => {
    expect(() => program().load("u8", R.r0, R.r1, 0x8000).bytes()).toThrow("32768 does not fit");
    expect(() => program().store("u8", R.r0, -0x8001, R.r1).bytes()).toThrow("-32769 does not fit");
  });
  test("a value of more than 32 bits, or one that the machine would extend to another", () => {
    expect(() => program().alu("mov", R.r0, { value: 0x80000000 })).toThrow("2147483648 does not fit");
    expect(() => program().alu("mov", R.r0, { value: -0x80000001 })).toThrow("-2147483649 does not fit");
    expect(() => program().jumpIf("eq", R.r0, { value: 2 ** 32 }, "x")).toThrow("4294967296 does not fit");
    expect(() => program().alu("add", R.r0, { value: 1.5 })).toThrow("1.5 does not fit");
  });
});
