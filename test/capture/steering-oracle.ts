// What the program of the tunnel interface is to take, said once more and slowly: a packet is ours when it is to one of our addresses and
// is GRE, UDP to a tunnel port, or a fragment that does not say what it is of. What is not all there is not ours.

const TAGS = [0x8100, 0x88a8, 0x9100];
const EXTENSIONS = [0, 43, 60];
const [UDP, FRAGMENT, GRE] = [17, 44, 47];
const MOST_TAGS = 2;
const MOST_EXTENSIONS = 6;

class Short extends Error {}

/** Whether a frame is the gateway's own. */
export function expectedSteering(
  frame: Uint8Array,
  addresses: readonly Uint8Array[],
  ports: readonly number[],
): boolean {
  try {
    return isOurs(frame, addresses, ports);
  } catch (error) {
    if (error instanceof Short) return false;
    throw error;
  }
}

function isOurs(frame: Uint8Array, addresses: readonly Uint8Array[], ports: readonly number[]): boolean {
  const need = (end: number) => {
    if (end > frame.length) throw new Short();
  };
  const u8 = (at: number) => frame[at]!;
  const u16 = (at: number) => u8(at) * 256 + u8(at + 1);
  const isAddressed = (at: number, length: number) =>
    addresses.some((own) => own.length === length && own.every((byte, i) => byte === u8(at + i)));
  const isTunnelPort = (at: number) => {
    need(at + 8);
    return ports.includes(u16(at + 2));
  };

  need(14);
  let type = u16(12);
  let at = 14;
  for (let tags = 0; tags < MOST_TAGS && TAGS.includes(type); tags++) {
    need(at + 4);
    type = u16(at + 2);
    at += 4;
  }

  if (type === 0x0800) {
    need(at + 20);
    if (!isAddressed(at + 16, 4)) return false;
    if ((u16(at + 6) & 0x1fff) !== 0) return true;
    if (u8(at + 9) === GRE) return true;
    const words = u8(at) & 15;
    return u8(at + 9) === UDP && words >= 5 && isTunnelPort(at + words * 4);
  }
  if (type !== 0x86dd) return false;

  need(at + 40);
  if (!isAddressed(at + 24, 16)) return false;
  let next = u8(at + 6);
  at += 40;
  for (let headers = 0; headers < MOST_EXTENSIONS; headers++) {
    if (next !== FRAGMENT && !EXTENSIONS.includes(next)) break;
    need(at + 8);
    if (next === FRAGMENT && (u16(at + 2) & 0xfff8) !== 0) return true;
    const length = next === FRAGMENT ? 8 : (u8(at + 1) + 1) * 8;
    next = u8(at);
    at += length;
  }
  return next === GRE || (next === UDP && isTunnelPort(at));
}
