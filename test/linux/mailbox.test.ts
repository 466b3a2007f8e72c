// Descriptors that go from one process to another; here to itself, where both are open side by side.

import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Mailbox, sendDescriptors } from "../../src/linux/index.js";

describe.skipIf(process.platform !== "linux")("a mailbox", () => {
  function opened(count: number): number[] {
    const folder = mkdtempSync(join(tmpdir(), "spangate-mailbox-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    return Array.from({ length: count }, (_, i) => {
      writeFileSync(join(folder, String(i)), "x".repeat(i));
      const fd = openSync(join(folder, String(i)), "r");
      onTestFinished(() => closeSync(fd));
      return fd;
    });
  }
  function mailbox(): Mailbox {
    const box = Mailbox.open();
    onTestFinished(() => box.close());
    return box;
  }

  test.each([1, 2, 3, 8])("%i descriptors arrive in their order", (count) => {
    const box = mailbox();
    const sent = opened(count);
    sendDescriptors(box.name, sent);
    const got = box.take();
    expect(got.map((fd) => fstatSync(fd).ino)).toEqual(sent.map((fd) => fstatSync(fd).ino));
    for (const fd of got) {
      expect(sent).not.toContain(fd);
      closeSync(fd);
    }
  });

  test("nothing has come", () => {
    expect(() => mailbox().take()).toThrow(
      expect.objectContaining({
        code: "SYSTEM_CALL",
        details: expect.objectContaining({ errno: "EWOULDBLOCK" }),
      }),
    );
  });

  test("nobody has it", () => {
    const [fd] = opened(1);
    expect(() => sendDescriptors("@spangate-nobody", [fd!])).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ errno: "ECONNREFUSED" }) }),
    );
  });
});
