// Tunnel encapsulations: what a packet came in (identity) and what a UDP port stands for. Shared with the host.

export enum Encapsulation {
  None,
  Erspan,
  Gre,
  Nvgre,
  Vxlan,
  VxlanGpe,
  Geneve,
  Tzsp,
  HpErm,
  /** Only in the port table: GRE follows, and the identity is what that GRE carries (RFC 8086). */
  GreUdp,
}
