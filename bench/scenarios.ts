// Scenarios by what varies: encapsulation, delivery mode, frame size, frames in flight, tenants, sniffers, fan-out; and the base
// point, from which yardstick.ts varies one at a time.

import { HEADROOM, SLOT_STRIDE } from "../assembly/memory/layout.js";
import type { Prefix } from "../src/config/addresses.js";
import { type GatewayConfig, gatewayConfig } from "../src/config/schema.js";
import type { Source } from "../src/config/tenants.js";
import { DEFAULT_OPTIONS } from "../src/engine/index.js";
import { compileMap } from "../src/mapping/index.js";
import { type Flow, framesOf, identityOf, type Mould, mouldsOf, sourceAddress } from "./frames.js";
import type { Scenario } from "./race.js";
import { randomNumbers, WORKLOADS } from "./workloads.js";

/** What a row of a table is about. */
export interface Setup {
  readonly encapsulation: string;
  readonly deliver: keyof typeof DELIVER;
  readonly innerBytes: number;
  readonly inFlight: number;
  readonly tenants: number;
  /** Tunnel identities of all tenants together; one each when absent. */
  readonly identities?: number;
  /** Of all tenants together; with fewer than tenants, several share one, which no configuration of a gateway allows. */
  readonly sniffers: number;
  /** Sniffers of one tenant. */
  readonly each: number;
  readonly fanout: "copy" | "balance";
  /** Flows that packets are of, at random, each in the tunnel of an identity at random; 0: one of every identity. */
  readonly flows: number;
}

export const BASE: Setup = {
  encapsulation: "ERSPAN II, III, VXLAN mixed",
  deliver: "mac",
  innerBytes: 128,
  inFlight: 256,
  tenants: 1000,
  sniffers: 1000,
  each: 1,
  fanout: "copy",
  flows: 1000,
};

/** What a sniffer of each mode says of itself beside its name. */
export const DELIVER = {
  mac: (i: number) => ({ deliver: "mac", mac: mac(i) }),
  "mac, tag": (i: number) => ({ deliver: "mac", mac: mac(i), vlan: 1 + (i % 4000), sourceMac: "interface" }),
  ip: (i: number) => ({ deliver: "ip", mac: mac(i), ip: host(i) }),
  vxlan: (i: number) => ({ deliver: "vxlan", mac: mac(i), to: host(i), vni: i }),
  "vxlan, IPv6": (i: number) => ({
    deliver: "vxlan",
    mac: mac(i),
    to: `2001:db8:1::${(i + 1).toString(16)}`,
    vni: i,
  }),
  geneve: (i: number) => ({ deliver: "geneve", mac: mac(i), to: host(i), vni: i }),
  gre: (i: number) => ({ deliver: "gre", mac: mac(i), to: host(i), key: i }),
  erspan2: (i: number) => ({ deliver: "erspan2", mac: mac(i), to: host(i), session: i % 1024 }),
  erspan3: (i: number) => ({ deliver: "erspan3", mac: mac(i), to: host(i), session: i % 1024 }),
};

function mac(i: number): string {
  const digits = (0x020000000000 + 0x1000000 + i).toString(16).padStart(12, "0");
  return digits.match(/../g)!.join(":");
}

function host(i: number): string {
  return `10.64.${(i >> 8) & 0xff}.${i & 0xff}`;
}

/** Frames to choose the next ones from: more than a second cache holds, and four rounds at least. */
const FRAMES = 4096;
/** Free slots beside those of the frames in flight, for copies. */
const SPARE_SLOTS = 4096;
const GATEWAY = ["10.77.0.2", "2001:db8::2"];

export function scenarioOf(setup: Setup): Scenario {
  const workload = WORKLOADS.find(({ name }) => name === setup.encapsulation);
  if (workload === undefined) throw new Error(`there is no workload ${setup.encapsulation}`);
  const moulds = mouldsOf(workload, setup.innerBytes);
  const { image } = compileMap(configOf(setup, moulds), { delivery: "configured" });
  return {
    options: { ...DEFAULT_OPTIONS, sessions: Math.max(DEFAULT_OPTIONS.sessions, identitiesOf(setup)) },
    image,
    frames: framesOf(flowsOf(setup, moulds), Math.max(FRAMES, 4 * setup.inFlight)),
    inFlight: setup.inFlight,
    slots: { stride: SLOT_STRIDE, headroom: HEADROOM, count: setup.inFlight + SPARE_SLOTS, reserved: 0 },
    quantum: 16_384,
    time: { first: 1_700_000_000_000_000_000n, step: 1000n },
  };
}

function identitiesOf({ tenants, identities = tenants }: Setup): number {
  return identities;
}

/** Made by hand where it is long: the schema would take minutes for a million tenants. */
function configOf(setup: Setup, moulds: readonly Mould[]): GatewayConfig {
  const { tenants, sniffers, each, fanout, deliver } = setup;
  const share = Math.ceil(identitiesOf(setup) / tenants);
  const config = gatewayConfig.parse({
    tunnel: { addresses: GATEWAY },
    sniffers: Array.from({ length: sniffers }, (_, i) => ({ name: `s${i}`, ...DELIVER[deliver](i) })),
  });
  const list: GatewayConfig["tenants"] = Array.from({ length: tenants }, (_, t) => ({
    name: `t${t}`,
    sources: Array.from({ length: share }, (_, i) =>
      sourceOf(mouldOf(moulds, t + i * tenants), t + i * tenants),
    ),
    addresses: [],
    nonIp: "drop",
    sniffers: Array.from({ length: each }, (_, i) => `s${(t * each + i) % sniffers}`),
    fanout,
  }));
  return { ...config, tenants: list };
}

function mouldOf(moulds: readonly Mould[], identity: number): Mould {
  return moulds[identity % moulds.length]!;
}

function sourceOf(mould: Mould, identity: number): Source {
  const { source, id } = identityOf(mould, identity);
  const from: Prefix = {
    family: mould.family,
    bytes: sourceAddress(mould.family, source),
    prefixLength: mould.family === 4 ? 32 : 128,
  };
  const { encapsulation } = mould;
  if (id === undefined) return { encapsulation, from };
  switch (encapsulation) {
    case "erspan":
      return { encapsulation, session: id, from };
    case "gre":
      return { encapsulation, key: id, from };
    case "tzsp":
      return { encapsulation, from };
    default:
      return { encapsulation, vni: id, from };
  }
}

function flowsOf(setup: Setup, moulds: readonly Mould[]): Flow[] {
  const identities = identitiesOf(setup);
  const random = randomNumbers(2);
  const flowOf = (identity: number, number: number) => ({
    mould: mouldOf(moulds, identity),
    identity,
    number,
  });
  if (setup.flows === 0) return Array.from({ length: identities }, (_, i) => flowOf(i, 0));
  return Array.from({ length: setup.flows }, (_, i) =>
    flowOf(Math.floor((random() / 2 ** 32) * identities), i),
  );
}
