// The README's page in a headless Chromium: a capture is given to its file input, and what comes out is what the reference
// decodes. The bundle is made as users make theirs, and has nothing of Node's in it.

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Decapsulator, readFrames } from "../../src/index.js";
import { missing } from "../capture/programs.js";
import { Chromium } from "./chromium.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const examples = join(root, "test/examples");
const site = mkdtempSync(join(tmpdir(), "spangate-site-"));
const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};
let bundle = "";

beforeAll(async () => {
  const bundler = await rolldown({ input: join(examples, "browser.mjs"), platform: "browser" });
  const { output } = await bundler.write({ dir: site, format: "esm" });
  await bundler.close();
  bundle = output.map((part) => (part.type === "chunk" ? part.code : "")).join("");
  copyFileSync(join(examples, "browser.html"), join(site, "browser.html"));
  copyFileSync(join(root, "dist/src/engine/spangate.wasm"), join(site, "spangate.wasm"));
});
afterAll(() => rmSync(site, { recursive: true }));

test("the bundle reaches nothing of Node's", () => {
  expect(bundle).not.toMatch(/from ?"node:|import\("node:|require\("/);
});

describe.skipIf(missing("chromium"))("the page", () => {
  let server: Server;
  let browser: Chromium;

  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = new URL(request.url!, "http://localhost").pathname;
      try {
        const content = readFileSync(join(site, path));
        response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream").end(content);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    browser = await Chromium.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/browser.html`);
    await browser.until("typeof document.querySelector('input')?.onchange === 'function'");
  });
  afterAll(async () => {
    await browser.close();
    server.close();
  });

  /** Gives a file to the page, and waits for what it says. */
  async function strip(path: string): Promise<unknown> {
    await browser.evaluate(
      "{ const [status, list] = document.querySelectorAll('output, pre'); status.value = ''; list.textContent = ''; }",
    );
    await browser.giveFile("input", path);
    return browser.until("document.querySelector('output').value");
  }

  const capture = join(root, "test/fixtures/demo-mixed.pcap");

  test("lists the packets of the capture it is given, and offers them as a capture", async () => {
    const packets = [];
    const gateway = await Decapsulator.create();
    for await (const packet of gateway.decapsulate(readFrames(capture))) {
      packets.push({ ...packet, data: packet.data.slice() });
    }
    expect(await strip(capture)).toBe(`${packets.length} packets`);
    const lines = packets.map((packet) => `${packet.interface} ${packet.data.length} bytes\n`);
    expect(await browser.evaluate("document.querySelector('pre').textContent")).toBe(lines.join(""));

    const clean = (await browser.evaluate(
      "fetch(document.querySelector('a').href).then(async (got) => [...new Uint8Array(await got.arrayBuffer())])",
    )) as number[];
    const read = [];
    for await (const { data, timestamp } of readFrames(Uint8Array.from(clean))) read.push([data, timestamp]);
    expect(read).toEqual(packets.map(({ data, timestamp }) => [data, timestamp]));
  });

  test("takes gzip too", async () => {
    const path = join(site, "demo.pcap.gz");
    writeFileSync(path, gzipSync(readFileSync(capture)));
    expect(await strip(path)).toBe("288 packets");
  });

  test.each([
    ["nothing of the kind", "CAPTURE_MAGIC", (): Uint8Array => readFileSync(join(root, "README.md"))],
    ["a capture that is cut off", "CAPTURE_TRUNCATED", () => readFileSync(capture).subarray(0, 10_000)],
    ["gzip that is cut off", "CAPTURE_TRUNCATED", () => gzipSync(readFileSync(capture)).subarray(0, 3000)],
    ["gzip that is damaged", "CAPTURE_CORRUPT", () => gzipSync(readFileSync(capture)).fill(0xff, 2000, 2100)],
  ])("says the code of what is wrong with %s", async (name, code, bytes) => {
    const path = join(site, name);
    writeFileSync(path, bytes());
    expect(await strip(path)).toBe(code);
  });
});
