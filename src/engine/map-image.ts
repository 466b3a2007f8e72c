// A tenant map as the engine takes it, free of addresses: what a compiler of maps has to make.

/**
 * Arrays laid out as assembly/memory/layout.ts says. Where a record there has an address, here it has a number, counted from 0, or
 * from 1 where the address may be absent.
 */
export interface MapImage {
  /** Slots (KEY_SIZE bytes each), in any order, no key twice. */
  readonly slots: Uint8Array;
  /** Shapes (SHAPE_SIZE) of identities, most specific first. */
  readonly identityShapes: Uint8Array;
  /** Shapes of all tenants' addresses, longest first; empty when nothing is shared. */
  readonly ownerShapes: Uint8Array;
  /** Shapes that tenant records point into. */
  readonly tenantShapes: Uint8Array;
  /**
   * Records (TENANT_SIZE). TENANT_SHAPES: number of a shape; TENANT_SNIFFERS: place in `sniffersOfTenants`; TENANT_BALANCE: place in
   * `balance`, from 1; TENANT_BUCKET: number of a cell, from 1; TENANT_SNIFFER: nothing.
   */
  readonly tenants: Uint8Array;
  /**
   * Records (SNIFFER_SIZE) of the sniffers whose record is not empty. SNIFFER_BUCKET, SNIFFER_STATE, SNIFFER_DATAGRAMS: number of a
   * cell, from 1; SNIFFER_QUEUE, and what `prepareSniffer` fills in: nothing.
   */
  readonly sniffers: Uint8Array;
  /** By record, the sniffer's number; rising. */
  readonly sniffersOfRecords: Uint32Array;
  /** Numbers of sniffers. */
  readonly sniffersOfTenants: Uint32Array;
  /** Places of balance tables. */
  readonly balance: Uint16Array;
  /**
   * By number of the sniffer, its name, the most packets in its queue, and which packet a full queue gives up. Empty when packets are
   * classified only.
   */
  readonly queues: readonly {
    readonly name: string;
    readonly queue: number;
    readonly overflow: "drop-newest" | "drop-oldest";
  }[];
  /** Names of cells by what they are of, no name twice in a list: cells of the same name are one in all generations. */
  readonly cells: {
    /** Token buckets, which TENANT_BUCKET numbers. */
    readonly tenants: readonly string[];
    /** Token buckets, which SNIFFER_BUCKET numbers. */
    readonly sniffers: readonly string[];
    /** What SNIFFER_STATE and SNIFFER_DATAGRAMS number. */
    readonly destinations: readonly string[];
  };
  /** Slots of the kinds KIND_SNIFFER and KIND_GATEWAY. */
  readonly loopAddresses: number;
  /** MAP_HAS_*. */
  readonly flags: number;
}
