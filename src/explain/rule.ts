// The tenant map's decision in a sentence: which rule, which claim of the configuration, which inner endpoint.

import * as at from "../../assembly/memory/layout.js";
import type { Claim, CompiledMap } from "../mapping/index.js";
import type { HeaderRecord } from "./inner.js";
import type { PacketRecord } from "./record.js";

/** What the decision was made from, as the descriptor has it. */
export interface Decision {
  readonly map: CompiledMap;
  /** ENDPOINT_*, of rule 2. */
  readonly endpoint: number;
  readonly claim: Claim | undefined;
  /** Of the tenant, bits per second. */
  readonly rate: number | undefined;
}

/** The packet's tunnel identity: `erspan 100 from 10.77.0.1`. */
export function identityText(record: PacketRecord): string {
  const { encapsulation, session, vni, key, source, outerVlan } = record;
  const id = session ?? vni ?? key;
  const tag = outerVlan === undefined ? "" : ` in VLAN ${outerVlan}`;
  return `${encapsulation}${id === undefined ? "" : ` ${id}`} from ${source}${tag}`;
}

/** Why the packet is this tenant's. */
export function ownerSentence(record: PacketRecord, { endpoint, claim }: Decision): string {
  const { tenant, rule } = record;
  const claimed = claimText(claim);
  if (rule === 1) return `rule 1: ${claimed}, and ${tenant} lists no addresses`;
  if (rule === 2) return `rule 2: ${claimed}, and ${endpointText(endpoint, record.headers)} is ${tenant}'s`;
  return `rule 3: ${claimed} for many tenants, and the inner addresses are ${tenant}'s`;
}

/** Why the packet is nobody's, or not surely somebody's. */
export function refusalSentence(record: PacketRecord, { claim }: Decision): string {
  const claimed = claimText(claim);
  const endpoints = endpointList(record.headers);
  switch (record.verdict) {
    case "foreign-address":
      return `rule 2: ${claimed}, but ${
        endpoints === "" ? "the frame has no address" : `none of ${endpoints} is`
      } among ${claim?.tenant}'s addresses`;
    case "ambiguous-tenant":
      return `rule 3: ${claimed} for many tenants, and ${endpoints} belong to more than one of them${
        record.direction === undefined ? ", without a direction to decide" : ""
      }`;
    case "loop":
      return "the inner frame is addressed to a sniffer, or is a tunnel to this gateway: our own delivery, mirrored back";
    default:
      return claim === undefined
        ? `rule 4: no tenant claims ${identityText(record)}`
        : `rule 3: ${claimed} for many tenants, but no tenant owns one of ${endpoints || "its addresses: it has none"}`;
  }
}

function claimText(claim: Claim | undefined): string {
  return claim === undefined ? "nothing claims it" : `${claim.path} (${claim.text}) claims it`;
}

const ENDPOINT_NAMES: Readonly<Record<number, string>> = {
  [at.ENDPOINT_SOURCE_MAC]: "the inner source MAC",
  [at.ENDPOINT_DESTINATION_MAC]: "the inner destination MAC",
  [at.ENDPOINT_SOURCE]: "the inner source",
  [at.ENDPOINT_DESTINATION]: "the inner destination",
  [at.ENDPOINT_TARGET]: "the neighbour discovery target",
};

function endpointText(endpoint: number, headers: readonly HeaderRecord[]): string {
  if (endpoint === at.ENDPOINT_NON_IP) return "the frame is not IP, which by `nonIp: deliver`";
  const name = ENDPOINT_NAMES[endpoint] ?? "an inner endpoint";
  const address = addressOf(endpoint, headers);
  return address === undefined ? name : `${name} ${address}`;
}

function addressOf(endpoint: number, headers: readonly HeaderRecord[]): unknown {
  const field = (names: readonly string[], key: string) =>
    headers.find(({ name }) => names.includes(name))?.fields[key];
  const ip = ["inner IPv4", "inner IPv6"];
  if (endpoint === at.ENDPOINT_SOURCE_MAC) return field(["inner Ethernet"], "source");
  if (endpoint === at.ENDPOINT_DESTINATION_MAC) return field(["inner Ethernet"], "destination");
  if (endpoint === at.ENDPOINT_SOURCE) return field(ip, "source") ?? field(["inner ARP"], "sender");
  if (endpoint === at.ENDPOINT_DESTINATION) return field(ip, "destination") ?? field(["inner ARP"], "target");
  return undefined;
}

function endpointList(headers: readonly HeaderRecord[]): string {
  const endpoints = [
    at.ENDPOINT_SOURCE,
    at.ENDPOINT_DESTINATION,
    at.ENDPOINT_SOURCE_MAC,
    at.ENDPOINT_DESTINATION_MAC,
  ];
  const addresses = endpoints.map((endpoint) => addressOf(endpoint, headers)).filter((a) => a !== undefined);
  return addresses.join(", ");
}
