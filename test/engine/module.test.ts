// The compiled modules themselves: what they export, how large they are, that they bring no data of their own.

import { readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ABI_VERSION } from "../../assembly/abi.js";
import * as at from "../../assembly/memory/layout.js";

const EXPORTS = [
  "ABI_VERSION",
  "attach",
  "clockSet",
  "createPool",
  "encodeDeliveries",
  "encodePcap",
  "encodePcapng",
  "encodeRecord",
  "flush",
  "giveSlot",
  "mapBuild",
  "memory",
  "packetPrepare",
  "packetReceive",
  "packetSettle",
  "prepareSniffer",
  "process",
  "publish",
  "reassemblySize",
  "reclaim",
  "reclaimNext",
  "recycle",
  "settle",
  "settleFrom",
  "take",
  "takeFrom",
  "takeSlot",
  "xdpComplete",
  "xdpNotSent",
  "xdpReceive",
  "xdpRefill",
  "xdpTransmit",
  "xdpUnsent",
];

function path(file: string): string {
  return fileURLToPath(new URL(`../../src/engine/${file}`, import.meta.url));
}

describe.each(["spangate.wasm", "spangate.shared.wasm"])("%s", (file) => {
  test("is under 64 KB", () => {
    expect(statSync(path(file)).size).toBeLessThan(64_000);
  });

  test("exports what the host calls, and imports nothing but its memory", async () => {
    const module = await WebAssembly.compile(readFileSync(path(file)));
    expect(
      WebAssembly.Module.exports(module)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(EXPORTS);
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: "env", name: "memory", kind: "memory" }]);
  });

  test("has the host's ABI version", async () => {
    const shared = file.includes("shared");
    const memory = new WebAssembly.Memory({ initial: 65_536, maximum: 65_536, shared });
    const { exports } = await WebAssembly.instantiate(await WebAssembly.compile(readFileSync(path(file))), {
      env: { memory },
    });
    expect((exports.ABI_VERSION as WebAssembly.Global).value).toBe(ABI_VERSION);
  });

  test("has no data section: a second instance on the same memory must not overwrite the first one's state", () => {
    expect(sections(readFileSync(path(file)))).not.toContain(DATA_SECTION);
  });
});

const DATA_SECTION = 11;

/** Section numbers of a module (WebAssembly 5.5). */
function sections(module: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = 8; at < module.length; ) {
    found.push(module[at++]!);
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = module[at++]!;
      length |= (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) break;
    }
    at += length;
  }
  return found;
}

describe("the layout", () => {
  test("has a slot stride that is no power of two, and of whole cache lines", () => {
    expect(Math.log2(at.SLOT_STRIDE) % 1).not.toBe(0);
    expect(at.SLOT_STRIDE % 64).toBe(0);
  });

  test("keeps 64-bit fields aligned", () => {
    const fields = [
      at.TIME,
      at.PACKET,
      at.DECLARED,
      at.MIRROR,
      at.SOURCE,
      at.DESTINATION,
      at.DESCRIPTOR,
      at.DESCRIPTORS,
    ];
    for (const offset of [...fields, at.COUNTERS, at.WORKER_SIZE, at.CONFIG_SEEDS, at.CONFIG_TIMEOUT]) {
      expect(offset % 8).toBe(0);
    }
  });
});
