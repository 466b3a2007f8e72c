#!/usr/bin/env node
// The command `spangate`. Its version is asked for by scripts, often: that needs nothing but package.json.

import { VERSION } from "../version.js";

// A reader that goes away, as `head` does, has read enough; what failed before that has failed all the same.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? (process.exitCode ?? 0) : 1);
});

const [, , first, ...rest] = process.argv;
if (rest.length === 0 && (first === "--version" || first === "-V")) {
  process.stdout.write(`${VERSION}\n`);
} else {
  const { run } = await import("./program.js");
  const code = await run();
  if (code !== undefined) process.exitCode = code;
}
