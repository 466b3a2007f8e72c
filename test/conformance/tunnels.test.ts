// What every backend of the live gateway has to do with what comes in, alike.

import { expect, onTestFinished, test } from "vitest";
import { GATEWAY, HOST, V4, V6 } from "../live/site.js";
import { pushTag } from "../live/tag-pusher.js";
import { tunnelFrames, type Underlay } from "../live/tunnel-packets.js";
import { parseMac } from "../reference/address.js";
import * as make from "../reference/packets.js";
import { overEach } from "./place.js";
import { SUBJECTS } from "./subjects.js";

const UNDERLAYS: readonly Underlay[] = [
  V4,
  V6,
  { ...V4, tags: [[0x8100, 0x6005]] },
  { ...V6, tags: [[0x88a8, 5]] },
  {
    ...V4,
    tags: [
      [0x88a8, 5],
      [0x8100, 6],
    ],
  },
  // The outer one is of neither kind.
  {
    ...V4,
    tags: [
      [0x9100, 5],
      [0x8100, 6],
    ],
  },
  { ...V4, mtu: 576 },
  { ...V6, mtu: 1280 },
  { ...V4, mtu: 576, tags: [[0x8100, 7]] },
];

overEach(SUBJECTS, (place) => {
  test("takes tunnels off, over whatever they come", async () => {
    const [gateway, sniffer] = [await place.start(), await place.listen()];
    expect(gateway.description).toMatch(place.subject.says);
    const sent = UNDERLAYS.filter(({ tags }) => place.lacking.tags === undefined || tags === undefined).map(
      (underlay) => place.mirrored(underlay),
    );
    const [frames, packets] = [sent.flatMap((each) => each.frames), sent.flatMap((each) => each.packets)];
    await place.send(packets);
    // Each address and port has a UDP socket of its own, and a queue in it.
    const ordered = place.lacking.GRE === undefined;
    const balance = await place.expectThrough(sniffer, gateway, frames, { ordered });
    const received = place.lacking.fragments === undefined ? packets.length : frames.length;
    expect(balance).toMatchObject({
      received,
      delivered: frames.length,
      reassembled: received - frames.length,
      kernel: { dropped: 0, ringFull: 0 },
    });
    await place.expectNoErrors();
  });

  test("gives every packet its verdict", async () => {
    const [gateway, sniffer] = [await place.start(), await place.listen()];
    const [frame] = place.tenant.frames(1, { kinds: ["udp"], lengths: [128] });
    const ip = (protocol: number, payload: Uint8Array, fields: make.Ipv4Fields = {}) =>
      make.ethernet(0x0800, make.ipv4(protocol, payload, fields), parseMac(HOST.mac), parseMac(GATEWAY.mac));
    const erspan = (session: number) => make.gre(0x88be, make.erspan2(frame!, { session }), { sequence: 1 });
    const udp = (port: number, payload: Uint8Array) =>
      ip(17, make.udp(port, payload), { source: HOST.ipv4, destination: GATEWAY.ipv4 });
    const overUdp: [Uint8Array, string][] = [
      [udp(4789, make.vxlan(100, frame!)), "delivered"],
      [udp(4789, make.vxlan(101, frame!)), "unmapped"],
      [udp(4789, make.vxlan(100, frame!).subarray(0, 6)), "truncated"],
      [udp(6081, make.geneve(100, 0x88b5, frame!)), "unsupported-payload"],
    ];
    const overGre: [Uint8Array, string][] = [
      [ip(47, erspan(100)), "delivered"],
      [ip(47, erspan(101)), "unmapped"],
      [ip(47, erspan(100), { badChecksum: true }), "bad-checksum"],
      [ip(47, erspan(100).subarray(0, 12)), "truncated"],
      [ip(47, make.gre(0x880b, frame!, { flags: 1 })), "unsupported-version"],
      [ip(47, make.gre(0x88b5, frame!)), "unsupported-payload"],
    ];
    const rows = place.lacking.GRE === undefined ? overGre : overUdp;
    await place.send(rows.map(([packet]) => packet));
    const balance = await place.expectThrough(sniffer, gateway, [frame!]);
    const counted = Object.entries(balance.counters).filter(([, count]) => count > 0);
    expect(Object.fromEntries(counted)).toMatchObject(
      Object.fromEntries(rows.map(([, verdict]) => [verdict, 1])),
    );
    expect(balance.received).toBe(rows.length);
    await place.expectNoErrors();
  });

  if (place.lacking["only its own"] === undefined)
    test("takes only what is the gateway's own", async () => {
      const gateway = await place.start();
      const [frame] = place.tenant.frames(1);
      const elsewhere = { ...V4, to: "192.0.2.77" };
      await place.send(place.ways.flatMap((way) => tunnelFrames(way, 100, frame!, 0, elsewhere)));
      await place.lab.run(place.site.host, "ping", ["-c", "2", "-i", "0.05", "-W", "5", GATEWAY.ipv4]);
      expect(await gateway.stop()).toMatchObject({ received: 0 });
    });

  if (place.lacking["an interface"] === undefined)
    test("leaves ARP, neighbour discovery and ping to the kernel, while packets come", async () => {
      const [gateway, sniffer] = [await place.start(), await place.listen()];
      const { frames, packets } = place.mirrored(V4, 100);
      const sending = place.lab.port(place.site.host, "under").replay(packets, { rate: 2000 });
      await place.lab.ip(
        place.site.host,
        `neigh del ${GATEWAY.ipv4} dev under`,
        `neigh del ${GATEWAY.ipv6} dev under`,
      );
      onTestFinished(() =>
        place.lab.ip(
          place.site.host,
          ...[GATEWAY.ipv4, GATEWAY.ipv6].map(
            (ip) => `neigh replace ${ip} lladdr ${GATEWAY.mac} dev under nud permanent`,
          ),
        ),
      );
      for (const to of [GATEWAY.ipv4, GATEWAY.ipv6])
        expect(
          await place.lab.run(place.site.host, "ping", ["-c", "3", "-i", "0.05", "-W", "5", to]),
        ).toMatch(/ 0% packet loss/);
      await sending;
      await place.expectThrough(sniffer, gateway, frames);
      await place.expectNoErrors();
    });

  if (place.lacking["tags beside the frame"] === undefined)
    test("takes tags that are beside the frame", async () => {
      await place.lab.run(place.site.gateway, "ethtool", ["-K", "tunnel", "rxvlan", "on"]);
      await place.lab.run(place.site.host, "ethtool", ["-K", "under", "txvlan", "on"]);
      onTestFinished(async () => {
        await place.lab.run(place.site.host, "ethtool", ["-K", "under", "txvlan", "off"]);
      });
      onTestFinished(pushTag(place.lab, place.site.host, "under", 0x6009));
      const tagged = { encapsulation: "erspan", session: 100, vlan: 9 };
      const tenants = [{ name: "acme", sources: [tagged], sniffers: ["acme"] }];
      const [gateway, sniffer] = [await place.start({ tenants }), await place.listen()];
      const frames = place.tenant.frames(50);
      await place.send(place.packets("erspan2", frames, V4));
      await place.expectThrough(sniffer, gateway, frames);
    });
});
