// What arrives in VXLAN or GENEVE, as a receiver reads it.

import { ipText } from "../reference/address.js";

/** A packet of VXLAN, or of GENEVE without options, on Ethernet. */
export function readPacket(packet: Uint8Array) {
  const bytes = Buffer.from(packet);
  const isIpv6 = bytes.readUInt16BE(12) === 0x86dd;
  const udp = 14 + (isIpv6 ? 40 : 20);
  const end = udp + bytes.readUInt16BE(udp + 4);
  return {
    source: ipText(isIpv6 ? bytes.subarray(22, 38) : bytes.subarray(26, 30)),
    dontFragment: !isIpv6 && (bytes[20]! & 0x40) !== 0,
    hasChecksum: bytes.readUInt16BE(udp + 6) !== 0,
    vni: bytes.readUIntBE(udp + 12, 3),
    inner: Uint8Array.from(bytes.subarray(udp + 16, end)),
    isWhole: end <= bytes.length,
  };
}

export const innerOf = (packets: readonly Uint8Array[]) => packets.map((packet) => readPacket(packet).inner);
