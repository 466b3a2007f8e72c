// ERSPAN types II and III behind GRE (draft-foschiano-erspan-03; fields as Wireshark's erspan.*).
//
// II   |  Ver  |         VLAN          | COS | En|T|      Session      |
//      |      Reserved         |                 Index                 |
//
// III  |  Ver  |         VLAN          | COS |BSO|T|      Session      |
//      |                           Timestamp                           |
//      |             SGT               |P|   FT    |   HwID    |D|Gra|O|
//      with O: | Platf ID |     platform specific, 8 bytes in all      |

import { fits, type Region, skip, u8, u16, u32 } from "./region.js";
import type { Carried, Erspan, MirrorClock } from "./tunnel.js";
import type { Verdict } from "./verdict.js";

export interface ErspanRead {
  session: number;
  erspan: Erspan;
  carried: Carried;
}

export function readErspan(region: Region, type: 2 | 3): ErspanRead | Verdict {
  return type === 2 ? readTypeII(region) : readTypeIII(region);
}

function shared(region: Region): { session: number; vlan: number; cos: number; truncated: boolean } {
  const word = u16(region.bytes, region.at + 2);
  return {
    session: word & 0x3ff,
    vlan: u16(region.bytes, region.at) & 0xfff,
    cos: word >> 13,
    truncated: (word & 0x400) !== 0,
  };
}

function readTypeII(region: Region): ErspanRead | Verdict {
  if (!fits(region, 8)) return "truncated";
  if (u8(region.bytes, region.at) >> 4 !== 1) return "unsupported-version";
  const { session, ...common } = shared(region);
  const en = (u16(region.bytes, region.at + 2) >> 11) & 3;
  return {
    session,
    erspan: { type: 2, ...common, en },
    carried: { kind: "ethernet", region: skip(region, 8) },
  };
}

function readTypeIII(region: Region): ErspanRead | Verdict {
  const { bytes, at } = region;
  if (!fits(region, 12)) return "truncated";
  if (u8(bytes, at) >> 4 !== 2) return "unsupported-version";
  const { session, ...common } = shared(region);
  const last = u16(bytes, at + 10);
  const clock: MirrorClock = { timestamp: u32(bytes, at + 4), granularity: (last >> 1) & 3 };
  let payload = skip(region, 12);
  if ((last & 1) !== 0) {
    if (!fits(payload, 8)) return "truncated";
    clock.platform = { id: u8(bytes, payload.at) >> 2, word: u32(bytes, payload.at + 4) };
    payload = skip(payload, 8);
  }
  const carried = carriedBy((last >> 10) & 0x1f, payload);
  if (typeof carried === "string") return carried;
  const outgoing = (last & 8) !== 0;
  const hardwareId = (last >> 4) & 0x3f;
  return { session, erspan: { type: 3, ...common, clock, outgoing, hardwareId }, carried };
}

function carriedBy(frameType: number, region: Region): Carried | Verdict {
  if (frameType === 0) return { kind: "ethernet", region };
  if (frameType !== 2) return "unsupported-payload";
  if (!fits(region, 1)) return "truncated";
  const version = u8(region.bytes, region.at) >> 4;
  return version === 4 || version === 6 ? { kind: version, region } : "unsupported-payload";
}
