// The options a decoder has when nothing is asked for: DESIGN's defaults.

import type { ReferenceOptions } from "./decoder.js";

export const DEFAULTS: ReferenceOptions = {
  depth: 1,
  checksums: "verify",
  restoreVlan: "auto",
  sequenceScope: "session",
  lenient: false,
  time: "capture",
  greEthernet: [0x8949],
  ports: {
    vxlan: [4789, 8472],
    "vxlan-gpe": [4790],
    geneve: [6081],
    tzsp: [37008],
    "hp-erm": [7932],
    "gre-udp": [4754],
  },
  reassembly: { memory: 16 * 2 ** 20, perSource: 2 ** 20, timeout: 5_000_000_000n },
  sessions: 65_536,
};
