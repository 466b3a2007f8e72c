// Reads the values of flags: what is wrong is said with what would be right.

import { InvalidArgumentError } from "commander";
import { TUNNEL_PORTS } from "../config/defaults.js";

/** A whole number within limits, both included; hexadecimal with 0x. */
export function integer(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = /^(\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : Number.NaN;
    if (value >= minimum && value <= maximum) return value;
    throw new InvalidArgumentError(`Expected an integer from ${minimum} to ${maximum}.`);
  };
}

/** How fast a capture is replayed: `2`, `0.5`, or `max`. */
export function speed(text: string): number | "max" {
  if (text === "max") return text;
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value > 0) return value;
  throw new InvalidArgumentError("Expected a number above 0, such as 2 or 0.5, or max.");
}

/** Tunnels that arrive on UDP ports, as the configuration's `tunnel.ports` names them. */
type Tunnel = keyof typeof TUNNEL_PORTS;
const TUNNELS = Object.keys(TUNNEL_PORTS) as Tunnel[];

/** What `--port` gathers: the tunnel by UDP port. */
export type PortFlags = ReadonlyMap<number, Tunnel>;

/** One `vxlan=4789` more. */
export function port(text: string, before: PortFlags = new Map()): PortFlags {
  const [name, number, ...rest] = text.split("=");
  const tunnel = TUNNELS.find((known) => known === name);
  if (tunnel === undefined || number === undefined || rest.length > 0) {
    throw new InvalidArgumentError(`Expected TUNNEL=PORT, TUNNEL one of ${TUNNELS.join(", ")}.`);
  }
  return new Map(before).set(integer(1, 65_535)(number), tunnel);
}

/** `ports` with those of `flags`: a port means one tunnel, so it is taken from the others. */
export function withPorts(
  ports: Readonly<Record<Tunnel, readonly number[]>>,
  flags: PortFlags | undefined,
): Record<Tunnel, readonly number[]> {
  const result: Record<Tunnel, readonly number[]> = { ...ports };
  for (const [number, tunnel] of flags ?? []) {
    for (const name of TUNNELS) result[name] = result[name].filter((other) => other !== number);
    result[tunnel] = [...result[tunnel], number];
  }
  return result;
}
