// Programs of the laboratory in TypeScript, for `npm run`: compiled in a moment, and run without a trace of it.

import { rmSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The program's exports; its modules still find what lies beside their sources. @param {string} name from the repository's root on */
export async function load(name) {
  const { rolldown } = await import("rolldown");
  const sources = {
    name: "sources",
    transform: (code, id) => code.replaceAll("import.meta.url", JSON.stringify(pathToFileURL(id).href)),
  };
  const bundle = await rolldown({
    input: `${root}${name}`,
    cwd: root,
    platform: "node",
    external: ["koffi"],
    resolve: { extensionAlias: { ".js": [".ts", ".js"] } },
    plugins: [sources],
  });
  const file = `${root}dist/live-${process.pid}.mjs`;
  try {
    await bundle.write({ file });
    return await import(pathToFileURL(file).href);
  } finally {
    await bundle.close();
    rmSync(file, { force: true });
  }
}
