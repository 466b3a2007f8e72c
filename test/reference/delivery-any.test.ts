// Delivery of anything: no frame, however broken, makes it read outside its bytes or send what the rules do not allow.

import { expect, test } from "vitest";
import { engineDeliversAlike } from "../engine/delivery-agreement.js";
import { decoded, deliveryTo } from "./delivery-rows.js";
import type { ReferenceSniffer } from "./index.js";
import { mutations, seeded } from "./mutate.js";
import { type Shape, wrap } from "./mutate-shapes.js";
import { ethernet, extension, fragmentHeader, hex, ipv4, ipv6, tag } from "./packets.js";
import { frame, sealed } from "./transport-packets.js";

const data = new Uint8Array(24).fill(1);
const shapes: Shape[] = [
  frame("tcp", data, "10.1.0.1", "10.1.0.2"),
  frame("icmpv6", data, "2001:db8::1", "2001:db8::2"),
  ethernet(0x88a8, tag(1, 0x8100, tag(2, 0x0800, ipv4(17, data, { options: hex("8307040a090009 00") })))),
  ethernet(
    0x86dd,
    ipv6(0, extension(43, extension(51, extension(44, fragmentHeader(60, 0, true, 1, data))))),
  ),
  ethernet(0x86dd, ipv6(60, extension(17, sealed("udp", data, "2001:db8::1", "2001:db8::2")))),
].map((frame) => ({ frame, linkType: 1 }));
const random = seeded(5);
const corpus = [...shapes, ...shapes, ...shapes.map(({ frame }) => wrap(frame, random))];

const mac = "02:00:00:00:0a:01";
const sniffers: ReferenceSniffer[] = [
  { name: "mac", deliver: "mac", mac },
  { name: "ip4", deliver: "ip", mac, ip: "192.0.2.77" },
  { name: "ip6", deliver: "ip", mac, ip: "2001:db8:77::1", vlan: 5 },
  { name: "erspan2", deliver: "erspan2", to: "192.0.2.1", session: 1 },
  { name: "vxlan", deliver: "vxlan", to: "2001:db8::9", vni: 1, fit: "fragment" },
];
const MTU = 120;

test("whatever comes", () => {
  const delivery = deliveryTo(sniffers, {}, MTU);
  const stream = mutations(11, corpus);
  let rewritten = 0;
  for (let packet = 0; packet < 20_000; packet++) {
    const { frame, originalLength } = stream.next().value;
    const inner = frame.slice(0, 200);
    const { verdict } = delivery.deliver(
      decoded(inner, { originalLength: Math.max(originalLength, inner.length) }),
    );
    if (verdict !== "delivered") throw new Error(`packet ${packet}: ${verdict}`);
    const [toMac, toIp4, toIp6, erspan, vxlan] = sniffers.map(({ name }) => delivery.take(name)[0]!.frames);
    const plain = toMac![0]!;
    // Of the frame only the destination (4 bytes) and two checksums may change.
    const changed = toIp4![0]!.filter((byte, at) => byte !== plain[at]).length;
    if (changed > 0) rewritten++;
    if (toIp4![0]!.length !== plain.length || changed > 8)
      throw new Error(`packet ${packet}: ${changed} changed`);
    const untagged = Math.max(inner.length, 14) + 4;
    if (toIp6![0]!.length !== Math.max(60, untagged))
      throw new Error(`packet ${packet}: ${toIp6![0]!.length}`);
    for (const sent of [...erspan!, ...vxlan!]) {
      if (sent.length > 14 + MTU || sent.length < 60) throw new Error(`packet ${packet}: ${sent.length}`);
    }
  }
  expect(rewritten).toBeGreaterThan(2000);
});

engineDeliversAlike();
