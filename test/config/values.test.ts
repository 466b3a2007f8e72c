// Sizes, durations, rates and addresses: what is read, what is refused, and what is said then.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as addresses from "../../src/config/addresses.js";
import { Flaw, parseDuration, parseRate, parseSize } from "../../src/config/quantities.js";

test.each([
  [parseSize, "16MiB", 16_777_216],
  [parseSize, "1 GiB", 2 ** 30],
  [parseSize, "1.5KiB", 1536],
  [parseSize, "5MB", 5_000_000],
  [parseSize, "512", 512],
  [parseDuration, "5s", 5_000_000_000],
  [parseDuration, "8.2s", 8_200_000_000],
  [parseDuration, "250us", 250_000],
  [parseDuration, "2min", 120_000_000_000],
  [parseRate, "500Mbit", 500_000_000],
  [parseRate, "2.5Gbit", 2_500_000_000],
])("%o reads %s", (parse, text, value) => {
  expect(parse(text)).toBe(value);
});

test.each([
  [parseSize, "16M", "whose unit M is not known"],
  [parseSize, "0.3B", "not a whole number"],
  [parseSize, "0MiB", "0MiB"],
  [parseSize, "-1MiB", "-1MiB"],
  [parseSize, "", ""],
  [parseSize, "9999999TiB", "not a whole number below 2^53"],
  [parseDuration, "5", "which has no unit"],
  [parseDuration, "5m", "whose unit m is not known"],
  [parseDuration, "5constructor", "whose unit constructor is not known"],
  [parseRate, "500Mbps", "whose unit Mbps is not known"],
])("%o refuses %j", (parse, text, message) => {
  const flaw = parse(text);
  expect(flaw).toBeInstanceOf(Flaw);
  expect((flaw as Flaw).message).toContain(message);
});

test("a size as a number is bytes and has to be a whole one", () => {
  expect(parseSize(1500)).toBe(1500);
  for (const wrong of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(parseSize(wrong)).toBeInstanceOf(Flaw);
  }
});

describe("addresses", () => {
  test.each(["10.77.0.0/24", "10.77.0.1", "2001:db8::/32", "::1", "0.0.0.0/0", "::/0"])(
    "%s comes back",
    (text) => {
      const prefix = addresses.parsePrefix(text);
      expect(prefix).not.toBeInstanceOf(Flaw);
      expect(addresses.formatPrefix(prefix as addresses.Prefix)).toBe(text);
    },
  );

  test.each([
    "10.1",
    "0x0a000001",
    "10.0.0.1/",
    "10.0.0.1/8/8",
    "10.0.0.0/-1",
    "10.0.0.0/ 8",
    "fe80::1%eth0",
    "::ffff:1.2.3.4",
    "1::2::3",
    "::/129",
    "",
  ])("%j is refused", (text) => {
    expect(addresses.parsePrefix(text)).toBeInstanceOf(Flaw);
  });

  test("a prefix with host bits is answered with the one that was meant", () => {
    expect(addresses.parsePrefix("2001:db8:0:1::1/60")).toMatchObject({
      expected: "2001:db8::/60, or 2001:db8:0:1::1 for that one address",
    });
  });

  test("any prefix of any address keeps its first bits and comes back from its text", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        fc.integer({ min: 0, max: 32 }),
        (bytes, length) => {
          const masked = addresses.maskBytes(bytes, length);
          const bits = (array: Uint8Array) =>
            Array.from(array, (b) => b.toString(2).padStart(8, "0")).join("");
          expect(bits(masked)).toBe(bits(bytes).slice(0, length).padEnd(32, "0"));
          const prefix = { family: 4 as const, bytes: masked, prefixLength: length };
          expect(addresses.parsePrefix(addresses.formatPrefix(prefix))).toEqual(prefix);
        },
      ),
    );
  });

  test("MAC addresses", () => {
    const bytes = Uint8Array.of(2, 0, 0, 0, 0x0a, 1);
    expect(addresses.parseMac("02:00:00:00:0a:01")).toEqual(bytes);
    expect(addresses.parseMac("02-00-00-00-0A-01")).toEqual(bytes);
    expect(addresses.formatMac(bytes)).toBe("02:00:00:00:0a:01");
    for (const wrong of [
      "02:00:00:00:0a",
      "02-00:00:00:0a:01",
      "ff:ff:ff:ff:ff:ff",
      "00:00:00:00:00:00",
      "2::1",
    ]) {
      expect(addresses.parseMac(wrong)).toBeInstanceOf(Flaw);
    }
  });

  test("an endpoint is a MAC address or a prefix", () => {
    expect(addresses.parseEndpoint("02:aa:bb:cc:dd:01")).toMatchObject({ family: "mac" });
    expect(addresses.parseEndpoint("10.0.0.0/8")).toMatchObject({ family: 4, prefixLength: 8 });
    expect(addresses.parseEndpoint("2001:db8::1")).toMatchObject({ family: 6, prefixLength: 128 });
    expect(addresses.parseEndpoint("2:aa:bb:cc:dd:1")).toMatchObject({ expected: addresses.MAC_EXPECTED });
    expect(addresses.parseEndpoint("acme")).toMatchObject({
      expected: `${addresses.PREFIX_EXPECTED}, or ${addresses.MAC_EXPECTED}`,
    });
  });

  test.each(["0.0.0.0", "255.255.255.255", "224.0.0.1", "::", "ff02::1"])("no host has %s", (text) => {
    expect(addresses.parseHost(text)).toBeInstanceOf(Flaw);
  });
});
