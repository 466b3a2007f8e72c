// Tenant records: the addresses a tenant may appear under, how much of a packet it gets and how much in all, and its sniffers.

import * as at from "../../assembly/memory/layout.js";
import type { GatewayConfig } from "../config/schema.js";
import type { Tenant } from "../config/tenants.js";
import { addOwnAddresses } from "./addresses.js";
import { balanceTable } from "./balance.js";
import { bucketOf } from "./bucket.js";
import type { CellNames } from "./cell-names.js";
import { longer, words } from "./image-memory.js";
import { ShapeLists } from "./shapes.js";
import type { Slots } from "./slots.js";
import { SnifferNumbers } from "./sniffer-numbers.js";

/** Words (of 4 bytes) in a record, and where in it they stand. */
const SIZE = at.TENANT_SIZE / 4;
const FLAGS = at.TENANT_FLAGS / 4;
const SHAPES = at.TENANT_SHAPES / 4;
const SHAPE_COUNT = at.TENANT_SHAPE_COUNT / 4;
const SNAPLEN = at.TENANT_SNAPLEN / 4;
const SNIFFERS = at.TENANT_SNIFFERS / 4;
const SNIFFER_COUNT = at.TENANT_SNIFFER_COUNT / 4;
const BALANCE = at.TENANT_BALANCE / 4;
const BALANCE_MASK = at.TENANT_BALANCE_MASK / 4;
const BUCKET = at.TENANT_BUCKET / 4;

const WHOLE = 0xffffffff;

/** Writes one record for each of the configuration's tenants. */
export class TenantRecords {
  readonly shapes = new ShapeLists();
  readonly #words: Uint32Array;
  readonly #slots: Slots;
  readonly #cells: CellNames;
  readonly #sniffers: SnifferNumbers;
  #chosen: Uint32Array;
  #chosenCount = 0;
  readonly #tables: Uint16Array[] = [];
  /** Places in the tables so far. */
  #places = 0;

  constructor({ tenants, sniffers }: GatewayConfig, slots: Slots, cells: CellNames) {
    this.#words = words(tenants.length * SIZE);
    this.#chosen = words(Math.max(16, sniffers.length));
    this.#slots = slots;
    this.#cells = cells;
    this.#sniffers = new SnifferNumbers(sniffers);
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.#words.buffer);
  }

  /** Numbers of all tenants' sniffers, one tenant's behind another's. */
  sniffersOfTenants(): Uint32Array {
    return this.#chosen.subarray(0, this.#chosenCount);
  }

  /** The tables of all tenants with `fanout: balance`, one behind another. */
  balance(): Uint16Array {
    const all = new Uint16Array(this.#places);
    let place = 0;
    for (const table of this.#tables) {
      all.set(table, place);
      place += table.length;
    }
    return all;
  }

  /** What classification asks of tenant number `t`. */
  add(t: number, { addresses, nonIp, snaplen }: Tenant): void {
    const shapes = addOwnAddresses(addresses, t, this.#slots);
    const record = t * SIZE;
    this.#words[record + SNAPLEN] = snaplen ?? WHOLE;
    let flags = nonIp === "deliver" ? at.TENANT_NON_IP : 0;
    if (shapes.length > 0) {
      flags |= at.TENANT_HAS_ADDRESSES;
      if (addresses.some(({ family }) => family === "mac")) flags |= at.TENANT_HAS_MAC;
      this.#words[record + SHAPES] = this.shapes.place(shapes);
      this.#words[record + SHAPE_COUNT] = shapes.length;
    }
    this.#words[record + FLAGS] = flags;
  }

  /** What delivery asks of it. */
  addDelivery(t: number, { name, sniffers, fanout, rate }: Tenant): void {
    const record = t * SIZE;
    this.#words[record + SNIFFERS] = this.#chosenCount;
    this.#words[record + SNIFFER_COUNT] = sniffers.length;
    for (let i = 0; i < sniffers.length; i++) {
      if (this.#chosenCount === this.#chosen.length) this.#chosen = longer(this.#chosen);
      this.#chosen[this.#chosenCount++] = this.#sniffers.number(sniffers[i]!);
    }
    // Among one there is nothing to choose.
    if (fanout === "balance" && sniffers.length > 1) this.#addBalance(record, sniffers.length);
    if (rate !== undefined) this.#addRate(record, name, rate);
  }

  #addBalance(record: number, count: number): void {
    const chosen = this.#chosen.subarray(this.#chosenCount - count, this.#chosenCount);
    const table = balanceTable(Array.from(chosen, (number) => this.#sniffers.list[number]!));
    this.#words[record + BALANCE] = this.#places + 1;
    this.#words[record + BALANCE_MASK] = table.length - 1;
    this.#tables.push(table);
    this.#places += table.length;
  }

  #addRate(record: number, name: string, rate: number): void {
    const { cost, burst } = bucketOf(rate);
    const view = new DataView(this.#words.buffer, record * 4);
    this.#words[record + BUCKET] = this.#cells.tenant(name);
    view.setBigUint64(at.TENANT_COST, cost, true);
    view.setBigUint64(at.TENANT_BURST, burst, true);
  }
}
