// A tenant map on its way into linear memory: built beside the one in force, then switched to. Two generations at a time.
//
//   generation ─▶ ┌────────┬─────────────┬────────┬─────────┬──────────┬───────────────┬─────────┬─────────┐
//                 │ header │ exact table │ shapes │ tenants │ sniffers │ their         │ balance │ images  │
//                 │        │             │        │         │          │ addresses     │ tables  │ to enter│
//                 └────────┴─────────────┴────────┴─────────┴──────────┴───────────────┴─────────┴─────────┘

import * as at from "../../assembly/memory/layout.js";
import { SpangateError } from "../errors.js";
import { CellStore } from "./cells.js";
import type { MapImage } from "./map-image.js";
import { LINE, type LinearMemory, powerOfTwo, type Stretch } from "./memory.js";
import type { QueueBook } from "./queue-book.js";
import type { EngineExports } from "./wasm.js";

/** Slot images that are entered with one call: few enough that the processor's cache still has them. */
const ENTERED_AT_ONCE = 4096;

/** Puts map images into memory. */
export class MapStore {
  readonly #memory: LinearMemory;
  readonly #exports: EngineExports;
  readonly #queues: QueueBook;
  readonly #cells: { readonly [Of in keyof Cells]: CellStore };
  readonly #stretches: [Stretch | undefined, Stretch | undefined] = [undefined, undefined];
  /** Number of the generation in force, 0 before the first. */
  #number = 0;

  constructor(memory: LinearMemory, exports: EngineExports, queues: QueueBook) {
    this.#memory = memory;
    this.#exports = exports;
    this.#queues = queues;
    const [tenants, sniffers, destinations] = [1, 2, 3].map(() => new CellStore(memory));
    this.#cells = { tenants: tenants!, sniffers: sniffers!, destinations: destinations! };
  }

  get number(): number {
    return this.#number;
  }

  /**
   * Builds `image` beside the map in force and switches to it. Gives its generation number.
   *
   * Throws MAP_TOO_LARGE when memory cannot hold both, CONFIG_INVALID when two slots have one key, and what the queues throw;
   * then, as after any error, the map in force stays.
   */
  install(image: MapImage): number {
    const plan = planOf(image);
    const { address, fresh } = this.#stretch(plan.size);
    const cells = this.#reserve(plan.size, () => ({
      tenants: this.#cells.tenants.begin(image.cells.tenants),
      sniffers: this.#cells.sniffers.begin(image.cells.sniffers),
      destinations: this.#cells.destinations.begin(image.cells.destinations),
    }));
    // Fresh memory is zero, and is better not touched before it is needed.
    // By words: of shared memory V8 fills each element by itself.
    if (!fresh) this.#memory.u32.fill(0, address >>> 2, (address + plan.images) >>> 2);
    this.#enter(image, address, plan);
    this.#copy(image, address, plan);
    this.#relocateTenants(image, address, plan, cells);
    this.#withQueues(() => this.#relocateSniffers(image, address, plan, cells));
    for (const store of Object.values(this.#cells)) store.commit();
    this.#exports.publish(address);
    return ++this.#number;
  }

  #withQueues(relocate: () => void): void {
    this.#queues.beginMap(this.#number + 1);
    try {
      relocate();
    } catch (cause) {
      this.#queues.refuseMap();
      throw cause;
    }
  }

  /** The header and the exact table. */
  #enter({ slots, ...image }: MapImage, address: number, plan: Plan): void {
    const { u8, u32 } = this.#memory;
    const header = address >>> 2;
    const set = (field: number, value: number) => {
      u32[header + field / 4] = value;
    };
    const ownerShapes = address + plan.shapes + image.identityShapes.length;
    set(at.MAP_NUMBER, this.#number + 1);
    set(at.MAP_TABLE, address + at.MAP_HEADER_SIZE);
    set(at.MAP_MASK, plan.slots - 1);
    set(at.MAP_TENANTS, address + plan.tenants);
    set(at.MAP_IDENTITY_SHAPES, address + plan.shapes);
    set(at.MAP_IDENTITY_SHAPE_COUNT, image.identityShapes.length / at.SHAPE_SIZE);
    set(at.MAP_OWNER_SHAPES, ownerShapes);
    set(at.MAP_OWNER_SHAPE_COUNT, image.ownerShapes.length / at.SHAPE_SIZE);
    set(at.MAP_FLAGS, image.flags);
    set(at.MAP_SNIFFERS, address + plan.sniffers);
    set(at.MAP_SNIFFER_COUNT, image.queues.length);
    set(at.MAP_FILTER, address + plan.filter);
    set(at.MAP_FILTER_MASK, filterWords(image) - 1);
    const images = address + plan.images;
    for (let from = 0; from < slots.length; from += ENTERED_AT_ONCE * at.KEY_SIZE) {
      const some = slots.subarray(from, from + ENTERED_AT_ONCE * at.KEY_SIZE);
      u8.set(some, images);
      const refused = this.#exports.mapBuild(address, images, some.length / at.KEY_SIZE) >>> 0;
      if (refused === 0) continue;
      throw new SpangateError("CONFIG_INVALID", "Two entries of a tenant map have one key.", {
        details: { entry: (from + refused - images) / at.KEY_SIZE },
      });
    }
  }

  /** Everything that stands in memory as in the image, and what is relocated next. */
  #copy(image: MapImage, address: number, plan: Plan): void {
    const { u8 } = this.#memory;
    let shapes = address + plan.shapes;
    for (const part of [image.identityShapes, image.ownerShapes, image.tenantShapes]) {
      u8.set(part, shapes);
      shapes += part.length;
    }
    u8.set(image.tenants, address + plan.tenants);
    const { sniffersOfRecords: numbers } = image;
    for (let first = 0; first < numbers.length; ) {
      // Most lists have a record for each sniffer, or for each of many.
      let end = first + 1;
      while (end < numbers.length && numbers[end] === numbers[end - 1]! + 1) end++;
      const records = image.sniffers.subarray(first * at.SNIFFER_SIZE, end * at.SNIFFER_SIZE);
      u8.set(records, address + plan.sniffers + numbers[first]! * at.SNIFFER_SIZE);
      first = end;
    }
    u8.set(bytesOf(image.balance), address + plan.balance);
  }

  #relocateTenants(image: MapImage, address: number, plan: Plan, cells: Cells): void {
    const { u32 } = this.#memory;
    const shapes = address + plan.shapes + image.identityShapes.length + image.ownerShapes.length;
    const sniffers = address + plan.sniffers;
    const list = address + plan.list;
    const numbers = image.sniffersOfTenants;
    for (let i = 0; i < numbers.length; i++) {
      u32[(list >>> 2) + i] = sniffers + numbers[i]! * at.SNIFFER_SIZE;
    }
    const first = (address + plan.tenants) >>> 2;
    const last = first + image.tenants.length / 4;
    for (let record = first; record < last; record += at.TENANT_SIZE / 4) {
      u32[record + at.TENANT_SHAPES / 4]! *= at.SHAPE_SIZE;
      u32[record + at.TENANT_SHAPES / 4]! += shapes;
      if (u32[record + at.TENANT_SNIFFER_COUNT / 4] === 0) continue;
      const place = list + u32[record + at.TENANT_SNIFFERS / 4]! * 4;
      u32[record + at.TENANT_SNIFFERS / 4] = place;
      u32[record + at.TENANT_SNIFFER / 4] = u32[place >>> 2]!;
      const balance = u32[record + at.TENANT_BALANCE / 4]!;
      if (balance !== 0) u32[record + at.TENANT_BALANCE / 4] = address + plan.balance + (balance - 1) * 2;
      const bucket = u32[record + at.TENANT_BUCKET / 4]!;
      if (bucket !== 0) u32[record + at.TENANT_BUCKET / 4] = cells.tenants[bucket - 1]!;
    }
  }

  #relocateSniffers({ queues }: MapImage, address: number, plan: Plan, cells: Cells): void {
    let record = address + plan.sniffers;
    for (let i = 0; i < queues.length; i++, record += at.SNIFFER_SIZE) {
      const { name, queue, overflow } = queues[i]!;
      const number = this.#queues.number(name, queue, overflow === "drop-oldest");
      const { u32 } = this.#memory;
      u32[(record + at.SNIFFER_QUEUE) >>> 2] = number;
      const bucket = u32[(record + at.SNIFFER_BUCKET) >>> 2]!;
      if (bucket !== 0) u32[(record + at.SNIFFER_BUCKET) >>> 2] = cells.sniffers[bucket - 1]!;
      const state = u32[(record + at.SNIFFER_STATE) >>> 2]!;
      if (state !== 0) u32[(record + at.SNIFFER_STATE) >>> 2] = cells.destinations[state - 1]!;
      const datagrams = u32[(record + at.SNIFFER_DATAGRAMS) >>> 2]!;
      if (datagrams !== 0) u32[(record + at.SNIFFER_DATAGRAMS) >>> 2] = cells.destinations[datagrams - 1]!;
      this.#exports.prepareSniffer(record);
    }
  }

  /** Where the stretch lies that is not in force; another when it is too small. */
  #stretch(size: number): { address: number; fresh: boolean } {
    const side = this.#number & 1;
    const present = this.#stretches[side];
    if (present !== undefined && present.length >= size) return { address: present.address, fresh: false };
    const stretch = this.#reserve(size, () => this.#memory.allocate(powerOfTwo(size)));
    this.#stretches[side] = stretch;
    return { address: stretch.address, fresh: true };
  }

  #reserve<T>(size: number, allocate: () => T): T {
    try {
      return allocate();
    } catch (cause) {
      const message = `The tenant map needs ${size} bytes beside the one in force, which the engine's memory does not have.`;
      throw new SpangateError("MAP_TOO_LARGE", message, { cause, details: { needed: size } });
    }
  }
}

/** Addresses of a generation's cells, by their place in the image's lists. */
type Cells = Readonly<Record<keyof MapImage["cells"], readonly number[]>>;

/** Where each part of a generation lies: bytes from its beginning. */
interface Plan {
  /** Of the exact table, whose slots stand behind the header. */
  readonly slots: number;
  readonly shapes: number;
  readonly tenants: number;
  readonly sniffers: number;
  readonly list: number;
  readonly balance: number;
  readonly filter: number;
  readonly images: number;
  readonly size: number;
}

function planOf(image: MapImage): Plan {
  const count = image.slots.length / at.KEY_SIZE;
  const slots = powerOfTwo(Math.max(16, count * 2));
  let size = at.MAP_HEADER_SIZE;
  const after = (length: number) => {
    size = align(size + length);
    return size;
  };
  const { identityShapes, ownerShapes, tenantShapes } = image;
  const shapes = after(slots * at.KEY_SIZE);
  const tenants = after(identityShapes.length + ownerShapes.length + tenantShapes.length);
  const sniffers = after(image.tenants.length);
  const list = after(image.queues.length * at.SNIFFER_SIZE);
  const balance = after(image.sniffersOfTenants.byteLength);
  const filter = after(image.balance.byteLength);
  const images = after(at.FILTER_TAILS + filterWords(image) * 8);
  return {
    slots,
    shapes,
    tenants,
    sniffers,
    list,
    balance,
    filter,
    images,
    size: after(Math.min(count, ENTERED_AT_ONCE) * at.KEY_SIZE),
  };
}

/** 32 bits an address, two of them set: of packets that are no loop, one in a hundred is looked up as if it were. */
function filterWords({ loopAddresses }: Pick<MapImage, "loopAddresses">): number {
  return powerOfTwo(Math.max(8, loopAddresses / 2));
}

/** Records begin on a cache line of their own. */
function align(length: number): number {
  return Math.ceil(length / LINE) * LINE;
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint16Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
