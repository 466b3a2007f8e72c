// Addresses as people write them, for rows of tests.

import { formatAddress, parseAddress } from "../../src/config/addresses.js";
import type { Address } from "../../src/linux/index.js";

export function ip(text: string): Address {
  const address = parseAddress(text);
  if (!("bytes" in address)) throw new Error(text);
  return address;
}

export const ipText = (address: Address | undefined) => address && formatAddress(address);

export const macText = (mac: Uint8Array | undefined) =>
  mac && Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join(":");
