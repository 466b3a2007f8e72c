// What happens to the network while the gateway runs: interfaces that go down, come back or are removed, an address that becomes another.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Gateway } from "./gateway.js";
import { Lab } from "./lab.js";
import { lacks } from "./requirements.js";
import { GATEWAY, Site, V4 } from "./site.js";
import { Sniffer } from "./sniffer.js";
import { tunnelFrames } from "./tunnel-packets.js";
import { until } from "./until.js";

const SOURCE_AT = 26; // IPv4 behind Ethernet
const MAC_AT = 6;

describe.skipIf(lacks()).each(["afxdp", "afpacket"])("%s", (backend) => {
  let lab: Lab;
  let site: Site;
  let namespace: string;
  beforeEach(async () => {
    lab = new Lab();
    site = await Site.build(lab, { host: "nothing" });
    namespace = await site.deliveryCable({ near: { addresses: ["198.51.100.1/24"] } });
  });
  afterEach(() => lab.close());

  const start = () =>
    Gateway.start(lab, site.gateway, {
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend },
      delivery: { interface: "delivery", backend },
      sniffers: [{ name: "ids", deliver: "vxlan", to: "198.51.100.2", vni: 7, mac: "02:00:00:00:0a:01" }],
      tenants: [{ name: "acme", sources: [{ encapsulation: "erspan" }], sniffers: ["ids"] }],
    });
  const says = ({ process }: Gateway, text: string) =>
    until(
      () => process.output.includes(text) || undefined,
      () => `${text} in ${process.output}`,
    );

  test("an interface that goes down and comes back is told of", async () => {
    const gateway = await start();
    await lab.ip(site.gateway, "link set delivery down");
    await says(gateway, "delivery is down");
    await lab.ip(site.gateway, "link set delivery up");
    await says(gateway, "delivery is up again");
    await gateway.stop();
  });

  test("one that is down at the start, too", async () => {
    await lab.ip(namespace, "link set cable down");
    const gateway = await start();
    await says(gateway, "delivery is down");
    await gateway.stop();
  });

  test.each(["tunnel", "delivery"])("without %s it ends, with the balance", async (name) => {
    const gateway = await start();
    await lab.ip(site.gateway, `link del ${name}`);
    expect(await gateway.process.ended).toEqual({ code: 1, signal: null });
    expect(gateway.process.output).toMatch(new RegExp(`${name} is gone.*INTERFACE_GONE`));
    expect(JSON.parse(gateway.process.stdout)).toMatchObject({ received: 0, holds: true });
  });

  test("without an address to send from nothing is sent, it is said, and it goes on with the next", async () => {
    const tenant = await site.tenant({ name: "acme", number: 1 });
    const gateway = await start();
    const sniffer = await Sniffer.start(lab, namespace, "cable", { filter: "udp port 4789" });
    const port = lab.port(site.host, "under");
    const send = () => port.send(tunnelFrames("erspan2", 100, tenant.frames(1)[0]!, sequence++, V4)[0]!);
    let sequence = 0;
    await lab.ip(site.gateway, "addr del 198.51.100.1/24 dev delivery");
    const notes = async () => (await gateway.status()).notes.join();
    await until(
      async () => /no IPv4 address to send to ids from/.test(await notes()) || undefined,
      () => "a word about it",
    );
    send();
    const { sniffers } = await gateway.has({ received: 1 });
    expect(sniffers.ids).toMatchObject({ offered: 1, sendError: 1 });
    await lab.ip(site.gateway, "addr add 198.51.100.9/24 dev delivery");
    await until(
      async () => (await notes()) === "" || undefined,
      () => "nothing to be said",
    );
    send();
    const [frame] = await sniffer.has(1);
    expect(frame!.subarray(SOURCE_AT, SOURCE_AT + 4).join(".")).toBe("198.51.100.9");
    const balance = await gateway.stop();
    expect(balance.sniffers.ids).toMatchObject({ offered: 2, sent: 1, sendError: 1 });
  });

  test("what is delivered comes from the addresses that the interface has then", async () => {
    const tenant = await site.tenant({ name: "acme", number: 1 });
    const gateway = await start();
    const sniffer = await Sniffer.start(lab, namespace, "cable", { filter: "udp port 4789" });
    const port = lab.port(site.host, "under");
    let sequence = 0;
    const comesFrom = async (address: string, mac: string) => {
      const frame = tenant.frames(1)[0]!;
      const from = () => {
        port.send(tunnelFrames("erspan2", 100, frame, sequence++, V4)[0]!);
        const last = sniffer.frames().at(-1);
        if (last === undefined) return undefined;
        const source = last.subarray(SOURCE_AT, SOURCE_AT + 4).join(".");
        const sender = Buffer.from(last.subarray(MAC_AT, MAC_AT + 6))
          .toString("hex")
          .replace(/..\B/g, "$&:");
        return (source === address && sender === mac) || undefined;
      };
      await until(from, () => `packets from ${address}, ${mac}`);
    };
    const [{ address: mac }] = JSON.parse(
      await lab.run(site.gateway, "ip", ["-j", "link", "show", "delivery"]),
    );
    await comesFrom("198.51.100.1", mac);
    await lab.ip(
      site.gateway,
      "addr add 198.51.100.77/24 dev delivery",
      "addr del 198.51.100.1/24 dev delivery",
    );
    // The second of a network becomes the first, or the kernel takes it away with it: it is there again.
    await lab.ip(site.gateway, "addr replace 198.51.100.77/24 dev delivery");
    await comesFrom("198.51.100.77", mac);
    await lab.ip(site.gateway, "link set delivery address 02:0d:00:00:00:01");
    await comesFrom("198.51.100.77", "02:0d:00:00:00:01");
    await gateway.stop();
  });
});
