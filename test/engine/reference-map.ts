// The reference's tenant map as the engine's: the same words through the schema and the compiler.

import { parseHost } from "../../src/config/addresses.js";
import { gatewayConfig } from "../../src/config/schema.js";
import { type CompiledMap, compileMap, type Origin } from "../../src/mapping/index.js";
import type { DeliveryOptions, ReferenceMap, ReferenceSniffer } from "../reference/index.js";

/**
 * The compiled map, or undefined when the schema refuses what the reference would take.
 *
 * @param delivery absent: packets are classified only
 */
export function compileReferenceMap(
  { gateway, sniffers, sharedSources, tenants }: ReferenceMap,
  delivery?: DeliveryOptions,
): CompiledMap | undefined {
  const config = {
    tunnel: { addresses: gateway },
    delivery: delivery === undefined ? {} : deliverySection(delivery),
    sniffers: sniffers.map(delivery === undefined ? onlyAddresses : snifferSection),
    sharedSources,
    tenants: tenants.map(({ rate, ...tenant }) => ({
      ...tenant,
      ...(rate === undefined ? {} : { rate: `${rate}bit` }),
      sniffers: tenant.sniffers.length > 0 ? tenant.sniffers : ["none"],
    })),
  };
  const parsed = gatewayConfig.safeParse(withoutAbsent(config));
  if (!parsed.success) return undefined;
  if (delivery === undefined) return compileMap(parsed.data);
  return compileMap(parsed.data, { delivery: "configured", ...originOf(delivery) });
}

/** The delivery interface as the compiler takes it; none offline. The first address is `delivery.addresses`, the others are its. */
export function originOf({ live, interfaceMac, addresses = [] }: DeliveryOptions): { origin?: Origin } {
  if (live !== true) return {};
  const own = addresses.slice(1).map(bytesOf);
  // The reference sends from the unspecified address when there is none.
  const of = (length: 4 | 16) => own.find((each) => each.length === length) ?? new Uint8Array(length);
  const mac = interfaceMac?.split(":").map((part) => Number.parseInt(part, 16));
  return {
    origin: {
      ...(mac === undefined ? {} : { mac: Uint8Array.from(mac) }),
      ipv4: of(4),
      ipv6: of(16),
    },
  };
}

function bytesOf(address: string): Uint8Array {
  const parsed = parseHost(address);
  if (!("bytes" in parsed)) throw new Error(`${address} is no address`);
  return parsed.bytes;
}

/** `delivery` of a configuration: offline it tells what live the interface does. */
export function deliverySection({ mtu, live, interfaceMac, addresses }: DeliveryOptions): object {
  return live === true ? { mtu, addresses: addresses?.slice(0, 1) } : { mtu, mac: interfaceMac, addresses };
}

/** A delivery mode with these addresses. */
function onlyAddresses({ name, mac, ip, to }: ReferenceSniffer): object {
  if (to !== undefined) return { name, deliver: "vxlan", to, vni: 1 };
  if (ip !== undefined) return { name, deliver: "ip", ip, mac: mac ?? "02:00:00:00:ff:01" };
  return mac === undefined ? { name } : { name, deliver: "mac", mac };
}

const TUNNEL = ["to", "mac", "vlan", "fit"] as const;
const FIELDS = {
  mac: ["mac", "vlan", "sourceMac"],
  ip: ["mac", "vlan", "sourceMac", "ip"],
  vxlan: [...TUNNEL, "vni", "port", "udpChecksum"],
  geneve: [...TUNNEL, "vni", "port", "udpChecksum"],
  gre: [...TUNNEL, "key"],
  erspan2: [...TUNNEL, "session", "index"],
  erspan3: [...TUNNEL, "session"],
  tap: [],
  pcap: [],
} as const satisfies Record<string, readonly (keyof ReferenceSniffer)[]>;

/** A sniffer in the configuration's words. */
export function snifferSection(sniffer: ReferenceSniffer): object {
  const { name, deliver, queue, overflow, weight, rate } = sniffer;
  const fields = deliver === undefined ? [] : FIELDS[deliver];
  return {
    name,
    deliver,
    queue,
    overflow,
    weight,
    ...(rate === undefined ? {} : { rate: `${rate}bit` }),
    ...Object.fromEntries(fields.map((field) => [field, sniffer[field]])),
    ...(deliver === "pcap" ? { directory: "/tmp" } : {}),
    ...(deliver === "tap" ? { interface: "tap0" } : {}),
  };
}

/** Keys whose value is undefined are not there, as in a file. */
export function withoutAbsent<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
