// Mirrored packets of tenants without machines, as many as one likes: each carries its tenant's number and its own.

import { formatMac } from "../../src/config/addresses.js";
import { V4 } from "./site.js";
import { tenantFrame } from "./tenant-frames.js";
import { tunnelFrames } from "./tunnel-packets.js";

/** All have the same two. */
const [FROM, TO] = [machine(5), machine(6)];
const LENGTH = 60;

export interface Numbered {
  readonly tenant: number;
  readonly counter: number;
  /** The tunnel's: its source and ERSPAN's session. */
  readonly source: string;
  readonly session: number;
  readonly sequence: number;
}

export function* numberedPacket({
  tenant,
  counter,
  source,
  session,
  sequence,
}: Numbered): Generator<Uint8Array> {
  const number = { tenant, machine: 0, counter, kind: "udp" } as const;
  const inner = tenantFrame(number, { from: FROM, to: TO, length: LENGTH });
  const underlay = { ...V4, from: source };
  yield* tunnelFrames("erspan2", session, inner, sequence, underlay);
}

/** Of the sniffer of a tenant. */
export const macOf = (tenant: number) => formatMac(Uint8Array.of(2, 0, 0, 1, tenant >> 8, tenant & 0xff));

function machine(last: number) {
  return { mac: `02:aa:00:00:00:0${last}`, ipv4: `10.0.0.${last}`, ipv6: `2001:db8::${last}` };
}
