// The tunnel side of a live gateway by libpcap: the main thread fills the ring, and its one worker is none the wiser.

import { LANDING, PcapTunnelPort } from "../capture/libpcap.js";
import { ArrivalRing } from "../engine/index.js";
import { close, createEvent } from "../linux/index.js";
import type { InterfaceOptions, TunnelSide } from "./backend.js";

/** The longest frame fits into a block several times; 8 MiB hold what comes while the worker is kept from working. */
const BLOCK_SIZE = 1 << 18;
const BLOCKS = 32;

export async function openPcapTunnel(options: InterfaceOptions): Promise<TunnelSide<PcapTunnelPort>> {
  const { engine, config, link } = options;
  const { memory } = engine;
  const ring = new ArrivalRing(memory, { blockSize: BLOCK_SIZE, blocks: BLOCKS });
  const { address } = memory.allocate(LANDING);
  const event = createEvent();
  try {
    const port = PcapTunnelPort.open({
      link,
      addresses: config.tunnel.addresses,
      ports: Object.values(config.tunnel.ports).flat(),
      ring,
      landing: { address, memory: memory.u8 },
      event,
    });
    return { port, seats: [{ kind: "memory", fd: event, ring: ring.address, told: port.told }] };
  } catch (error) {
    close(event);
    throw error;
  }
}
