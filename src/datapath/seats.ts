// A worker's seats: plain data that its thread makes a receiver and a transmitter of, whatever the backend.

import type { Receiver } from "../capture/live.js";
import type { EngineThread } from "../engine/index.js";
import type { Transmitter } from "../transmit/live.js";
import { BridgedReceiver, type BridgedSeat } from "./bridge-seat.js";
import {
  type MemoryDeliverySeat,
  MemoryReceiver,
  MemoryTransmitter,
  type MemoryTunnelSeat,
} from "./memory-seat.js";
import {
  type PacketDeliverySeat,
  PacketReceiver,
  PacketTransmitter,
  type PacketTunnelSeat,
} from "./packet-seat.js";
import { type UdpDeliverySeat, UdpTransmitter } from "./udp-delivery-seat.js";
import { UdpReceiver, type UdpTunnelSeat } from "./udp-tunnel-seat.js";
import { XdpReceiver, type XdpSeat, XdpTransmitter } from "./xdp-seat.js";

export type TunnelSeat = XdpSeat | PacketTunnelSeat | UdpTunnelSeat | MemoryTunnelSeat | BridgedSeat;
export type DeliverySeat = XdpSeat | PacketDeliverySeat | UdpDeliverySeat | MemoryDeliverySeat;

export function receiverOf(engine: EngineThread, seat: TunnelSeat): Receiver {
  switch (seat.kind) {
    case "afxdp":
      return new XdpReceiver(engine, seat);
    case "afpacket":
      return new PacketReceiver(engine, seat);
    case "udp":
      return new UdpReceiver(engine, seat);
    case "memory":
      return new MemoryReceiver(engine, seat);
    case "bridged":
      return new BridgedReceiver(receiverOf(engine, seat.bridge), receiverOf(engine, seat.behind), seat);
  }
}

export function transmitterOf(engine: EngineThread, seat: DeliverySeat): Transmitter {
  switch (seat.kind) {
    case "afxdp":
      return new XdpTransmitter(engine, seat);
    case "afpacket":
      return new PacketTransmitter(engine, seat);
    case "udp":
      return new UdpTransmitter(engine, seat);
    case "memory":
      return new MemoryTransmitter(engine, seat);
  }
}
