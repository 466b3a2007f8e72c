// Sending by AF_PACKET: a socket for each worker, past the queueing discipline.

import { PacketSendSocket } from "../linux/index.js";
import { SocketDelivery, type SocketDeliveryOptions } from "./socket-delivery.js";

/** @throws SpangateError NOT_PERMITTED, SYSTEM_CALL */
export async function packetDelivery(
  options: SocketDeliveryOptions,
): Promise<SocketDelivery<PacketSendSocket>> {
  return await SocketDelivery.open("afpacket", options, (keep) => keep(PacketSendSocket.open(options.link)));
}
