// Run by choice.test.ts: opens an interface's tunnel side by AF_XDP and closes it, when asked for it sealed in between. Says whether tags
// were taken off meanwhile, and what could not be put back.

import { openXdpTunnel } from "../../dist/src/datapath/xdp-ports.js";
import { Engine } from "../../dist/src/engine/index.js";
import { becomeUser, offload, Rtnetlink, seal } from "../../dist/src/linux/index.js";

const [name, address, how] = process.argv.slice(2);
const engine = await Engine.create({ slots: 1024, memory: 1 << 28 }, "shared");
const netlink = Rtnetlink.open();
const { port } = await openXdpTunnel({
  engine,
  config: {
    tunnel: {
      addresses: [{ family: 4, bytes: Uint8Array.from(address.split("."), Number) }],
      ports: { vxlan: [4789] },
      xdp: "auto",
    },
  },
  link: netlink.link(name),
  receiveRing: 64,
  transmitRing: 64,
  isShared: false,
});
netlink.close();
const during = offload(name, "rxVlan").on;
if (how === "sealed") {
  becomeUser("nobody");
  seal();
}
await port.detach();
port.close();
console.log(JSON.stringify({ during, notRestored: port.notRestored }));
