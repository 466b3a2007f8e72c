// `--comments`: what the tunnel said and the decoded frame does not, as a comment of its packet block.

import * as at from "../../assembly/memory/layout.js";
import { DIRECTIONS, ENCAPSULATIONS, type Engine, type Stretch } from "../engine/index.js";

const LONGEST = 256;

export class Comments {
  readonly #engine: Engine;
  readonly #text: Stretch;
  readonly #encoder = new TextEncoder();

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#text = engine.allocate(at.BATCH * LONGEST);
  }

  /** Gives descriptor `number` its comment. */
  write(number: number): void {
    const start = number * LONGEST;
    const place = this.#text.bytes().subarray(start, start + LONGEST);
    const { written } = this.#encoder.encodeInto(this.#words(number).join(" "), place);
    this.#engine.batch.setWord(number, at.COMMENT, this.#text.address + start);
    this.#engine.batch.setWord(number, at.COMMENT_LENGTH, written);
  }

  #words(number: number): string[] {
    const { batch } = this.#engine;
    const words = [`packet ${batch.packet(number)}`];
    if (batch.verdict(number) !== 0) return words;
    const has = batch.word(number, at.HAS);
    const encapsulation = ENCAPSULATIONS[batch.byte(number, at.ENCAPSULATION)]!;
    const type = batch.byte(number, at.ERSPAN_TYPE);
    words.push(type === 0 ? encapsulation : `${encapsulation} type ${type}`);
    words.push(`${batch.source(number)} > ${batch.destination(number)}`);
    if ((has & at.HAS_ID) !== 0) words.push(`id ${batch.word(number, at.ID)}`);
    if ((has & at.HAS_SEQUENCE) !== 0) words.push(`sequence ${batch.word(number, at.SEQUENCE)}`);
    const direction = DIRECTIONS[batch.byte(number, at.DIRECTION)];
    if (direction !== undefined)
      words.push(`direction ${direction}`, `hardware ${batch.byte(number, at.HARDWARE_ID)}`);
    const vlan = batch.outerVlan(number);
    if (vlan >= 0) words.push(`outer VLAN ${vlan}`);
    if ((has & at.HAS_TRUNCATED) !== 0) words.push("cut by the mirror");
    if ((has & at.HAS_RESTORED) !== 0) words.push("VLAN tag restored");
    if ((has & at.HAS_SYNTHETIC) !== 0) words.push("Ethernet header synthetic");
    if ((has & at.HAS_DATAGRAM) !== 0) words.push("reassembled");
    return words;
  }
}
