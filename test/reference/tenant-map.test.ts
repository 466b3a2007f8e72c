// The tenant map of the reference: identity, specificity, addresses, shared sources, loops.

import { describe, expect, test } from "vitest";
import { engineAgrees, remember } from "../engine/agreement.js";
import { DEFAULTS, ReferenceDecoder, type ReferenceMap, type ReferenceResult } from "./index.js";
import * as make from "./packets.js";
import { ethernet, gre, hex, ipv4, ipv6, join, udp } from "./packets.js";

type Tenant = ReferenceMap["tenants"][number];

function tenant(name: string, fields: Partial<Tenant>): Tenant {
  return { name, sources: [], addresses: [], nonIp: "drop", sniffers: [`${name}-ids`], ...fields };
}

function judge(frame: Uint8Array, map: Partial<ReferenceMap>, depth = 1): string {
  const whole = { gateway: [], sniffers: [], sharedSources: [], tenants: [], ...map };
  remember({ depth, map: whole }, [{ frame, originalLength: frame.length, time: 0n, linkType: 1 }]);
  const decoder = new ReferenceDecoder({ ...DEFAULTS, depth, map: whole });
  const [settled] = decoder.packet(1, frame, frame.length, 0n, 1);
  return summary(settled!.result);
}

function summary({ verdict, tenant, rule }: ReferenceResult): string {
  return [verdict, tenant, rule].filter((part) => part !== undefined).join(" ");
}

const ip = (source: string, destination: string) => ethernet(0x0800, ipv4(6, [], { source, destination }));
const inner = ip("10.1.0.1", "10.2.0.1");
const from = (source: string, payload: Uint8Array, vlan?: number) => {
  const packet = ipv4(47, payload, { source });
  return vlan === undefined ? ethernet(0x0800, packet) : ethernet(0x8100, make.tag(vlan, 0x0800, packet));
};
const erspan = (session: number, frame = inner, source = "192.0.2.1", vlan?: number) =>
  from(source, gre(0x88be, make.erspan2(frame, { session }), { sequence: 1 }), vlan);
const erspan3 = (outgoing: boolean, frame: Uint8Array) =>
  from("192.0.2.1", gre(0x22eb, make.erspan3(frame, { session: 7, outgoing })));
const arp = (sender: string, target: string) =>
  ethernet(
    0x0806,
    join(
      hex("0001 0800 06 04 0001"),
      new Uint8Array(6),
      sender.split(".").map(Number),
      new Uint8Array(6),
      target.split(".").map(Number),
    ),
  );

describe("identity", () => {
  const one = (sources: Tenant["sources"]) => ({ tenants: [tenant("a", { sources })] });
  const keyed = from("192.0.2.1", gre(0x6558, inner, { key: 0x00012345 }));
  const rows: [string, Tenant["sources"][number], Uint8Array, boolean][] = [
    ["erspan session", { encapsulation: "erspan", session: 5 }, erspan(5), true],
    ["another session", { encapsulation: "erspan", session: 6 }, erspan(5), false],
    [
      "erspan I has no session",
      { encapsulation: "erspan", session: 0 },
      from("192.0.2.1", gre(0x88be, inner)),
      false,
    ],
    ["erspan of any kind", { encapsulation: "erspan" }, from("192.0.2.1", gre(0x88be, inner)), true],
    ["erspan is not gre", { encapsulation: "gre" }, erspan(5), false],
    ["gre key, 32 bits", { encapsulation: "gre", key: 0x12345 }, keyed, true],
    ["nvgre VSID, the upper 24", { encapsulation: "nvgre", vsid: 0x123 }, keyed, true],
    [
      "nvgre has no checksum",
      { encapsulation: "nvgre" },
      from("192.0.2.1", gre(0x6558, inner, { key: 1, checksum: "good" })),
      false,
    ],
    [
      "nvgre has no sequence",
      { encapsulation: "nvgre" },
      from("192.0.2.1", gre(0x6558, inner, { key: 1, sequence: 1 })),
      false,
    ],
    [
      "nvgre carries Ethernet",
      { encapsulation: "nvgre" },
      from("192.0.2.1", gre(0x0800, inner.subarray(14), { key: 1 })),
      false,
    ],
    [
      "vni",
      { encapsulation: "vxlan", vni: 9 },
      ethernet(0x0800, ipv4(17, udp(4789, make.vxlan(9, inner)))),
      true,
    ],
    ["source", { encapsulation: "erspan", from: "192.0.2.1" }, erspan(5), true],
    ["prefix", { encapsulation: "erspan", from: "192.0.2.0/31" }, erspan(5), true],
    ["another prefix", { encapsulation: "erspan", from: "192.0.2.2/31" }, erspan(5), false],
    ["a prefix of IPv6", { encapsulation: "erspan", from: "::/0" }, erspan(5), false],
    ["vlan", { encapsulation: "erspan", vlan: 30 }, erspan(5, inner, "192.0.2.1", 30), true],
    ["untagged", { encapsulation: "erspan", vlan: 30 }, erspan(5), false],
  ];
  test.each(rows)("%s", (_, identity, frame, matches) => {
    expect(judge(frame, one([identity]))).toBe(matches ? "delivered a 1" : "unmapped 4");
  });

  test("the outermost tunnel's, at any depth", () => {
    const frame = erspan(5, ethernet(0x0800, ipv4(17, udp(4789, make.vxlan(9, inner)))));
    expect(judge(frame, one([{ encapsulation: "erspan", session: 5 }]), 2)).toBe("delivered a 1");
  });

  test("specificity: source, then id, then VLAN", () => {
    const frame = erspan(5, inner, "192.0.2.1", 30);
    const claims: Tenant["sources"] = [
      { encapsulation: "erspan" },
      { encapsulation: "erspan", vlan: 30 },
      { encapsulation: "erspan", session: 5 },
      { encapsulation: "erspan", session: 5, vlan: 30 },
      { encapsulation: "erspan", from: "192.0.0.0/16" },
      { encapsulation: "erspan", from: "192.0.2.0/24" },
      { encapsulation: "erspan", from: "192.0.2.1" },
      { encapsulation: "erspan", from: "192.0.2.1", vlan: 30 },
      { encapsulation: "erspan", from: "192.0.2.1", session: 5 },
    ];
    for (let count = 1; count <= claims.length; count++) {
      const tenants = claims
        .slice(0, count)
        .map((identity, index) => tenant(`t${index}`, { sources: [identity] }));
      expect(judge(frame, { tenants: tenants.reverse() })).toBe(`delivered t${count - 1} 1`);
    }
  });
});

describe("rule 2: own addresses", () => {
  const owner = (addresses: string[], nonIp: "drop" | "deliver" = "drop") => ({
    tenants: [tenant("a", { sources: [{ encapsulation: "erspan" }], addresses, nonIp })],
  });
  const lldp = ethernet(0x88cc, new Uint8Array(50));
  const ns = ethernet(
    0x86dd,
    ipv6(58, join([135, 0, 0, 0, 0, 0, 0, 0], make.ipv6(0, [], { source: "fd00::9" }).subarray(8, 24))),
  );
  const rows: [string, Uint8Array, string[], "drop" | "deliver", boolean][] = [
    ["source IP", inner, ["10.1.0.0/16"], "drop", true],
    ["destination IP", inner, ["10.2.0.1"], "drop", true],
    ["neither", inner, ["10.3.0.0/16"], "drop", false],
    ["source MAC", inner, ["02:AA:00:00:00:0a"], "drop", true],
    [
      "behind a tag",
      ethernet(0x8100, make.tag(1, 0x0800, inner.subarray(14))),
      ["10.1.0.0/16"],
      "drop",
      true,
    ],
    ["ARP sender", arp("10.1.0.1", "10.9.0.1"), ["10.1.0.0/16"], "drop", true],
    ["ARP target", arp("10.9.0.1", "10.1.0.1"), ["10.1.0.0/16"], "drop", true],
    ["ARP is not for nonIp", arp("10.9.0.1", "10.9.0.2"), ["10.1.0.0/16"], "deliver", false],
    ["ND target", ns, ["fd00::/64"], "drop", true],
    ["IPv6 destination", ns, ["2001:db8::2"], "drop", true],
    ["non-IP dropped", lldp, ["10.1.0.0/16"], "drop", false],
    ["non-IP delivered", lldp, ["10.1.0.0/16"], "deliver", true],
    ["non-IP with a MAC listed", lldp, ["10.1.0.0/16", "02:00:00:00:00:99"], "deliver", false],
    ["foreign IP is not for nonIp", inner, ["10.3.0.0/16"], "deliver", false],
    ["source captured, destination not", inner.subarray(0, 33), ["10.1.0.1"], "drop", true],
    ["destination not captured", inner.subarray(0, 33), ["10.2.0.1"], "drop", false],
    ["no EtherType captured", lldp.subarray(0, 13), ["10.1.0.0/16"], "deliver", false],
  ];
  test.each(rows)("%s", (_, frame, addresses, nonIp, own) => {
    expect(judge(erspan(1, frame), owner(addresses, nonIp))).toBe(
      own ? "delivered a 2" : "foreign-address 2",
    );
  });

  test("synthetic MACs are nobody's", () => {
    const frame = from("192.0.2.1", gre(0x0800, inner.subarray(14)));
    const tenants = [tenant("a", { sources: [{ encapsulation: "gre" }], addresses: ["02:00:00:00:00:01"] })];
    expect(judge(frame, { tenants })).toBe("foreign-address 2");
  });
});

describe("rule 3: shared sources", () => {
  const a = tenant("a", { addresses: ["10.1.0.0/16", "02:00:00:00:00:0a"] });
  const b = tenant("b", { addresses: ["10.2.0.0/16", "10.1.9.0/24"] });
  const c = tenant("c", { addresses: ["10.7.0.0/16"] });
  const d = tenant("d", { addresses: ["10.7.0.0/16"] });
  const map = (direction?: "trusted") => ({
    tenants: [a, b, c, d],
    sharedSources: [{ encapsulation: "erspan", ...(direction ? { direction } : {}) }],
  });
  const rows: [string, Uint8Array, "trusted" | undefined, string][] = [
    ["nobody's", erspan(7, ip("10.3.0.1", "10.3.0.2")), undefined, "unmapped 3"],
    ["one's", erspan(7, ip("10.1.0.1", "10.3.0.2")), undefined, "delivered a 3"],
    ["the longest prefix", erspan(7, ip("10.1.9.1", "10.2.0.2")), undefined, "delivered b 3"],
    ["two", erspan3(false, inner), undefined, "ambiguous-tenant 3"],
    ["two, in: the source's", erspan3(false, inner), "trusted", "delivered a 3"],
    ["two, out: the destination's", erspan3(true, inner), "trusted", "delivered b 3"],
    ["two, no D", erspan(7, inner), "trusted", "ambiguous-tenant 3"],
    ["claimed twice", erspan3(false, ip("10.7.0.1", "10.3.0.1")), "trusted", "ambiguous-tenant 3"],
    [
      "claimed twice on the other side",
      erspan3(true, ip("10.7.0.1", "10.1.0.1")),
      "trusted",
      "delivered a 3",
    ],
    ["ARP", erspan3(false, arp("10.1.0.1", "10.2.0.1")), "trusted", "delivered a 3"],
  ];
  test.each(rows)("%s", (_, frame, direction, expected) => {
    expect(judge(frame, map(direction))).toBe(expected);
  });
});

describe("loop", () => {
  const map = {
    gateway: ["10.77.0.2", "fd00::2"],
    sniffers: [
      { name: "x", mac: "02:00:00:00:0a:01", ip: "10.50.0.1" },
      { name: "y", to: "FD00:0::99", mac: "00:00:5e:00:01:01" },
    ],
  };
  const to = (destination: string, protocol: number, payload: Uint8Array, fields: make.Ipv4Fields = {}) =>
    ethernet(0x0800, ipv4(protocol, payload, { destination, ...fields }));
  const tunnel = udp(4789, make.vxlan(1, inner));
  const rows: [string, Uint8Array, boolean][] = [
    ["a sniffer's MAC", join(hex("020000000a01"), inner.subarray(6)), true],
    ["a sniffer's IP", to("10.50.0.1", 6, hex("")), true],
    ["a sniffer's far end", ethernet(0x86dd, ipv6(6, [], { destination: "fd00::99" })), true],
    ["GRE to the gateway", to("10.77.0.2", 47, gre(0x6558, inner)), true],
    ["a tunnel port of the gateway", to("10.77.0.2", 17, tunnel), true],
    [
      "the same, over IPv6 with an extension header",
      ethernet(0x86dd, ipv6(60, make.extension(17, tunnel), { destination: "fd00::2" })),
      true,
    ],
    ["the next hop's MAC", join(hex("00005e000101"), inner.subarray(6)), false],
    ["another port of the gateway", to("10.77.0.2", 17, udp(53, inner)), false],
    ["a later fragment, its bytes a port", to("10.77.0.2", 17, tunnel, { fragment: 1 }), false],
    ["TCP to the gateway", to("10.77.0.2", 6, tunnel), false],
    ["a tunnel to another gateway", to("10.77.0.3", 17, tunnel), false],
    ["port not captured", to("10.77.0.2", 17, tunnel).subarray(0, 36), false],
  ];
  test.each(rows)("%s", (_, frame, loop) => {
    expect(judge(erspan(1, frame), map)).toBe(loop ? "loop" : "unmapped 4");
  });
});

engineAgrees();
