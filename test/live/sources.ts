// Mirror sources: who copies a tenant's frames into a tunnel.

import type { Lab } from "./lab.js";
import type { OpenVSwitch } from "./open-vswitch.js";
import type { Tenant } from "./tenant-traffic.js";

export const WAYS = ["erspan2", "erspan3", "gre", "vxlan", "geneve"] as const;
export type Way = (typeof WAYS)[number];

export interface MirrorSource {
  /** As a tenant's `sources` has it, in YAML. */
  readonly identity: string;
  /** The same as JSON can say it. */
  readonly claim: Readonly<Record<string, string | number>>;
  stop(): Promise<void>;
}

/** Session, key or VNI, and the tunnel's other end. */
export interface Destination {
  readonly id: number;
  readonly to: string;
}

export const bridgeOf = (tenant: Tenant) => `br-${tenant.name}`;

/** Of Open vSwitch's tunnel ports. */
export const OVS_TUNNELS: Readonly<Record<Way, { type: string; options: Record<string, number> }>> = {
  erspan2: { type: "erspan", options: { erspan_ver: 1, erspan_idx: 7 } },
  erspan3: { type: "erspan", options: { erspan_ver: 2, erspan_hwid: 4 } },
  gre: { type: "gre", options: {} },
  vxlan: { type: "vxlan", options: {} },
  geneve: { type: "geneve", options: {} },
};

export function claimOf(way: Way, id: number): MirrorSource["claim"] {
  if (way === "gre") return { encapsulation: "gre", key: id };
  if (way === "vxlan" || way === "geneve") return { encapsulation: way, vni: id };
  return { encapsulation: "erspan", session: id };
}

/** Of one tenant whose frames come by every way. */
export const everyClaim = (id: number) =>
  (["erspan2", "gre", "vxlan", "geneve"] as const).map((way) => claimOf(way, id));

/** In YAML. */
export function identityOf(way: Way, id: number): string {
  const words = Object.entries(claimOf(way, id)).map(([key, value]) => `${key}: ${value}`);
  return `{ ${words.join(", ")} }`;
}

/**
 * Open vSwitch copies each frame that passes the tenant's ports, once. The tenant's bridge is `bridgeOf`. With ERSPAN III it takes a
 * tunnel for each direction, as the direction is an option of the tunnel: 0 for machine 0's frames, 1 for those to it. `more`: options
 * of the tunnel.
 */
export async function mirrorByOpenVSwitch(
  ovs: OpenVSwitch,
  tenant: Tenant,
  way: Way,
  { id, to }: Destination,
  more: Readonly<Record<string, string>> = {},
): Promise<MirrorSource> {
  const bridge = bridgeOf(tenant);
  const { type, options } = OVS_TUNNELS[way];
  const made: string[] = [];
  const add = async (output: string, direction: "in" | "out" | undefined, keys: Record<string, number>) => {
    await ovs.tunnel(bridge, output, type, { remote_ip: to, ...options, ...more, ...keys });
    const ports = direction === undefined ? tenant.ports : tenant.ports.slice(0, 1);
    await ovs.mirror({ bridge, name: output, ports, output, ...(direction && { direction }) });
    made.push(output);
  };
  const output = `${way}-${tenant.name}`.slice(0, 13);
  if (way === "erspan3") {
    // The in_key differs only because Open vSwitch refuses two tunnels with the same one.
    await add(`${output}-i`, "in", { out_key: id, in_key: id, erspan_dir: 0 });
    await add(`${output}-o`, "out", { out_key: id, in_key: id + 1, erspan_dir: 1 });
  } else {
    await add(output, undefined, { key: id });
  }
  const stop = async () => {
    for (const name of made) {
      await ovs.removeMirror(bridge, name);
      await ovs.removePort(bridge, name);
    }
  };
  return { identity: identityOf(way, id), claim: claimOf(way, id), stop };
}

export interface KernelVxlan extends Destination {
  /** Where the tenant's ports are, and the underlay. */
  readonly namespace: string;
  readonly from: string;
  /** UDP port; 4789 when absent. */
  readonly port?: number;
}

/** The kernel connects the tenant's two ports and copies what passes into its vxlan device. The ports are in no bridge. */
export async function mirrorByKernelVxlan(
  lab: Lab,
  tenant: Tenant,
  { namespace, id, from, to, port = 4789 }: KernelVxlan,
): Promise<MirrorSource> {
  const device = `vx-${id}`;
  await lab.ip(
    namespace,
    `link add ${device} type vxlan id ${id} dstport ${port} local ${from} remote ${to} nolearning`,
    `link set ${device} arp off multicast off up`,
  );
  const [a, b] = tenant.ports;
  for (const [ingress, egress] of [
    [a, b],
    [b, a],
  ]) {
    const actions = `action mirred egress mirror dev ${device} action mirred egress redirect dev ${egress}`;
    const lines = [
      `qdisc add dev ${ingress} clsact`,
      `filter add dev ${ingress} ingress protocol all prio 1 u32 match u32 0 0 ${actions}`,
    ];
    await lab.run(namespace, "tc", ["-batch", "-"], `${lines.join("\n")}\n`);
  }
  const stop = async () => {
    for (const name of tenant.ports) await lab.run(namespace, "tc", ["qdisc", "del", "dev", name, "clsact"]);
    await lab.ip(namespace, `link del ${device}`);
  };
  return { identity: identityOf("vxlan", id), claim: claimOf("vxlan", id), stop };
}
