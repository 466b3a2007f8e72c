// The interfaces: whether they are there and up, how long their frames may be, what they make of frames, how many queues they have,
// whose program is on them.

import type { LiveGatewayConfig } from "../config/schema.js";
import { channels, type Link, offload, ringSizes } from "../linux/index.js";
import { bad, type Finding, ok, warn } from "./finding.js";

/**
 * A packet of 1,500 bytes with its Ethernet header and a tag, in the longest of the usual tunnels: IPv6, GRE with a sequence number,
 * ERSPAN III with its sub-header.
 */
const MIRRORED_MTU = 1500 + 14 + 4 + 40 + 8 + 12 + 8;
/** A round number that leaves room for more. */
const ADVISED_MTU = 1600;
/** Entries of a NIC's receive ring that hold a few milliseconds. */
const ENOUGH_ENTRIES = 4096;
type Side = "tunnel" | "delivery";

export interface InterfaceParts {
  readonly config: LiveGatewayConfig;
  readonly tunnel: Link;
  readonly delivery: Link;
  /** A gateway runs here: programs and sockets are its own. */
  readonly isRunning: boolean;
}

export function interfaceFindings(parts: InterfaceParts): Finding[] {
  const { config, tunnel, delivery, isRunning } = parts;
  const isShared = tunnel.index === delivery.index;
  const all = isShared ? [tunnel] : [tunnel, delivery];
  return [
    ...all.map(stateOf),
    tunnelMtu(tunnel),
    deliveryMtu(config, delivery),
    ...offloads(config, tunnel),
    ...queues(config, tunnel, delivery),
    ...rings(tunnel),
    ...(isRunning ? [] : all.flatMap(programs)),
  ];
}

function stateOf({ name, running, up }: Link): Finding {
  const check = "link";
  if (running) return ok(check, `${name} is up`);
  if (!up) return bad(check, `${name} is down`, `ip link set dev ${name} up`);
  return bad(check, `${name} has no carrier: nothing is at the other end of its cable`);
}

function tunnelMtu({ name, mtu }: Link): Finding {
  const check = "tunnel MTU";
  if (mtu >= MIRRORED_MTU)
    return ok(check, `${name} takes ${mtu} bytes: a packet of 1,500 fits with its tunnel`);
  const text =
    `${name} takes ${mtu} bytes, and a packet of 1,500 is ${MIRRORED_MTU} with its tunnel: it comes in fragments or not at all; ` +
    "what is between here and the mirror has to take as much";
  return warn(check, text, `ip link set dev ${name} mtu ${ADVISED_MTU}`);
}

function deliveryMtu({ delivery }: LiveGatewayConfig, { name, mtu }: Link): Finding {
  const check = "delivery MTU";
  const least = delivery.mtu;
  if (mtu >= least) return ok(check, `${name} takes ${mtu} bytes, and delivery.mtu is ${least}`);
  const text = `${name} takes ${mtu} bytes, and delivery.mtu is ${least}: what is longer cannot be sent`;
  return bad(check, text, `ip link set dev ${name} mtu ${least}`);
}

/** What makes one packet of several, and what `ethtool -K` calls it. */
const MERGING = { gro: "gro", hardwareGro: "rx-gro-hw", lro: "lro" } as const;

function offloads({ tunnel }: LiveGatewayConfig, { name }: Link): Finding[] {
  const check = "offloads";
  const isXdp = tunnel.backend === "auto" || tunnel.backend === "afxdp";
  const findings: Finding[] = [];
  const vlan = offload(name, "rxVlan");
  if (isXdp && vlan.on && vlan.fixed)
    findings.push(
      bad(
        check,
        `${name} takes VLAN tags off and cannot be told not to: AF_XDP does not see them, set tunnel.backend: afpacket`,
      ),
    );
  for (const which of ["gro", "hardwareGro", "lro"] as const) {
    const { on, fixed } = offload(name, which);
    // Where a program is attached the kernel itself merges nothing (netif_elide_gro); a NIC may, and drivers refuse programs then.
    if (!on || fixed || (isXdp && which === "gro")) continue;
    const text = `${name} may make one packet of several before they are received (${MERGING[which]})`;
    findings.push(warn(check, text, `ethtool -K ${name} ${MERGING[which]} off`));
  }
  return findings.length > 0 ? findings : [ok(check, `${name} gives packets as they come`)];
}

function queues({ tunnel: { queues, backend } }: LiveGatewayConfig, tunnel: Link, delivery: Link): Finding[] {
  const check = "queues";
  // AF_PACKET's sockets share what comes among themselves.
  if (backend !== "auto" && backend !== "afxdp") return [];
  return [...receiveQueues(check, tunnel, queues), ...transmitQueues(check, delivery, queues)];
}

function receiveQueues(check: string, { name }: Link, workers: number): Finding[] {
  const found = channels(name);
  if (found === undefined) return [ok(check, `the driver of ${name} does not say how many queues it has`)];
  const there = found.rx + found.combined;
  if (there === workers || there === 0)
    return [ok(check, `${name} has ${there} receive queues, and tunnel.queues is ${workers}`)];
  const kind = found.combined > 0 || found.rx === 0 ? "combined" : "rx";
  const text = `${name} has ${there} receive queues and tunnel.queues is ${workers}: AF_XDP would lose what comes in by a queue without a worker`;
  return [bad(check, text, `ethtool -L ${name} ${kind} ${workers}`)];
}

function transmitQueues(check: string, { name }: Link, workers: number): Finding[] {
  const found = channels(name);
  const there = found === undefined ? 1 : Math.max(1, found.tx + found.combined);
  if (there >= workers) return [ok(check, `${name} has ${there} transmit queues for ${workers} workers`)];
  const kind = found !== undefined && found.combined === 0 && found.tx > 0 ? "tx" : "combined";
  const text = `${name} has ${there} transmit queues for ${workers} workers, each of which needs one with AF_XDP`;
  return [bad(check, text, `ethtool -L ${name} ${kind} ${workers}`)];
}

function rings({ name }: Link): Finding[] {
  const found = ringSizes(name);
  return found === undefined ? [] : [ringFinding(name, found)];
}

/** Of a driver that says how long its receive ring is and may be. */
export function ringFinding(
  name: string,
  { rx, mostRx }: { readonly rx: number; readonly mostRx: number },
): Finding {
  const check = "ring sizes";
  const wanted = Math.min(mostRx, ENOUGH_ENTRIES);
  if (rx >= wanted) return ok(check, `${name} has a receive ring of ${rx}`);
  const text = `${name} has a receive ring of ${rx}, which a burst fills in a moment`;
  return warn(check, text, `ethtool -G ${name} rx ${wanted}`);
}

const MODES = { native: "xdpdrv", skb: "xdpgeneric", hardware: "xdpoffload" } as const;

/** An interface takes one program. */
function programs({ name, xdp }: Link): Finding[] {
  const check = "XDP";
  if (xdp === undefined) return [ok(check, `no program is on ${name}`)];
  const text = `a program of somebody else's is on ${name} (${xdp}), and an interface takes one; if it stays, a process holds it`;
  return [bad(check, text, `ip link set dev ${name} ${MODES[xdp]} off`)];
}

/** @param names those that there are */
export function missingInterface(side: Side, name: string, names: readonly string[]): Finding {
  return bad(
    "link",
    `there is no interface ${name}, which ${side}.interface says; there are ${names.join(", ")}`,
  );
}
