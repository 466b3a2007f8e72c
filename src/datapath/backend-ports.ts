// Every backend by its name: who opens a side of the live gateway.

import type { DeliveryBackend, TunnelBackend } from "../config/backends.js";
import type { DeliverySide, InterfaceOptions, TunnelSide } from "./backend.js";
import { openPcapTunnel } from "./libpcap-ports.js";
import { openPacketDelivery, openPacketTunnel } from "./packet-ports.js";
import { openUdpDelivery, openUdpTunnel } from "./udp-ports.js";
import { openXdpDelivery, openXdpTunnel } from "./xdp-ports.js";

type OpenTunnel = (options: InterfaceOptions) => Promise<TunnelSide>;
/** `tunnel`: the tunnel's side, when it is the same backend's. */
type OpenDelivery = (options: InterfaceOptions, tunnel: TunnelSide | undefined) => Promise<DeliverySide>;

export const tunnelBy: Readonly<Record<TunnelBackend, OpenTunnel>> = {
  afxdp: openXdpTunnel,
  afpacket: async (options) => openPacketTunnel(options),
  udp: async (options) => openUdpTunnel(options),
  libpcap: openPcapTunnel,
};

export const deliveryBy: Readonly<Record<DeliveryBackend, OpenDelivery>> = {
  afxdp: (options, tunnel) => openXdpDelivery(options, tunnel as Parameters<typeof openXdpDelivery>[1]),
  afpacket: openPacketDelivery,
  udp: openUdpDelivery,
};
