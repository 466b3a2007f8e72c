// The cells that an image asks for by name: what is kept in them outlives a generation of the map.

/** Names, numbered from 1. */
export class CellNames {
  readonly names: string[] = [];
  readonly #shared = new Map<string, number>();

  /** Of a cell that one record has for itself. */
  own(name: string): number {
    return this.names.push(name);
  }

  /** Of a cell that all have who ask for the name. */
  shared(name: string): number {
    let number = this.#shared.get(name);
    if (number === undefined) {
      number = this.names.push(name);
      this.#shared.set(name, number);
    }
    return number;
  }
}
