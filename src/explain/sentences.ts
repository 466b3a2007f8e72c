// Every verdict in a sentence, for tables and where nothing more is known of a packet.

import type { VerdictName } from "../engine/index.js";

export const VERDICT_SENTENCES: Readonly<Record<VerdictName, string>> = {
  delivered: "taken out of its tunnel",
  reassembled: "a fragment; its datagram was completed by another",
  "not-tunnel": "in no tunnel that is known",
  truncated: "a tunnel header was not captured whole",
  "bad-checksum": "a wrong IPv4 or GRE checksum",
  "unsupported-version": "a header version that is not known",
  "unsupported-payload": "the tunnel carries neither Ethernet nor IP",
  "bad-flags": "flags that contradict the packet",
  "critical-option": "an unknown GENEVE option that must not be ignored",
  "fragment-overlap": "fragments that overlap; their datagram was discarded",
  "fragment-timeout": "fragments whose others never came",
  "fragment-limit": "no room to hold this fragment",
  "too-large": "longer than a datagram can be, or than the way to the sniffer takes",
  loop: "our own delivery, mirrored back to us",
  unmapped: "no tenant claims it",
  "foreign-address": "from a tenant's source, but none of its addresses",
  "ambiguous-tenant": "several tenants could own it",
  filtered: "not the session or VNI that was asked for",
  rate: "over the rate of the tenant, or of its sniffer",
  "queue-full": "the sniffer was too slow",
  "send-error": "the sniffer could not be reached",
};
