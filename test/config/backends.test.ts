// What UDP sockets cannot do is refused where they are asked for, and only there.

import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/load.js";

const tunnel = (more: object) => ({ interface: "eth0", addresses: ["192.0.2.2"], ...more });
const byUdp = { tunnel: tunnel({ backend: "udp" }) };
const ids = (more: object) => ({ sniffers: [{ name: "ids", ...more }] });
const mac = { deliver: "mac", mac: "02:00:00:00:00:01" };
const vxlan = { deliver: "vxlan", to: "198.51.100.9", vni: 7 };
const sources = (...list: object[]) => ({ tenants: [{ name: "acme", sources: list, sniffers: ["ids"] }] });
const toUdp = (more: object = {}) => ({ delivery: { backend: "udp", ...more } });

function mistakes(more: object, purpose: object = {}): string[] {
  const usual = { tunnel: tunnel({}), ...ids(mac), ...sources({ encapsulation: "vxlan" }) };
  const text = JSON.stringify({ ...usual, ...more });
  const { mistakes = [] } = parseConfig(text, "g.yaml", { live: true, ...purpose });
  return mistakes.map(({ path, message }) => `${path} ${message}`);
}

const OVER_UDP = ["vxlan", "vxlan-gpe", "geneve", "tzsp", "hp-erm"].map((encapsulation) => ({
  encapsulation,
}));

test.each(["erspan", "gre", "nvgre"])("a source of %s comes by no UDP socket", (encapsulation) => {
  const wrong = `is ${encapsulation}, and UDP sockets receive no GRE`;
  const own = sources({ encapsulation: "vxlan" }, { encapsulation });
  expect(mistakes({ ...byUdp, ...own })).toEqual([`tenants[0].sources[1].encapsulation ${wrong}`]);
  const shared = {
    sharedSources: [{ encapsulation }],
    tenants: [{ name: "acme", addresses: ["10.0.0.0/8"], sniffers: ["ids"] }],
  };
  expect(mistakes({ ...byUdp, ...shared })).toEqual([`sharedSources[0].encapsulation ${wrong}`]);
  // In UDP it does, and its ports were thought of.
  const inUdp = { tunnel: tunnel({ backend: "udp", ports: { "gre-udp": [4754] } }) };
  expect(mistakes({ ...inUdp, ...own })).toEqual([]);
  // With other backends, and where a capture is replayed, nothing is wrong with it.
  for (const backend of ["auto", "afxdp", "afpacket", "libpcap"])
    expect(mistakes({ tunnel: tunnel({ backend }), ...own })).toEqual([]);
  expect(mistakes({ ...byUdp, ...own }, { replay: true })).toEqual([]);
});

test("every other tunnel does, without a VLAN", () => {
  expect(mistakes({ ...byUdp, ...sources(...OVER_UDP) })).toEqual([]);
  expect(mistakes({ ...byUdp, ...sources({ encapsulation: "vxlan", vlan: 9 }) })).toEqual([
    "tenants[0].sources[0].vlan is 9, and UDP sockets tell no VLAN",
  ]);
});

test.each([
  [mac, "deliver is mac, and UDP sockets send nothing but vxlan and geneve"],
  [{ ...mac, deliver: "ip", ip: "198.51.100.9" }, "deliver is ip, and"],
  [{ deliver: "gre", to: "198.51.100.9" }, "deliver is gre, and"],
  [{ deliver: "erspan2", to: "198.51.100.9", session: 1 }, "deliver is erspan2, and"],
  [{ deliver: "erspan3", to: "198.51.100.9", session: 1 }, "deliver is erspan3, and"],
  [{ ...vxlan, mac: "02:00:00:00:00:01" }, "mac is given, and of UDP sockets the kernel finds the way"],
  [{ ...vxlan, vlan: 9 }, "vlan is given, and of UDP sockets"],
])("no UDP socket sends %j", (sniffer, says) => {
  expect(mistakes({ ...toUdp(), ...ids(sniffer) })).toEqual([expect.stringContaining(`sniffers[0].${says}`)]);
  for (const backend of ["auto", "afxdp", "afpacket"])
    expect(mistakes({ delivery: { backend }, ...ids(sniffer) })).toEqual([]);
  expect(mistakes({ ...toUdp(), ...ids(sniffer) }, { record: true })).toEqual([]);
});

test("nor as somebody else, and the rest it sends", () => {
  expect(mistakes({ ...toUdp({ mac: "02:00:00:00:00:01" }), ...ids(vxlan) })).toEqual([
    expect.stringMatching(/^delivery\.mac is given, and of UDP sockets the kernel writes the headers/),
  ]);
  for (const sniffer of [vxlan, { ...vxlan, deliver: "geneve", fit: "fragment", udpChecksum: true }])
    expect(mistakes({ ...toUdp({ addresses: ["198.51.100.1"] }), ...ids(sniffer) })).toEqual([]);
});
