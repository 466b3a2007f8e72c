// What the rest may ask of Linux.
export {
  attachXdp,
  BpfMap,
  createMap,
  deleteFromMap,
  loadProgram,
  updateMap,
  XDP_HAS_FRAGS,
  type XdpChoice,
  type XdpLink,
  type XdpMode,
} from "./bpf.js";
export {
  BPF_REDIRECT_MAP,
  BpfProgram,
  R,
  type Register,
  XDP_ACTIONS,
  XDP_CONTEXT,
} from "./bpf-program.js";
export { type Capabilities, type Capability, capabilities } from "./capabilities.js";
export { close } from "./descriptor.js";
export {
  type Channels,
  channels,
  type Offload,
  type OffloadState,
  offload,
  setOffload,
} from "./ethtool.js";
export { createEvent, drain, wake } from "./eventfd.js";
export type { Address } from "./ip.js";
export { addressOf, isErrno } from "./libc.js";
export { PAGE } from "./memory-map.js";
export { nap, sharpenTimers } from "./nap.js";
export {
  BLOCK_PATIENCE,
  type Fanout,
  type MappedBlocks,
  PacketReceiveSocket,
  PacketSendSocket,
  REFUSED,
  type RingMemory,
  sendMessages,
  TRY_LATER,
  takeError,
} from "./packet-socket.js";
export { PollSet } from "./poll.js";
export { becomeUser, dropAll } from "./privileges.js";
export { SilentSocket } from "./raw-socket.js";
export type { AddressScope, InterfaceAddress } from "./rtnetlink/address.js";
export type { Link } from "./rtnetlink/link.js";
export type { Neighbour, NeighbourState } from "./rtnetlink/neighbour.js";
export type { Route, RouteType } from "./rtnetlink/route.js";
export { type NetworkEvent, NetworkWatch, type Watched } from "./rtnetlink/watch.js";
export { Rtnetlink } from "./rtnetlink.js";
export { assertSealable, assertSealed, seal } from "./seal.js";
export { NETWORK_HEADER, SocketFilter } from "./socket-filter.js";
export { findUser, type User } from "./users.js";
export {
  type FrameMemory,
  wakeTransmit,
  XdpSocket,
  type XdpStatistics,
  xdpStatistics,
} from "./xdp-socket.js";
