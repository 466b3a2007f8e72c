// node cap-forwarder.js TUNNEL DELIVERY OFFSET MAC: what a gateway written with the package `cap` does, at the least: takes OFFSET
// bytes off each packet of protocol 47, writes the sniffer's MAC, and sends.

import { createRequire } from "node:module";

interface Cap {
  open(device: string, filter: string, bufferSize: number, buffer: Buffer): string;
  setMinBytes?(bytes: number): void;
  on(event: "packet", listener: (length: number, truncated: boolean) => void): void;
  send(buffer: Buffer, length: number): void;
  close(): void;
}
// It has no types, and is optional.
const { Cap } = createRequire(import.meta.url)("cap") as { Cap: new () => Cap };

const [tunnel, delivery, offsetText, macText] = process.argv.slice(2) as [string, string, string, string];
const offset = Number(offsetText);
const mac = Buffer.from(macText.split(":").map((byte) => Number.parseInt(byte, 16)));

const [input, output] = [new Cap(), new Cap()];
// The binding keeps a pointer into it, and Buffer.alloc of this size is not moved.
const packet = Buffer.alloc(65_536);
const unused = Buffer.alloc(65_536);
const inner = packet.subarray(offset);
output.open(delivery, "ether proto 0xffff", 65_536, unused);
input.open(tunnel, "ip proto 47", 10 << 20, packet);
input.setMinBytes?.(0);
input.on("packet", (length) => {
  if (length < offset + 14) return;
  mac.copy(inner);
  output.send(inner, length - offset);
});
process.on("SIGINT", () => {
  input.close();
  output.close();
  process.exit(0);
});
console.log("ready");
