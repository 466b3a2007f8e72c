// What an engine is told: checked, and written into the configuration in linear memory that the engine reads.

import * as at from "../../assembly/memory/layout.js";
import { SpangateError } from "../errors.js";
import type { LinearMemory } from "./memory.js";
import { ENCAPSULATIONS } from "./names.js";
import type { EngineOptions } from "./options.js";

const RESTORE = { auto: at.RESTORE_AUTO, always: at.RESTORE_ALWAYS, never: at.RESTORE_NEVER };
const MOST_REASSEMBLY = 2 ** 30;

/** What linear memory and its 32-bit fields can hold. Throws USAGE. */
export function checkLimits(options: EngineOptions): void {
  const { greEthernet, reassembly } = options.decode;
  const limits: [string, number, number, number][] = [
    ["sessions", options.sessions, 1, 2 ** 24],
    ["slots", options.slots, 1, 2 ** 20],
    ["largeSlots", options.largeSlots, 0, 2 ** 14],
    ["reserved", options.reserved, 0, options.slots],
    ["queues", options.queues, 1, 2 ** 20],
    ["workers", options.workers, 1, 64],
    ["decode.greEthernet: number of protocols", greEthernet.length, 0, at.GRE_ETHERNET_MAX],
    ["decode.reassembly.memory", reassembly.memory, at.PIECE_BLOCK, MOST_REASSEMBLY],
    ["decode.reassembly.perSource", reassembly.perSource, at.PIECE_BLOCK, MOST_REASSEMBLY],
  ];
  for (const [name, value, least, most] of limits) {
    if (value >= least && value <= most) continue;
    throw new SpangateError("USAGE", `${name} is ${value}; it can be ${least} to ${most}.`, {
      details: { name, value },
    });
  }
}

/** Writes all of it, with fresh seeds for the hashes. Before a worker starts. */
export function configure(memory: LinearMemory, options: EngineOptions): void {
  const { decode, ports, time, filter } = options;
  const { u8, u32, u64 } = memory;
  const set = (address: number, value: number) => {
    u32[address >>> 2] = value;
  };
  set(at.CONFIG_DEPTH, decode.depth);
  set(
    at.CONFIG_FLAGS,
    (decode.checksums === "verify" ? at.FLAG_VERIFY : 0) |
      (decode.lenient ? at.FLAG_LENIENT : 0) |
      (time === "mirror" ? at.FLAG_MIRROR_TIME : 0) |
      (decode.sequenceScope === "tunnel" ? at.FLAG_TUNNEL_SCOPE : 0) |
      (options.trace ? at.FLAG_TRACE : 0) |
      (options.lent ? at.FLAG_LENT : 0) |
      (options.fastPath ? 0 : at.FLAG_FULL_PARSER),
  );
  set(at.CONFIG_RESTORE_VLAN, RESTORE[decode.restoreVlan]);
  const { session, vni } = filter ?? {};
  set(
    at.CONFIG_FILTER,
    (session === undefined ? 0 : at.FILTER_SESSION) | (vni === undefined ? 0 : at.FILTER_VNI),
  );
  set(at.CONFIG_FILTER_SESSION, session ?? 0);
  set(at.CONFIG_FILTER_VNI, vni ?? 0);
  const seeds = crypto.getRandomValues(new BigUint64Array(at.SEEDS));
  u64.set(
    seeds.map((seed) => seed | 1n),
    at.CONFIG_SEEDS >>> 3,
  );
  u64[at.CONFIG_TIMEOUT >>> 3] = decode.reassembly.timeout;
  set(at.CONFIG_PER_SOURCE, decode.reassembly.perSource);

  const protocols = decode.greEthernet;
  set(at.CONFIG_GRE_COUNT, protocols.length);
  for (const [i, protocol] of protocols.entries()) {
    u8[at.CONFIG_GRE_ETHERNET + 2 * i] = protocol & 0xff;
    u8[at.CONFIG_GRE_ETHERNET + 2 * i + 1] = protocol >>> 8;
  }
  for (const [name, numbers] of Object.entries(ports)) {
    const encapsulation = ENCAPSULATIONS.indexOf(name as keyof typeof ports);
    for (const port of numbers) u8[at.PORTS + port] = encapsulation;
  }
}
