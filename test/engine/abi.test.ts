// The host takes no engine of another version than its own.

import { expect, test } from "vitest";
import { ABI_VERSION } from "../../src/engine/index.js";
import { instantiate } from "../../src/engine/wasm.js";

const text = (word: string) => [word.length, ...Buffer.from(word)];
const section = (number: number, ...content: number[]) => [number, content.length, ...content];

/** A module that imports its memory and exports ABI_VERSION, which is below 64, and nothing else. */
function engineOf(version: number): Promise<WebAssembly.Module> {
  const memory = [...text("env"), ...text("memory"), 2, 0, 1];
  const global = [0x7f, 0, 0x41, version, 0x0b];
  const exported = [...text("ABI_VERSION"), 3, 0];
  const head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  return WebAssembly.compile(
    Uint8Array.from([
      ...head,
      ...section(2, 1, ...memory),
      ...section(6, 1, ...global),
      ...section(7, 1, ...exported),
    ]),
  );
}

test("an engine of another ABI version is ABI_MISMATCH", async () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const same = await instantiate(await engineOf(ABI_VERSION), memory);
  expect(same.ABI_VERSION.value).toBe(ABI_VERSION);
  await expect(instantiate(await engineOf(ABI_VERSION + 1), memory)).rejects.toMatchObject({
    code: "ABI_MISMATCH",
    details: { found: ABI_VERSION + 1, expected: ABI_VERSION },
  });
});
