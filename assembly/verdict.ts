// What became of a packet: the one closed list. Read by AssemblyScript (the engine) and by TypeScript (the host), so
// names, counters, metrics, documentation and types all derive from it.

export enum Verdict {
  Delivered,
  Reassembled,
  NotTunnel,
  Truncated,
  BadChecksum,
  UnsupportedVersion,
  UnsupportedPayload,
  BadFlags,
  CriticalOption,
  FragmentOverlap,
  FragmentTimeout,
  FragmentLimit,
  TooLarge,
  Loop,
  Unmapped,
  ForeignAddress,
  AmbiguousTenant,
  Filtered,
  Rate,
  QueueFull,
  SendError,
}
