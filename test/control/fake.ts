// A gateway that only has accounts, for tests of the control API.

import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { configFor } from "../../src/config/check.js";
import type { Controlled } from "../../src/control/api.js";
import { LiveMapping } from "../../src/control/live-mapping.js";
import type { LiveReadings, LiveStatus } from "../../src/datapath/live.js";
import { Engine, NO_ACCOUNTS, type SessionTable, type SnifferAccounts } from "../../src/engine/index.js";
import { SpangateError } from "../../src/errors.js";

const WRITTEN = {
  tunnel: { interface: "eth0", addresses: ["10.77.0.2"] },
  sniffers: [
    { name: "acme-ids", deliver: "mac", mac: "02:00:00:00:0a:01" },
    { name: "globex-ids", deliver: "mac", mac: "02:00:00:00:0a:02" },
  ],
  tenants: [{ name: "acme", sources: [{ encapsulation: "erspan", session: 1 }], sniffers: ["acme-ids"] }],
};

const engine = await Engine.create();
const COUNTERS = engine.workers[0]!.counters();

export class FakeGateway implements Controlled {
  state: Controlled["state"] = "running";
  received = 100;
  seconds = 10;
  readonly mapping: LiveMapping = new LiveMapping(
    { replaceMap: async () => this.mapping.generation + 1 },
    { written: WRITTEN, config: configFor(WRITTEN, { live: true }) },
    { live: true },
    () => {},
  );
  sniffers: ReadonlyMap<string, SnifferAccounts> | undefined;
  tenants: ReadonlyMap<string, readonly string[]> = new Map([["acme", ["acme-ids"]]]);
  sessionTables: readonly SessionTable[] = [];

  readings(): LiveReadings {
    const { sessions, sessionCount, upstream, ...rest } = this.status(0);
    return rest;
  }

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
      sniffers: this.sniffers ?? new Map([["acme-ids", accounts(this.received - 20)]]),
      map: { generation: 3, workers: [3] },
      tenants: this.tenants,
      queues: new Map([["acme-ids", 1024]]),
      sessions: Array.from({ length: Math.min(sessions, 1000) }, () => ({
        encapsulation: "erspan",
        source: "192.0.2.1",
        destination: "192.0.2.2",
        id: 100,
        packets: 80,
        bytes: 8000,
      })),
      sessionCount: 1000,
      upstream: { lost: 0, expected: 0, reordered: 0, duplicates: 0, restarts: 0 },
    };
  }
}

export function accounts(sent: number): SnifferAccounts {
  return { ...NO_ACCOUNTS, offered: sent, sent, sentBytes: 60 * sent };
}

/** Names for sockets in a folder of the test file's own. */
export function sockets(): () => string {
  const folder = mkdtempSync(join(tmpdir(), "spangate-control-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  return () => join(folder, `${randomUUID().slice(0, 8)}.sock`);
}
