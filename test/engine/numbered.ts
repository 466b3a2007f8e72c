// Numbered packets, and rings of random shapes that they go through: session n is tenant n's, whose sniffers are n.0, n.1, …

import fc from "fast-check";
import { compileMap } from "../../src/mapping/index.js";
import { erspan2, ethernet, gre, ipv4 } from "../reference/packets.js";
import { KERNEL_HEADROOM, type RingShapes } from "./fake-kernel.js";
import { configOf } from "./random-map.js";
import type { RingGateway } from "./ring-gateway.js";

/** Sizes, and positions of which many are about to begin again. */
export const shape = (least: number, most: number) =>
  fc.record({
    size: fc.integer({ min: least, max: most }).map((power) => 2 ** power),
    start: fc.oneof(
      fc.integer({ min: 2 ** 32 - 300, max: 2 ** 32 - 1 }),
      fc.constant(0),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    ),
  });
/** All entries of a frame must find a place to be completed, or the kernel never sends it. */
export const withCompletion = (rings: RingShapes): RingShapes => ({
  ...rings,
  completion: { ...rings.completion, size: Math.max(rings.completion.size, rings.tx.size) },
});
export const RINGS = (size: number, start = 0): RingShapes => ({
  rx: { size, start },
  fill: { size, start },
  tx: { size, start },
  completion: { size, start },
});
export const headrooms = [KERNEL_HEADROOM, KERNEL_HEADROOM, KERNEL_HEADROOM + 128, 0, 14];

export interface Numbered {
  sniffers?: number;
  queue?: number;
  overflow?: "drop-newest" | "drop-oldest";
  /** Of a sniffer that gets its packets in tunnels, in fragments. */
  to?: string | undefined;
}

export const NUMBER_AT = 14;
export const MAC_AT = 5; // last byte of the destination: of sniffer i of tenant n 16 n + i
export const OUTER = 14 + 20 + 8 + 8;

export function numberedMap(tenants: readonly Numbered[], mtu = 9000) {
  const mac = (n: number, i: number) => `02:5f:00:00:00:${(16 * n + i).toString(16).padStart(2, "0")}`;
  const sniffersOf = ({ sniffers = 1, to, ...queue }: Numbered, n: number) =>
    Array.from({ length: sniffers }, (_, i) => ({
      name: `${n}.${i}`,
      mac: mac(n, i),
      ...queue,
      ...(to === undefined ? { deliver: "mac" } : { deliver: "vxlan", to, vni: 16 * n + i, fit: "fragment" }),
    }));
  const config = {
    delivery: { mtu, mac: "02:00:00:00:00:99", addresses: ["203.0.113.1"] },
    sniffers: tenants.flatMap(sniffersOf),
    tenants: tenants.map((tenant, n) => ({
      name: `tenant-${n}`,
      sources: [{ encapsulation: "erspan", session: n }],
      sniffers: sniffersOf(tenant, n).map(({ name }) => name),
    })),
  };
  return compileMap(configOf(JSON.stringify(config))!, { delivery: "configured" });
}

export function innerFrame(number: number, length: number): Uint8Array {
  const inner = ethernet(
    0x88b5,
    new Uint8Array(length - 14).map((_, i) => number * 7 + i),
  );
  new DataView(inner.buffer).setUint32(NUMBER_AT, number);
  return inner;
}
export function mirrored(session: number, inner: Uint8Array): Uint8Array {
  const payload = gre(0x88be, erspan2(inner, { session }), { sequence: 1 });
  return ethernet(0x0800, ipv4(47, payload, payload.length > 0xffeb ? { totalLength: 0 } : {}));
}
export const numberIn = (frame: Uint8Array) => Buffer.from(frame).readUInt32BE(NUMBER_AT);
export const account = (gateway: RingGateway, sniffer = "0.0") =>
  gateway.engine.queues.accounts().get(sniffer)!;

/** What a sniffer of `mac` gets of an inner frame. */
export function delivered(inner: Uint8Array, mac: number): Uint8Array {
  const frame = new Uint8Array(Math.max(60, inner.length));
  frame.set(inner);
  frame.set([0x02, 0x5f, 0, 0, 0, mac]);
  return frame;
}
