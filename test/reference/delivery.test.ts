// Delivery step by step: snaplen, choice, rates, verdicts.

import { describe, expect, test } from "vitest";
import { engineDeliversAlike, RecordedDelivery } from "../engine/delivery-agreement.js";
import { balanceTable } from "./balance.js";
import { decoded, deliveryTo, file, frameOf, mac, mapOf, offer } from "./delivery-rows.js";
import { flowHash } from "./flow.js";
import {
  DEFAULTS,
  ReferenceDecoder,
  type ReferenceDelivery,
  type ReferenceMap,
  type ReferenceSniffer,
} from "./index.js";
import * as make from "./packets.js";
import { be16, ethernet, ipv4 } from "./packets.js";
import { e3, inner as small } from "./rows.js";

const flow = (port: number) =>
  ethernet(0x0800, ipv4(6, [...be16(port), ...be16(443), ...new Uint8Array(16)]));

describe("plain", () => {
  test.each([undefined, "pcap", "tap"] as const)("%s: the frame as it was decoded", (deliver) => {
    const delivery = deliveryTo([deliver === undefined ? file("a") : file("a", { deliver })]);
    delivery.deliver(decoded(frameOf(20), { originalLength: 900, time: 5n }));
    delivery.deliver(decoded(new Uint8Array(0), { originalLength: 60 }));
    expect(delivery.take("a")).toEqual([
      { frames: [frameOf(20)], originalLength: 900, time: 5n },
      { frames: [new Uint8Array(0)], originalLength: 60, time: 0n },
    ]);
  });

  test("snaplen leaves the original length", () => {
    const delivery = deliveryTo([file("a")], { snaplen: 64 });
    delivery.deliver(decoded(frameOf(100), { originalLength: 120 }));
    expect(delivery.take("a")).toEqual([{ frames: [frameOf(64)], originalLength: 120, time: 0n }]);
  });
});

test("what the decoder or the map refused is offered to nobody", () => {
  const delivery = deliveryTo([file("a")]);
  for (const verdict of ["not-tunnel", "unmapped", "loop", "reassembled"] as const) {
    expect(delivery.deliver({ verdict, layers: 0 })).toEqual({ verdict, offers: [] });
  }
  expect(delivery.account("a").offered).toBe(0);
});

describe("fanout", () => {
  test("copy: every sniffer, in the tenant's order", () => {
    const delivery = deliveryTo([file("a"), file("b"), file("c")], { sniffers: ["c", "a"] });
    expect(offer(delivery, frameOf(60))).toBe("delivered; c ok, a ok");
  });

  test("balance: the owner of the flow's place, of both directions, whatever snaplen", () => {
    const sniffers = [file("a"), file("b", { weight: 3 }), file("c")];
    const delivery = deliveryTo(sniffers, { fanout: "balance", snaplen: 20 });
    const table = balanceTable(sniffers);
    for (let port = 1; port <= 50; port++) {
      const name = sniffers[table[flowHash(flow(port)) % table.length]!]!.name;
      expect(offer(delivery, flow(port))).toBe(`delivered; ${name} ok`);
    }
    expect(["a", "b", "c"].every((name) => delivery.account(name).offered > 0)).toBe(true);
  });

  test("delivered when one took it, else the first refusal", () => {
    const narrow: Partial<ReferenceSniffer> = { deliver: "gre", to: "192.0.2.1", fit: "drop" };
    const full = file("full", { queue: 1 });
    const delivery = deliveryTo([file("narrow", narrow), full], {}, 100);
    expect(offer(delivery, frameOf(90))).toBe("delivered; narrow too-large, full ok");
    expect(offer(delivery, frameOf(60))).toBe("delivered; narrow ok, full queue-full");
    expect(offer(delivery, frameOf(90))).toBe("too-large; narrow too-large, full queue-full");
    const other = deliveryTo([full, file("narrow", narrow)], {}, 100);
    offer(other, frameOf(90));
    expect(offer(other, frameOf(90))).toBe("queue-full; full queue-full, narrow too-large");
  });
});

describe("rates", () => {
  const MBIT = 1_000_000; // and under 21 Mbit/s a bucket is 131,072 bytes deep
  const times = (delivery: ReferenceDelivery, inner: Uint8Array, time = 0n) => {
    let taken = 0;
    while (offer(delivery, inner, time).startsWith("delivered")) taken++;
    return taken;
  };

  test("the tenant's is charged once, what snaplen leaves, before any sniffer is chosen", () => {
    const delivery = deliveryTo([file("a", { queue: 9999 }), file("b", { queue: 9999 })], {
      rate: MBIT,
      snaplen: 128,
    });
    expect(times(delivery, frameOf(1000))).toBe(1024);
    expect(offer(delivery, frameOf(1000))).toBe("rate");
    expect(delivery.account("a")).toMatchObject({ offered: 1024, rate: 0 });
    expect(times(delivery, frameOf(1000), 1_024_000n)).toBe(1);
  });

  test.each<[string, Partial<ReferenceSniffer>, number]>([
    ["a file: the frame", {}, 50],
    ["mac: with its tag, before padding", mac({ vlan: 1 }), 54],
    ["vxlan: with every header, before padding", { deliver: "vxlan", to: "192.0.2.1", vni: 1 }, 14 + 36 + 50],
    [
      "erspan3 over IPv6 in a VLAN",
      { deliver: "erspan3", to: "2001:db8::1", session: 1, vlan: 1 },
      18 + 60 + 50,
    ],
  ])("a sniffer's is charged the frame it gets: %s", (_, fields, charge) => {
    const delivery = deliveryTo([file("a", { ...fields, rate: MBIT, queue: 9999 })]);
    expect(times(delivery, frameOf(50))).toBe(Math.floor(131_072 / charge));
    expect(offer(delivery, frameOf(50))).toBe("rate; a rate");
  });

  test("a frame of which 3 bytes were captured is charged the 14 that are sent, and its tag", () => {
    const fits = (fields: Partial<ReferenceSniffer>, first: number) => {
      const delivery = deliveryTo([file("a", { ...mac(fields), rate: MBIT, queue: 9999 })]);
      // 131 of these leave little of the 131,072 bytes.
      for (let packet = 0; packet < 131; packet++) offer(delivery, frameOf(first));
      return times(delivery, Uint8Array.of(1, 2, 3));
    };
    expect(fits({}, 1000)).toBe(Math.floor(72 / 14));
    expect(fits({ vlan: 1 }, 996)).toBe(Math.floor(72 / 18));
  });

  test("truncated first, fragmented later", () => {
    const tunnel = { deliver: "gre", to: "192.0.2.1", rate: MBIT, queue: 9999 } as const;
    const truncated = deliveryTo([file("a", tunnel)], {}, 500);
    expect(times(truncated, frameOf(1000))).toBe(Math.floor(131_072 / 514));
    const fragmented = deliveryTo([file("a", { ...tunnel, fit: "fragment" })], {}, 500);
    expect(times(fragmented, frameOf(1000))).toBe(Math.floor(131_072 / 1038));
  });

  test("too large is not charged, a full queue is", () => {
    const small = { deliver: "gre", to: "192.0.2.1", fit: "drop", rate: MBIT, queue: 1 } as const;
    const delivery = deliveryTo([file("a", small)], {}, 1000);
    for (let packet = 0; packet < 200; packet++) offer(delivery, frameOf(1200));
    const outcomes = Array.from({ length: 200 }, () => offer(delivery, frameOf(962)));
    expect(outcomes.filter((each) => each === "queue-full; a queue-full")).toHaveLength(130);
    expect(delivery.account("a")).toMatchObject({ tooLarge: 200, rate: 69, droppedNewest: 130, queued: 1 });
  });

  test("time is the one the delivery carries", () => {
    const map: ReferenceMap = mapOf([file("a", { queue: 9999 })], {
      rate: MBIT,
      sources: [{ encapsulation: "erspan" }],
    });
    const decoder = new ReferenceDecoder({ ...DEFAULTS, time: "mirror", map });
    const delivery = new RecordedDelivery(map, { mtu: 1500 });
    const verdicts = [0, 5].map((seconds) => {
      const frame = e3({ granularity: 3, platform: { id: 3, word: 0 }, timestamp: 7 * seconds });
      const [settled] = decoder.packet(1, frame, frame.length, 1_000n, 1);
      return delivery.deliver(settled!.result).verdict;
    });
    expect(verdicts).toEqual(["delivered", "delivered"]);
    expect(delivery.take("a").map(({ time }) => time)).toEqual([0n, 35n]);
  });
});

test("from the tunnel to the sniffer: direction and hardware id of what came", () => {
  const map = mapOf([file("a", { deliver: "erspan3", to: "192.0.2.1", session: 9 })], {
    sources: [{ encapsulation: "erspan" }],
  });
  const decoder = new ReferenceDecoder({ ...DEFAULTS, map });
  const delivery = new RecordedDelivery({ ...map, gateway: ["10.77.0.2"] }, { mtu: 1500 });
  const came = e3({ outgoing: true, hardwareId: 63, truncated: true });
  const [settled] = decoder.packet(1, came, came.length, 2_000_000_007n, 1);
  expect(delivery.deliver(settled!.result).verdict).toBe("delivered");
  const sent = make.erspan3(small, {
    session: 9,
    truncated: true,
    timestamp: 7,
    hardwareId: 63,
    outgoing: true,
    granularity: 2,
    protocolFrame: true,
  });
  const packet = ipv4(47, make.gre(0x22eb, sent, { sequence: 0 }), {
    source: "10.77.0.2",
    destination: "192.0.2.1",
    fragment: 0x4000,
  });
  expect(delivery.take("a")[0]!.frames).toEqual([
    ethernet(0x0800, packet, [2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]),
  ]);
});

engineDeliversAlike();
