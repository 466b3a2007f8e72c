// Real receivers of what a gateway delivers in a tunnel: they take the frames out again, and a sniffer stands where they come out.

import type { Lab } from "./lab.js";
import type { OpenVSwitch } from "./open-vswitch.js";
import { Sniffer } from "./sniffer.js";
import { OVS_TUNNELS, type Way } from "./sources.js";

export interface Receiver {
  /** Where the frames come out. */
  readonly sniffer: Sniffer;
  stop(): Promise<void>;
}

export interface Tunnel {
  /** Session, key or VNI. */
  readonly id: number;
  /** The sender's address. */
  readonly from: string;
}

/** The kernel's vxlan device, whose underlay is the namespace's own. The sniffer is on it. */
export async function receiveByKernelVxlan(
  lab: Lab,
  namespace: string,
  { id, from, at, port = 4789 }: Tunnel & { readonly at: string; readonly port?: number },
): Promise<Receiver> {
  const device = `vx-${id}`;
  await lab.ip(
    namespace,
    `link add ${device} type vxlan id ${id} dstport ${port} local ${at} remote ${from} nolearning`,
    `link set ${device} arp off multicast off up`,
  );
  const sniffer = await Sniffer.start(lab, namespace, device);
  return { sniffer, stop: () => lab.ip(namespace, `link del ${device}`) };
}

/**
 * A tunnel port of Open vSwitch (`underlay` is done); what comes out of it leaves by a port of its own, where the sniffer is. One
 * Open vSwitch receives GRE or ERSPAN, not both: it tells tunnels apart by protocol number and UDP port before it looks further.
 */
export async function receiveByOpenVSwitch(
  lab: Lab,
  ovs: OpenVSwitch,
  way: Way,
  { id, from }: Tunnel,
): Promise<Receiver> {
  const bridge = `br-${way}-${id}`.slice(0, 15);
  const [inside, outside] = [`o-${way}-${id}`.slice(0, 15), `s-${way}-${id}`.slice(0, 15)];
  const namespace = await lab.namespace(`${way}-${id}`);
  await lab.link(
    { namespace: ovs.namespace, name: inside, silent: true },
    { namespace, name: outside, silent: true },
  );
  const { type, options } = OVS_TUNNELS[way];
  const tunnel = `t-${way}-${id}`.slice(0, 15);
  await ovs.bridge(bridge, [inside]);
  await ovs.tunnel(bridge, tunnel, type, { remote_ip: from, key: id, ...options });
  await ovs.flows(bridge, `in_port=${tunnel},actions=output:${inside}`);
  await ovs.settle();
  const sniffer = await Sniffer.start(lab, namespace, outside);
  return { sniffer, stop: () => ovs.removeBridge(bridge) };
}
