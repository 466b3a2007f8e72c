// `npm run soak`, as root: half an hour of mixed traffic through a gateway (soak.ts), or SPANGATE_SOAK_SECONDS of it.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { load } from "./load.mjs";

if (process.platform !== "linux" || process.getuid() !== 0) {
  console.error("The soak makes network namespaces and loads eBPF programs: it takes Linux and root.");
  process.exit(2);
}
const seconds = Number(process.env.SPANGATE_SOAK_SECONDS ?? 1800);
if (!(seconds >= 120)) {
  console.error(`SPANGATE_SOAK_SECONDS is ${process.env.SPANGATE_SOAK_SECONDS}; expected 120 or more.`);
  process.exit(2);
}
execFileSync("npm", ["run", "--silent", "build"], {
  cwd: fileURLToPath(new URL("../..", import.meta.url)),
  stdio: "inherit",
});
const { soak } = await load("test/live/soak.ts");
process.exit(await soak(seconds));
