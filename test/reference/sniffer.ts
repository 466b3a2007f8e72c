// What a map says about a sniffer, and what delivery knows about the way to all of them.

export type DeliveryMode = "mac" | "ip" | "vxlan" | "geneve" | "gre" | "erspan2" | "erspan3" | "tap" | "pcap";

export interface ReferenceSniffer {
  name: string;
  /** Absent: a file. */
  deliver?: DeliveryMode;
  /** `mac`, `ip`: the sniffer's; with a tunnel the next hop's. */
  mac?: string;
  vlan?: number;
  /** `mac`, `ip`. Absent: `keep`. */
  sourceMac?: "keep" | "interface";
  /** `ip`. */
  ip?: string;
  /** From here to `udpChecksum`: tunnels. */
  to?: string;
  /** Absent: `truncate`. */
  fit?: "truncate" | "fragment" | "drop";
  vni?: number;
  key?: number;
  session?: number;
  index?: number;
  /** UDP destination. Absent: 4789 or 6081. */
  port?: number;
  udpChecksum?: boolean;
  /** Bits per second. */
  rate?: number;
  /** Absent: 1024 packets. */
  queue?: number;
  /** Absent: `drop-newest`. */
  overflow?: "drop-newest" | "drop-oldest";
  /** Absent: 1. */
  weight?: number;
}

export interface DeliveryOptions {
  /** Path MTU: the most bytes of an outer IP packet. */
  mtu: number;
  /** Of the delivery interface; absent: 02:00:00:00:00:01, as offline. */
  interfaceMac?: string;
  /** Source addresses of tunnels, the first of a family counts: `delivery.addresses`, then the interface's. */
  addresses?: string[];
  /** There is an interface: `tunnel.addresses` are no source addresses. */
  live?: boolean;
}
