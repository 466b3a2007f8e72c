// What comes in by UDP sockets, which are an ordinary user's: whose it is, which worker gets it, what the kernel has no room for, and
// whether the ports can be had.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseMac } from "../reference/address.js";
import * as make from "../reference/packets.js";
import { addressedTo, expectExactly } from "./exactly.js";
import { Gateway } from "./gateway.js";
import { Lab } from "./lab.js";
import { lacks } from "./requirements.js";
import { DELIVERY, GATEWAY, HOST, NEIGHBOUR, V4 } from "./site.js";
import { Sniffer } from "./sniffer.js";
import { IDS, SOURCES, UdpSite } from "./udp-site.js";
import { innerOf } from "./vxlan-packet.js";

const TIMEOUT = 60_000;
const COUNT = 60;

describe.skipIf(lacks("setpriv"))("receives by UDP sockets", () => {
  let lab: Lab;
  let udp: UdpSite;
  beforeAll(async () => {
    lab = new Lab();
    udp = await UdpSite.build(lab);
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);

  test("two workers share a port, and a sender is one's", async () => {
    const sources = [...SOURCES, { encapsulation: "erspan", session: 7 }];
    const tunnel = { queues: 2, ports: { "gre-udp": [4754] } };
    const [gateway, sniffer] = [await udp.start(IDS, { tunnel, sources }), await udp.listen(IDS)];
    const frames = udp.tenant.frames(400);
    const numbered = frames.slice(200).map((frame, i) => {
      const gre = make.gre(0x88be, make.erspan2(frame, { session: 7 }), { sequence: i });
      const underlay = { source: HOST.ipv4, destination: GATEWAY.ipv4 };
      const packet = make.ipv4(17, make.udp(4754, gre), underlay);
      return make.ethernet(0x0800, packet, parseMac(HOST.mac), parseMac(GATEWAY.mac));
    });
    const spread = frames
      .slice(0, 200)
      .flatMap((frame, i) => udp.mirrored([frame], { ...V4, from: `192.0.2.${100 + (i % 40)}` }));
    await udp.send(spread.flatMap((packet, i) => [packet, numbered[i]!]));
    const packets = await sniffer.has(400);
    const balance = await gateway.stop();
    expectExactly(innerOf(packets), frames, "ids", { ordered: false });
    expect(balance).toMatchObject({ delivered: 400, drops: 0, kernel: { ringFull: 0 } });
    expect(Math.min(...balance.workers.map(({ received }) => received!))).toBeGreaterThan(20);
    expect(balance.sessions.find(({ encapsulation }) => encapsulation === "erspan")).toMatchObject({
      packets: 200,
      sequence: { expected: 200, lost: 0, reordered: 0, restarts: 0 },
    });
    await sniffer.stop();
  });

  test("a datagram over IPv6 may have no checksum", async () => {
    const [gateway, sniffer] = [await udp.start(IDS), await udp.listen(IDS)];
    const frames = udp.tenant.frames(10);
    await udp.send(
      frames.map((frame) => {
        const packet = make.ipv6(17, make.udp(4789, make.vxlan(100, frame)), {
          source: HOST.ipv6,
          destination: GATEWAY.ipv6,
        });
        return make.ethernet(0x86dd, packet, parseMac(HOST.mac), parseMac(GATEWAY.mac));
      }),
    );
    await sniffer.has(10);
    expect(await gateway.stop()).toMatchObject({ received: 10, delivered: 10 });
    await sniffer.stop();
  });

  test("who sent it decides, as everywhere", async () => {
    const sources = [{ encapsulation: "vxlan", vni: 100, from: "192.0.2.64/26" }];
    const [gateway, sniffer] = [await udp.start(IDS, { sources }), await udp.listen(IDS)];
    const [own, foreign] = [udp.tenant.frames(10), udp.tenant.frames(15)];
    await udp.send([...udp.mirrored(foreign), ...udp.mirrored(own, { ...V4, from: "192.0.2.70" })]);
    await sniffer.has(10);
    const balance = await gateway.stop();
    expect(balance).toMatchObject({ received: 25, delivered: 10, counters: { unmapped: 15 } });
    await sniffer.stop();
  });

  test("what the buffer had no room for is in what the kernel lost", async () => {
    const gateway = await udp.start({ ...IDS, queue: 16_384 });
    const kib = Number(/(\d+) KiB of datagrams/.exec(gateway.description)![1]);
    gateway.process.kill("SIGSTOP");
    // The kernel counts 2 KiB and more for each, and gives twice what it says.
    const count = 2 * kib;
    await udp.send(udp.mirrored(udp.tenant.frames(count, { kinds: ["udp"], lengths: [1400] })));
    gateway.process.kill("SIGCONT");
    const { received } = await gateway.has({ received: 10 });
    expect(received).toBeLessThan(count);
    const balance = await gateway.stop();
    expect(balance.kernel.ringFull).toBeGreaterThan(0);
    expect(balance.received + balance.kernel.ringFull!).toBe(count);
  });

  test("a port that another program has, or shares", async () => {
    const script = `require("node:dgram").createSocket("udp4").bind(6081, "${GATEWAY.ipv4}", () => console.log("listens"))`;
    const other = await lab.start(udp.site.gateway, process.execPath, ["-e", script], { ready: /listens/ });
    const why = `Another program has UDP port 6081 of ${GATEWAY.ipv4}`;
    expect(await udp.refused(IDS)).toContain(why);
    await other.stop();
    const first = await udp.start(IDS, { tunnel: { queues: 2 } });
    for (const queues of [1, 2])
      expect(await udp.refused(IDS, { tunnel: { queues } })).toMatch(
        /Another program has UDP port 4789 of 192\.0\.2\.2.*\[BACKEND_UNAVAILABLE\]/,
      );
    await first.stop();
  });

  test("a port below 1024", async () => {
    expect(await udp.refused(IDS, { tunnel: { ports: { vxlan: [789] } } })).toMatch(
      /port 789 of 192\.0\.2\.2: ports below 1024 take CAP_NET_BIND_SERVICE.* \[NOT_PERMITTED\]/,
    );
  });

  test("auto: where nothing else is permitted, and why not", async () => {
    const auto = { tunnel: { backend: "auto" }, delivery: { backend: "auto" } };
    const [gateway, sniffer] = [await udp.start(IDS, auto), await udp.listen(IDS)];
    expect(gateway.description).toMatch(
      /^udp; not afxdp: .*; not afpacket: .*; sends not by afxdp: .*; sends not by afpacket: .*; \d+ KiB of datagrams/,
    );
    const frames = udp.tenant.frames(COUNT);
    await udp.send(udp.mirrored(frames));
    const packets = await sniffer.has(COUNT);
    expect(await gateway.stop()).toMatchObject({ delivered: COUNT, drops: 0 });
    expectExactly(innerOf(packets), frames, "ids");
    await sniffer.stop();

    const mac = { deliver: "mac", mac: NEIGHBOUR.mac };
    expect(await udp.refused(mac, auto)).toMatch(
      /Nothing receives from tunnel here without a privilege: .* not udp: Nothing sends by delivery here .* sends not by udp: sniffers\[0\]\.deliver is mac, and UDP sockets send nothing but vxlan and geneve\..*\[NOT_PERMITTED\]/,
    );
  });

  test("what goes out by another backend, as root", async () => {
    const config = udp.config({ deliver: "mac", mac: NEIGHBOUR.mac }, { delivery: { backend: "auto" } });
    const gateway = await Gateway.forTest(lab, udp.site.gateway, config);
    expect(gateway.description).toBe("udp; sends by afxdp, copy");
    const sniffer = await Sniffer.start(lab, udp.destination, "eth0", {
      filter: `ether dst ${NEIGHBOUR.mac} and not ether src ${DELIVERY.mac}`,
    });
    const frames = udp.tenant.frames(COUNT);
    await udp.send(udp.mirrored(frames));
    await sniffer.has(COUNT);
    expect(await gateway.stop()).toMatchObject({ delivered: COUNT, drops: 0 });
    expectExactly(await sniffer.finish(), addressedTo(NEIGHBOUR.mac, frames), "ids");
  });
});
