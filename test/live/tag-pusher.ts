// Puts a VLAN tag on everything that leaves an interface, where there are no VLAN devices: an eBPF program behind the interface's
// egress hook. With the offload `txvlan` on that interface the tag stays outside the frame, as network cards report it.

import { closeSync } from "node:fs";
import { BpfProgram, R } from "../../src/linux/bpf-program.js";
import { check, libc, stable } from "../../src/linux/libc.js";
import type { Lab } from "./lab.js";
import { interfaceIndex, within } from "./namespace.js";

// linux/bpf.h
const NR_BPF = process.arch === "arm64" ? 280 : 321;
const PROG_LOAD = 5;
const LINK_CREATE = 28;
const PROG_TYPE_SCHED_CLS = 3;
const TCX_EGRESS = 47;
const TCX_NEXT = -1;
const SKB_VLAN_PUSH = 18;

/** Tags from now on, until the laboratory closes or the function that it gives is called. */
export function pushTag(lab: Lab, namespace: string, name: string, tci: number, tpid = 0x8100): () => void {
  const index = interfaceIndex(namespace, name);
  const program = load(
    new BpfProgram()
      .alu("mov", R.r2, { value: swapped(tpid) }) // r1 is the packet; the protocol is in network order
      .alu("mov", R.r3, { value: tci })
      .call(SKB_VLAN_PUSH)
      .alu("mov", R.r0, { value: TCX_NEXT })
      .exit()
      .bytes(),
  );
  const attributes = Buffer.alloc(48);
  attributes.writeInt32LE(program, 0);
  attributes.writeInt32LE(index, 4);
  attributes.writeUInt32LE(TCX_EGRESS, 8);
  // The index means an interface of the thread's namespace.
  const link = within(namespace, () => bpf(LINK_CREATE, attributes, `attach to ${name}`));
  closeSync(program);
  let isOn = true;
  const stop = () => {
    if (isOn) closeSync(link);
    isOn = false;
  };
  lab.onClose(stop);
  return stop;
}

function load(instructions: Uint8Array): number {
  const [code, license] = [stable(instructions.length), stable(16)];
  code.bytes.set(instructions);
  license.bytes.set(Buffer.from("Apache-2.0"));
  const attributes = Buffer.alloc(72);
  attributes.writeUInt32LE(PROG_TYPE_SCHED_CLS, 0);
  attributes.writeUInt32LE(instructions.length / 8, 4);
  attributes.writeBigUInt64LE(BigInt(code.address), 8);
  attributes.writeBigUInt64LE(BigInt(license.address), 16);
  return bpf(PROG_LOAD, attributes, "load the program that pushes tags");
}

function bpf(command: number, attributes: Buffer, about: string): number {
  return check(libc.syscall(NR_BPF, command, attributes, attributes.length), "bpf", about);
}

const swapped = (value: number) => ((value & 0xff) << 8) | (value >> 8);
