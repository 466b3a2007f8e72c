// Random maps whose sniffers are reached in every way, random streams of packets for them, and random draining.

import fc from "fast-check";
import { type CompiledMap, compileMap } from "../../src/mapping/index.js";
import type { DeliveryOptions, Mutated, ReferenceMap, ReferenceSniffer } from "../reference/index.js";
import { seeded } from "../reference/mutate.js";
import { type Random, wrap } from "../reference/mutate-shapes.js";
import { ethernet, ipv6, tag } from "../reference/packets.js";
import { frame, type Transport } from "../reference/transport-packets.js";
import type { Step } from "./delivery-compare.js";
import type { Frame } from "./harness.js";
import { ADDRESSES, configOf, GATEWAYS, identity, optional, shared } from "./random-map.js";
import { deliverySection, originOf, snifferSection, withoutAbsent } from "./reference-map.js";

const TO4 = ["198.51.100.10", "198.51.100.11"];
const TO6 = ["2001:db8:5::10", "2001:db8:5::11"];
const RATES = [1000, 2_000_000, 20_000_000, 200_000_000];
const OVERFLOW = ["drop-newest", "drop-oldest"] as const;

const mac = fc.integer({ min: 1, max: 0xffff }).map((n) => {
  const digits = n.toString(16).padStart(4, "0");
  return `02:5f:00:00:${digits.slice(0, 2)}:${digits.slice(2)}`;
});
const vlan = optional(fc.constantFrom(1, 210, 4094));

const everySniffer = {
  queue: fc.integer({ min: 1, max: 8 }),
  overflow: fc.constantFrom(...OVERFLOW),
  rate: fc.option(fc.constantFrom(...RATES), { nil: undefined, freq: 3 }),
  weight: fc.integer({ min: 1, max: 5 }),
};
const onSegment = { ...everySniffer, mac, vlan, sourceMac: fc.constantFrom("keep", "interface") };

function sniffer(to: fc.Arbitrary<string>): fc.Arbitrary<Omit<ReferenceSniffer, "name">> {
  const tunnel = {
    ...everySniffer,
    to,
    mac: optional(mac),
    vlan,
    fit: fc.constantFrom("truncate", "fragment", "drop"),
  };
  const overUdp = { ...tunnel, vni: fc.nat(0xffffff), udpChecksum: fc.boolean() };
  const session = fc.constantFrom(0, 1, 1023);
  return fc.oneof(
    fc.record({ ...everySniffer, deliver: fc.constantFrom("pcap", "tap") }),
    fc.record({ ...onSegment, deliver: fc.constant("mac") }),
    fc.record({
      ...onSegment,
      deliver: fc.constant("ip"),
      ip: fc.constantFrom("198.51.100.77", "2001:db8:77::1", "203.0.113.255", "2001:db8:ffff::ffff"),
    }),
    fc.record({ ...overUdp, deliver: fc.constant("vxlan"), port: optional(fc.constantFrom(4789, 8472, 1)) }),
    fc.record({ ...overUdp, deliver: fc.constant("geneve"), port: optional(fc.constant(65_535)) }),
    fc.record({ ...tunnel, deliver: fc.constant("gre"), key: optional(fc.nat(0xffffffff)) }),
    fc.record({ ...tunnel, deliver: fc.constant("erspan2"), session, index: optional(fc.nat(0xfffff)) }),
    fc.record({ ...tunnel, deliver: fc.constant("erspan3"), session }),
  ) as fc.Arbitrary<Omit<ReferenceSniffer, "name">>;
}

const CATCH_ALL = ["erspan", "gre", "vxlan", "vxlan-gpe", "geneve", "tzsp", "hp-erm"];

function tenant(sniffers: fc.Arbitrary<Omit<ReferenceSniffer, "name">>) {
  return fc.record({
    sources: fc.array(identity, { maxLength: 2 }),
    addresses: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.subarray(ADDRESSES) },
    ),
    nonIp: fc.constantFrom("drop", "deliver"),
    sniffers: fc.array(sniffers, { minLength: 1, maxLength: 4 }),
    fanout: fc.constantFrom("copy", "balance"),
    snaplen: fc.option(fc.constantFrom(1, 13, 16, 20, 33, 60, 128, 1000), { nil: undefined, freq: 2 }),
    rate: fc.option(fc.constantFrom(...RATES), { nil: undefined, freq: 4 }),
  });
}

const options: fc.Arbitrary<DeliveryOptions> = fc.record(
  {
    mtu: fc.constantFrom(68, 100, 576, 1280, 1300, 1500, 9000),
    interfaceMac: mac,
    addresses: fc.subarray(["203.0.113.1", "2001:db8:f::1"]),
    live: fc.boolean(),
  },
  { requiredKeys: ["mtu"] },
);

export const randomMap = options.chain((delivery) => {
  // RFC 8200 5: no less than 1,280 bytes over IPv6, and the configuration holds to it.
  const to = fc.constantFrom(...TO4, ...(delivery.mtu < 1280 ? [] : TO6));
  return fc.record({
    delivery: fc.constant(delivery),
    gateway: optional(fc.subarray(GATEWAYS, { minLength: 1 })),
    sharedSources: fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(shared, { maxLength: 2 }) },
    ),
    tenants: fc.array(tenant(sniffer(to)), { minLength: 1, maxLength: 4 }),
    /** Which tenant has what of each encapsulation nobody claims. */
    others: fc.array(fc.nat(), { minLength: CATCH_ALL.length, maxLength: CATCH_ALL.length }),
  });
});
export type RandomMap = typeof randomMap extends fc.Arbitrary<infer T> ? T : never;

/** The map in the reference's form and compiled, or undefined when the configuration's checks refuse it. */
export function bothForms({ delivery, gateway = [], sharedSources, tenants, others }: RandomMap) {
  const sniffers: ReferenceSniffer[] = [];
  const named = tenants.map((each, t) => {
    const own = each.sniffers.map((fields, i) => ({ name: `s${t}-${i}`, ...fields }));
    sniffers.push(...own);
    const claims = CATCH_ALL.filter((_, i) => others[i]! % tenants.length === t);
    const sources = [...each.sources, ...claims.map((encapsulation) => ({ encapsulation }))];
    return { ...each, name: `t${t}`, sources, sniffers: own.map(({ name }) => name) };
  });
  const reference = { gateway, sniffers, sharedSources, tenants: named } as ReferenceMap;
  const config = {
    tunnel: { addresses: gateway },
    delivery: deliverySection(delivery),
    sniffers: sniffers.map(snifferSection),
    sharedSources,
    tenants: named.map((each) => ({
      ...each,
      ...(each.rate === undefined ? {} : { rate: `${each.rate}bit` }),
    })),
  };
  const parsed = configOf(JSON.stringify(withoutAbsent(config)));
  if (parsed === undefined) return undefined;
  const compiled: CompiledMap = compileMap(parsed, { delivery: "configured", ...originOf(delivery) });
  return { reference, compiled };
}

/** A frame that a host might send, in one or more tunnels: often whole, often large, with every upper protocol. */
export function hostFrame(random: Random): Uint8Array {
  const data = new Uint8Array(random(4) === 0 ? random(9000) : random(600)).map(() => random(256));
  const transports: Transport[] = ["tcp", "udp", "udp-lite", "dccp", "icmpv6"];
  const transport = transports[random(5)]!;
  const isIpv6 = transport === "icmpv6" || random(3) === 0;
  const [source, destination] = isIpv6
    ? [`2001:db8:1::${random(9)}`, `2001:db8:1::${1 + random(9)}`]
    : [`10.1.0.${random(9)}`, `10.1.0.${1 + random(9)}`];
  const plain =
    random(12) === 0
      ? ethernet(0x86dd, ipv6(44, data.subarray(0, 600)))
      : frame(transport, data, source, destination);
  const type = plain[12]! * 256 + plain[13]!;
  const tagged = random(5) === 0 ? ethernet(0x8100, tag(random(0x10000), type, plain.subarray(14))) : plain;
  return random(9) === 0 ? ethernet(0x88a8, tag(random(0x10000), 0x8100, tagged.subarray(14))) : tagged;
}

/** Packets, in steps, with what is taken after each: mutated ones, and some of hosts. */
export function randomSteps(
  count: number,
  seed: number,
  mutated: Iterator<Mutated>,
  sniffers: readonly ReferenceSniffer[],
): Step[] {
  const random = seeded(seed);
  const steps: Step[] = [];
  let time = 1_700_000_000_000_000_000n;
  const next = (): Frame => {
    const packet = mutated.next().value as Mutated;
    if (random(3) !== 0) return packet;
    time += BigInt(random(3_000_000));
    const shape = wrap(hostFrame(random), random);
    // In one stream, two clocks: a bucket takes that too.
    return { ...shape, originalLength: shape.frame.length + (random(6) === 0 ? random(99) : 0), time };
  };
  for (let done = 0; done < count; ) {
    const frames = Array.from({ length: 1 + random(24) }, next);
    const takes = new Map(sniffers.map(({ name }) => [name, random(3) === 0 ? random(12) : 0]));
    steps.push({ frames, takes });
    done += frames.length;
  }
  return steps;
}
