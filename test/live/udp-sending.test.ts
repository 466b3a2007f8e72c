// A gateway between UDP sockets, which an ordinary user runs: what comes in over UDP goes out over UDP, from every tunnel to every tunnel,
// and what is too long for the path, or finds no path, is accounted for.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { expectExactly } from "./exactly.js";
import type { Balance } from "./gateway.js";
import { Lab } from "./lab.js";
import { receiveByKernelVxlan } from "./receivers.js";
import { lacks } from "./requirements.js";
import { DELIVERY, NEIGHBOUR, V4, V6 } from "./site.js";
import { Sniffer } from "./sniffer.js";
import type { Underlay } from "./tunnel-packets.js";
import { IDS, type Ids, UdpSite } from "./udp-site.js";
import { innerOf, readPacket } from "./vxlan-packet.js";

const TIMEOUT = 60_000;
const COUNT = 60;

describe.skipIf(lacks("setpriv"))("sends by UDP sockets", () => {
  let lab: Lab;
  let udp: UdpSite;
  beforeAll(async () => {
    lab = new Lab();
    udp = await UdpSite.build(lab);
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);

  const ROWS: [name: string, ids: Ids, underlay: Underlay, way: "vxlan" | "geneve"][] = [
    ["VXLAN to VXLAN", IDS, V4, "vxlan"],
    ["GENEVE to VXLAN with a checksum", { ...IDS, udpChecksum: true }, V4, "geneve"],
    ["VXLAN over IPv6 to GENEVE", { deliver: "geneve", to: NEIGHBOUR.ipv4, vni: 78 }, V6, "vxlan"],
    ["VXLAN to GENEVE over IPv6", { deliver: "geneve", to: NEIGHBOUR.ipv6, vni: 79 }, V4, "vxlan"],
    ["fragments", IDS, { ...V4, mtu: 576 }, "vxlan"],
    ["fragments over IPv6", { ...IDS, to: NEIGHBOUR.ipv6 }, { ...V6, mtu: 1280 }, "geneve"],
  ];
  test.each(ROWS)("%s", async (_, ids, underlay, way) => {
    const [gateway, sniffer] = [await udp.start(ids), await udp.listen(ids)];
    expect(gateway.description).toMatch(
      /^udp; \d+ KiB of datagrams wait for a worker at each port, not 32768 KiB: sysctl -w net\.core\.rmem_max=33554432; what arrives at the delivery interface reaches the host: .*bpf says EPERM/,
    );
    const frames = udp.tenant.frames(COUNT);
    await udp.send(udp.mirrored(frames, underlay, way));
    const packets = await sniffer.has(COUNT);
    expect(await gateway.stop()).toMatchObject({
      received: COUNT,
      delivered: COUNT,
      reassembled: 0,
      kernel: { dropped: 0, ringFull: 0, noFrames: 0 },
      sniffers: { ids: { offered: COUNT, sent: COUNT } },
      sessions: [{ source: underlay.from, destination: underlay.to, id: 100, packets: COUNT }],
    });
    expectExactly(innerOf(packets), frames, "ids");
    for (const packet of packets) {
      const { source, vni, hasChecksum, dontFragment, isWhole } = readPacket(packet);
      const isIpv6 = ids.to.includes(":");
      expect(source).toBe(isIpv6 ? DELIVERY.ipv6 : DELIVERY.ipv4);
      expect([vni, hasChecksum, isWhole]).toEqual([ids.vni, isIpv6 || ids.udpChecksum === true, true]);
      if (!isIpv6) expect(dontFragment).toBe(true);
    }
    await sniffer.stop();
  });

  test("the kernel's own vxlan device takes it", async () => {
    const { sniffer, stop } = await receiveByKernelVxlan(lab, udp.destination, {
      id: 77,
      from: DELIVERY.ipv4,
      at: NEIGHBOUR.ipv4,
    });
    onTestFinished(stop);
    const gateway = await udp.start(IDS);
    const frames = udp.tenant.frames(COUNT);
    await udp.send(udp.mirrored(frames));
    await sniffer.has(COUNT);
    expect(await gateway.stop()).toMatchObject({ delivered: COUNT, drops: 0 });
    expectExactly(await sniffer.stop(), frames, "ids");
  });

  const LENGTHS = [60, 1400, 900, 1400, 1400];
  const long = (frames: readonly Uint8Array[]) => frames.filter(({ length }) => length > 1000);

  describe.each([
    [4, NEIGHBOUR.ipv4, 50],
    [6, NEIGHBOUR.ipv6, 70],
  ] as const)("what is too long for the path, over IPv%i", (family, to, headers) => {
    const mtu = family === 4 ? 1000 : 1280;
    const ids = (fit: Ids["fit"]): Ids => ({ ...IDS, to, fit: fit! });
    const overIp = headers - 14;

    test("truncate: is cut", async () => {
      const [gateway, sniffer] = [
        await udp.start(ids("truncate"), { delivery: { mtu } }),
        await udp.listen(ids("truncate")),
      ];
      const frames = udp.tenant.frames(COUNT, { kinds: ["udp"], lengths: LENGTHS });
      await udp.send(udp.mirrored(frames));
      const packets = await sniffer.has(COUNT);
      expect(await gateway.stop()).toMatchObject({ delivered: COUNT, sniffers: { ids: { sent: COUNT } } });
      expectExactly(
        innerOf(packets),
        frames.map((frame) => frame.subarray(0, mtu - overIp)),
        "ids",
      );
      await sniffer.stop();
    });

    /** Sends packets of which some are too long, and sees that all others come. Gives how many are, and the balance. */
    async function sendTooLong(
      fit: Ids["fit"],
      more: object = {},
    ): Promise<{ tooLong: number; balance: Balance }> {
      const [gateway, sniffer] = [await udp.start(ids(fit), more), await udp.listen(ids(fit))];
      const frames = udp.tenant.frames(COUNT, { kinds: ["udp"], lengths: LENGTHS });
      await udp.send(udp.mirrored(frames));
      const tooLong = long(frames);
      const packets = await sniffer.has(COUNT - tooLong.length);
      const balance = await gateway.stop();
      const others = frames.filter((frame) => !tooLong.includes(frame));
      expectExactly(innerOf(packets), others, "ids");
      await sniffer.stop();
      return { tooLong: tooLong.length, balance };
    }

    test("drop: is not sent", async () => {
      const { tooLong, balance } = await sendTooLong("drop", { delivery: { mtu } });
      expect(balance.counters["too-large"]).toBe(tooLong);
      expect(balance.sniffers.ids).toMatchObject({ sent: COUNT - tooLong, tooLarge: tooLong });
    });

    test("fragment: the kernel cuts it, and the receiver puts it together", async () => {
      await udp.narrow(mtu);
      const { sniffer, stop } = await receiveByKernelVxlan(lab, udp.destination, {
        id: 77,
        from: family === 4 ? DELIVERY.ipv4 : DELIVERY.ipv6,
        at: to,
      });
      onTestFinished(stop);
      const wire = await Sniffer.start(lab, udp.destination, "eth0", {
        filter: `src host ${family === 4 ? DELIVERY.ipv4 : DELIVERY.ipv6} and not icmp6`,
      });
      const gateway = await udp.start(ids("fragment"), { delivery: { mtu } });
      const frames = udp.tenant.frames(COUNT, { kinds: ["udp"], lengths: LENGTHS });
      await udp.send(udp.mirrored(frames));
      await sniffer.has(COUNT);
      expect(await gateway.stop()).toMatchObject({ delivered: COUNT, sniffers: { ids: { sent: COUNT } } });
      expectExactly(await sniffer.stop(), frames, "ids");
      expect((await wire.stop()).length).toBe(COUNT + long(frames).length);
    });

    test("for the interface: is an error of its own, and no other's", async () => {
      await udp.narrow(mtu);
      const { tooLong, balance } = await sendTooLong("truncate");
      expect(balance.sniffers.ids).toMatchObject({
        offered: COUNT,
        sent: COUNT - tooLong,
        sendError: tooLong,
      });
    });
  });

  test("while the interface is down it is a send error, and later it is sent again", async () => {
    const [gateway, sniffer] = [await udp.start(IDS), await udp.listen(IDS)];
    const [first, second, third] = [udp.tenant.frames(10), udp.tenant.frames(20), udp.tenant.frames(30)];
    await udp.send(udp.mirrored(first));
    await sniffer.has(10);
    await udp.interrupt();
    await udp.send(udp.mirrored(second));
    await gateway.has({ received: 30 });
    await udp.mend();
    await udp.send(udp.mirrored(third));
    const packets = await sniffer.has(40);
    expect((await gateway.stop()).sniffers.ids).toMatchObject({ offered: 60, sent: 40, sendError: 20 });
    expectExactly(innerOf(packets), [...first, ...third], "ids");
    await sniffer.stop();
  });

  test("a sniffer that is not behind the delivery interface", async () => {
    expect(await udp.refused({ ...IDS, to: "203.0.113.9" })).toMatch(
      /delivery is no way to 203\.0\.113\.9: .*\[CONFIG_INVALID\]/,
    );
  });
});
