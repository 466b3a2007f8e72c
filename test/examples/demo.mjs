// `npm run demo`: captures that real senders made (test/fixtures) through two tenants and three sniffers. Runs the
// command line as a user would, and shows what it runs.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const command = `${root}dist/src/cli/main.js`;
process.chdir(root);

// `npm ci` builds; `npm ci --ignore-scripts` does not.
if (!existsSync(command)) execFileSync("npm", ["run", "--silent", "build"], { stdio: "inherit" });

function spangate(...words) {
  console.log(`$ spangate ${words.join(" ")}`);
  const { status } = spawnSync(process.execPath, [relative(root, command), ...words], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
  console.log();
}

const mixed = "test/fixtures/demo-mixed.pcap";
const map = "test/examples/demo.yaml";

console.log(
  "300 packets of many mirrors arrive as one capture. What is one of them, and what do its sniffers get?\n",
);
spangate("explain", mixed, "--config", map, "--packet", "4");

console.log(
  "All of it, and what Open vSwitch and the Linux kernel mirrored, one clean capture for each sniffer:\n",
);
const inputs = [mixed, "test/fixtures/ovs-gre.pcap", "test/fixtures/kernel-vxlan.pcap"];
spangate(
  "decap",
  ...inputs,
  "--config",
  map,
  "--out",
  "demo-out",
  "--quarantine",
  "demo-out/unmapped.pcapng",
);

console.log("The files open in Wireshark, tshark, Zeek and Suricata. Why was a packet not delivered?\n");
spangate("explain", mixed, "--config", map, "--packet", "48");
