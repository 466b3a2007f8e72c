// `npm run demo:live`, as root: looks whether this machine has what the live demo needs, then runs it (demo.ts).

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { load } from "./load.mjs";

const PACKAGES = {
  ip: "iproute2",
  bridge: "iproute2",
  ethtool: "ethtool",
  tcpdump: "tcpdump",
  "ovs-vswitchd": "openvswitch-switch",
  "ovsdb-server": "openvswitch-switch",
  "ovsdb-tool": "openvswitch-switch",
  "ovs-vsctl": "openvswitch-switch",
  "ovs-appctl": "openvswitch-switch",
};
const root = fileURLToPath(new URL("../..", import.meta.url));

function refuse(reason) {
  console.error(reason);
  process.exit(2);
}

if (process.platform !== "linux") refuse("The live demo needs Linux: it makes network namespaces.");
if (process.getuid() !== 0)
  refuse(
    "The live demo makes network namespaces and loads eBPF programs, which takes root: sudo npm run demo:live",
  );
const absent = Object.keys(PACKAGES).filter(
  (program) => spawnSync(program, ["--version"]).error !== undefined,
);
if (absent.length > 0) {
  const packages = [...new Set(absent.map((program) => PACKAGES[program]))];
  refuse(`The live demo needs ${absent.join(", ")}: sudo apt-get install ${packages.join(" ")}`);
}
await import("koffi").catch(({ message }) =>
  refuse(`The live demo needs koffi, an optional dependency: npm ci. ${message}`),
);

// `npm ci` builds; `npm ci --ignore-scripts` does not.
if (!existsSync(`${root}dist/src/cli/main.js`))
  execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: "inherit" });

const { demo } = await load("test/live/demo.ts");
process.exit(await demo());
