// Behind the extension headers of a decoded IPv6 packet: where its upper-layer header begins, and what it is.

import * as protocols from "../wire/ip-protocol";
import * as ipv6 from "../wire/ipv6";

let upper: u32 = 0;
let fragment: bool = false;
let later: bool = false;
let rerouted: bool = false;

/** Next header number of what `afterExtensions` came to: an extension header's own, where that is not captured whole. */
export function upperProtocol(): u32 {
  return upper;
}
/** A fragment, the first one too; an atomic one is none. */
export function isFragment(): bool {
  return fragment;
}
/** A fragment that is not the first: there is no upper-layer header in it. */
export function isLaterFragment(): bool {
  return later;
}
/** A routing header with segments left: the pseudo header has the last of them as its destination (RFC 8200 8.1). */
export function isRerouted(): bool {
  return rerouted;
}

/** Gives the upper-layer header of the packet at `ip`; `toFragment`: goes no further than the header of a fragment. */
export function afterExtensions(ip: usize, end: usize, toFragment: bool): usize {
  fragment = false;
  later = false;
  rerouted = false;
  upper = ipv6.nextHeader(ip);
  let p = ip + ipv6.HEADER_LEN;
  while (
    !later &&
    !(toFragment && fragment) &&
    (protocols.isExtension(upper) || upper == protocols.FRAGMENT || upper == protocols.AUTHENTICATION)
  ) {
    if (p + ipv6.EXTENSION_MIN > end) return p;
    let length = ipv6.FRAGMENT_LEN;
    if (upper == protocols.FRAGMENT) {
      fragment = fragment || !ipv6.isAtomic(p);
      later = ipv6.fragmentOffset(p) != 0;
    } else {
      length = upper == protocols.AUTHENTICATION ? ipv6.authenticationLength(p) : ipv6.extensionLength(p);
      if (p + length > end) return p;
      if (upper == protocols.ROUTING && ipv6.segmentsLeft(p) != 0) rerouted = true;
    }
    upper = ipv6.extensionNext(p);
    p += length;
  }
  return p;
}
