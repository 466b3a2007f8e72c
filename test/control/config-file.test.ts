// The configuration's file, watched: however it is changed, that is told once, with the whole text there.

import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { ConfigFile } from "../../src/control/config-file.js";

const LONG_ENOUGH = 400;

async function watched(path = join(mkdtempSync(join(tmpdir(), "spangate-file-")), "gateway.yaml")) {
  writeFileSync(path, "first");
  const seen: string[] = [];
  const failures: unknown[] = [];
  const file = await ConfigFile.watch(
    path,
    () => seen.push(readFileSync(path, "utf8")),
    (error) => failures.push(error),
  );
  onTestFinished(() => file.close());
  return { path, seen, failures };
}

test("written to in pieces, it is told of when it is whole", async () => {
  const { path, seen } = await watched();
  writeFileSync(path, "");
  for (const piece of ["sec", "ond", " text"]) {
    await pause(20);
    writeFileSync(path, piece, { flag: "a" });
  }
  await expect.poll(() => seen).toEqual(["second text"]);
  await pause(LONG_ENOUGH);
  expect(seen).toEqual(["second text"]);
});

test("replaced by another file, again and again", async () => {
  const { path, seen } = await watched();
  for (const text of ["second", "third"]) {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
    await expect.poll(() => seen.at(-1)).toBe(text);
  }
  expect(seen).toEqual(["second", "third"]);
});

test("through links that are replaced, as Kubernetes does", async () => {
  const folder = mkdtempSync(join(tmpdir(), "spangate-links-"));
  for (const name of ["one", "two"]) mkdirSync(join(folder, name));
  symlinkSync("one", join(folder, "..data"));
  symlinkSync("..data/gateway.yaml", join(folder, "gateway.yaml"));
  const { path, seen } = await watched(join(folder, "gateway.yaml"));
  writeFileSync(join(folder, "two", "gateway.yaml"), "second");
  symlinkSync("two", join(folder, "..new"));
  renameSync(join(folder, "..new"), join(folder, "..data"));
  await expect.poll(() => seen).toEqual(["second"]);
  expect(readFileSync(path, "utf8")).toBe("second");
});

test("removed it is not told of, and when it comes back with the same text neither", async () => {
  const { path, seen } = await watched();
  rmSync(path);
  await pause(LONG_ENOUGH);
  writeFileSync(path, "first");
  await pause(LONG_ENOUGH);
  expect(seen).toEqual([]);
  writeFileSync(path, "second");
  await expect.poll(() => seen).toEqual(["second"]);
});

test("what else happens in the folder is not told of", async () => {
  const { path, seen } = await watched();
  writeFileSync(`${path}.bak`, "other");
  await pause(LONG_ENOUGH);
  expect(seen).toEqual([]);
});

test("a folder that is not there is said", async () => {
  const failures: unknown[] = [];
  const file = await ConfigFile.watch(
    "/nowhere/gateway.yaml",
    () => {},
    (error) => failures.push(error),
  );
  file.close();
  expect(failures).toEqual([expect.objectContaining({ code: "ENOENT" })]);
});

test("when something that cannot be read is in its place, that is told: whoever reads it hears why", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "spangate-file-")), "gateway.yaml");
  writeFileSync(path, "first");
  let told = 0;
  const file = await ConfigFile.watch(
    path,
    () => told++,
    () => {},
  );
  onTestFinished(() => file.close());
  rmSync(path);
  mkdirSync(path);
  await expect.poll(() => told).toBe(1);
});
