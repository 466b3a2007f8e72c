// Which sniffers have a sender, and which one.

import { expect, test } from "vitest";
import type { LiveGatewayConfig } from "../../src/config/schema.js";
import { SenderPlan } from "../../src/datapath/sender-plan.js";

type Sniffers = LiveGatewayConfig["sniffers"];
const sniffers = (words: string) =>
  words.split(" ").map((word) => {
    const [name, deliver] = word.split(":");
    return { name, deliver };
  }) as unknown as Sniffers;
const planned = (senders: LiveGatewayConfig["senders"], words: string, isNetwork = true) => {
  const list = sniffers(words);
  const plan = new SenderPlan(senders, list, isNetwork);
  return list.map(({ name }) => plan.senderOf(name));
};

test("inline: what can block has one thread together", () => {
  expect(planned("inline", "a:mac b:tap c:vxlan d:pcap")).toEqual([undefined, 0, undefined, 0]);
});

test("a number of threads, to which all are dealt out", () => {
  expect(planned(2, "a:mac b:tap c:vxlan d:pcap e:ip")).toEqual([0, 1, 0, 1, 0]);
});

test("exactly one each", () => {
  expect(planned("per-sniffer", "a:mac b:tap c:vxlan")).toEqual([0, 1, 2]);
});

test("into memory workers send", () => {
  expect(planned("per-sniffer", "a:mac b:tap c:vxlan", false)).toEqual([undefined, 0, undefined]);
});

test("who had one keeps it, and more than there may be is refused", () => {
  const plan = new SenderPlan(2, sniffers("a:mac b:mac c:mac"), true);
  const undo = plan.change(sniffers("b:mac c:mac d:mac e:mac"));
  expect(["a", "b", "c", "d", "e"].map((name) => plan.senderOf(name))).toEqual([undefined, 1, 0, 0, 1]);
  undo();
  expect(["a", "b", "c", "d"].map((name) => plan.senderOf(name))).toEqual([0, 1, 0, undefined]);
  const many = sniffers(Array.from({ length: 33 }, (_, i) => `s${i}:mac`).join(" "));
  const each = new SenderPlan("per-sniffer", many.slice(1), true);
  expect(() => each.change(many)).toThrow(/per-sniffer with 33 sniffers; expected at most 32 sniffers/);
});
