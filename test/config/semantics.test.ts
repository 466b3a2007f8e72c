// Contradictions between parts of a configuration that each are well-formed, and their cost for large maps.
import { describe, expect, test } from "vitest";
import { formatMistakes, parseConfig } from "../../src/config/load.js";
import { gatewayConfig } from "../../src/config/schema.js";
import { crossCheck } from "../../src/config/semantics.js";

const mac = (last: number) => `deliver: mac, mac: "02:00:00:00:00:0${last}"`;

const ip = (last: number, address: string) => `${mac(last).replace("mac,", "ip,")}, ip: ${address}`;

/** Two sniffers of two tenants, on lines 2 and 3. */
const hostsOf = (first: string, second: string) =>
  `sniffers:\n  - { name: a, ${first} }\n  - { name: b, ${second} }\ntenants:\n  - { name: t, sniffers: [a], sources: [{ encapsulation: gre }] }\n  - { name: u, sniffers: [b], sources: [{ encapsulation: geneve }] }\n`;

/** Tenants t0, t1, … each with its own sniffer and the sources given, one a line from line 3 on. */
function tenantsWith(...sources: string[]): string {
  const sniffers = sources.map((_, i) => `{ name: s${i} }`);
  const tenants = sources.map((list, i) => `  - { name: t${i}, sniffers: [s${i}], sources: [${list}] }\n`);
  return `sniffers: [${sniffers.join(", ")}]\ntenants:\n${tenants.join("")}`;
}

/** Two claims: whether they can stand beside each other, and why. */
const claimRows: [string, string, string, boolean][] = [
  ["the same session", "encapsulation: erspan, session: 7", "encapsulation: erspan, session: 7", false],
  ["another session", "encapsulation: erspan, session: 7", "encapsulation: erspan, session: 8", true],
  ["session 0 is not every session", "encapsulation: erspan, session: 0", "encapsulation: erspan", true],
  ["every session twice", "encapsulation: erspan", "encapsulation: erspan", false],
  ["the same vni in another protocol", "encapsulation: vxlan, vni: 7", "encapsulation: geneve, vni: 7", true],
  [
    "a source and its /32",
    "encapsulation: gre, key: 1, from: 10.0.0.1",
    "encapsulation: gre, key: 1, from: 10.0.0.1/32",
    false,
  ],
  [
    "two spellings of IPv6",
    "encapsulation: gre, key: 1, from: '2001:db8::/32'",
    "encapsulation: gre, key: 1, from: '2001:0DB8:0::/32'",
    false,
  ],
  [
    "a longer prefix is more specific",
    "encapsulation: gre, key: 1, from: 10.0.0.0/8",
    "encapsulation: gre, key: 1, from: 10.0.0.0/16",
    true,
  ],
  ["from anywhere and from one", "encapsulation: tzsp", "encapsulation: tzsp, from: 10.0.0.1", true],
  ["the same VLAN", "encapsulation: tzsp, vlan: 3", "encapsulation: tzsp, vlan: 3", false],
  ["one VLAN and any", "encapsulation: tzsp, vlan: 3", "encapsulation: tzsp", true],
  [
    "gre key and nvgre vsid from anywhere",
    "encapsulation: gre, key: 1",
    "encapsulation: nvgre, vsid: 9",
    false,
  ],
  ["gre and nvgre without ids", "encapsulation: gre", "encapsulation: nvgre", false],
  [
    "gre and nvgre from the same source",
    "encapsulation: gre, key: 1, from: 10.0.0.1",
    "encapsulation: nvgre, vsid: 9, from: 10.0.0.1",
    false,
  ],
  [
    "nvgre within gre's prefix",
    "encapsulation: gre, key: 1, from: 10.0.0.0/8",
    "encapsulation: nvgre, vsid: 9, from: 10.1.0.0/16",
    false,
  ],
  [
    "gre within nvgre's prefix",
    "encapsulation: gre, key: 1, from: 10.1.2.3",
    "encapsulation: nvgre, vsid: 9, from: 10.1.0.0/16",
    false,
  ],
  [
    "gre from IPv6, nvgre from anywhere",
    "encapsulation: gre, key: 1, from: '2001:db8::1'",
    "encapsulation: nvgre",
    false,
  ],
  [
    "gre and nvgre from neighbours",
    "encapsulation: gre, key: 1, from: 10.0.0.0/16",
    "encapsulation: nvgre, vsid: 9, from: 10.1.0.0/16",
    true,
  ],
  [
    "gre from IPv4, nvgre from IPv6",
    "encapsulation: gre, from: 10.0.0.0/8",
    "encapsulation: nvgre, from: '::2'",
    true,
  ],
];

describe("two claims", () => {
  test.each(claimRows)("%s", (_, one, other, fit) => {
    const { mistakes = [] } = parseConfig(tenantsWith(`{ ${one} }`, `{ ${other} }`), "g.yaml");
    const places = mistakes.map(({ line, path }) => `${line} ${path}`);
    expect(places).toEqual(fit ? [] : ["4 tenants[1].sources[0]"]);
  });

  test("of one tenant on one identity are a mistake as well", () => {
    const twice = "{ encapsulation: geneve, vni: 7 }, { encapsulation: geneve, vni: 7 }";
    expect(parseConfig(tenantsWith(twice), "g.yaml").mistakes).toEqual([
      {
        file: "g.yaml",
        line: 3,
        column: 78,
        path: "tenants[0].sources[1]",
        message: "claims geneve 7 from anywhere, which tenants[0].sources[0] claims already",
        expected: "each identity (encapsulation, id, from, vlan) once",
      },
    ]);
  });
});

const shared = "sharedSources: [{ encapsulation: erspan, session: 7, direction: trusted }]\n";

const rows: [string, string, string[]][] = [
  [
    "an identity of a tenant and of sharedSources",
    `${shared}sniffers: [{ name: a }]\ntenants: [{ name: t, sniffers: [a], addresses: [10.0.0.1], sources: [{ encapsulation: erspan, session: 7 }] }]`,
    ["3:70 tenants[0].sources[0]: claims erspan 7 from anywhere, which sharedSources[0] claims already"],
  ],
  [
    "names that differ in case only",
    "sniffers: [{ name: a }, { name: A }]",
    ['1:33 sniffers[1].name: is "A", as is sniffers[0].name'],
  ],
  [
    "an unknown sniffer",
    "sniffers: [{ name: acme-ids }]\ntenants: [{ name: t, sniffers: [acme-isd], sources: [{ encapsulation: gre }] }]",
    ['2:33 tenants[0].sniffers[0]: is "acme-isd", which is no sniffer (did you mean "acme-ids"?)'],
  ],
  [
    "one sniffer of two tenants",
    tenantsWith("{ encapsulation: gre }", "{ encapsulation: geneve }").replace(
      "sniffers: [s1]",
      "sniffers: [s0]",
    ),
    ['4:28 tenants[1].sniffers[0]: is "s0", which tenants[0].sniffers[0] names already'],
  ],
  [
    "two sniffers at one MAC address",
    `sniffers: [{ name: a, ${mac(1)} }, { name: b, ${mac(1)}, vlan: 3 }, { name: c, ${mac(1)} }]`,
    ["1:127 sniffers[2]: delivers to 02:00:00:00:00:01, as does sniffers[0]"],
  ],
  [
    "by MAC and by IP at one MAC address, of two tenants",
    hostsOf(`${mac(1)}, vlan: 3`, `${ip(1, "10.0.0.1")}, vlan: 3`),
    ["3:5 sniffers[1]: delivers to 02:00:00:00:00:01 in VLAN 3, as does sniffers[0] of another tenant"],
  ],
  [
    "two IP addresses at one MAC address, of two tenants",
    hostsOf(ip(1, "10.0.0.1"), ip(1, "10.0.0.2")),
    ["3:5 sniffers[1]: delivers to 02:00:00:00:00:01, as does sniffers[0] of another tenant"],
  ],
  [
    "the same to the word, of two tenants, once",
    hostsOf(ip(1, "10.0.0.1"), ip(1, "10.0.0.1")),
    ["3:5 sniffers[1]: delivers to 10.0.0.1 at 02:00:00:00:00:01, as does sniffers[0]"],
  ],
  ["by MAC and by IP in two VLANs, of two tenants", hostsOf(`${mac(1)}, vlan: 3`, ip(1, "10.0.0.1")), []],
  [
    "by IPv4 and by IPv6 at one MAC address, of one tenant",
    `sniffers: [{ name: a, ${ip(1, "10.0.0.1")} }, { name: b, ${ip(1, "'2001:db8::1'")} }]\ntenants: [{ name: t, sniffers: [a, b], sources: [{ encapsulation: gre }] }]`,
    [],
  ],
  [
    "two sniffers at one tunnel end",
    "sniffers:\n  - { name: a, deliver: vxlan, to: 10.0.0.1, vni: 1 }\n  - { name: b, deliver: vxlan, to: 10.0.0.1, vni: 1 }",
    ["3:5 sniffers[1]: delivers to 10.0.0.1 by vxlan on port 4789 with VNI 1, as does sniffers[0]"],
  ],
  [
    "one ERSPAN session to one end in both types, which share their sequence",
    "sniffers:\n  - { name: a, deliver: erspan2, to: 10.0.0.1, session: 1 }\n  - { name: b, deliver: erspan3, to: 10.0.0.1, session: 1 }",
    [],
  ],
  [
    "one tunnel end on two ports",
    "sniffers:\n  - { name: a, deliver: vxlan, to: 10.0.0.1, vni: 1 }\n  - { name: b, deliver: vxlan, to: 10.0.0.1, vni: 1, port: 8472 }",
    [],
  ],
  [
    "one tunnel address twice",
    "tunnel: { addresses: [10.0.0.1, '2001:db8::1', 10.0.0.2, '2001:0db8:0::1', 10.0.0.1] }",
    [
      "1:58 tunnel.addresses[3]: is 2001:db8::1, as is tunnel.addresses[1]",
      "1:76 tunnel.addresses[4]: is 10.0.0.1, as is tunnel.addresses[0]",
    ],
  ],
  [
    "two source addresses of one family",
    "delivery: { addresses: [10.0.0.1, '2001:db8::1', 10.0.0.2] }",
    ["1:50 delivery.addresses[2]: is 10.0.0.2, of the same family as delivery.addresses[0]"],
  ],
  [
    "an MTU under IPv6's least with an IPv6 sniffer",
    "delivery: { mtu: 1279 }\nsniffers: [{ name: f }, { name: a, deliver: gre, to: '2001:db8::9' }]",
    ["1:18 delivery.mtu: is 1279, and sniffers[1] is reached over IPv6"],
  ],
  [
    "IPv6's least MTU",
    "delivery: { mtu: 1280 }\nsniffers: [{ name: a, deliver: gre, to: '2001:db8::9' }]",
    [],
  ],
  [
    "the least MTU for IPv4, and for an IPv6 address that is only rewritten",
    `delivery: { mtu: 68 }\nsniffers: [{ name: a, deliver: gre, to: 10.0.0.9 }, { name: b, ${mac(1).replace("mac,", "ip, ip: '2001:db8::9',")} }]`,
    [],
  ],
  [
    "a tenant without sources",
    "sniffers: [{ name: a }]\ntenants: [{ name: t, sniffers: [a], addresses: [10.0.0.1] }]",
    ["2:11 tenants[0]: has no sources, so no packet can be its own"],
  ],
  [
    "a tenant that only sharedSources can find",
    `${shared}sniffers: [{ name: a }]\ntenants: [{ name: t, sniffers: [a], addresses: [10.0.0.1] }]`,
    [],
  ],
  [
    "a tenant without sources or addresses under sharedSources, and so no addresses at all",
    `${shared}sniffers: [{ name: a }]\ntenants: [{ name: t, sniffers: [a] }]`,
    [
      "1:16 sharedSources: has sources, but no tenant has addresses to tell their packets apart by",
      "3:11 tenants[0]: has no sources, so no packet can be its own",
    ],
  ],
  [
    "one address of two tenants under sharedSources",
    `${shared}sniffers: [{ name: a }, { name: b }]\ntenants:\n  - { name: t, sniffers: [a], addresses: [10.0.0.0/8] }\n  - { name: u, sniffers: [b], addresses: [10.1.0.0/16, 10.0.0.0/8] }`,
    ["5:56 tenants[1].addresses[1]: is 10.0.0.0/8, as is tenants[0].addresses[0]"],
  ],
  [
    "33 sniffers with a sender each",
    `senders: per-sniffer\nsniffers: [${Array.from({ length: 33 }, (_, i) => `{ name: s${i} }`).join(", ")}]`,
    ["1:10 senders: is per-sniffer with 33 sniffers"],
  ],
  [
    "one port of two tunnels",
    "tunnel: { ports: { geneve: [4789] } }",
    ["1:29 tunnel.ports.geneve[0]: is 4789, as is tunnel.ports.vxlan[0]"],
  ],
  [
    "a source that may hold more than all",
    "decode: { reassembly: { memory: 64KiB } }",
    ["1:23 decode.reassembly.perSource: is 1048576 bytes, more than all sources together may hold"],
  ],
  [
    "a GRE protocol that means something else",
    "decode: { greEthernet: [0x88be, 0x8949] }",
    ["1:25 decode.greEthernet[0]: is 0x88be, which is ERSPAN I and II"],
  ],
];

test.each(rows)("%s", (_, text, lines) => {
  const { mistakes = [] } = parseConfig(text, "g");
  const found = formatMistakes(mistakes).split("\n").filter(Boolean);
  expect(found.map((line) => line.slice("g:".length).split("; expected")[0])).toEqual(lines);
});

test("100,000 tenants are checked against each other in a few seconds, each mistake once", () => {
  const count = 100_000;
  const tenants = Array.from({ length: count }, (_, i) => {
    const from = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
    const encapsulation = i < count / 2 ? "gre" : "nvgre";
    return { name: `t${i}`, sources: [{ encapsulation, from }], addresses: [from], sniffers: [`s${i}`] };
  });
  const sniffers = tenants.map((_, i) => ({ name: `s${i}` }));
  const config = gatewayConfig.parse({ sniffers, tenants });
  // A square of the count would take hours; the limit leaves room for a slow machine.
  const began = performance.now();
  expect(crossCheck(config)).toEqual([]);
  expect(performance.now() - began).toBeLessThan(20_000);
  for (const tenant of config.tenants) tenant.sniffers = ["s0"];
  expect(crossCheck(config)).toHaveLength(count - 1);
});
