// Bad days of a whole gateway: it is killed while packets come, its interface goes and comes back, its API is flooded. Whatever happens,
// every packet that it had is accounted for, and nothing is left behind.

import { existsSync } from "node:fs";
import { request } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Lab } from "./lab.js";
import { lacks } from "./requirements.js";
import { GATEWAY } from "./site.js";
import { SteadySite } from "./steady-site.js";
import { until } from "./until.js";

const RATE = 5000;

describe.skipIf(lacks()).each(["afxdp", "afpacket"])("%s", (backend) => {
  let lab: Lab;
  let place: SteadySite;
  beforeEach(async () => {
    lab = new Lab();
    place = await SteadySite.build(lab);
  });
  afterEach(() => lab.close());

  const start = () => place.start({ backend }, { user: "nobody" });
  const programs = async () => {
    const links = JSON.parse(await lab.run(place.site.gateway, "ip", ["-d", "-j", "link"])) as {
      xdp?: unknown;
    }[];
    return links.filter(({ xdp }) => xdp !== undefined).length;
  };
  /** Sockets in the gateway's namespace, of the kinds that it opens. */
  const sockets = async () =>
    (
      await lab.run(place.site.gateway, "sh", [
        "-c",
        "cat /proc/net/packet /proc/net/raw /proc/net/udp | grep -vc sk",
      ])
    ).trim();

  test("killed again and again while packets come: the next one forwards, and nothing is left of the last", async () => {
    const before = await sockets();
    const sniffer = await place.listen();
    const steady = place.sending(RATE);
    for (let i = 0; i < 3; i++) {
      const gateway = await start();
      const { received } = await gateway.status();
      await gateway.has({ received: received + 1000 });
      await gateway.process.stop("SIGKILL");
      await until(
        async () => (await programs()) === 0,
        () => "the programs to be gone",
      );
    }
    await steady.stop();
    const gateway = await start();
    const last = place.sending(RATE);
    await gateway.has({ received: 1000 });
    const sent = await last.stop();
    await gateway.has({ received: sent });
    const balance = await gateway.stop();
    expect(balance).toMatchObject({ received: sent, delivered: sent, drops: 0 });
    await sniffer.finish();
    expect(await programs()).toBe(0);
    expect(await sockets()).toBe(before);
    expect(existsSync(place.socket)).toBe(false);
  });

  test("its interface goes: it ends, cannot start while there is none, and starts when there is one again", async () => {
    const gateway = await start();
    await lab.ip(place.site.gateway, "link del tunnel");
    expect(await gateway.process.ended).toEqual({ code: 1, signal: null });
    // As a service manager tries it again.
    for (let i = 0; i < 2; i++)
      await expect(start()).rejects.toThrow(/no network interface "tunnel".*INTERFACE_UNKNOWN/s);
    await lab.link(
      { namespace: place.site.host, name: "under", silent: true },
      { namespace: place.site.gateway, name: "tunnel", mac: GATEWAY.mac, addresses: [`${GATEWAY.ipv4}/24`] },
    );
    const again = await start();
    const steady = place.sending(RATE);
    await again.has({ received: 500 });
    const sent = await steady.stop();
    await again.has({ received: sent });
    expect(await again.stop()).toMatchObject({ received: sent, delivered: sent, drops: 0 });
  });

  test("its API is flooded: packets go their way", async () => {
    const gateway = await start();
    const steady = place.sending(RATE);
    await gateway.has({ received: 500 });
    const paths = ["/status", "/status?sessions=10000", "/health", "/nothing", "/status?sessions=x", "/%zz"];
    const expected = [200, 200, 200, 404, 400, 400];
    let answered = 0;
    const end = Date.now() + 3000;
    const flood = async (i: number) => {
      for (let n = i; Date.now() < end; n++, answered++) {
        expect(await statusOf(place.socket, paths[n % paths.length]!)).toBe(expected[n % paths.length]);
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, i) => flood(i)));
    expect(answered).toBeGreaterThan(100);
    // Connections that say nothing, and such that go in the middle.
    for (let i = 0; i < 200; i++) {
      const asked = request({
        socketPath: place.socket,
        path: "/status",
        method: "POST",
        headers: { "content-length": "9" },
      });
      asked.on("error", () => {});
      asked.flushHeaders();
      if (i % 2 === 0) asked.destroy();
    }
    const sent = await steady.stop();
    await gateway.has({ received: sent });
    const balance = await gateway.stop();
    expect(balance).toMatchObject({ received: sent, delivered: sent, drops: 0 });
    expect(balance.kernel).toMatchObject({ dropped: 0, ringFull: 0, noFrames: 0 });
  });
});

function statusOf(socketPath: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, agent: false }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode!));
    });
    asked.on("error", reject).end();
  });
}
