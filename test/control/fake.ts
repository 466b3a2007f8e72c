// A gateway that only has accounts, for tests of the control API.

import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { Controlled } from "../../src/control/api.js";
import type { LiveStatus } from "../../src/datapath/live.js";
import { Engine, type SnifferAccounts } from "../../src/engine/index.js";
import { SpangateError } from "../../src/errors.js";

const engine = await Engine.create();
const COUNTERS = engine.workers[0]!.counters();

export class FakeGateway implements Controlled {
  state: Controlled["state"] = "running";
  received = 100;
  seconds = 10;

  /** Of a thousand sessions, which all look alike. */
  status(sessions: number): LiveStatus {
    if (this.state === "starting") throw new SpangateError("NOT_READY");
    const counters = {
      ...COUNTERS,
      received: this.received,
      delivered: this.received - 20,
      unmapped: 20,
    };
    return {
      seconds: this.seconds,
      notes: [],
      receive: "afxdp, in the driver",
      send: "afxdp, copy",
      counters,
      workers: [counters],
      kernel: { dropped: 0, ringFull: 7, noFrames: 0 },
      sniffers: new Map([["acme-ids", accounts(this.received - 20)]]),
      sessions: Array.from({ length: Math.min(sessions, 1000) }, () => ({
        encapsulation: "erspan",
        source: "192.0.2.1",
        destination: "192.0.2.2",
        id: 100,
        packets: 80,
        bytes: 8000,
      })),
      sessionCount: 1000,
    };
  }
}

function accounts(sent: number): SnifferAccounts {
  const none = {
    tooLarge: 0,
    rate: 0,
    droppedNewest: 0,
    droppedOldest: 0,
    sendError: 0,
    queued: 0,
    inFlight: 0,
  };
  return { offered: sent, sent, ...none, sentBytes: 60 * sent };
}

/** Names for sockets in a folder of the test file's own. */
export function sockets(): () => string {
  const folder = mkdtempSync(join(tmpdir(), "spangate-control-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  return () => join(folder, `${randomUUID().slice(0, 8)}.sock`);
}
