// One row, one decision: a whole packet and what the reference makes of it, with the packets many rows share.

import { describe, expect, test } from "vitest";
import { remember } from "../engine/agreement.js";
import { DEFAULTS, ReferenceDecoder, type ReferenceOptions, type ReferenceResult } from "./index.js";
import * as make from "./packets.js";
import { ethernet, gre, hex, ipv4, udp } from "./packets.js";

export interface Row {
  name: string;
  packet: Uint8Array;
  /** Bytes that were on the wire but not captured. */
  unseen?: number;
  linkType?: number;
  options?: Partial<ReferenceOptions>;
  expected: Partial<ReferenceResult>;
}

function decode({
  packet,
  unseen = 0,
  linkType = 1,
  options,
}: Omit<Row, "name" | "expected">): ReferenceResult {
  const decoder = new ReferenceDecoder({ ...DEFAULTS, ...options });
  const frame = { frame: packet, originalLength: packet.length + unseen, time: 1_000n, linkType };
  remember(options ?? {}, [frame]);
  const settled = decoder.packet(1, packet, frame.originalLength, frame.time, linkType);
  expect(settled.map((each) => each.packet)).toEqual([1]);
  return settled[0]!.result;
}

export function rows(title: string, list: Row[]): void {
  describe(title, () => {
    test.each(list)("$name", (row) => {
      expect(decode(row)).toMatchObject(row.expected);
    });
  });
}

export const inner = ethernet(
  0x0800,
  ipv4(6, hex("0102030405060708"), { source: "10.1.0.1", destination: "10.1.0.2" }),
);
export const delivered: Partial<ReferenceResult> = {
  verdict: "delivered",
  layers: 1,
  inner,
  originalLength: inner.length,
};
export const is = (verdict: ReferenceResult["verdict"]): Partial<ReferenceResult> => ({ verdict, layers: 0 });
export const overGre = (payload: Uint8Array) => ethernet(0x0800, ipv4(47, payload));
export const overUdp = (port: number, payload: Uint8Array) => ethernet(0x0800, ipv4(17, udp(port, payload)));

export const e2 = (fields: make.Erspan2Fields, frame = inner) =>
  overGre(gre(0x88be, make.erspan2(frame, fields), { sequence: 1 }));
export const e3 = (fields: make.Erspan3Fields, frame = inner) =>
  overGre(gre(0x22eb, make.erspan3(frame, fields)));
/** A GENEVE option. */
export const opt = (type: number, words = 0) =>
  hex(`0102${type.toString(16).padStart(2, "0")}0${words}${"00".repeat(4 * words)}`);
