// HP encapsulated remote mirroring (ProCurve, UDP 7932): 8 bytes of unknown meaning, then a word with the VLAN. No
// public specification; layout after Wireshark's field list and HP's statement that 54 bytes precede the frame.
//
//  0                8        9   10        11      12
//  ├────────────────┼────────┼───┬─┬───────┼───────┤
//  │    unknown     │unknown │PCP│C│  VID  │unknown│
//  └────────────────┴────────┴───┴─┴───────┴───────┘

export const HEADER_LEN: usize = 12;

export function fits(header: usize, end: usize): bool {
  return header + HEADER_LEN <= end;
}
