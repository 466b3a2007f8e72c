// What a program in TypeScript writes, for Node and for browsers alike. Only type-checked.
import {
  captureBytes,
  compileMap,
  Decapsulator,
  type Delivery,
  type GatewayInput,
  parseConfig,
  readFrames,
  SpangateError,
  type VerdictName,
} from "spangate";
import { Engine } from "spangate/engine";

const map: GatewayInput = {
  sniffers: [{ name: "ids", deliver: "vxlan", to: "192.0.2.10", vni: 7 }],
  tenants: [{ name: "acme", sources: [{ encapsulation: "erspan", session: 100 }], sniffers: ["ids"] }],
};
const verdicts: VerdictName[] = [];

export async function strip(capture: Uint8Array): Promise<Uint8Array> {
  const onVerdict = (_packet: number, verdict: VerdictName) => verdicts.push(verdict);
  const gateway = await Decapsulator.create({ map, onVerdict, decode: { depth: 2 } });
  const keep: Delivery[] = [];
  for await (const delivery of gateway.decapsulate(readFrames(capture))) keep.push(delivery);
  const generation: number = gateway.replaceMap(map);
  gateway.write(new Uint8Array(60), { timestamp: BigInt(generation) });
  gateway.dispose();
  return captureBytes(keep, { format: "pcap" });
}

export async function classify(text: string): Promise<number> {
  const { config, mistakes } = parseConfig(text, "gateway.yaml");
  if (mistakes !== undefined) throw new SpangateError("CONFIG_INVALID", mistakes[0]?.message);
  const engine = await Engine.create();
  return engine.replaceMap(compileMap(config).image);
}

// @ts-expect-error a session has 10 bits, but is a number
export const wrong: GatewayInput = { sharedSources: [{ encapsulation: "erspan", session: "seven" }] };
