// The one schema of gateway.yaml. From it come the types, validation, the JSON Schema for editors, the README's
// table and the help text (documentation.ts). Keys are described where they are declared, units included.
import { z } from "zod";
import { API_SOCKET, DECODE, METRICS_SERIES, QUARANTINE_LIMIT, TUNNEL_PORTS } from "./defaults.js";
import * as field from "./fields.js";
import { type Sniffer, sniffer } from "./sniffers.js";
import { sharedSource, tenant } from "./tenants.js";

const ports = (protocol: string, defaults: number[]) =>
  field
    .list(field.integer(1, 65535), "UDP ports")
    .prefault(defaults)
    .describe(`UDP ports on which ${protocol} arrives; an empty list turns it off.`);

const tunnel = field.section({
  interface: field.interfaceName.optional().describe("NIC that mirrored traffic arrives on. Required live."),
  addresses: field
    .list(field.host, "IP addresses")
    .prefault([])
    .describe("The gateway's own tunnel addresses: where mirror sources send to. Required live."),
  backend: field
    .choice(["auto", "afxdp", "afpacket", "udp", "libpcap"])
    .default("auto")
    .describe(
      "How frames are received: `auto` is `afxdp`, where that does not work `afpacket`, and without a privilege `udp` where the configuration can do with UDP sockets; `libpcap` by the package cap.",
    ),
  xdp: field
    .choice(["auto", "native", "skb"])
    .default("auto")
    .describe(
      "Where `afxdp` takes frames: `native` in the driver, `skb` behind it on socket buffers, which every driver can; `auto` the first that works.",
    ),
  queues: field.integer(1, 64).default(1).describe("Receive queues, each with a data-path worker."),
  ports: field
    .section({
      vxlan: ports("VXLAN", TUNNEL_PORTS.vxlan),
      "vxlan-gpe": ports("VXLAN-GPE", TUNNEL_PORTS["vxlan-gpe"]),
      geneve: ports("GENEVE", TUNNEL_PORTS.geneve),
      tzsp: ports("TZSP", TUNNEL_PORTS.tzsp),
      "hp-erm": ports("HP ERM", TUNNEL_PORTS["hp-erm"]),
      "gre-udp": ports("GRE-in-UDP", TUNNEL_PORTS["gre-udp"]),
    })
    .prefault({})
    .describe("UDP ports of the tunnels; offline commands use them too."),
});

const delivery = field.section({
  interface: field.interfaceName
    .optional()
    .describe("NIC that sniffers are reached through; the tunnel's when absent."),
  backend: field
    .choice(["auto", "afxdp", "afpacket", "udp"])
    .default("auto")
    .describe(
      "How frames are sent: `auto` is `afxdp` where the tunnel is, else the first of `afxdp`, `afpacket` and `udp` that works; `udp` are UDP sockets, which take no privilege, for `vxlan` and `geneve` alone.",
    ),
  // RFC 791 3.2: every module must be able to forward 68 octets.
  mtu: field
    .integer(68, 65535)
    .default(1500)
    .describe("Path MTU to the sniffers in bytes, what `fit` is measured against."),
  addresses: field
    .list(field.host, "IP addresses")
    .prefault([])
    .describe("Source addresses of re-encapsulated packets, one a family; the interface's when absent."),
  mac: field.mac
    .optional()
    .describe(
      "MAC address that stands for the delivery interface in what is sent; the interface's when absent, offline 02:00:00:00:00:01.",
    ),
});

// The engine charges fragments in blocks of 2,048 bytes, and its memory is 32 bits wide.
const reassemblySize = field.size.refine((bytes) => bytes >= 2048 && bytes <= 2 ** 30, {
  error: "is out of bounds",
  params: { expected: "a size from 2KiB to 1GiB" },
});

const decode = field.section({
  depth: field
    .integer(1, 8)
    .default(DECODE.depth)
    .describe("Tunnel layers taken off, stopping at the first that is none."),
  checksums: field
    .choice(["verify", "ignore"])
    .default(DECODE.checksums)
    .describe("Whether a wrong outer header checksum makes a packet `bad-checksum`."),
  restoreVlan: field
    .choice(["auto", "always", "never"])
    .default(DECODE.restoreVlan)
    .describe(
      "Give frames back the VLAN tag in the ERSPAN header: `auto` as type II's En field says, `always` for type III too.",
    ),
  sequenceScope: field
    .choice(["session", "tunnel"])
    .default(DECODE.sequenceScope)
    .describe(
      "What GRE sequence numbers count: `tunnel` for Open vSwitch, whose numbers run across its sessions.",
    ),
  greEthernet: field
    .list(field.integer(0x600, 0xffff, "EtherTypes"), "GRE protocol numbers")
    .max(16, { error: "at most 16 GRE protocol numbers" })
    .prefault([...DECODE.greEthernet])
    .describe("More GRE protocol numbers whose payload is an Ethernet frame, such as 0x8949."),
  lenient: field.flag
    .default(DECODE.lenient)
    .describe(
      "Deliver packets with an unknown critical GENEVE option and count them, instead of dropping them.",
    ),
  reassembly: field
    .section({
      memory: reassemblySize
        .prefault(DECODE.reassembly.memory)
        .describe("Bytes held for unfinished datagrams, in each worker."),
      perSource: reassemblySize
        .prefault(DECODE.reassembly.perSource)
        .describe("Bytes of them that one outer source may hold."),
      timeout: field.duration
        .prefault(DECODE.reassembly.timeout)
        .describe("Packet time after which an unfinished datagram is given up (nanoseconds in the API)."),
    })
    .prefault({})
    .describe("Limits for fragments of outer datagrams."),
});

/** Sender threads at the most. */
export const MOST_SENDERS = 32;
const SENDERS_EXPECTED = `inline, per-sniffer or an integer from 1 to ${MOST_SENDERS}`;

export const gatewayConfig = field
  .section({
    tunnel: tunnel.prefault({}).describe("Where mirrored traffic comes in."),
    delivery: delivery.prefault({}).describe("Where copies go out."),
    decode: decode.prefault({}).describe("How tunnels are taken off."),
    senders: z
      .union([z.enum(["inline", "per-sniffer"]), field.integer(1, MOST_SENDERS)], { error: SENDERS_EXPECTED })
      .default("inline")
      .describe(
        `Sending threads: \`inline\` in the receiving worker, and one for all of \`tap\` and \`pcap\`; one \`per-sniffer\` (at most ${MOST_SENDERS} sniffers); or a number.`,
      ),
    quarantine: field
      .section({
        file: field
          .text("a file")
          .describe("pcapng file for packets of no tenant; readable by its owner only."),
        limit: field.size.prefault(QUARANTINE_LIMIT).describe("Bytes after which no more are written."),
      })
      .optional()
      .describe("Where unmapped packets are kept; they are only counted when absent."),
    api: field
      .section({
        socket: field.text("a path").default(API_SOCKET).describe("Unix socket of the control API."),
        listen: field
          .section({
            address: field.host
              .prefault("127.0.0.1")
              .describe("Address that it is reached at by TCP, too; one that is not loopback takes `tls`."),
            port: field.integer(1, 65535).describe("TCP port."),
            token: field
              .text("a file")
              .describe(
                "File with the token that requests by TCP carry (`Authorization: Bearer`), 16 characters at the least.",
              ),
            tls: field
              .section({
                certificate: field
                  .text("a file")
                  .describe("Certificate and those that vouch for it, in PEM."),
                key: field.text("a file").describe("Its private key, in PEM."),
              })
              .optional()
              .describe("TLS by TCP."),
          })
          .optional()
          .describe("The control API by TCP; over its socket only when absent."),
      })
      .optional()
      .describe("The control API; off when absent."),
    metrics: field
      .section({
        series: field
          .integer(2500, 1_000_000)
          .default(METRICS_SERIES)
          .describe(
            "Series that the control API's GET /metrics has at the most; sniffers for which there are none left are one, `others`.",
          ),
      })
      .prefault({})
      .describe("What Prometheus is given."),
    user: z
      .string({ error: "a user name" })
      .regex(/^[a-z_][a-z0-9_-]{0,31}$/i, { error: "a user name" })
      .meta({ title: "user name" })
      .optional()
      .describe("User that the gateway becomes when its sockets are open; it stays who it is when absent."),
    sealed: field.flag
      .default(false)
      .describe(
        "Drop every capability after the start, and refuse what would need one from then on; takes a `user`.",
      ),
    sharedSources: field
      .list(sharedSource, "tunnel identities")
      .prefault([])
      .describe("Mirror sessions that carry many tenants, told apart by the tenants' addresses."),
    sniffers: field.list(sniffer, "sniffers").prefault([]).describe("Who can receive."),
    tenants: field.list(tenant, "tenants").prefault([]).describe("Whose packets are whose."),
  })
  .meta({ title: "Spangate gateway configuration" });

/** The map: what of a configuration changes while the gateway runs. */
export const LISTS = ["sharedSources", "sniffers", "tenants"] as const;
export type ListName = (typeof LISTS)[number];

/** A whole valid gateway.yaml with its defaults: sizes in bytes, durations in nanoseconds, rates in bits/s. */
export type GatewayConfig = z.output<typeof gatewayConfig>;

/** gateway.yaml as an object: keys and values as they are written there, everything that has a default may be absent. */
export type GatewayInput = z.input<typeof gatewayConfig>;

/** A configuration that `spangate run` accepts: every sniffer says how it is reached, and interfaces that are used are named. */
export interface LiveGatewayConfig extends GatewayConfig {
  readonly sniffers: Exclude<Sniffer, { deliver?: undefined }>[];
}
