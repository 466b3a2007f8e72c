// Frames through the yardstick in C, and what its lines say in the form of the reference's results.

import * as at from "../../assembly/memory/layout.js";
import { type Compiled, type Passes, Yardstick } from "../../bench/native.js";
import type { Image, Scenario } from "../../bench/race.js";
import { addressText } from "../../src/engine/address.js";
import { DEFAULT_OPTIONS } from "../../src/engine/index.js";
import { ENCAPSULATIONS, VERDICTS } from "../../src/engine/names.js";
import type { Frame } from "../engine/harness.js";

/** Verdict of what the yardstick leaves to the engine: fragments, extension headers, other links than Ethernet, addresses. */
export const LEFT_OUT = 31;

const ROUND = 250;
const HEADROOM = 128;
const LINE = 64;

export interface YardstickPacket {
  readonly verdict: number;
  /** As `referencePacket` writes it. */
  readonly text: string;
}

const NOTHING = { bytes: new Uint8Array(), originalLength: 0, linkType: 1 };

/** All frames once, in rounds of 250; the last round is filled up with frames of no bytes, which belong to no session. */
export function scenarioOf(
  frames: readonly Frame[],
  options: Partial<Scenario["options"]>,
  image?: Image,
): Scenario {
  const longest = Math.max(...frames.map(({ frame }) => frame.length));
  const arriving = frames.map(({ frame, originalLength, linkType }) => ({
    bytes: frame,
    originalLength,
    linkType,
  }));
  while (arriving.length % ROUND !== 0) arriving.push(NOTHING);
  return {
    options: { ...DEFAULT_OPTIONS, ...options },
    ...(image === undefined ? {} : { image }),
    frames: arriving,
    inFlight: ROUND,
    slots: {
      stride: Math.ceil((HEADROOM + longest + LINE) / LINE) * LINE,
      headroom: HEADROOM,
      count: 8 * ROUND,
      reserved: 0,
    },
    quantum: 16_384,
    time: { first: 1_700_000_000_000_000_000n, step: 1000n },
  };
}

/** What the yardstick makes of each frame, and of the sessions. */
export async function decodeNatively(
  compiled: Compiled,
  passes: Passes,
  scenario: Scenario,
  tenants: readonly { name: string }[] = [],
): Promise<{ packets: YardstickPacket[]; sessions: string[] }> {
  const yardstick = await Yardstick.start(compiled, scenario, passes);
  const packets: YardstickPacket[] = [];
  while (packets.length < scenario.frames.length) {
    for (const line of await yardstick.list("packets")) packets.push(packetOf(line, tenants));
  }
  const sessions = await yardstick.list("sessions");
  yardstick.stop();
  return { packets: packets.slice(0, scenario.frames.length), sessions: sessions.map(sessionText) };
}

const ID_KINDS: Record<string, string> = {
  erspan: "session",
  gre: "key",
  vxlan: "vni",
  "vxlan-gpe": "vni",
  geneve: "vni",
};
const DIRECTIONS = [undefined, "in", "out"];

function packetOf(line: string, tenants: readonly { name: string }[]): YardstickPacket {
  const words = line.split(" ");
  const [
    verdict,
    layers,
    encapsulationNumber,
    has,
    id,
    sequence,
    type,
    direction,
    hardwareId,
    vlan,
    rule,
    tenant,
  ] = words.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [original, source, destination, inner] = words.slice(12);
  const name = VERDICTS[verdict] ?? "left-out";
  if (layers === 0) return { verdict, text: name };
  const encapsulation = ENCAPSULATIONS[encapsulationNumber]!;
  const ipv6 = (has & at.HAS_IPV6) !== 0;
  const text = describePacket({
    verdict: name,
    encapsulation,
    ...((has & at.HAS_ID) !== 0 ? { idKind: ID_KINDS[encapsulation], id } : {}),
    ...((has & at.HAS_SEQUENCE) !== 0 ? { sequence } : {}),
    ...(type === 0 ? {} : { erspanType: type }),
    source: addressText(Buffer.from(source!, "hex"), ipv6),
    destination: addressText(Buffer.from(destination!, "hex"), ipv6),
    ...(vlan === at.NO_VLAN ? {} : { outerVlan: vlan }),
    ...(DIRECTIONS[direction] === undefined ? {} : { direction: DIRECTIONS[direction], hardwareId }),
    originalLength: Number(original),
    synthetic: (has & at.HAS_SYNTHETIC) !== 0,
    restored: (has & at.HAS_RESTORED) !== 0,
    truncated: (has & at.HAS_TRUNCATED) !== 0,
    ...(rule === 0 ? {} : { rule }),
    ...(name === "delivered" && tenant >= 0 ? { tenant: tenants[tenant]?.name } : {}),
    // Only a delivered frame is dressed (synthetic header, restored tag).
    bytes: name === "delivered" ? inner : inner!.length / 2,
  });
  return { verdict, text };
}

/** Fields in a fixed order, so that a difference reads well. */
export function describePacket({
  verdict,
  ...fields
}: Record<string, unknown> & { verdict: string }): string {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  known.sort(([a], [b]) => (a < b ? -1 : 1));
  return `${verdict} ${known.map(([name, value]) => `${name}=${value}`).join(" ")}`;
}

function sessionText(line: string): string {
  const words = line.split(" ");
  const [meta, id, packets, bytes, lost, reordered, duplicates, restarts] = words.map(Number) as [
    number,
    ...number[],
  ];
  const ipv6 = (meta & at.SESSION_IPV6) !== 0;
  return describeSession({
    encapsulation: ENCAPSULATIONS[meta & at.SESSION_ENCAPSULATION_MASK]!,
    source: addressText(Buffer.from(words[8]!, "hex"), ipv6),
    destination: addressText(Buffer.from(words[9]!, "hex"), ipv6),
    ...((meta & at.SESSION_HAS_ID) !== 0 ? { id } : {}),
    packets,
    bytes,
    lost,
    reordered,
    duplicates,
    restarts,
  });
}

export function describeSession(session: Record<string, unknown>): string {
  return describePacket({ ...session, verdict: "session" });
}
