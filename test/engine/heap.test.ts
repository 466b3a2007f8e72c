// Ten million packets through the batch API leave the JavaScript heap as it was.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const PACKETS = 10_000_000;

test("ten million packets make no garbage", () => {
  const program = fileURLToPath(new URL("heap-program.mjs", import.meta.url));
  const output = execFileSync(process.execPath, ["--expose-gc", program, String(PACKETS)], {
    encoding: "utf8",
  });
  const { grown, made, delivered } = JSON.parse(output) as Record<string, number>;
  expect(delivered).toBeGreaterThanOrEqual(PACKETS);
  expect(grown).toBeLessThan(1_000_000);
  expect(made).toBeLessThan(PACKETS / 2); // bytes: not one for two packets
});
