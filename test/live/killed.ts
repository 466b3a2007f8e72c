// No test of its own: lab.test.ts runs it in another process, where it is killed in the middle of its work.

import { writeFileSync } from "node:fs";
import { test } from "vitest";
import { Lab } from "./lab.js";
import { Sniffer } from "./sniffer.js";

test("is killed", async () => {
  const lab = new Lab();
  const [a, b] = [await lab.namespace("a"), await lab.namespace("b")];
  await lab.link({ namespace: a, name: "eth0" }, { namespace: b, name: "eth0" });
  await Sniffer.start(lab, a, "eth0");
  // Does not end when it is asked to, and has a child that nobody waits for.
  const stubborn = "trap '' TERM HUP INT; sleep 1000 & echo ready; while :; do wait; done";
  await lab.start(b, "sh", ["-c", stubborn], { ready: /ready/ });
  writeFileSync(process.env.SPANGATE_KILLED!, JSON.stringify({ pid: process.pid, has: lab.leftovers() }));
  process.kill(process.pid, "SIGKILL");
});
