// Real captures: as many packets, at the same times and of the same lengths, as tshark sees in them.
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { missing, tshark } from "./programs.js";
import { readAll } from "./reading.js";

const folders = ["../../../shared/captures/", "../fixtures/"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);
const captures = folders.flatMap((folder) => {
  if (existsSync(folder))
    return readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => /\.pcap(ng)?(\.gz)?$/.test(name))
      .map((name) => folder + name);
  console.warn(`${folder} is not there: its captures are not read`);
  return [];
});

describe.skipIf(missing("tshark") || captures.length === 0)("tshark sees the same", () => {
  test.each(captures)("%s", async (path) => {
    const { frames, error } = await readAll(path, { batch: 3 });
    expect(error).toBeUndefined();
    const seen = tshark(path, ["frame.time_epoch", "frame.len", "frame.cap_len"]);
    expect(seen.length).toBeGreaterThan(0);
    expect(
      frames.map(({ time, original, data }) => [
        `${time / 1_000_000_000n}.${String(time % 1_000_000_000n).padStart(9, "0")}`,
        String(original),
        String(data.length / 2),
      ]),
    ).toEqual(seen);
  });
});
