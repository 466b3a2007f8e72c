// What a configuration may ask for and `run` does not do. It is refused before anything is opened, all of it at once: what would be
// ignored might be what keeps tenants apart. (A tap's frames would go out by the delivery interface as they were decoded.)

import type { LiveGatewayConfig } from "../config/schema.js";
import { SpangateError } from "../errors.js";

interface Unsupported {
  readonly path: string;
  readonly message: string;
  /** By name. */
  readonly sniffer?: string;
}

/** @throws SpangateError UNSUPPORTED with all of it in its message, one a line, and in `details.unsupported` */
export function assertSupported(config: LiveGatewayConfig): void {
  const unsupported = [...snifferParts(config), ...gatewayParts(config)];
  if (unsupported.length === 0) return;
  const lines = unsupported.map(({ path, message }) => `${path}: ${message}`);
  throw new SpangateError("UNSUPPORTED", lines.join("\n"), { details: { unsupported } });
}

function snifferParts({ sniffers }: LiveGatewayConfig): Unsupported[] {
  return sniffers.flatMap(({ deliver, name }, i) => {
    if (deliver !== "tap" && deliver !== "pcap") return [];
    const message = `\`run\` cannot deliver to ${name} by ${deliver} yet; expected mac, ip or a tunnel`;
    return [{ path: `sniffers[${i}].deliver`, message, sniffer: name }];
  });
}

function gatewayParts({ tunnel, senders, quarantine }: LiveGatewayConfig): Unsupported[] {
  const parts: Unsupported[] = [];
  const { backend } = tunnel;
  if (backend === "udp" || backend === "libpcap") {
    const message = `\`run\` cannot receive by ${backend} yet; expected auto, afxdp or afpacket`;
    parts.push({ path: "tunnel.backend", message });
  }
  if (senders !== "inline") {
    const message = `\`run\` cannot send in threads of their own yet, and senders is ${senders}; expected inline`;
    parts.push({ path: "senders", message });
  }
  if (quarantine !== undefined) {
    const message =
      "`run` cannot keep unmapped packets yet; expected no quarantine: they are counted as `unmapped`";
    parts.push({ path: "quarantine", message });
  }
  return parts;
}
