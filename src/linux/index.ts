// What the rest may ask of Linux.
export {
  attachIngress,
  attachXdp,
  BpfMap,
  createMap,
  deleteFromMap,
  loadIngressProgram,
  loadProgram,
  updateLink,
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
export { whileBusy } from "./busy.js";
export { type Capabilities, type Capability, capabilities } from "./capabilities.js";
export {
  DatagramBatch,
  type DatagramMemory,
  type DatagramPlaces,
  DatagramsOut,
  messagesSize,
  NAME_SIZE,
  type SendMessages,
} from "./datagrams.js";
export { close } from "./descriptor.js";
export {
  type Channels,
  channels,
  type Offload,
  type OffloadState,
  offload,
  type RingSizes,
  ringSizes,
  setOffload,
} from "./ethtool.js";
export { createEvent, drain, wake } from "./eventfd.js";
export { ForeignPacketSocket } from "./foreign-packet-socket.js";
export type { Address } from "./ip.js";
export { addressOf, isErrno } from "./libc.js";
export { Mailbox, sendDescriptors } from "./mailbox.js";
export { PAGE } from "./memory-map.js";
export { nap, sharpenTimers } from "./nap.js";
export { NotifySocket } from "./notify-socket.js";
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
export { type Peer, peerOf } from "./peer.js";
export { PollSet } from "./poll.js";
export { becomeUser, dropAll, isChange } from "./privileges.js";
export { SilentSocket } from "./raw-socket.js";
export { createReadySet, ReadySet } from "./ready-set.js";
export type { AddressScope, InterfaceAddress } from "./rtnetlink/address.js";
export type { Link } from "./rtnetlink/link.js";
export type { Neighbour, NeighbourState } from "./rtnetlink/neighbour.js";
export type { Route, RouteType } from "./rtnetlink/route.js";
export { type NetworkEvent, NetworkWatch, type Watched } from "./rtnetlink/watch.js";
export { Rtnetlink } from "./rtnetlink.js";
export { assertSealable, assertSealed, seal } from "./seal.js";
export { NETWORK_HEADER, SocketFilter } from "./socket-filter.js";
export { arrivedPackets } from "./statistics.js";
export { Tap, writeFrame } from "./tap.js";
export { type PortHolder, portHolders } from "./udp-ports.js";
export {
  type UdpReceiveOptions,
  UdpReceiveSocket,
  type UdpSendOptions,
  UdpSendSocket,
} from "./udp-socket.js";
export { findGroup, findUser, groupName, type User } from "./users.js";
export {
  type FrameMemory,
  wakeTransmit,
  XdpSocket,
  type XdpStatistics,
  xdpStatistics,
  xdpSupport,
} from "./xdp-socket.js";
