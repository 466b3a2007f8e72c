// What `ethtool` tells and sets, by ioctl (include/uapi/linux/ethtool.h): queues, and offloads that change packets
// before a gateway sees them. Offloads are found by name as `ethtool -k` does, so that those which share a legacy flag stay apart
// and those which the driver has fixed are known.

import { constants } from "node:os";
import { SpangateError } from "../errors.js";
import { close } from "./descriptor.js";
import { AF_INET } from "./ip.js";
import { addressOf, errno, isErrno, libc, systemError } from "./libc.js";
import { textOf } from "./netlink-message.js";
import { openSocket, SOCK_DGRAM } from "./socket.js";

const SIOCETHTOOL = 0x8946;
const ETHTOOL_GRINGPARAM = 0x10;
const ETHTOOL_GSTRINGS = 0x1b;
const ETHTOOL_GSSET_INFO = 0x37;
const ETHTOOL_GFEATURES = 0x3a;
const ETHTOOL_SFEATURES = 0x3b;
const ETHTOOL_GCHANNELS = 0x3c;
const ETH_SS_FEATURES = 4;
const ETH_GSTRING_LEN = 32;
/** Of `struct ifreq`, with the NUL. */
const IFNAMSIZ = 16;

/** The kernel's names (netdev_features_strings in net/ethtool/common.c). */
const OFFLOADS = {
  /** Takes VLAN tags out of received frames and keeps them beside. AF_XDP does not see what is beside. */
  rxVlan: "rx-vlan-hw-parse",
  /** These three merge packets of a flow into giants. */
  gro: "rx-gro",
  hardwareGro: "rx-gro-hw",
  lro: "rx-lro",
};
export type Offload = keyof typeof OFFLOADS;

export interface OffloadState {
  readonly on: boolean;
  /** The driver does not let it be changed. */
  readonly fixed: boolean;
}

/** How many queues are in use; combined ones receive and send. */
export interface Channels {
  readonly rx: number;
  readonly tx: number;
  readonly combined: number;
}

/** In shared memory: the kernel gets its address, and other arrays move. Enough for the names of 500 features. */
const structure = new Uint8Array(new SharedArrayBuffer(1 << 14));
const words = new Uint32Array(structure.buffer);

/** Undefined when the driver does not say. */
export function channels(name: string): Channels | undefined {
  words.fill(0, 0, 9);
  words[0] = ETHTOOL_GCHANNELS;
  try {
    request(name, `ask ${name} for its queues`);
  } catch (error) {
    if (isErrno(error, "EOPNOTSUPP")) return undefined;
    throw error;
  }
  return { rx: words[5]!, tx: words[6]!, combined: words[8]! };
}

/** Entries of a NIC's receive ring, and how many it can have. */
export interface RingSizes {
  readonly rx: number;
  readonly mostRx: number;
}

/** Undefined when the driver does not say. */
export function ringSizes(name: string): RingSizes | undefined {
  // { command, most: rx, rx_mini, rx_jumbo, tx; now: rx, rx_mini, rx_jumbo, tx }
  words.fill(0, 0, 9);
  words[0] = ETHTOOL_GRINGPARAM;
  try {
    request(name, `ask ${name} for its rings`);
  } catch (error) {
    if (isErrno(error, "EOPNOTSUPP")) return undefined;
    throw error;
  }
  return { rx: words[5]!, mostRx: words[1]! };
}

/** @throws SpangateError INTERFACE_UNKNOWN */
export function offload(name: string, which: Offload): OffloadState {
  const bit = bitOf(name, which);
  if (bit === undefined) return { on: false, fixed: true };
  // { command, blocks, { available, requested, active, never_changed } of each }
  words.fill(0, 0, 2 + 4 * bit.blocks);
  words.set([ETHTOOL_GFEATURES, bit.blocks]);
  request(name, `ask ${name} for its offloads`);
  const at = 2 + 4 * bit.block;
  const available = (words[at]! & bit.mask) !== 0;
  const neverChanged = (words[at + 3]! & bit.mask) !== 0;
  return { on: (words[at + 2]! & bit.mask) !== 0, fixed: !available || neverChanged };
}

/**
 * Whether that changed anything: who turns an offload off puts it back in the end.
 *
 * @throws SpangateError INTERFACE_UNKNOWN, NOT_PERMITTED without CAP_NET_ADMIN, SYSTEM_CALL when the driver refuses
 */
export function setOffload(name: string, which: Offload, on: boolean): boolean {
  if (offload(name, which).on === on) return false;
  const about = `turn ${OFFLOADS[which]} ${on ? "on" : "off"} on ${name}`;
  const bit = bitOf(name, which);
  if (bit !== undefined) {
    // { command, blocks, { valid, requested } of each }
    words.fill(0, 0, 2 + 2 * bit.blocks);
    words.set([ETHTOOL_SFEATURES, bit.blocks]);
    words.set([bit.mask, on ? bit.mask : 0], 2 + 2 * bit.block);
    request(name, about);
  }
  // The call succeeds also when the driver holds on to what it has.
  if (offload(name, which).on !== on) throw systemError(constants.errno.EOPNOTSUPP, "ethtool", about);
  return true;
}

/** Where an offload is in the kernel's bit masks, of 32 bits a block. */
interface FeatureBit {
  readonly block: number;
  readonly mask: number;
  /** How many there are; the kernel wants all or none. */
  readonly blocks: number;
}

function bitOf(name: string, which: Offload): FeatureBit | undefined {
  // { command, reserved, mask:64, lengths }
  words.set([ETHTOOL_GSSET_INFO, 0, 1 << ETH_SS_FEATURES, 0, 0]);
  request(name, `ask ${name} for its offloads`);
  const count = words[4]!;
  // { command, set, length, strings }
  words.set([ETHTOOL_GSTRINGS, ETH_SS_FEATURES, count]);
  request(name, `ask ${name} for its offloads`);
  for (let i = 0; i < count; i++) {
    const at = 12 + i * ETH_GSTRING_LEN;
    if (textOf(structure.slice(at, at + ETH_GSTRING_LEN)) === OFFLOADS[which])
      return { block: i >>> 5, mask: (1 << (i & 31)) >>> 0, blocks: (count + 31) >>> 5 };
  }
  return undefined;
}

/** `struct ifreq`: 0 name, 16 address of the structure, which is question and answer. */
function request(name: string, about: string): void {
  const bytes = new Uint8Array(40);
  const text = Buffer.from(name);
  if (text.length >= IFNAMSIZ) throw unknown(name);
  bytes.set(text);
  new DataView(bytes.buffer).setBigUint64(IFNAMSIZ, BigInt(addressOf(structure)), true);
  // Any socket will do: it only says in which network namespace to look.
  const fd = openSocket(AF_INET, SOCK_DGRAM, 0, "ask ethtool");
  const failure = libc.ioctl(fd, SIOCETHTOOL, bytes) < 0 ? errno() : 0;
  close(fd);
  if (failure === constants.errno.ENODEV) throw unknown(name);
  if (failure !== 0) throw systemError(failure, "ethtool", about);
}

function unknown(name: string): SpangateError {
  const message = `There is no network interface ${JSON.stringify(name)}.`;
  return new SpangateError("INTERFACE_UNKNOWN", message, { details: { interface: name } });
}
