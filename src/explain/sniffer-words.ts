// A sniffer in words: how its frames reach it, and why it refused one.

import { formatAddress } from "../config/addresses.js";
import type { Sniffer } from "../config/sniffers.js";

const TUNNELS = { vxlan: "VXLAN", geneve: "GENEVE", gre: "GRE", erspan2: "ERSPAN II", erspan3: "ERSPAN III" };

/** `VXLAN to 203.0.113.10` */
export function wayOf(sniffer: Sniffer): string {
  switch (sniffer.deliver) {
    case undefined:
      return "file";
    case "pcap":
      return `files in ${sniffer.directory}`;
    case "tap":
      return `TAP interface ${sniffer.interface}`;
    case "mac":
      return "its MAC address";
    case "ip":
      return "its MAC and IP address";
    default:
      return `${TUNNELS[sniffer.deliver]} to ${formatAddress(sniffer.to)}`;
  }
}

/** @param length bytes of the frame that it was offered */
export function refusalReason(
  sniffer: Sniffer,
  verdict: "rate" | "too-large" | "queue-full",
  length: number,
  mtu: number,
): string {
  if (verdict === "rate") {
    return `over its rate${sniffer.rate === undefined ? "" : ` of ${rateText(sniffer.rate)}`}`;
  }
  if (verdict === "queue-full") return "its queue had no room, or no slot was left for the packet";
  if ("fit" in sniffer && sniffer.fit === "drop") {
    return `${length} bytes and the tunnel's headers are over the MTU of ${mtu}; \`fit: truncate\` or \`fragment\` delivers them`;
  }
  return `the frame of ${length} bytes becomes longer than 65535`;
}

const UNITS = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"];

/** `1.5 Mbit/s` */
export function rateText(rate: number): string {
  let unit = 0;
  while (unit < UNITS.length - 1 && rate >= 1000) {
    rate /= 1000;
    unit++;
  }
  return `${rate} ${UNITS[unit]}`;
}
