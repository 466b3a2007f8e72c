// Both ends of each tunnel: what `gateway.yaml` says of a sniffer, and the Linux device that is the sniffer's end.

export const GATEWAY = ["203.0.113.1", "2001:db8:ff::1"] as const;
/** The guest's addresses; the third is in VLAN 9. */
const GUEST = { ipv4: "203.0.113.2", ipv6: "2001:db8:ff::2", vlan9: "198.51.100.2" };

/** A sniffer that a tunnel device of the guest stands for. */
export interface Way {
  /** Of the sniffer, in `gateway.yaml`. */
  readonly deliver: string;
  /** Type and options of the device, in iproute2's words. */
  readonly device: string;
  /** What is let out of the device, in tc's words. */
  readonly filter: string;
  /** Bytes of the outer IP packet in front of the frame; 0 for a sniffer that gets what is too long in fragments. */
  readonly headers: number;
}

interface Options {
  readonly ipv6?: boolean;
  readonly fragment?: boolean;
}

const IPV4_HEADER = 20;
const IPV6_HEADER = 40;

function way(mode: string, keys: string, device: string, headers: number, { ipv6, fragment }: Options): Way {
  const [to, ip] = ipv6 ? [`"${GUEST.ipv6}"`, IPV6_HEADER] : [GUEST.ipv4, IPV4_HEADER];
  return {
    deliver: `deliver: ${mode}, to: ${to}, ${keys}${fragment ? ", fit: fragment" : ""}`,
    device,
    filter: "matchall",
    headers: fragment ? 0 : ip + headers,
  };
}

const ends = ({ ipv6 }: Options) =>
  ipv6 ? `local ${GUEST.ipv6} remote ${GATEWAY[1]}` : `local ${GUEST.ipv4} remote ${GATEWAY[0]}`;

/** The device takes this session only, and only sequence numbers that are none of the past (`seq`). */
export function erspan(type: 2 | 3, session: number, options: Options & { index?: number } = {}): Way {
  const device = `${options.ipv6 ? "ip6erspan" : "erspan"} key ${session} seq ${ends(options)} erspan_ver ${type - 1}`;
  const index = options.index === undefined ? "" : `, index: ${options.index}`;
  return way(`erspan${type}`, `session: ${session}${index}`, device, type === 2 ? 16 : 20, options);
}

/** The device takes every session that no other device takes, and the filter those whose header says `fields`. */
export function erspanFields(
  type: 2 | 3,
  session: number,
  fields: { index?: number; direction?: 0 | 1; hardwareId?: number },
  options: Options = {},
): Way {
  const { index, direction = 0, hardwareId = 0 } = fields;
  const filter = `flower enc_key_id ${session} erspan_opts ${type - 1}:${index ?? 0}:${direction}:${hardwareId}`;
  const device = `${options.ipv6 ? "ip6erspan" : "erspan"} external`;
  return { ...erspan(type, session, index === undefined ? options : { ...options, index }), device, filter };
}

export function gre(key: number | undefined, options: Options = {}): Way {
  const device = `${options.ipv6 ? "ip6gretap" : "gretap"}${key === undefined ? "" : ` key ${key}`} ${ends(options)}`;
  return way("gre", key === undefined ? "" : `key: ${key}`, device, key === undefined ? 4 : 8, options);
}

export function vxlan(vni: number, options: Options & { port?: number; keys?: string } = {}): Way {
  const { port = 4789, keys = "" } = options;
  const device = `vxlan id ${vni} dstport ${port} nolearning ${ends(options)}`;
  return way("vxlan", `vni: ${vni}, port: ${port}${keys}`, device, 16, options);
}

/** In VLAN 9, and with a UDP checksum that the kernel verifies. */
export function vxlanBehindTag(vni: number): Way {
  const made = vxlan(vni, { keys: ", udpChecksum: true, vlan: 9" });
  const moved = (text: string) => text.replace(GUEST.ipv4, GUEST.vlan9);
  return { ...made, deliver: moved(made.deliver), device: moved(made.device) };
}

export function geneve(vni: number, options: Options = {}): Way {
  const device = `geneve id ${vni} remote ${GATEWAY[options.ipv6 ? 1 : 0]}`;
  return way("geneve", `vni: ${vni}`, device, 16, options);
}
