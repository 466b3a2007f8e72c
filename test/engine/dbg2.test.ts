import { test } from "vitest";
import * as make from "../reference/packets.js";
import { frame } from "../reference/transport-packets.js";
import { flowHash } from "../reference/flow.js";
import { configOf } from "./random-map.js";
import { compileMap } from "../../src/mapping/index.js";
import { DeliveringEngine } from "./delivering.js";
test("dbg", async () => {
  const cfg = configOf(JSON.stringify({ delivery: { mtu: 1400 }, sniffers: [{ name: "a", deliver: "gre", to: "2001:db8:5::10" }], tenants: [{ name: "t", sources: [{ encapsulation: "erspan" }, {encapsulation:"gre"}], sniffers: ["a"] }] }))!;
  const e = await DeliveringEngine.create("lent", compileMap(cfg, { delivery: "configured" }));
  for (const inner of [make.hex("02aa03ccdd0202aabbccdd0108004500002500030000401166ba0a0100050a0100059c402328001156c161636d652061736b73"),frame("tcp", new Uint8Array(60), "10.1.0.1", "10.1.0.4"),frame("udp", new Uint8Array(60), "10.1.0.1", "10.1.0.4"),frame("udp", new Uint8Array(9), "10.1.0.1", "10.1.0.1"),frame("udp", new Uint8Array(9), "10.1.0.1", "10.1.0.2")]) {
    const f = make.ethernet(0x0800, make.ipv4(47, make.gre(0x88be, inner)));
    e.announce([{ frame: f, originalLength: f.length, time: 5n, linkType: 1 }]);
    const v = new Map(); e.process(0, v); console.log(v);
    const fr = e.drain().get("a")![0]!.frames[0]!;
    console.log(Buffer.from(fr).toString("hex").slice(28, 36), (flowHash(inner) & 0xfffff).toString(16));
  }
});
