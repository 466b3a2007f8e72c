// Packets that the gateway's kernel would answer with ICMP, and the sockets that keep it silent. Each row sends without them, with
// them, and when they are closed: what is silent for another reason would show.

import { afterAll, beforeAll, expect, test } from "vitest";
import { SilentSocket } from "../../src/linux/index.js";
import { addressFamily, socketAddress } from "../../src/linux/ip.js";
import { check, libc } from "../../src/linux/libc.js";
import { asRoot, Namespace } from "./namespace.js";
import { ip } from "./text.js";

const GRE = 47;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const MSG_DONTWAIT = 0x40;
const ICMP = { 4: 1, 6: 58 };
/** Destination unreachable; in IPv6 also parameter problem: unknown next header (RFC 4443 3.4). */
const ERRORS = { 4: [3], 6: [1, 4] };

asRoot("no ICMP goes back to the mirror source", () => {
  let gateway: Namespace;
  let source: Namespace;

  beforeAll(() => {
    gateway = Namespace.create("gw");
    source = Namespace.create("src");
    gateway.connect("eth0", source, "eth0");
    for (const [namespace, host] of [
      [gateway, 2],
      [source, 1],
    ] as const) {
      namespace.ip(`addr add 10.77.0.${host}/24 dev eth0`);
      namespace.ip(`addr add fd77::${host}/64 dev eth0 nodad`);
    }
    gateway.ip("addr add 10.77.0.3/24 dev eth0");
    // Otherwise the kernel leaves most answers out, and a leak would not show.
    gateway.sysctl({ "net.ipv4.icmp_ratelimit": 0, "net.ipv6.icmp.ratelimit": 0 });
  });
  afterAll(() => Namespace.removeAll());

  /** How many errors come back for so many packets of an IP protocol, or datagrams to a port. */
  async function errorsFor(
    to: string,
    what: number | { port: number },
    packets: number,
    length = 60,
  ): Promise<number> {
    const address = ip(to);
    const [type, protocol, port] =
      typeof what === "number" ? [SOCK_RAW, what, 0] : [SOCK_DGRAM, 0, what.port];
    const open = (kind: number, of: number) =>
      source.inside(() =>
        check(libc.socket(addressFamily(address), kind, of), "socket", "make a test's socket"),
      );
    const icmp = open(SOCK_RAW, ICMP[address.family]);
    const sender = open(type, protocol);
    const bytes = socketAddress(address, port);
    try {
      check(libc.connect(sender, bytes, bytes.length), "connect", "send");
      const payload = new Uint8Array(length);
      const send = () => libc.send(sender, payload, length, 0);
      // Once for each error that came, sending fails with it.
      for (let i = 0; i < packets; i++) if (send() < 0) send();
      await new Promise((done) => setTimeout(done, 150));
      return count(icmp, address.family);
    } finally {
      libc.close(icmp);
      libc.close(sender);
    }
  }

  test.each([
    ["GRE", "10.77.0.2", GRE],
    ["GRE", "fd77::2", GRE],
    ["VXLAN", "10.77.0.2", { port: 4789 }],
    ["VXLAN", "fd77::2", { port: 4789 }],
    ["GENEVE", "10.77.0.2", { port: 6081 }],
  ] as const)("%s to %s", async (_, to, what) => {
    // Fewer than icmp_msgs_burst, 50 for all of a kernel.
    expect(await errorsFor(to, what, 20)).toBeGreaterThan(10);
    const silent = gateway.inside(() =>
      typeof what === "number"
        ? SilentSocket.forProtocol(ip(to), what)
        : SilentSocket.forUdpPort(ip(to), what.port),
    );
    expect(await errorsFor(to, what, 300)).toBe(0);
    silent.close();
    expect(await errorsFor(to, what, 20)).toBeGreaterThan(10);
  });

  test("also when far more came than a socket's buffer holds", async () => {
    const silent = gateway.inside(() => SilentSocket.forProtocol(ip("10.77.0.2"), GRE));
    expect(await errorsFor("10.77.0.2", GRE, 3000, 1400)).toBe(0);
    silent.close();
  });

  test("other addresses, protocols and ports of the machine answer as before", async () => {
    const sockets = gateway.inside(() => [
      SilentSocket.forProtocol(ip("10.77.0.2"), GRE),
      SilentSocket.forUdpPort(ip("10.77.0.2"), 4789),
    ]);
    expect(await errorsFor("10.77.0.3", GRE, 10)).toBeGreaterThan(5);
    expect(await errorsFor("10.77.0.2", 253, 10)).toBeGreaterThan(5);
    expect(await errorsFor("10.77.0.2", { port: 4788 }, 10)).toBeGreaterThan(5);
    for (const socket of sockets) socket.close();
  });

  test.each(["10.77.0.9", "fd77::9"])(
    "%s is silent from the first packet when it comes later",
    async (to) => {
      const silent = gateway.inside(() => SilentSocket.forProtocol(ip(to), GRE));
      gateway.ip(`addr add ${to}/${to.includes(":") ? "64 nodad" : "24"} dev eth0`);
      expect(await errorsFor(to, GRE, 40)).toBe(0);
      silent.close();
      expect(await errorsFor(to, GRE, 10)).toBeGreaterThan(5);
    },
  );

  test.each(["10.77.0.2", "fd77::2"])("a port of %s that another program has", (to) => {
    const first = gateway.inside(() => SilentSocket.forUdpPort(ip(to), 4789));
    expect(() => gateway.inside(() => SilentSocket.forUdpPort(ip(to), 4789))).toThrowError(
      expect.objectContaining({
        code: "SYSTEM_CALL",
        message: `Cannot take UDP to port 4789 of ${to}: bind says EADDRINUSE.`,
      }),
    );
    first.close();
  });
});

/** ICMP errors that have come; IPv4 sockets give the IP header too. */
function count(icmp: number, family: 4 | 6): number {
  const packet = new Uint8Array(2048);
  let errors = 0;
  while (Number(libc.recv(icmp, packet, packet.length, MSG_DONTWAIT)) > 0) {
    const type = packet[family === 4 ? 4 * (packet[0]! & 15) : 0]!;
    if (ERRORS[family].includes(type)) errors++;
  }
  return errors;
}
