// The cells that an image asks for by name: what is kept in them outlives a generation of the map.

/** Names by what they are of; a record has a name's number in its list, from 1. */
export class CellNames {
  readonly tenants: string[] = [];
  readonly sniffers: string[] = [];
  readonly destinations: string[] = [];
  readonly #numbers = new Map<string, number>();

  /** Number of the token bucket of a tenant. */
  tenant(name: string): number {
    return this.tenants.push(name);
  }

  /** Number of the token bucket of a sniffer. */
  sniffer(name: string): number {
    return this.sniffers.push(name);
  }

  /** Number of the cell that all have who send to a destination. */
  destination(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.destinations.push(name);
      this.#numbers.set(name, number);
    }
    return number;
  }
}
