// Optional dependencies: whether they are there and fit this machine. Apart from all that needs them.

import { createRequire } from "node:module";
import { bad, type Finding, ok } from "./finding.js";

const check = "packages";
const load = createRequire(import.meta.url);

/** Every system call goes through it: without koffi nothing else can be looked at. */
export function koffiFinding(): Finding {
  return found("koffi", "by which `run` and `doctor` talk to the kernel", "npm install -g koffi");
}

/** For tunnel.backend: libpcap. */
export function capFinding(): Finding {
  const mend = "apt-get install -y libpcap-dev g++ make python3 && npm install -g cap";
  return found("cap", "which tunnel.backend: libpcap takes", mend);
}

function found(name: string, what: string, mend: string): Finding {
  try {
    load(name);
    return ok(check, `${name} is there, ${what}`);
  } catch (error) {
    const [why] = (error as Error).message.split("\n");
    return bad(check, `${name} cannot be loaded, ${what}: ${why}`, mend);
  }
}
