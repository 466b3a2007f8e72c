// Cross-checks: what no single value shows. One pass over the lists with hash tables, because a map may have a
// million entries. The claims on tunnel identities are checked in identities.ts.
import { formatAddress, formatEndpoint, formatMac } from "./addresses.js";
import { notByUdpSockets, notToUdpSockets } from "./backends.js";
import type { Draft, DraftSniffer } from "./draft.js";
import { didYouMean } from "./explain.js";
import { checkIdentities } from "./identities.js";
import { type Finding, formatPath, type Path } from "./mistakes.js";
import { MOST_SENDERS } from "./schema.js";

/** Every contradiction between parts of a configuration that each are well-formed. */
export function crossCheck(draft: Draft): Finding[] {
  return [
    ...checkTunnel(draft),
    ...checkDecode(draft),
    ...checkDelivery(draft),
    ...checkApi(draft),
    ...checkSniffers(draft),
    ...checkHosts(draft),
    ...checkTenants(draft),
    ...checkAddresses(draft),
    ...checkIdentities(draft),
  ];
}

/** Sides that are a capture; and whether `tunnel.ports.gre-udp` is written in the configuration. */
export interface LivePurpose {
  readonly replay?: boolean;
  readonly record?: boolean;
  readonly greInUdp?: boolean;
}

/** What `spangate run` needs beyond what offline commands do; of a side that is a capture no interface. */
export function checkLive(
  draft: Draft,
  { replay = false, record = false, greInUdp = false }: LivePurpose,
): Finding[] {
  const { tunnel, delivery, sniffers } = draft;
  const findings: Finding[] = [];
  if (!replay && tunnel?.backend === "udp") findings.push(...notByUdpSockets(draft, greInUdp));
  if (!record && delivery?.backend === "udp") findings.push(...notToUdpSockets(draft));
  const missing = (path: Path, expected: string) =>
    findings.push({ path, message: "is missing for a live gateway", expected });
  if (!replay && tunnel !== undefined && tunnel.interface === undefined) {
    missing(["tunnel", "interface"], "the NIC that mirrored traffic arrives on");
  }
  if (!replay && tunnel?.addresses.length === 0) {
    missing(["tunnel", "addresses"], "the addresses that mirror sources send to");
  }
  const behindNic = sniffers.some(({ deliver = "pcap" }) => deliver !== "pcap" && deliver !== "tap");
  const none = tunnel?.interface === undefined && delivery?.interface === undefined;
  if (replay && behindNic && !record && none) {
    missing(["delivery", "interface"], "the NIC that the sniffers are reached through");
  }
  for (const [i, sniffer] of sniffers.entries()) {
    // A sniffer that could not be read has been reported; only a readable one has a queue.
    if ("queue" in sniffer && sniffer.deliver === undefined) {
      missing(["sniffers", i, "deliver"], "how its frames reach it, for example `deliver: mac` and a `mac`");
    }
  }
  return findings;
}

// GRE payloads that the decoder knows already (assembly/README.md, "GRE"): as Ethernet they would be misread.
const GRE_PROTOCOLS = new Map([
  [0x0800, "IPv4"],
  [0x86dd, "IPv6"],
  [0x6558, "transparent Ethernet"],
  [0x88be, "ERSPAN I and II"],
  [0x22eb, "ERSPAN III"],
]);

function checkDecode({ decode }: Draft): Finding[] {
  const findings: Finding[] = [];
  for (const [i, protocol] of (decode?.greEthernet ?? []).entries()) {
    const known = GRE_PROTOCOLS.get(protocol);
    if (known === undefined) continue;
    const message = `is 0x${protocol.toString(16).padStart(4, "0")}, which is ${known}`;
    findings.push({
      path: ["decode", "greEthernet", i],
      message,
      expected: "a protocol number that GRE has no other use for",
    });
  }
  const reassembly = decode?.reassembly;
  if (reassembly !== undefined && reassembly.perSource > reassembly.memory) {
    findings.push({
      path: ["decode", "reassembly", "perSource"],
      message: `is ${reassembly.perSource} bytes, more than all sources together may hold`,
      expected: `at most decode.reassembly.memory, ${reassembly.memory} bytes`,
    });
  }
  return findings;
}

function checkTunnel({ tunnel }: Draft): Finding[] {
  const findings: Finding[] = [];
  const addresses = new FirstUse<string>();
  for (const [i, address] of (tunnel?.addresses ?? []).entries()) {
    const path: Path = ["tunnel", "addresses", i];
    const written = formatAddress(address);
    const first = addresses.see(written, path);
    if (first === undefined) continue;
    findings.push({
      path,
      message: `is ${written}, as is ${formatPath(first)}`,
      expected: "each address once",
    });
  }
  const protocolOfPort = new FirstUse<number>();
  for (const [protocol, ports] of Object.entries(tunnel?.ports ?? {})) {
    for (const [i, port] of ports.entries()) {
      const path: Path = ["tunnel", "ports", protocol, i];
      const first = protocolOfPort.see(port, path);
      if (first === undefined) continue;
      findings.push({
        path,
        message: `is ${port}, as is ${formatPath(first)}`,
        expected: "each port for one tunnel",
      });
    }
  }
  return findings;
}

/** RFC 8200 5: every link carries IPv6 packets of this many bytes, and nothing smaller may be asked of one. */
export const IPV6_LEAST_MTU = 1280;

function checkDelivery({ delivery, sniffers }: Draft): Finding[] {
  if (delivery === undefined) return [];
  const findings: Finding[] = [];
  const families = new FirstUse<4 | 6>();
  for (const [i, address] of delivery.addresses.entries()) {
    const path: Path = ["delivery", "addresses", i];
    const first = families.see(address.family, path);
    if (first === undefined) continue;
    findings.push({
      path,
      message: `is ${formatAddress(address)}, of the same family as ${formatPath(first)}`,
      expected: "at most one IPv4 and one IPv6 address, since packets have one source",
    });
  }
  const overIpv6 = sniffers.findIndex((sniffer) => "to" in sniffer && sniffer.to.family === 6);
  if (overIpv6 >= 0 && delivery.mtu < IPV6_LEAST_MTU) {
    findings.push({
      path: ["delivery", "mtu"],
      message: `is ${delivery.mtu}, and ${formatPath(["sniffers", overIpv6])} is reached over IPv6`,
      expected: `at least ${IPV6_LEAST_MTU} (RFC 8200)`,
    });
  }
  return findings;
}

/** What goes over a network is not for everybody to read. */
function checkApi({ api }: Draft): Finding[] {
  const listen = api?.listen;
  if (listen === undefined || listen.tls !== undefined) return [];
  const { family, bytes } = listen.address;
  const isLoopback = family === 4 ? bytes[0] === 127 : bytes.every((byte, i) => byte === (i === 15 ? 1 : 0));
  if (isLoopback) return [];
  return [
    {
      path: ["api", "listen"],
      message: `is at ${formatAddress(listen.address)} without tls`,
      expected: "`tls` with a certificate and its key, or a loopback address",
    },
  ];
}

function checkSniffers({ sniffers, senders }: Draft): Finding[] {
  const findings: Finding[] = [];
  const names = new FirstUse<string>();
  const destinations = new FirstUse<string>();
  for (const [i, sniffer] of sniffers.entries()) {
    // Files are called after sniffers, and some file systems do not tell Acme from acme.
    findings.push(...checkName(names, sniffer.name, ["sniffers", i, "name"]));
    const destination = destinationOf(sniffer);
    if (destination === undefined) continue;
    const path: Path = ["sniffers", i];
    const first = destinations.see(destination, path);
    if (first === undefined) continue;
    findings.push({
      path,
      message: `delivers to ${destination}, as does ${formatPath(first)}`,
      expected: "one sniffer for each destination, or frames of two tenants could meet there",
    });
  }
  if (senders === "per-sniffer" && sniffers.length > MOST_SENDERS) {
    findings.push({
      path: ["senders"],
      message: `is per-sniffer with ${sniffers.length} sniffers`,
      expected: `at most ${MOST_SENDERS} sniffers, or a number of senders that they share`,
    });
  }
  return findings;
}

/** One tenant may have several sniffers at a MAC address, such as for IPv4 and IPv6; of two tenants each would see the other's frames. */
function checkHosts({ sniffers, tenants }: Draft): Finding[] {
  const findings: Finding[] = [];
  const owners = new Map<string | undefined, number>();
  for (const [t, tenant] of tenants.entries()) for (const name of tenant.sniffers ?? []) owners.set(name, t);
  const hosts = new Map<string, { readonly owner: number; readonly sniffer: number }>();
  for (const [i, sniffer] of sniffers.entries()) {
    const owner = owners.get(sniffer.name);
    const host = hostOf(sniffer);
    if (owner === undefined || host === undefined) continue;
    const first = hosts.get(host);
    if (first === undefined) hosts.set(host, { owner, sniffer: i });
    // What is the same to the word is reported already.
    else if (first.owner !== owner && destinationOf(sniffer) !== destinationOf(sniffers[first.sniffer]!)) {
      findings.push({
        path: ["sniffers", i],
        message: `delivers to ${host}, as does ${formatPath(["sniffers", first.sniffer])} of another tenant`,
        expected: "a MAC address or a VLAN of its own for each tenant, or frames of two could meet there",
      });
    }
  }
  return findings;
}

/** The MAC address of a sniffer on the segment, in words. */
export function hostOf(sniffer: DraftSniffer): string | undefined {
  if (sniffer.deliver !== "mac" && sniffer.deliver !== "ip") return undefined;
  return tagged(formatMac(sniffer.mac), sniffer.vlan);
}

/** Where a sniffer's frames end up, in words; two sniffers with the same words would be one. */
export function destinationOf(sniffer: DraftSniffer): string | undefined {
  switch (sniffer.deliver) {
    case "mac":
      return tagged(formatMac(sniffer.mac), sniffer.vlan);
    case "ip":
      return tagged(`${formatAddress(sniffer.ip)} at ${formatMac(sniffer.mac)}`, sniffer.vlan);
    case "vxlan":
    case "geneve":
      return tagged(
        `${formatAddress(sniffer.to)} by ${sniffer.deliver} on port ${sniffer.port} with VNI ${sniffer.vni}`,
        sniffer.vlan,
      );
    case "gre": {
      const key = sniffer.key === undefined ? "no key" : `key ${sniffer.key}`;
      return tagged(`${formatAddress(sniffer.to)} by gre with ${key}`, sniffer.vlan);
    }
    case "erspan2":
    case "erspan3":
      return tagged(
        `${formatAddress(sniffer.to)} by ${sniffer.deliver} with session ${sniffer.session}`,
        sniffer.vlan,
      );
    case "tap":
      return `interface ${sniffer.interface}`;
    default:
      // Files of one folder are told apart by the sniffers' names.
      return undefined;
  }
}

function tagged(text: string, vlan: number | undefined): string {
  return vlan === undefined ? text : `${text} in VLAN ${vlan}`;
}

function checkTenants({ tenants, sniffers, sharedSources }: Draft): Finding[] {
  const findings: Finding[] = [];
  const names = new FirstUse<string>();
  const owners = new FirstUse<string>();
  const known = new Set(sniffers.map(({ name }) => name));
  // Suggesting among a hundred thousand names for each of as many mistakes would be their product.
  const suggested = known.size <= 1000 ? [...known].filter((name) => name !== undefined) : [];
  for (const [t, tenant] of tenants.entries()) {
    findings.push(...checkName(names, tenant.name, ["tenants", t, "name"]));
    for (const [s, name] of (tenant.sniffers ?? []).entries()) {
      if (name === undefined) continue;
      const path: Path = ["tenants", t, "sniffers", s];
      if (!known.has(name)) {
        const message = `is ${JSON.stringify(name)}, which is no sniffer${didYouMean(name, suggested)}`;
        findings.push({ path, message, expected: "a name from the list `sniffers`" });
      }
      const first = owners.see(name, path);
      if (first === undefined) continue;
      const message = `is ${JSON.stringify(name)}, which ${formatPath(first)} names already`;
      findings.push({ path, message, expected: "a sniffer that no tenant has, since each belongs to one" });
    }
    if (tenant.sources?.length === 0 && tenant.addresses !== undefined) {
      const byAddress = sharedSources.length > 0;
      if (byAddress && tenant.addresses.length > 0) continue;
      findings.push({
        path: ["tenants", t],
        message: "has no sources, so no packet can be its own",
        expected: byAddress ? "`sources`, or `addresses` to be found by in sharedSources" : "`sources`",
      });
    }
  }
  return findings;
}

/** Under shared sources the inner address alone decides, so each may have one owner only. */
function checkAddresses({ tenants, sharedSources }: Draft): Finding[] {
  if (sharedSources.length === 0) return [];
  const findings: Finding[] = [];
  const owners = new Map<string, { tenant: number; path: Path }>();
  for (const [t, { addresses }] of tenants.entries()) {
    for (const [a, address] of (addresses ?? []).entries()) {
      if (address === undefined) continue;
      const written = formatEndpoint(address);
      const path: Path = ["tenants", t, "addresses", a];
      const owner = owners.get(written);
      if (owner === undefined) owners.set(written, { tenant: t, path });
      else if (owner.tenant !== t) {
        findings.push({
          path,
          message: `is ${written}, as is ${formatPath(owner.path)}`,
          expected: "one owner for each address, since sharedSources are told apart by address",
        });
      }
    }
  }
  if (owners.size === 0 && tenants.every(({ addresses }) => addresses?.length === 0)) {
    findings.push({
      path: ["sharedSources"],
      message: "has sources, but no tenant has addresses to tell their packets apart by",
      expected: "`addresses` in at least one tenant, or no sharedSources",
    });
  }
  return findings;
}

function checkName(names: FirstUse<string>, name: string | undefined, path: Path): Finding[] {
  if (name === undefined) return [];
  const first = names.see(name.toLowerCase(), path);
  if (first === undefined) return [];
  const message = `is ${JSON.stringify(name)}, as is ${formatPath(first)}`;
  return [{ path, message, expected: "a name of its own; upper and lower case count as the same" }];
}

/** Remembers where each value was seen first. */
class FirstUse<Value> {
  readonly #places = new Map<Value, Path>();

  /** The place where the value was seen before; undefined the first time. */
  see(value: Value, path: Path): Path | undefined {
    const first = this.#places.get(value);
    if (first === undefined) this.#places.set(value, path);
    return first;
  }
}
