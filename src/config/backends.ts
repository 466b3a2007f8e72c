// Which way of receiving and sending does for which configuration: what sockets of an ordinary user cannot do. From here come the
// refusals of `run`, its choice where nobody has chosen, and the table in the README.
import type { Draft } from "./draft.js";
import type { Finding, Path } from "./mistakes.js";
import type { Sniffer } from "./sniffers.js";
import type { Encapsulation } from "./tenants.js";

export type TunnelBackend = "afxdp" | "afpacket" | "udp" | "libpcap";
export type DeliveryBackend = "afxdp" | "afpacket" | "udp";
type Deliver = NonNullable<Sniffer["deliver"]>;

/** Sniffers that are on the gateway's own machine: threads of their own write to them, whatever else sends. */
export const SENT_BESIDE = ["tap", "pcap"] as const satisfies readonly Deliver[];
const ADDRESSED: readonly Deliver[] = ["mac", "ip"];
const BY_UDP: readonly Deliver[] = ["vxlan", "geneve"];
const BY_GRE: readonly Deliver[] = ["gre", "erspan2", "erspan3"];

/** Sniffers that are reached through an interface, by what sends to them. */
export const SENT_BY: Readonly<Record<DeliveryBackend, readonly Deliver[]>> = {
  afxdp: [...ADDRESSED, ...BY_UDP, ...BY_GRE],
  afpacket: [...ADDRESSED, ...BY_UDP, ...BY_GRE],
  udp: BY_UDP,
};

const OVER_GRE: readonly Encapsulation[] = ["erspan", "gre", "nvgre"];
const OTHER = "another `tunnel.backend`, such as auto, afxdp or afpacket, which take root";

/**
 * Sources whose packets no UDP socket gets.
 *
 * @param greInUdp `tunnel.ports.gre-udp` is written in the configuration: what is over GRE comes in UDP (RFC 8086)
 */
export function notByUdpSockets(
  { tenants, sharedSources }: Pick<Draft, "tenants" | "sharedSources">,
  greInUdp: boolean,
): Finding[] {
  const sources: [Path, { encapsulation: Encapsulation; vlan?: number | undefined } | undefined][] = [
    ...sharedSources.map((source, i): [Path, typeof source] => [["sharedSources", i], source]),
    ...tenants.flatMap(({ sources = [] }, t) =>
      sources.map((source, i): [Path, typeof source] => [["tenants", t, "sources", i], source]),
    ),
  ];
  return sources.flatMap(([path, source]) => {
    if (source === undefined) return [];
    const { encapsulation, vlan } = source;
    const findings: Finding[] = [];
    if (OVER_GRE.includes(encapsulation) && !greInUdp) {
      findings.push({
        path: [...path, "encapsulation"],
        message: `is ${encapsulation}, and UDP sockets receive no GRE`,
        expected: `${OTHER}; or GRE in UDP, with its ports written in tunnel.ports.gre-udp`,
      });
    }
    if (vlan !== undefined) {
      findings.push({
        path: [...path, "vlan"],
        message: `is ${vlan}, and UDP sockets tell no VLAN`,
        expected: `${OTHER}; or the VLAN's own interface as tunnel.interface`,
      });
    }
    return findings;
  });
}

const OTHER_DELIVERY = "another `delivery.backend`, such as auto, afxdp or afpacket, which take root";

/** Sniffers that no UDP socket sends to as they ask for it. */
export function notToUdpSockets({
  delivery,
  sniffers,
  senders,
}: Pick<Draft, "delivery" | "sniffers" | "senders">): Finding[] {
  const findings: Finding[] = [];
  if (senders !== undefined && senders !== "inline") {
    findings.push({
      path: ["senders"],
      message: `is ${senders}, and threads of their own send by AF_PACKET`,
      expected: `inline, or ${OTHER_DELIVERY}`,
    });
  }
  if (delivery?.mac !== undefined) {
    findings.push({
      path: ["delivery", "mac"],
      message: "is given, and of UDP sockets the kernel writes the headers",
      expected: `no \`mac\`, or ${OTHER_DELIVERY}`,
    });
  }
  for (const [i, sniffer] of sniffers.entries()) {
    const { deliver } = sniffer;
    if (deliver === undefined || (SENT_BESIDE as readonly Deliver[]).includes(deliver)) continue;
    if (!SENT_BY.udp.includes(deliver)) {
      findings.push({
        path: ["sniffers", i, "deliver"],
        message: `is ${deliver}, and UDP sockets send nothing but vxlan and geneve`,
        expected: `vxlan or geneve, or ${OTHER_DELIVERY}`,
      });
      continue;
    }
    for (const key of ["mac", "vlan"] as const) {
      if (!(key in sniffer) || (sniffer as Partial<Record<typeof key, unknown>>)[key] === undefined) continue;
      findings.push({
        path: ["sniffers", i, key],
        message: "is given, and of UDP sockets the kernel finds the way and the next hop",
        expected: `no \`${key}\`, or ${OTHER_DELIVERY}`,
      });
    }
  }
  return findings;
}
