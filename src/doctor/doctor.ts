// Everything that the doctor looks at, in the order in which it is told. Nothing is changed.

import type { LiveGatewayConfig } from "../config/schema.js";
import { SpangateError } from "../errors.js";
import { type Link, Rtnetlink } from "../linux/index.js";
import { fileFindings } from "./files.js";
import { type Finding, ok } from "./finding.js";
import { interfaceFindings, missingInterface } from "./interfaces.js";
import { interruptFindings } from "./interrupts.js";
import {
  kernelFindings,
  memlockFindings,
  openFileFindings,
  privilegeFindings,
  processorFindings,
  visitorFindings,
} from "./machine.js";
import { addressFindings, filterFindings, nextHopFindings, portFindings } from "./network.js";
import { capFinding, koffiFinding } from "./packages.js";
import { diskFindings, socketFindings, userFindings } from "./places.js";
import { startOf } from "./start.js";
import { findUnit, unitFindings } from "./unit.js";

export interface Patient {
  /** Without one only the machine is looked at. */
  readonly config?: LiveGatewayConfig | undefined;
  /** Where the configuration is. */
  readonly file?: string | undefined;
  /** The gateway that answers at the control socket, by its process. */
  readonly running?: number | undefined;
  /** The unit that starts it; false: it is started by hand. The usual one when absent, where there is one. */
  readonly unit?: string | boolean | undefined;
}

/** @throws SpangateError of a kernel that does not answer */
export function examine({ config, file, running, unit: wanted }: Patient): Finding[] {
  const { unit, finding } = findUnit(wanted);
  const start = startOf(unit);
  const machine = [
    ...kernelFindings(),
    finding,
    ...(unit === undefined ? [] : unitFindings(unit, file)),
    ...visitorFindings(file, start),
    ...privilegeFindings(config, file, start),
    ...memlockFindings(start),
  ];
  const packages = [koffiFinding(), ...(config?.tunnel.backend === "libpcap" ? [capFinding()] : [])];
  if (config === undefined) return [...machine, ...packages];
  const isRunning = running !== undefined;
  return [
    ...(isRunning ? [ok("gateway", `process ${running} runs with this control socket`)] : []),
    ...machine,
    ...packages,
    ...openFileFindings(config, start),
    ...processorFindings(config),
    ...network(config, isRunning),
    ...portFindings(config, isRunning),
    ...userFindings(config, start),
    ...(file === undefined ? [] : fileFindings(config, file, start)),
    ...socketFindings(config, start),
    ...diskFindings(config, start),
  ];
}

function network(config: LiveGatewayConfig, isRunning: boolean): Finding[] {
  const netlink = Rtnetlink.open();
  try {
    const names = {
      tunnel: config.tunnel.interface!,
      delivery: config.delivery.interface ?? config.tunnel.interface!,
    };
    const tunnel = linkOf(netlink, names.tunnel);
    const delivery = linkOf(netlink, names.delivery);
    const there = netlink.links().map(({ name }) => name);
    return [
      ...(tunnel === undefined ? [missingInterface("tunnel", names.tunnel, there)] : []),
      ...(delivery === undefined && names.delivery !== names.tunnel
        ? [missingInterface("delivery", names.delivery, there)]
        : []),
      ...(tunnel === undefined || delivery === undefined
        ? []
        : interfaceFindings({ config, tunnel, delivery, isRunning })),
      ...(tunnel === undefined
        ? []
        : [
            ...interruptFindings(tunnel.name, config.tunnel.queues),
            ...addressFindings(config, tunnel, netlink),
            ...filterFindings(config, tunnel),
          ]),
      ...(delivery === undefined ? [] : nextHopFindings(config, delivery, netlink)),
    ];
  } finally {
    netlink.close();
  }
}

function linkOf(netlink: Rtnetlink, name: string): Link | undefined {
  try {
    return netlink.link(name);
  } catch (error) {
    if (error instanceof SpangateError && error.code === "INTERFACE_UNKNOWN") return undefined;
    throw error;
  }
}
