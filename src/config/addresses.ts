// IP addresses, prefixes and MAC addresses: from text to the bytes that are compared with packets, and back.
// Bytes are in network order, as they stand on the wire.
import ipaddr from "ipaddr.js";
import { Flaw } from "./quantities.js";

/** An IP address: 4 or 16 bytes in network order. */
export interface Address {
  readonly family: 4 | 6;
  readonly bytes: Uint8Array;
}

/** An IP prefix. Bits after `prefixLength` are zero; one address has length 32 or 128. */
export interface Prefix extends Address {
  readonly prefixLength: number;
}

/** A MAC address: 6 bytes in the order of the wire. */
export type Mac = Uint8Array;

/** What a tenant may own: an IP prefix, or a MAC address. */
export type EndpointAddress = Prefix | { readonly family: "mac"; readonly bytes: Mac };

export const ADDRESS_EXPECTED = "an IPv4 or IPv6 address such as 10.77.0.2";
export const PREFIX_EXPECTED = "an IPv4 or IPv6 address or prefix such as 10.77.0.0/24";
export const MAC_EXPECTED = "a unicast MAC address such as 02:00:00:00:0a:01";

/** `10.77.0.2` or `2001:db8::1`. Refused: octal or short IPv4, zones, IPv4-mapped IPv6 (never on a wire). */
export function parseAddress(text: string, expected = ADDRESS_EXPECTED): Address | Flaw {
  // ipaddr.js by itself also reads 010.1 as inet_aton does; a tenant's boundary must not depend on that.
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) {
    return { family: 4, bytes: Uint8Array.from(ipaddr.IPv4.parse(text).toByteArray()) };
  }
  if (text.includes("%") || !ipaddr.IPv6.isValid(text))
    return new Flaw(`is ${JSON.stringify(text)}`, expected);
  const address = ipaddr.IPv6.parse(text);
  if (address.isIPv4MappedAddress()) {
    return new Flaw(
      `is ${JSON.stringify(text)}, an IPv4 address in IPv6 clothes`,
      `${address.toIPv4Address()}`,
    );
  }
  return { family: 6, bytes: Uint8Array.from(address.toByteArray()) };
}

/** Like `parseAddress`, and a host can have it: no multicast, unspecified or broadcast address. */
export function parseHost(text: string): Address | Flaw {
  const address = parseAddress(text);
  if (address instanceof Flaw) return address;
  const { family, bytes } = address;
  // RFC 1122 3.2.1.3 (0/8), RFC 5771 (224/4), RFC 1112 4 (240/4 and broadcast); RFC 4291 2.4 (ff00::/8, ::).
  const host =
    family === 4 ? bytes[0] !== 0 && bytes[0]! < 224 : bytes[0] !== 0xff && bytes.some((b) => b !== 0);
  return host ? address : new Flaw(`is ${JSON.stringify(text)}, which no host can have`, ADDRESS_EXPECTED);
}

/** `10.77.0.0/24`, or one address. Set host bits are refused, with the prefix that was meant. */
export function parsePrefix(text: string): Prefix | Flaw {
  const [addressText = "", lengthText, ...rest] = text.split("/");
  if (rest.length > 0) return new Flaw(`is ${JSON.stringify(text)}`, PREFIX_EXPECTED);
  const address = parseAddress(addressText, PREFIX_EXPECTED);
  if (address instanceof Flaw) return address;
  const width = address.bytes.length * 8;
  const prefixLength = lengthText === undefined ? width : Number(lengthText);
  if (lengthText !== undefined && (!/^\d{1,3}$/.test(lengthText) || prefixLength > width)) {
    return new Flaw(`is ${JSON.stringify(text)}`, `a prefix length from 0 to ${width}`);
  }
  const bytes = maskBytes(address.bytes, prefixLength);
  if (bytes.some((byte, i) => byte !== address.bytes[i])) {
    const meant = formatPrefix({ ...address, bytes, prefixLength });
    return new Flaw(
      `is ${JSON.stringify(text)}, which has bits set after its first ${prefixLength}`,
      `${meant}, or ${addressText} for that one address`,
    );
  }
  return { family: address.family, bytes, prefixLength };
}

/** `02:00:00:00:0a:01` or with hyphens. Refused: group addresses and zero, which no machine has. */
export function parseMac(text: string): Mac | Flaw {
  if (!/^[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}$/i.test(text)) {
    return new Flaw(`is ${JSON.stringify(text)}`, MAC_EXPECTED);
  }
  const bytes = Uint8Array.from(text.split(/[:-]/), (byte) => Number.parseInt(byte, 16));
  // IEEE 802-2014 8.2.2: the lowest bit of the first byte marks a group.
  if ((bytes[0]! & 1) !== 0) return new Flaw(`is ${text}, a group address`, MAC_EXPECTED);
  if (bytes.every((byte) => byte === 0)) return new Flaw(`is ${text}`, MAC_EXPECTED);
  return bytes;
}

/** An entry of a tenant's `addresses`: a MAC address or an IP prefix. */
export function parseEndpoint(text: string): EndpointAddress | Flaw {
  // Six groups of one or two digits can only be meant as a MAC: IPv6 without `::` has eight groups.
  if (/^[0-9a-f]{1,2}([:-][0-9a-f]{1,2}){5}$/i.test(text)) {
    const bytes = parseMac(text);
    return bytes instanceof Flaw ? bytes : { family: "mac", bytes };
  }
  const prefix = parsePrefix(text);
  if (!(prefix instanceof Flaw)) return prefix;
  return prefix.expected === PREFIX_EXPECTED
    ? new Flaw(prefix.message, `${PREFIX_EXPECTED}, or ${MAC_EXPECTED}`)
    : prefix;
}

/** The first `prefixLength` bits of an address, the rest zero. */
export function maskBytes(bytes: Uint8Array, prefixLength: number): Uint8Array {
  return bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, prefixLength - i * 8))));
}

/** `10.77.0.0/24`; a single address without its length. IPv6 in the form of RFC 5952. */
export function formatPrefix(prefix: Prefix): string {
  const address = formatAddress(prefix);
  return prefix.prefixLength === prefix.bytes.length * 8 ? address : `${address}/${prefix.prefixLength}`;
}

/** `10.77.0.2`, `2001:db8::1` (RFC 5952). */
export function formatAddress({ bytes }: Address): string {
  // A large map has tens of thousands.
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  return ipaddr.fromByteArray([...bytes]).toString();
}

/** As it would be written in a tenant's `addresses`. */
export function formatEndpoint(address: EndpointAddress): string {
  return address.family === "mac" ? formatMac(address.bytes) : formatPrefix(address);
}

/** `02:00:00:00:0a:01`. */
export function formatMac(mac: Mac): string {
  return `${HEX[mac[0]!]}:${HEX[mac[1]!]}:${HEX[mac[2]!]}:${HEX[mac[3]!]}:${HEX[mac[4]!]}:${HEX[mac[5]!]}`;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
