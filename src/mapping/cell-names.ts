// The cells that an image asks for by name: what is kept in them outlives a generation of the map.

/** Names, numbered from 1 in the order in which they were first asked for. */
export class CellNames {
  readonly names: string[] = [];
  readonly #numbers = new Map<string, number>();

  number(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.names.push(name);
      this.#numbers.set(name, number);
    }
    return number;
  }
}
