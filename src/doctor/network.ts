// The network around the interfaces: tunnel addresses, ways to sniffers and who is there, ports that others hold, filters of the kernel.

import { readFileSync } from "node:fs";
import { type Address, formatAddress } from "../config/addresses.js";
import type { LiveGatewayConfig } from "../config/schema.js";
import { type Link, type PortHolder, portHolders, type Rtnetlink } from "../linux/index.js";
import { bad, type Finding, ok, warn } from "./finding.js";

export function addressFindings(
  { tunnel: { addresses } }: LiveGatewayConfig,
  link: Link,
  netlink: Rtnetlink,
): Finding[] {
  const check = "addresses";
  const there = new Set(netlink.addresses(link.index).map(({ address }) => formatAddress(address)));
  return addresses.map((address) => {
    const text = formatAddress(address);
    if (there.has(text)) return ok(check, `${link.name} has ${text}`);
    const length = address.family === 4 ? 32 : 128;
    const why = `${link.name} does not have ${text}, which tunnel.addresses says: nobody answers when the mirror source asks where it is`;
    return bad(check, why, `ip address add ${text}/${length} dev ${link.name}`);
  });
}

/** Sniffers behind tunnels whose next hop the kernel has to know. */
export function nextHopFindings({ sniffers }: LiveGatewayConfig, link: Link, netlink: Rtnetlink): Finding[] {
  const destinations = new Map<string, Address>();
  for (const sniffer of sniffers)
    if ("to" in sniffer && sniffer.mac === undefined) destinations.set(formatAddress(sniffer.to), sniffer.to);
  return [...destinations.values()].map((to) => nextHop(to, link, netlink));
}

function nextHop(to: Address, { index, name }: Link, netlink: Rtnetlink): Finding {
  const check = "next hops";
  const text = formatAddress(to);
  const route = netlink.route(to);
  if (route === undefined || route.index !== index) {
    const length = to.family === 4 ? 32 : 128;
    const why = route === undefined ? "there is no route" : "the route leaves by another interface";
    return bad(check, `${name} is no way to ${text}: ${why}`, `ip route add ${text}/${length} dev ${name}`);
  }
  const via = route.gateway ?? to;
  const { state, mac } = netlink.neighbour(index, via) ?? {};
  const hop = formatAddress(via);
  if (mac !== undefined) return ok(check, `${hop}, by which ${text} is reached, is ${state}`);
  const ask = `ping -c 1 -W 2 -I ${name} ${hop}`;
  if (state === "failed")
    return bad(
      check,
      `${hop}, by which ${text} is reached, does not answer: what is for it is a send-error`,
      ask,
    );
  return warn(check, `nobody has asked yet who ${hop} is, by which ${text} is reached`, ask);
}

/** UDP ports on which tunnels arrive: with AF_PACKET the gateway holds them, so that the kernel answers nothing. */
export function portFindings({ tunnel }: LiveGatewayConfig, isRunning: boolean): Finding[] {
  const check = "ports";
  const { backend } = tunnel;
  const wanted = new Set(Object.values(tunnel.ports).flat());
  const mine = new Set(tunnel.addresses.map(formatAddress));
  const held = portHolders().filter(
    ({ port, address, isUnspecified }) =>
      wanted.has(port) && (isUnspecified || mine.has(formatAddress(address))),
  );
  if (isRunning) return [ok(check, "they are for the gateway that runs to look after")];
  if (held.length === 0) return [ok(check, "nobody else has a tunnel's UDP port")];
  return held.map((holder) => {
    const text = `${holderText(holder)} has UDP port ${holder.port}`;
    if (backend === "afxdp") return ok(check, `${text}; AF_XDP takes what is ours before that`);
    const why = `${text}, and would answer mirrored packets`;
    return backend === "auto"
      ? warn(check, `${why} where AF_XDP does not work`, mendOf(holder))
      : bad(check, why, mendOf(holder));
  });
}

function holderText({ process }: PortHolder): string {
  return process === undefined ? "the kernel (a tunnel device)" : `process ${process.pid} (${process.name})`;
}

function mendOf({ process }: PortHolder): string | undefined {
  return process === undefined ? undefined : `kill ${process.pid}`;
}

/** Reverse path filtering drops what comes from where no answer would go (ip-sysctl): only sockets of the kernel's stack mind. */
export function filterFindings(
  { tunnel: { backend } }: LiveGatewayConfig,
  { name }: Link,
  read: (name: string) => number = ofIpv4,
): Finding[] {
  const check = "rp_filter";
  if (backend !== "udp") return [ok(check, `with tunnel.backend: ${backend} it is not asked`)];
  // The stricter of both counts.
  const strict = ["all", name].filter((each) => read(`conf/${each}/rp_filter`) === 1);
  if (strict.length === 0) return [ok(check, `it lets mirrored packets in by ${name}`)];
  const text = `the kernel drops what comes in by ${name} from addresses that it would not reach by it`;
  return [warn(check, text, strict.map((each) => `sysctl -w net.ipv4.conf.${each}.rp_filter=2`).join("; "))];
}

function ofIpv4(name: string): number {
  return Number(readFileSync(`/proc/sys/net/ipv4/${name}`, "utf8"));
}
