// decap --as-delivered: what comes out of every tunnel is what the Linux kernel's own devices take out of it again: the frames
// that decap writes without --as-delivered, byte for byte, in order and number. The kernel runs in QEMU.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readFrames } from "../../src/capture/index.js";
import { parseConfig } from "../../src/config/load.js";
import type { GatewayConfig } from "../../src/config/schema.js";
import { decap } from "../../src/datapath/index.js";
import { fixtures } from "../engine/corpus.js";
import { Guest, type TunnelDevice } from "./guest.js";
import { HARDWARE_ID, hardFrames, SOURCES } from "./hard-frames.js";
import { erspan, erspanFields, GATEWAY, geneve, gre, vxlan, vxlanBehindTag, type Way } from "./ways.js";

const MTU = 1400;
const SNAPLEN = 96;
const ipv6 = true;
const fragment = true;

/** By tenant and sniffer. */
const TENANTS: Record<
  string,
  { readonly sources: string; readonly more?: string; readonly ways: Record<string, Way> }
> = {
  all: {
    sources: "{ encapsulation: erspan }, { encapsulation: vxlan }, { encapsulation: gre }",
    ways: {
      erspan2: erspan(2, 1023, { index: 7 }),
      "erspan2-session-0": erspan(2, 0),
      "erspan2-ipv6": erspan(2, 100, { ipv6 }),
      "erspan2-fragments": erspan(2, 200, { fragment }),
      "erspan2-ipv6-fragments": erspan(2, 201, { ipv6, fragment }),
      "erspan2-index": erspanFields(2, 5, { index: 703710 }),
      erspan3: erspan(3, 600),
      "erspan3-ipv6": erspan(3, 601, { ipv6 }),
      "erspan3-fragments": erspan(3, 602, { fragment }),
      gre: gre(4294967295),
      "gre-keyless": gre(undefined),
      "gre-ipv6": gre(9, { ipv6 }),
      "gre-keyless-ipv6": gre(undefined, { ipv6 }),
      vxlan: vxlan(77),
      "vxlan-8472": vxlan(16777215, { port: 8472 }),
      "vxlan-vlan": vxlanBehindTag(78),
      "vxlan-ipv6": vxlan(79, { ipv6 }),
      "vxlan-fragments": vxlan(82, { fragment }),
      geneve: geneve(80),
      "geneve-ipv6": geneve(81, { ipv6 }),
      "geneve-ipv6-fragments": geneve(83, { ipv6, fragment }),
    },
  },
  short: {
    sources: "{ encapsulation: geneve }",
    more: `snaplen: ${SNAPLEN}, `,
    ways: {
      "erspan2-short": erspan(2, 300),
      "erspan3-short": erspan(3, 310),
      "erspan3-ipv6-short": erspan(3, 323, { ipv6 }),
    },
  },
  in: {
    sources: `{ encapsulation: erspan, from: ${SOURCES.in} }`,
    ways: {
      "erspan3-in": erspanFields(3, 6, { direction: 0, hardwareId: HARDWARE_ID.in }),
      "erspan3-ipv6-in": erspanFields(3, 6, { direction: 0, hardwareId: HARDWARE_ID.in }, { ipv6 }),
    },
  },
  out: {
    sources: `{ encapsulation: erspan, from: ${SOURCES.out} }`,
    ways: {
      "erspan3-out": erspanFields(3, 7, { direction: 1, hardwareId: HARDWARE_ID.out }),
      "erspan3-ipv6-out": erspanFields(3, 7, { direction: 1, hardwareId: HARDWARE_ID.out }, { ipv6 }),
    },
  },
};
const WAYS = Object.values(TENANTS).flatMap(({ ways }) => Object.entries(ways));
const names = WAYS.map(([name]) => name);
const deviceTypes = [...new Set(WAYS.map(([, { device }]) => device))];

function config(): GatewayConfig {
  const tenants = Object.entries(TENANTS).map(
    ([name, { sources, more = "", ways }]) =>
      `  - { name: ${name}, ${more}sources: [${sources}], sniffers: [${Object.keys(ways).join(", ")}] }`,
  );
  const parsed = parseConfig(
    `
delivery: { mtu: ${MTU}, addresses: [${GATEWAY.map((address) => `"${address}"`).join(", ")}] }
sniffers:
${WAYS.map(([name, { deliver }]) => `  - { name: ${name}, ${deliver} }`).join("\n")}
tenants:
${tenants.join("\n")}
`,
    "gateway.yaml",
  );
  if ("mistakes" in parsed) throw new Error(JSON.stringify(parsed.mistakes));
  return parsed.config;
}

/** Which filter lets a sniffer's frames out; a tag on the way out of the guest has this number. */
const filterOf = (name: string) => 1 + names.indexOf(name);

const devices: TunnelDevice[] = deviceTypes.map((type) => ({
  type,
  filters: Object.fromEntries(
    WAYS.filter(([, { device }]) => device === type).map(([name, { filter }]) => [filterOf(name), filter]),
  ),
}));

/** Bytes under which Linux drops a frame of this EtherType: skb_vlan_untag, and pskb_inet_may_pull of the tunnels' receivers. */
const SHORTEST: Record<string, number> = { "8100": 20, "88a8": 20, "0800": 34, "86dd": 54 };
const isTakenByLinux = (hex: string) => hex.length / 2 >= (SHORTEST[hex.slice(24, 28)] ?? 14);

async function framesOf(path: string): Promise<string[]> {
  const frames: string[] = [];
  for await (const { data } of readFrames(path)) frames.push(Buffer.from(data).toString("hex"));
  return frames;
}

const folder = mkdtempSync(join(tmpdir(), "spangate-kernel-"));
const sent = new Map<string, string[]>();
const expected = new Map<string, string[]>();
let received: ReadonlyMap<number, string[]>;
let booting: Promise<Guest | undefined>;
let guest: Guest | undefined;

beforeAll(async () => {
  booting = Guest.boot(devices);
  booting.catch(() => {}); // it is awaited further down
  const hard = join(folder, "hard.pcap");
  writeFileSync(hard, hardFrames());
  const request = {
    inputs: [...fixtures.map(({ path }) => path), hard],
    config: config(),
    engine: {},
    comments: false,
  };
  await decap({ ...request, directory: join(folder, "delivered"), asDelivered: true });
  await decap({ ...request, directory: join(folder, "plain") });
  for (const [name, { headers }] of WAYS) {
    sent.set(name, await framesOf(join(folder, "delivered", `${name}.pcapng`)));
    const plain = await framesOf(join(folder, "plain", `${name}.pcapng`));
    const cut = headers === 0 ? plain : plain.map((frame) => frame.slice(0, 2 * (MTU - headers)));
    expected.set(name, cut.filter(isTakenByLinux));
  }
  guest = await booting;
  if (guest === undefined) return;
  const total = [...expected.values()].reduce((sum, frames) => sum + frames.length, 0);
  received = await guest.exchange([...sent.values()].flat(), total);
}, 150_000);

afterAll(async () => {
  await booting.then(
    (booted) => booted?.stop(),
    () => {}, // beforeAll has failed
  );
  rmSync(folder, { recursive: true });
});

test.each(names)("%s", (name) => {
  if (guest === undefined) return;
  const wanted = expected.get(name)!;
  const got = received.get(filterOf(name)) ?? [];
  expect(wanted.length).toBeGreaterThan(1);
  for (const [i, hex] of got.entries()) expect(hex, `frame ${i + 1}`).toBe(wanted[i]);
  expect(got.length).toBe(wanted.length);
});

test("the devices took nothing else, and no sequence number was out of order", async () => {
  if (guest === undefined) return;
  const counters = await guest.counters();
  for (const [i, { filters }] of devices.entries()) {
    const passed = Object.keys(filters).flatMap((number) => expected.get(names[Number(number) - 1]!)!);
    expect(counters.get(`tun${i}`)).toMatchObject({ packets: passed.length, fifo: 0 });
  }
});

test.each(["erspan2", "erspan2-ipv6", "erspan3"])(
  "%s: the device refuses a sequence number again",
  async (name) => {
    if (guest === undefined) return;
    const device = `tun${devices.findIndex(({ filters }) => filterOf(name) in filters)}`;
    const [first] = sent.get(name)!;
    expect(await guest.exchange([first!], 0)).toEqual(new Map());
    expect((await guest.counters()).get(device)).toMatchObject({ fifo: 1 });
  },
);
