// Defaults that hold without a configuration file too, as they would be written in one. Apart from the schema, so
// that commands without a configuration do not load it; sizes and durations are read with quantities.ts.

/**
 * UDP ports of the tunnels. VXLAN: RFC 7348, and the Linux driver's own default; VXLAN-GPE:
 * draft-ietf-nvo3-vxlan-gpe; GENEVE: RFC 8926; TZSP and HP ERM: Wireshark's packet-tzsp.c and packet-hp-erm.c;
 * GRE-in-UDP: RFC 8086.
 */
export const TUNNEL_PORTS = {
  vxlan: [4789, 8472],
  "vxlan-gpe": [4790],
  geneve: [6081],
  tzsp: [37008],
  "hp-erm": [7932],
  "gre-udp": [4754],
};

/** How tunnels are taken off. */
export const DECODE = {
  depth: 1,
  checksums: "verify",
  restoreVlan: "auto",
  sequenceScope: "session",
  greEthernet: [0x8949],
  lenient: false,
  reassembly: { memory: "16MiB", perSource: "1MiB", timeout: "5s" },
} as const;

/** Bytes of a quarantine file after which unmapped packets are only counted. */
export const QUARANTINE_LIMIT = "100MiB";

/** Unix socket of the control API. */
export const API_SOCKET = "/run/spangate/api.sock";

/** Mirror sessions that a table lists, and that a status tells of: when nobody says how many, and at the most. There may be a million. */
export const STATUS_SESSIONS = { listed: 20, usual: 100, most: 10_000 } as const;

/** Series of GET /metrics. */
export const METRICS_SERIES = 10_000;

/** Packets a second of a tail. */
export const TAIL_RATE = { least: 0.1, usual: 10, most: 100 } as const;
