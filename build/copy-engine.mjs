// After tsc: puts the compiled engine beside the compiled sources that load it, and makes the command executable.

import { chmodSync, copyFileSync, existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../", import.meta.url);

for (const name of ["spangate.wasm", "spangate.shared.wasm"]) {
  const from = new URL(`src/engine/${name}`, root);
  if (!existsSync(from)) {
    console.error(`${fileURLToPath(from)} is missing: npm run build:engine first`);
    process.exit(1);
  }
  copyFileSync(from, new URL(`dist/src/engine/${name}`, root));
}

const command = new URL("dist/src/cli/main.js", root);
if (existsSync(command)) chmodSync(command, 0o755);
