// What rtnetlink says of two machines and the link between them, against what `ip` was told.

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Neighbour,
  type NetworkEvent,
  NetworkWatch,
  PollSet,
  Rtnetlink,
} from "../../src/linux/index.js";
import { asRoot, eventually, Namespace } from "./namespace.js";
import { ip, ipText, macText } from "./text.js";

asRoot("rtnetlink", () => {
  let gateway: Namespace;
  let sniffer: Namespace;
  let rtnetlink: Rtnetlink;
  let index: number;

  beforeAll(() => {
    gateway = Namespace.create("gw");
    sniffer = Namespace.create("sn");
    gateway.connect("out0", sniffer, "in0", "address 02:00:00:00:0a:01 mtu 1400");
    sniffer.ip("link set in0 address 02:00:00:00:0a:02");
    for (const [namespace, name, host] of [
      [gateway, "out0", 1],
      [sniffer, "in0", 2],
    ] as const) {
      namespace.ip(`addr add 10.91.0.${host}/24 dev ${name}`);
      namespace.ip(`addr add fd91::${host}/64 dev ${name} nodad`);
    }
    gateway.batch([
      "addr add 10.91.0.11/24 dev out0 preferred_lft 0",
      "addr add fd91::11/64 dev out0 nodad preferred_lft 0",
      "route add 10.92.0.0/16 via 10.91.0.2 mtu 1300",
      "route add 10.93.0.0/16 via inet6 fd91::2 dev out0",
      "route add 10.94.0.0/16 dev out0 src 10.91.0.11",
      "route add fd92::/64 via fd91::2",
      "route add unreachable 10.95.0.0/16",
      "route add blackhole 10.96.0.0/16",
      "route add prohibit 10.97.0.0/16",
      "route add unreachable fd95::/64",
      "link property add dev out0 altname the-delivery-interface",
    ]);
    rtnetlink = gateway.inside(() => Rtnetlink.open());
    index = rtnetlink.link("out0").index;
  });

  afterAll(() => {
    rtnetlink?.close();
    Namespace.removeAll();
  });

  test("links", () => {
    const links = rtnetlink.links().map((link) => ({ ...link, mac: macText(link.mac) }));
    const out0 = { name: "out0", mac: "02:00:00:00:0a:01", mtu: 1400, up: true, running: true };
    expect(links.find(({ name }) => name === "out0")).toEqual({ ...out0, index });
    expect(links.find(({ name }) => name === "lo")).toMatchObject({
      mac: "00:00:00:00:00:00",
      mtu: 65536,
    });
  });

  test("a link by either name", () => {
    expect(rtnetlink.link("the-delivery-interface").name).toBe("out0");
  });

  test.each(["out1", "a-name-that-is-much-too-long", "", "a/b", "x".repeat(200)])("no link %j", (name) => {
    expect(() => rtnetlink.link(name)).toThrowError(
      expect.objectContaining({
        code: "INTERFACE_UNKNOWN",
        message: expect.stringContaining("there are lo, out0"),
      }),
    );
  });

  test("addresses, without those that are deprecated, tentative or duplicate", async () => {
    const addresses = () =>
      rtnetlink
        .addresses(index)
        .map(({ address, prefixLength, scope }) => `${ipText(address)}/${prefixLength} ${scope}`)
        .filter((text) => !text.startsWith("fe80"))
        .sort();
    const plain = ["10.91.0.1/24 global", "fd91::1/64 global"];
    expect(addresses()).toEqual(plain);
    gateway.ip("addr add fd91::3/64 dev out0");
    expect(addresses()).toEqual(plain);
    await eventually(() => (addresses().includes("fd91::3/64 global") ? true : undefined));
    // The sniffer has it already.
    gateway.ip("addr add fd91::2/64 dev out0");
    await eventually(() => (gateway.ip("addr show dev out0").includes("dadfailed") ? true : undefined));
    expect(addresses()).toEqual([...plain, "fd91::3/64 global"].sort());
    gateway.ip("addr del fd91::2/64 dev out0");
    gateway.ip("addr del fd91::3/64 dev out0");
    expect(addresses()).toEqual(plain);
    expect(rtnetlink.addresses(rtnetlink.link("lo").index).map(({ scope }) => scope)).toEqual([
      "host",
      "host",
    ]);
  });

  const unicast = "unicast";
  test.each([
    ["10.91.0.2", { type: unicast, source: "10.91.0.1" }],
    ["10.92.3.4", { type: unicast, gateway: "10.91.0.2", source: "10.91.0.1", mtu: 1300 }],
    ["10.93.3.4", { type: unicast, gateway: "fd91::2", source: "10.91.0.1" }],
    ["10.94.3.4", { type: unicast, source: "10.91.0.11" }],
    ["fd91::2", { type: unicast, source: "fd91::1" }],
    ["fd92::2", { type: unicast, gateway: "fd91::2", source: "fd91::1" }],
  ])("the route to %s", (to, expected) => {
    const { destination, gateway: router, source, ...rest } = rtnetlink.route(ip(to))!;
    const prefixLength = to.includes(":") ? 128 : 32;
    expect({
      ...rest,
      destination: ipText(destination),
      gateway: ipText(router),
      source: ipText(source),
    }).toEqual({ destination: to, prefixLength, index, gateway: undefined, mtu: undefined, ...expected });
  });

  test.each(["10.91.0.1", "fd91::1", "127.0.0.1"])("%s is its own", (address) => {
    expect(rtnetlink.route(ip(address))).toMatchObject({ type: "local" });
  });

  test.each(["10.95.0.1", "10.96.0.1", "10.97.0.1", "192.0.2.1", "fd95::1", "2001:db8::1"])(
    "no route to %s",
    (address) => {
      expect(rtnetlink.route(ip(address))).toBeUndefined();
    },
  );

  const neighbour = (text: string) => rtnetlink.neighbour(index, ip(text));
  const seen = (found: Neighbour | undefined) => found && `${found.state} ${macText(found.mac)}`;

  test.each(["10.91.0.2", "fd91::2"])("the neighbour %s is resolved", async (address) => {
    expect(neighbour(address)?.state).not.toBe("reachable");
    rtnetlink.resolve(index, ip(address));
    const found = await eventually(() =>
      neighbour(address)?.state === "reachable" ? neighbour(address) : undefined,
    );
    expect(seen(found)).toBe("reachable 02:00:00:00:0a:02");
    expect(rtnetlink.neighbours(index)).toContainEqual(found);
  });

  test("a neighbour that is not there fails, and is found when it comes", async () => {
    const state = (wanted: string) => () => (neighbour("10.91.0.9")?.state === wanted ? true : undefined);
    expect(neighbour("10.91.0.9")).toBeUndefined();
    rtnetlink.resolve(index, ip("10.91.0.9"));
    expect(seen(neighbour("10.91.0.9"))).toBe("incomplete undefined");
    await eventually(state("failed"), 10_000);
    sniffer.ip("addr add 10.91.0.9/24 dev in0");
    rtnetlink.resolve(index, ip("10.91.0.9"));
    await eventually(state("reachable"));
    sniffer.ip("addr del 10.91.0.9/24 dev in0");
  });

  test("another MAC of a neighbour is noticed: it fails, is resolved again, and that is news", async () => {
    gateway.sysctl({ "net.ipv4.neigh.out0.delay_first_probe_time": 1 });
    gateway.ip("neigh replace 10.91.0.2 lladdr 02:00:00:00:0a:99 dev out0 nud stale");
    const watch = gateway.inside(() => NetworkWatch.open(["neighbours"]));
    rtnetlink.resolve(index, ip("10.91.0.2"));
    const states: string[] = [];
    await eventually(() => {
      for (const event of watch.read()) {
        if (event.of !== "neighbour" || ipText(event.neighbour.address) !== "10.91.0.2") continue;
        states.push(seen(event.neighbour)!);
        if (event.neighbour.state === "failed") rtnetlink.resolve(index, ip("10.91.0.2"));
      }
      return states.at(-1) === "reachable 02:00:00:00:0a:02" ? true : undefined;
    }, 15_000);
    expect(states).toContain("probe 02:00:00:00:0a:99");
    expect(states).toContain("failed undefined");
    expect(states).not.toContain("reachable 02:00:00:00:0a:99");
    watch.close();
  });

  test.each(["permanent", "noarp"])("an entry that is %s stays what it is", (state) => {
    gateway.ip(`neigh replace 10.91.0.20 lladdr 02:00:00:00:0a:20 dev out0 nud ${state}`);
    rtnetlink.resolve(index, ip("10.91.0.20"));
    expect(seen(neighbour("10.91.0.20"))).toBe(`${state} 02:00:00:00:0a:20`);
    gateway.ip("neigh del 10.91.0.20 dev out0");
  });

  test("an order that fails says which, and the kernel's words", () => {
    expect(() => rtnetlink.resolve(4242, ip("10.91.0.2"))).toThrowError(
      expect.objectContaining({
        code: "SYSTEM_CALL",
        message: expect.stringMatching(/^Cannot look up neighbour 10\.91\.0\.2: netlink says ENODEV/),
      }),
    );
    expect(() => rtnetlink.addresses(4242)).toThrowError(
      expect.objectContaining({ details: expect.objectContaining({ errno: "ENODEV" }) }),
    );
    // And the socket is as good as before.
    expect(rtnetlink.link("out0").index).toBe(index);
  });

  test("answers of many datagrams are whole", () => {
    const many = Array.from({ length: 3000 }, (_, i) => `10.98.${i >> 8}.${i & 255}`);
    gateway.batch(
      many.map((address) => `neigh add ${address} lladdr 02:00:00:00:0b:01 dev out0 nud permanent`),
    );
    const found = new Set(rtnetlink.neighbours(index).map(({ address }) => ipText(address)));
    expect(many.filter((address) => !found.has(address))).toEqual([]);
    expect(rtnetlink.neighbours(rtnetlink.link("lo").index)).toEqual([]);
    gateway.ip("neigh flush nud permanent dev out0");
  });

  test("news, and a descriptor to wait for them", async () => {
    const watch = gateway.inside(() => NetworkWatch.open(["links", "addresses", "neighbours", "routes"]));
    const poll = new PollSet([watch.fd]);
    expect(watch.read()).toEqual([]);
    expect(poll.wait(0)).toBe(0);
    const after = async (command: string): Promise<string[]> => {
      gateway.ip(command);
      await new Promise((done) => setTimeout(done, 100));
      expect(poll.wait(1000)).toBe(1);
      return watch.read().map(line);
    };
    expect(await after("addr add 10.91.0.30/24 dev out0")).toContain("address 10.91.0.30 usable");
    expect(await after("addr del 10.91.0.30/24 dev out0")).toContain("gone address 10.91.0.30 usable");
    expect(await after("route add 10.99.0.0/16 via 10.91.0.2")).toEqual([
      `route 10.99.0.0/16 via 10.91.0.2 dev ${index}`,
    ]);
    expect(await after("route del 10.99.0.0/16")).toEqual([
      `gone route 10.99.0.0/16 via 10.91.0.2 dev ${index}`,
    ]);
    expect(await after("neigh add 10.91.0.31 lladdr 02:00:00:00:0a:31 dev out0")).toEqual([
      "neighbour 10.91.0.31 permanent 02:00:00:00:0a:31",
    ]);
    expect(await after("neigh del 10.91.0.31 dev out0")).toContain(
      "gone neighbour 10.91.0.31 failed undefined",
    );
    expect(await after("link set out0 mtu 1350")).toContain("link out0 1350");
    sniffer.ip("link set in0 down");
    await eventually(() => (watch.read().map(line).includes("link out0 1350") ? true : undefined));
    sniffer.ip("link set in0 up");
    expect(await after("link set out0 down")).toContain("link out0 1350");
    expect(await after("link add gone0 type veth peer name gone1")).toContain("link gone0 1500");
    expect(await after("link del gone0")).toContain("gone link gone0 1500");
    watch.close();
  });

  test("news that nobody reads in time are told to be lost, and later ones are read", async () => {
    const watch = gateway.inside(() => NetworkWatch.open(["neighbours"]));
    const changes = Array.from(
      { length: 30_000 },
      (_, i) => `neigh replace 127.0.0.9 lladdr 02:00:00:00:0c:0${i & 1} dev lo nud permanent`,
    );
    gateway.batch(changes);
    expect(watch.read()).toEqual([{ of: "overrun" }]);
    expect(watch.read()).toEqual([]);
    gateway.batch(changes.slice(0, 1));
    expect(watch.read()).toMatchObject([{ of: "neighbour", gone: false }]);
    watch.close();
  });

  test("sockets are closed", () => {
    const sockets = () => readFileSync("/proc/self/net/netlink", "utf8").split("\n").length;
    const before = sockets();
    for (let i = 0; i < 20; i++) Rtnetlink.open().close();
    expect(sockets()).toBe(before);
  });
});

function line(event: NetworkEvent): string {
  const gone = "gone" in event && event.gone ? "gone " : "";
  switch (event.of) {
    case "link":
      return `${gone}link ${event.link.name} ${event.link.mtu}`;
    case "address":
      return `${gone}address ${ipText(event.address.address)}${event.address.usable ? " usable" : ""}`;
    case "neighbour": {
      const { address, state, mac } = event.neighbour;
      return `${gone}neighbour ${ipText(address)} ${state} ${macText(mac)}`;
    }
    case "route": {
      const { destination, prefixLength, gateway, index } = event.route;
      return `${gone}route ${ipText(destination)}/${prefixLength} via ${ipText(gateway)} dev ${index}`;
    }
    default:
      return event.of;
  }
}
