// The kernel's own VXLAN device, which takes every VNI, and what comes out of it by `tc mirred` to the delivery interface. It cannot
// set a MAC, as this kernel may have no `pedit`.

import type { LiveContender } from "./contenders.js";

export const vxlanDevice: LiveContender = {
  name: "vxlan device, tc mirred",
  encapsulation: "VXLAN",
  decapsulates: true,
  mode: "skb",
  sink: "tcx",
  missing: () => undefined,
  async start(lab) {
    const run = (command: string) => lab.run(lab.gateway, ...(command.split(" ") as [string, ...string[]]));
    run("ip link add vx0 mtu 1600 type vxlan external dstport 4789 nolearning");
    run("ip link set vx0 up");
    run("tc qdisc add dev vx0 clsact");
    run(
      "tc filter add dev vx0 ingress protocol all prio 1 u32 match u32 0 0 action mirred egress redirect dev d0",
    );
    return { stop: async () => void run("ip link delete vx0") };
  },
};
