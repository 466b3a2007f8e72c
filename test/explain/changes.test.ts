// Differences between two frames: named where the headers name them, and told even where nothing should have changed.

import { expect, test } from "vitest";
import { changesOf } from "../../src/explain/changes.js";
import * as make from "../reference/packets.js";

const tcp = make.join(make.be16(80), make.be16(81), new Uint8Array(12), [0x12, 0x34, 0, 0]);

test("equal frames have none", () => {
  const frame = make.ethernet(0x0800, make.ipv4(6, tcp));
  expect(changesOf(frame, frame, false)).toEqual([]);
});

test("a byte that no field is responsible for", () => {
  const frame = make.ethernet(0x0800, make.ipv4(6, tcp));
  const other = frame.slice();
  other[15] = 0xff;
  other[51] = 0x35;
  expect(changesOf(frame, other, false)).toEqual([
    { field: "TCP checksum", offset: 50, before: "0x1234", after: "0x1235" },
    { field: "byte 15", offset: 15, before: "0x00", after: "0xff" },
  ]);
});

test("behind IPv6 extension headers", () => {
  const extensions = [44, 0, 0, 0, 0, 0, 0, 0, 51, 0, 0, 0, 0, 0, 0, 1, 58, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  const frame = make.ethernet(0x86dd, make.ipv6(0, make.join(extensions, [128, 0, 0xab, 0xcd])));
  const other = frame.slice();
  other[14 + 40 + 28 + 3] = 0xce;
  expect(changesOf(frame, other, false)).toEqual([
    { field: "ICMPv6 checksum", offset: 84, before: "0xabcd", after: "0xabce" },
  ]);
});

test("what was cut off is not looked for", () => {
  const frame = make.ethernet(0x8100, make.tag(1, 0x0800, make.ipv4(6, tcp)));
  for (let length = 14; length < frame.length; length++) {
    const cut = frame.subarray(0, length);
    expect(changesOf(cut, make.join(cut.subarray(0, 12), [0x81, 0, 0, 9], cut.subarray(12)), true)).toEqual([
      { field: "VLAN tag", offset: 12, after: "9" },
    ]);
  }
});
