// Mode `ip`: what stands between the IP header and the checksum, or makes the destination another one.

import { engineDeliversAlike } from "../engine/delivery-agreement.js";
import { deliveryRows, ip, ip6, MAC, NEW4, NEW6, toSniffer } from "./delivery-rows.js";
import * as make from "./packets.js";
import { ethernet, hex, ipv4, ipv6, join, MAC_A } from "./packets.js";
import { sealed } from "./transport-packets.js";

const data = new Uint8Array(40).fill(0x5a);
const between = (destination: string) => ({ source: "10.1.0.1", destination });

/** An IPv4 packet with this option, and its segment as it is between source and `destination`. */
const routed = (option: make.Bytes, header: string, destination: string) =>
  ipv4(6, sealed("tcp", data, "10.1.0.1", destination), { ...between(header), options: option });
const LAST = "10.9.0.9"; // where the route ends
const loose = (pointer: number) => hex(`83 07 ${pointer.toString(16).padStart(2, "0")} 0a090009 00`);
const strict = (pointer: number) => hex(`01 89 07 ${pointer.toString(16).padStart(2, "0")} 0a090009`);
deliveryRows("ip: IPv4 options", [
  ...[loose, strict].flatMap((option) => [
    {
      name: `${option.name} source route, on its way: the segment is for the last stop`,
      inner: ethernet(0x0800, routed(option(4), "10.1.0.2", LAST)),
      sniffer: ip(),
      expected: toSniffer(0x0800, routed(option(4), NEW4, LAST)),
    },
    {
      name: `${option.name} source route, its pointer at the last byte: not past the end`,
      inner: ethernet(0x0800, routed(option(7), "10.1.0.2", LAST)),
      sniffer: ip(),
      expected: toSniffer(0x0800, routed(option(7), NEW4, LAST)),
    },
    {
      name: `${option.name} source route, used up`,
      inner: ethernet(0x0800, routed(option(8), "10.1.0.2", "10.1.0.2")),
      sniffer: ip(),
      expected: toSniffer(0x0800, routed(option(8), NEW4, NEW4)),
    },
  ]),
  {
    name: "a route behind the end of the options is none",
    inner: ethernet(0x0800, routed(join([0], loose(4).subarray(0, 7)), "10.1.0.2", "10.1.0.2")),
    sniffer: ip(),
    expected: toSniffer(0x0800, routed(join([0], loose(4).subarray(0, 7)), NEW4, NEW4)),
  },
  {
    name: "an option of length 0",
    inner: ethernet(0x0800, routed(hex("4400 8307 0400 0000"), "10.1.0.2", "10.1.0.2")),
    sniffer: ip(),
    expected: toSniffer(0x0800, routed(hex("4400 8307 0400 0000"), NEW4, NEW4)),
  },
  {
    name: "record route and time stamp are none",
    inner: ethernet(0x0800, routed(hex("0707 0400 0000 00 01"), "10.1.0.2", "10.1.0.2")),
    sniffer: ip(),
    expected: toSniffer(0x0800, routed(hex("0707 0400 0000 00 01"), NEW4, NEW4)),
  },
]);

/** IPv6: what stands before the segment, which goes from 2001:db8::1 to `destination`. */
const behind =
  (first: number, headers: (next: number, payload: Uint8Array) => Uint8Array) =>
  (header: string, destination = header) =>
    ethernet(
      0x86dd,
      ipv6(first, headers(17, sealed("udp", data, "2001:db8::1", destination)), {
        source: "2001:db8::1",
        destination: header,
      }),
      MAC_A,
      MAC,
    );
const cut = sealed("udp", data, "2001:db8::1", "2001:db8::2");
const routing = (left: number) => (next: number, payload: Uint8Array) =>
  join([next, 2, 0, left, 0, 0, 0, 0], new Uint8Array(16).fill(0x20), payload);
const authentication = (next: number, payload: Uint8Array) =>
  join([next, 4, 0, 0], new Uint8Array(20).fill(3), payload);
const fragmentAt = (offset: number, more: boolean) => (next: number, payload: Uint8Array) =>
  make.fragmentHeader(next, offset, more, 1, payload);

const followed: [string, ReturnType<typeof behind>][] = [
  ["hop-by-hop", behind(0, make.extension)],
  ["destination options", behind(60, make.extension)],
  ["authentication", behind(51, authentication)],
  ["a routing header used up", behind(43, routing(0))],
  ["an atomic fragment", behind(44, fragmentAt(0, false))],
  ["a first fragment", behind(44, fragmentAt(0, true))],
  [
    "a first fragment with options in it",
    behind(44, (next, payload) => fragmentAt(0, true)(60, make.extension(next, payload))),
  ],
  [
    "all of them",
    behind(0, (next, payload) =>
      make.extension(
        43,
        routing(0)(60, make.extension(51, authentication(44, fragmentAt(0, true)(next, payload)))),
      ),
    ),
  ],
];
const left: [string, ReturnType<typeof behind>][] = [
  ["a routing header on its way", behind(43, routing(1))],
  ["a later fragment", behind(44, fragmentAt(64, false))],
  ["a header that is not known", behind(135, make.extension)],
];
deliveryRows("ip: IPv6 extension headers", [
  ...followed.map(([name, packet]) => ({
    name: `followed: ${name}`,
    inner: packet("2001:db8::2"),
    sniffer: ip6,
    expected: packet(NEW6),
  })),
  ...left.map(([name, packet]) => ({
    name: `left alone: ${name}`,
    inner: packet("2001:db8::2", "2001:db8::99"),
    sniffer: ip6,
    expected: packet(NEW6, "2001:db8::99"),
  })),
  {
    name: "an extension header cut by the capture",
    inner: behind(60, make.extension)("2001:db8::2").subarray(0, 61),
    sniffer: ip6,
    expected: behind(60, make.extension)(NEW6).subarray(0, 61),
  },
  {
    name: "an extension header past the packet's end",
    inner: ethernet(
      0x86dd,
      ipv6(60, make.extension(17, cut), { destination: "2001:db8::2", payloadLength: 7 }),
    ),
    sniffer: ip6,
    expected: toSniffer(0x86dd, ipv6(60, make.extension(17, cut), { destination: NEW6, payloadLength: 7 })),
  },
]);

engineDeliversAlike();
