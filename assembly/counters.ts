// Counters of a worker: one u64 a verdict, from 0, then these. Read by AssemblyScript and by the host.

export enum Counter {
  /** Packets handed to the engine. */
  Received = 32,
  /** Fragments held for reassembly now: a level, not a count. */
  Held,
  /** Fragments that repeated one already held. */
  FragmentDuplicates,
  /** GRE checksums that could not be verified because bytes were not captured. */
  ChecksumUnverifiable,
  /** Packets passed with an unknown critical GENEVE option (`lenient`). */
  CriticalOptions,
  /** ERSPAN III packets whose clock has an unknown granularity (`--time mirror`). */
  UnknownGranularity,
  /** Packets of a session that the full session table could not take. */
  Untracked,
}
