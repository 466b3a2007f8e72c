// Who can take frames from t0 to d0 of a lab. Each says what it needs, is started, and is stopped.

import { capForwarding } from "./cap.js";
import { forwarder } from "./forwarder.js";
import type { Encapsulation } from "./frames.js";
import type { Lab } from "./lab.js";
import { openVSwitch } from "./open-vswitch.js";
import type { Programs } from "./programs.js";
import { redirector } from "./redirector.js";
import { spangate } from "./spangate.js";
import { vxlanDevice } from "./vxlan-device.js";
import { xdpBench } from "./xdp-bench.js";

export interface LiveContender {
  readonly name: string;
  /** What it can take off. */
  readonly encapsulation: Encapsulation;
  /** False: frames arrive as they were sent, in their tunnel. */
  readonly decapsulates: boolean;
  /** How t0 gives it frames: only native XDP takes live frames without the kernel's making buffers of them. */
  readonly mode: "native" | "skb";
  /**
   * How the sniffer's end counts: `tcx` takes buffers of the stack, which most send, as they are; `native` takes what XDP
   * redirects, and would copy the others first.
   */
  readonly sink: "tcx" | "native";
  /** It never sleeps: what processors did says nothing of its packets. */
  readonly spins?: boolean;
  /** Why it cannot be measured on this machine. */
  missing(): string | undefined;
  /** It takes frames when the promise is kept. */
  start(lab: Lab, programs: Programs): Promise<Running>;
}

export interface Running {
  /** What is to be known of it alone, such as cycles a packet; since it was started, or since the last question. */
  report?(): Promise<Readonly<Record<string, number>>>;
  /** What it runs as, for memory. */
  readonly pid?: number;
  /** Of its control API. */
  readonly socket?: string;
  stop(): Promise<void>;
}

export const CONTENDERS: readonly LiveContender[] = [
  forwarder("native"),
  forwarder("skb"),
  ...spangate,
  redirector("native"),
  redirector("skb"),
  xdpBench("native"),
  xdpBench("skb"),
  openVSwitch("native"),
  openVSwitch("generic"),
  vxlanDevice,
  capForwarding,
];
