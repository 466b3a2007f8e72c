// What a compiled map is made of: arrays laid out as assembly/memory/layout.ts says, with numbers where the engine's memory has
// addresses.

/** The tenant map, free of memory addresses. The engine's MapImage, where each part is described. */
export interface Image {
  readonly slots: Uint8Array;
  readonly identityShapes: Uint8Array;
  readonly ownerShapes: Uint8Array;
  readonly tenantShapes: Uint8Array;
  readonly tenants: Uint8Array;
  readonly sniffers: Uint8Array;
  readonly sniffersOfRecords: Uint32Array;
  readonly sniffersOfTenants: Uint32Array;
  readonly balance: Uint16Array;
  readonly queues: readonly Queue[];
  readonly cells: {
    readonly tenants: readonly string[];
    readonly sniffers: readonly string[];
    readonly destinations: readonly string[];
  };
  readonly loopAddresses: number;
  readonly flags: number;
}

/** What a sniffer's queue is asked to be. */
export interface Queue {
  readonly name: string;
  /** Most packets that wait in it. */
  readonly queue: number;
  readonly overflow: "drop-newest" | "drop-oldest";
}
