// What a service says to its manager, heard by one.

import { randomUUID } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { NotifySocket } from "../../src/linux/index.js";
import { NotifyListener } from "./notify-listener.js";

describe.skipIf(process.platform !== "linux")("the service manager's socket", () => {
  function listening(name: string): NotifyListener {
    const listener = new NotifyListener(name);
    onTestFinished(() => listener.close());
    return listener;
  }
  function folder(): string {
    const path = mkdtempSync(join(tmpdir(), "spangate-notify-"));
    onTestFinished(() => rmSync(path, { recursive: true }));
    return path;
  }

  test.each(["a path", "a name in no folder"])("%s: lines in one datagram", (kind) => {
    const name = kind === "a path" ? join(folder(), "notify") : `@spangate-${randomUUID()}`;
    const listener = listening(name);
    const socket = NotifySocket.connect(name);
    onTestFinished(() => socket.close());
    socket.say("READY=1", "STATUS=it forwards");
    socket.say("WATCHDOG=1");
    listener.lines();
    expect(listener.heard).toEqual(["READY=1\nSTATUS=it forwards", "WATCHDOG=1"]);
  });

  test("nobody is there", () => {
    expect(() => NotifySocket.connect(join(folder(), "notify"))).toThrow(
      expect.objectContaining({ code: "SYSTEM_CALL", details: expect.objectContaining({ errno: "ENOENT" }) }),
    );
  });

  test.each(["notify", "", `/${"x".repeat(107)}`])("%j is no address", (name) => {
    expect(() => NotifySocket.connect(name)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });

  test("a manager that has gone, or does not read, is not waited for", () => {
    const name = `@spangate-${randomUUID()}`;
    const listener = listening(name);
    const socket = NotifySocket.connect(name);
    onTestFinished(() => socket.close());
    for (let i = 0; i < 2000; i++) socket.say(`STATUS=${i}`);
    listener.lines();
    expect(listener.heard.length).toBeGreaterThan(0);
    expect(listener.heard.length).toBeLessThan(2000);
  });

  test("a folder that closes later does not matter", () => {
    const path = folder();
    const listener = listening(join(path, "notify"));
    const socket = NotifySocket.connect(join(path, "notify"));
    onTestFinished(() => socket.close());
    chmodSync(path, 0);
    socket.say("READY=1");
    chmodSync(path, 0o700);
    expect(listener.lines()).toEqual(["READY=1"]);
  });
});
