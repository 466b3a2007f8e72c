// One packet from the outside in: link, IP, fragments, tunnel, and as many further tunnels as the depth allows.

import {
  CAPTURED,
  CONFIG_DEPTH,
  DECLARED,
  ENCAPSULATION,
  END,
  FRAME,
  HAS,
  INNER,
  INNER_ORIGINAL,
  LAYERS,
  NO_VLAN,
  NONE,
  ORIGINAL,
  SESSION,
  TENANT,
  VERDICT,
} from "../memory/layout";
import { Verdict } from "../verdict";
import * as protocols from "../wire/ip-protocol";
import * as udp from "../wire/udp";
import { innerFrame } from "./inner";
import { innerChecksumIsGood, innerIp, ipProtocol, outerIp } from "./ip";
import { etherType, outerLink, tunnelNetwork } from "./link";
import { isVerdict } from "./step";
import { innerEtherType, portEncapsulation, tunnel } from "./tunnel";

/** The verdict on the packet of `d`, `Delivered` when it is out of its tunnel; or HELD. */
export function parse(d: usize): u32 {
  begin(d);
  let p = outerLink(d);
  if (isVerdict(p)) return <u32>p;
  p = outerIp(d, p, etherType());
  if (isVerdict(p)) return <u32>p;
  p = tunnel(d, p, ipProtocol(), true);
  if (isVerdict(p)) return <u32>p;

  const depth = load<u32>(CONFIG_DEPTH);
  let layers: u32 = 1;
  while (layers < depth) {
    const inner = furtherTunnel(d, p);
    if (inner == 0) break;
    if (isVerdict(inner)) return <u32>inner;
    p = inner;
    layers++;
  }
  store<u8>(d, <u8>layers, LAYERS);
  innerFrame(d, p);
  return Verdict.Delivered;
}

function begin(d: usize): void {
  const frame = load<u32>(d, FRAME);
  const captured = load<u32>(d, CAPTURED);
  store<u32>(d, frame + captured, END);
  store<u64>(d, <u64>frame + max<u32>(captured, load<u32>(d, ORIGINAL)), DECLARED);
  store<u32>(d, 0, VERDICT); // and layers, rule, endpoints
  store<u64>(d, 0, INNER); // and captured length
  store<u32>(d, 0, INNER_ORIGINAL);
  store<u64>(d, 0, HAS); // and id
  store<u32>(d, NONE, SESSION);
  store<u64>(d, (<u64>NO_VLAN) << 48, ENCAPSULATION); // and direction, hardware id, ERSPAN type: unknown; tag, outer VLAN
  store<i64>(d, -1, TENANT); // and claim
}

/**
 * The frame inside the tunnel that the frame at `inner` is; 0 when it is none; a verdict when it is one with a fault. Up to
 * the header that makes it a tunnel nothing is a fault: a tenant's own traffic is not ours to judge.
 */
function furtherTunnel(d: usize, inner: usize): usize {
  const end = load<u32>(d, END);
  const declared = load<u64>(d, DECLARED);
  let type = innerEtherType();
  let p = inner;
  if (type == 0) {
    p = tunnelNetwork(inner, end);
    type = etherType();
  }
  if (!isVerdict(p)) p = innerIp(d, p, type);
  const isTunnel = !isVerdict(p) && (ipProtocol() == protocols.GRE || isTunnelPort(p, load<u32>(d, END)));
  if (!isTunnel) {
    store<u32>(d, end, END);
    store<u64>(d, declared, DECLARED);
    return 0;
  }
  if (!innerChecksumIsGood()) return Verdict.BadChecksum;
  return tunnel(d, p, ipProtocol(), false);
}

function isTunnelPort(p: usize, end: usize): bool {
  return udp.fits(p, end) && portEncapsulation(p) != 0;
}
