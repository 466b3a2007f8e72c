// How a frame reaches a sniffer. Shared with the host, where the words are those of `deliver` in gateway.yaml.

export enum Delivery {
  /** Handed over as it was decoded: a file, a TAP interface, a library's caller. */
  Plain,
  Mac,
  Ip,
  Vxlan,
  Geneve,
  Gre,
  Erspan2,
  Erspan3,
}
