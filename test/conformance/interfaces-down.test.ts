// Interfaces that go down and come back, or never take a frame, under every backend that has interfaces.

import { expect, onTestFinished, test } from "vitest";
import { addressedTo, expectExactly } from "../live/exactly.js";
import { type Gateway, health } from "../live/gateway.js";
import { EVERY } from "../live/raw-port.js";
import { DELIVERY, GATEWAY, HOST, NEIGHBOUR, V4, V6 } from "../live/site.js";
import { UNTAGGED } from "../live/tenant-traffic.js";
import { tunnelFrames } from "../live/tunnel-packets.js";
import { pause, until } from "../live/until.js";
import { parseMac } from "../reference/address.js";
import { overEach, SNIFFER } from "./place.js";
import { WITH_INTERFACES } from "./subjects.js";

overEach(WITH_INTERFACES, (place) => {
  test.each([
    ["interface", () => ({ namespace: place.site.gateway, name: "delivery" }), undefined],
    ["carrier", () => ({ namespace: place.destination, name: "eth0" }), place.lacking["waits for a carrier"]],
  ] as const)("the delivery %s goes down and comes back", async (_, end, notKept) => {
    const gateway = (await place.start()) as Gateway;
    const { namespace, name } = end();
    const arrived = collect();
    const before = place.mirrored(V4, 20, UNTAGGED);
    await place.send(before.packets);
    await arrived(before.frames.length);
    await place.lab.ip(namespace, `link set ${name} down`);
    const during = place.mirrored(V4, 10, UNTAGGED);
    gateway.process.kill("SIGSTOP"); // so that they come all at once
    await place.send(during.packets);
    gateway.process.kill("SIGCONT");
    await gateway.has({ received: before.packets.length + during.packets.length });
    await pause(100); // so that all of them are tried
    await place.lab.ip(namespace, `link set ${name} up`);
    await place.untilUp(place.site.gateway, "delivery");
    const after = place.mirrored(V4, 20, UNTAGGED);
    await place.send(after.packets);
    const expected = [...before.frames, ...(notKept ? [] : during.frames), ...after.frames];
    const got = await arrived(expected.length);
    const balance = await gateway.stop();
    expectExactly(got, addressedTo(SNIFFER, expected), "sniffer");
    expect(balance.sniffers.acme).toMatchObject({
      offered: before.frames.length + during.frames.length + after.frames.length,
      sent: expected.length,
      queued: 0,
      inFlight: 0,
    });
    await place.lab.ip(place.site.gateway, `addr replace ${DELIVERY.ipv6}/64 dev delivery nodad`);
    await place.lab.ip(place.destination, `addr replace ${NEIGHBOUR.ipv6}/64 dev eth0 nodad`);
  });

  test("while what is queued goes out, nothing comes in, and nobody answers", async () => {
    const gateway = (await place.start()) as Gateway;
    const arrived = collect();
    await place.lab.ip(place.site.gateway, "link set delivery down");
    const before = place.mirrored(V4, 10, UNTAGGED);
    await place.send(before.packets);
    await gateway.has({ received: before.packets.length });
    gateway.process.kill("SIGTERM");
    await until(
      () => health(gateway.socket).then(({ state }) => state === "draining"),
      () => "it to drain",
    );
    await place.send([
      ...place.mirrored(V4).packets,
      ...place.mirrored(V6).packets,
      ...place.mirrored({ ...V4, mtu: 576 }).packets,
    ]);
    await place.expectNoErrors();
    await place.lab.ip(place.site.gateway, "link set delivery up");
    const got = await arrived(before.frames.length);
    expect(await gateway.process.ended, gateway.process.output).toEqual({ code: 0, signal: null });
    expectExactly(got, addressedTo(SNIFFER, before.frames), "sniffer");
    expect(JSON.parse(gateway.process.stdout)).toMatchObject({
      received: before.packets.length,
      delivered: before.frames.length,
      kernel: { dropped: 0, ringFull: 0, noFrames: 0 },
      sniffers: { acme: { sent: before.frames.length, queued: 0, inFlight: 0 } },
    });
    await place.expectNoErrors();
    await place.lab.ip(place.site.gateway, `addr replace ${DELIVERY.ipv6}/64 dev delivery nodad`);
  });

  /**
   * What arrives from now on. Tcpdump ends when its interface goes down, and a port of that interface is told that it is up again a moment
   * after the first frames can come.
   */
  function collect(): (count: number) => Promise<Uint8Array[]> {
    const port = place.lab.port(place.destination, EVERY, { receiveBuffer: 8 << 20 });
    const [own, sniffer] = [parseMac(DELIVERY.mac).join(), parseMac(SNIFFER).join()];
    const frames: Uint8Array[] = [];
    return async (count) => {
      const isThere = () => {
        for (const frame of port.receiveAll())
          if (frame.subarray(6, 12).join() !== own && frame.subarray(0, 6).join() === sniffer)
            frames.push(frame);
        return frames.length >= count;
      };
      await until(isThere, () => `${count} frames; ${frames.length} came`);
      return frames;
    };
  }

  test("the tunnel interface goes down and comes back", async () => {
    const [gateway, sniffer] = [await place.start(), await place.listen()];
    const before = place.mirrored(V4);
    await place.send(before.packets);
    await sniffer.has(before.frames.length);
    await place.lab.ip(place.site.gateway, "link set tunnel down", "link set tunnel up");
    await place.untilUp(place.site.gateway, "tunnel");
    await place.untilUp(place.site.host, "under");
    await place.lab.ip(
      place.site.gateway,
      `addr replace ${GATEWAY.ipv6}/64 dev tunnel nodad`,
      `neigh replace ${HOST.ipv4} lladdr ${HOST.mac} dev tunnel nud permanent`,
      `neigh replace ${HOST.ipv6} lladdr ${HOST.mac} dev tunnel nud permanent`,
    );
    const after = place.mirrored(V4);
    await place.send(after.packets);
    await place.expectThrough(sniffer, gateway, [...before.frames, ...after.frames]);
    await place.expectNoErrors();
  });

  test("a frame that the interface never takes is an error of its own, and no other's", async () => {
    await place.lab.ip(place.site.gateway, "link set delivery mtu 1000");
    onTestFinished(() => place.lab.ip(place.site.gateway, "link set delivery mtu 2000"));
    const [gateway, sniffer] = [await place.start(), await place.listen()];
    const frames = place.tenant.frames(100, { kinds: ["udp"], lengths: [60, 1400, 900, 1400, 1400] });
    const short = frames.filter((frame) => frame.length < 1000);
    await place.send(frames.flatMap((frame) => tunnelFrames("vxlan", 100, frame, 0, V4)));
    const balance = await place.expectThrough(sniffer, gateway, short);
    expect(balance.sniffers.acme).toMatchObject({
      offered: frames.length,
      sent: short.length,
      sendError: frames.length - short.length,
    });
  });
});
