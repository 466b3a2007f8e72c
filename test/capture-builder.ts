// Builds capture files for tests, in every variant there is, and in broken ones. Written from the format documents, not
// from the reader: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.

/** A packet of a classic pcap file. */
export interface PcapPacket {
  readonly data: Uint8Array;
  /** Nanoseconds since 1970; a microsecond file cuts the rest off. */
  readonly time: bigint;
  readonly originalLength?: number;
}

export interface PcapVariant {
  readonly bigEndian?: boolean;
  readonly nanoseconds?: boolean;
  readonly linkType?: number;
  readonly snaplen?: number;
}

/** A classic pcap file. */
export function pcap(packets: readonly PcapPacket[], variant: PcapVariant = {}): Buffer {
  const { bigEndian = false, nanoseconds = false, linkType = 1, snaplen = 262144 } = variant;
  const head = new Fields(bigEndian)
    .u32(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4)
    .u16(2, 4)
    .u32(0, 0, snaplen, linkType);
  const records = packets.map(({ data, time, originalLength = data.length }) => {
    const fraction = time % 1_000_000_000n;
    return new Fields(bigEndian)
      .u32(
        Number(time / 1_000_000_000n),
        Number(nanoseconds ? fraction : fraction / 1000n),
        data.length,
        originalLength,
      )
      .bytes(data).buffer;
  });
  return Buffer.concat([head.buffer, ...records]);
}

export interface PcapngInterface {
  readonly linkType?: number;
  readonly snaplen?: number;
  readonly name?: string;
  /** The octet of if_tsresol. */
  readonly resolution?: number;
  /** if_tsoffset, in seconds. */
  readonly offset?: bigint;
  /** Any other options: code and value. */
  readonly options?: readonly (readonly [code: number, value: Uint8Array])[];
}

export interface PcapngPacket {
  readonly data: Uint8Array;
  /** The timestamp in the interface's own unit. */
  readonly ticks: bigint;
  readonly interface?: number;
  readonly originalLength?: number;
  readonly options?: readonly (readonly [code: number, value: Uint8Array])[];
}

/** A pcapng file, block by block: `new PcapngBuilder().section().interface().enhanced({...}).build()`. */
export class PcapngBuilder {
  private readonly blocks: Buffer[] = [];
  private bigEndian = false;

  /** Starts a section; from here on blocks have its byte order. */
  section(variant: { readonly bigEndian?: boolean; readonly application?: string } = {}): this {
    this.bigEndian = variant.bigEndian ?? false;
    const body = this.fields().u32(0x1a2b3c4d).u16(1, 0).u32(0xffffffff, 0xffffffff);
    if (variant.application !== undefined) body.bytes(this.options([[4, Buffer.from(variant.application)]]));
    return this.block(0x0a0d0d0a, body.buffer);
  }

  interface(declared: PcapngInterface = {}): this {
    const { linkType = 1, snaplen = 0, name, resolution, offset, options = [] } = declared;
    const all: (readonly [number, Uint8Array])[] = [...options];
    if (name !== undefined) all.push([2, Buffer.from(name)]);
    if (resolution !== undefined) all.push([9, Buffer.from([resolution])]);
    if (offset !== undefined) all.push([14, this.fields().i64(offset).buffer]);
    const body = this.fields().u16(linkType, 0).u32(snaplen);
    return this.block(1, body.bytes(this.options(all)).buffer);
  }

  /** Enhanced packet block. */
  enhanced(packet: PcapngPacket): this {
    return this.block(6, this.packet(packet, this.fields().u32(packet.interface ?? 0)));
  }

  /** The obsolete packet block (type 2), which counts drops. */
  obsolete(packet: PcapngPacket): this {
    return this.block(2, this.packet(packet, this.fields().u16(packet.interface ?? 0, 7)));
  }

  /** Simple packet block: `data` has been cut to the first interface's snaplen already. */
  simple(data: Uint8Array, originalLength = data.length): this {
    return this.block(3, this.fields().u32(originalLength).bytes(padded(data)).buffer);
  }

  /** Any block. The lengths at its two ends can be falsified. */
  block(
    type: number,
    body: Uint8Array,
    lengths: { readonly first?: number; readonly last?: number } = {},
  ): this {
    const content = padded(body);
    const length = 12 + content.length;
    const fields = this.fields().u32(type, lengths.first ?? length);
    this.blocks.push(fields.bytes(content).u32(lengths.last ?? lengths.first ?? length).buffer);
    return this;
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): this {
    this.blocks.push(Buffer.from(bytes));
    return this;
  }

  /** Bytes so far: the offset of the next block. */
  get length(): number {
    return this.blocks.reduce((sum, block) => sum + block.length, 0);
  }

  build(): Buffer {
    return Buffer.concat(this.blocks);
  }

  private packet({ data, ticks, originalLength = data.length, options }: PcapngPacket, head: Fields): Buffer {
    head.u32(Number(ticks >> 32n), Number(ticks & 0xffffffffn), data.length, originalLength);
    head.bytes(padded(data));
    return options === undefined ? head.buffer : head.bytes(this.options(options)).buffer;
  }

  private options(list: readonly (readonly [code: number, value: Uint8Array])[]): Buffer {
    const fields = this.fields();
    for (const [code, value] of list) fields.u16(code, value.length).bytes(padded(value));
    return list.length === 0 ? fields.buffer : fields.u16(0, 0).buffer;
  }

  private fields(): Fields {
    return new Fields(this.bigEndian);
  }
}

/** Numbers in one byte order, one behind the other. */
class Fields {
  private readonly parts: Uint8Array[] = [];

  constructor(private readonly bigEndian: boolean) {}

  u16(...values: number[]): this {
    for (const value of values) this.number(2, (view) => view.setUint16(0, value, !this.bigEndian));
    return this;
  }

  u32(...values: number[]): this {
    for (const value of values) this.number(4, (view) => view.setUint32(0, value, !this.bigEndian));
    return this;
  }

  i64(value: bigint): this {
    return this.number(8, (view) => view.setBigInt64(0, value, !this.bigEndian));
  }

  bytes(bytes: Uint8Array): this {
    this.parts.push(bytes);
    return this;
  }

  get buffer(): Buffer {
    return Buffer.concat(this.parts);
  }

  private number(size: number, set: (view: DataView) => void): this {
    const bytes = new Uint8Array(size);
    set(new DataView(bytes.buffer));
    return this.bytes(bytes);
  }
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
