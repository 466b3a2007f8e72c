// The package's version, for `--version` and for the files we write.

import { readFileSync } from "node:fs";

/** As in package.json. */
export const VERSION: string = (
  JSON.parse(readFileSync(findPackage(), "utf8")) as { readonly version: string }
).version;

/** Beside the sources, or two folders above the compiled ones. */
function findPackage(): URL {
  const inDist = import.meta.url.includes("/dist/src/");
  return new URL(inDist ? "../../package.json" : "../package.json", import.meta.url);
}
