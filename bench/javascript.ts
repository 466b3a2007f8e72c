// The JavaScript yardstick: decoding by the decoders of npm's `cap` (Ethernet, IPv4, UDP) and plain reads where it has none (GRE,
// ERSPAN, VXLAN); or the least of a gateway, where besides a Map finds the tenant, the destination MAC is written, and the frame is
// put on a list. No check, no session, no sequence, no queue, no verdict.

import { createRequire } from "node:module";
import { BATCH } from "../assembly/memory/layout.js";
import type { ArrivingFrame, Runner, Scenario } from "./race.js";
import { median } from "./table.js";

const IPV4 = 0x0800;
const GRE = 47;
const UDP = 17;
const VXLAN = 4789;

interface Decoders {
  Ethernet(bytes: Buffer): { info: { type?: number }; offset: number };
  IPV4(bytes: Buffer, offset: number): { info: { srcaddr: string; protocol: number }; offset: number };
  UDP(bytes: Buffer, offset: number): { info: { dstport: number }; offset: number };
}

/** `cap` is optional: it needs libpcap and a compiler where it is installed. */
function loadDecoders(): Decoders | undefined {
  try {
    return createRequire(import.meta.url)("cap/lib/Decoders") as Decoders;
  } catch {
    return undefined;
  }
}

export type JavaScriptWork = "decoding" | "decoding and delivery";

/** What a tunnel header leads to. */
interface Mirrored {
  readonly source: string;
  readonly encapsulation: string;
  readonly id: number;
  /** Offset of the inner frame. */
  readonly inner: number;
}

export class JavaScriptRunner implements Runner {
  readonly name = "JavaScript";
  readonly #scenario: Scenario;
  readonly #decoders: Decoders;
  readonly #work: JavaScriptWork;
  /** MAC of the sniffer by what the tunnel says. */
  readonly #tenants = new Map<string, Buffer>();
  readonly #places: Buffer[];
  #packets = 0;
  /** Of all packets decoded so far: they are not decoded for nothing. */
  #innerOffsets = 0;

  private constructor(scenario: Scenario, decoders: Decoders, work: JavaScriptWork) {
    this.#scenario = scenario;
    this.#decoders = decoders;
    this.#work = work;
    this.#places = Array.from({ length: scenario.inFlight }, () => Buffer.alloc(2048));
    for (const { bytes } of scenario.frames) {
      const key = keyOf(this.#decode(Buffer.from(bytes)));
      if (key !== undefined) this.#tenants.set(key, Buffer.from([2, 0, 0, 0, 0, this.#tenants.size & 0xff]));
    }
  }

  /** Undefined when `cap` is not installed. */
  static create(scenario: Scenario, work: JavaScriptWork): JavaScriptRunner | undefined {
    const decoders = loadDecoders();
    return decoders && new JavaScriptRunner(scenario, decoders, work);
  }

  async run(rounds: number): Promise<number> {
    const spent: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const frames = this.#restore();
      for (let first = 0; first < frames.length; first += BATCH) {
        const begin = performance.now();
        if (this.#work === "decoding") this.#decodeBatch(frames, first);
        else this.#deliverBatch(frames, first);
        spent.push(performance.now() - begin);
      }
    }
    return median(spent) * 1e6;
  }

  stop(): void {}

  #restore(): Buffer[] {
    const { frames } = this.#scenario;
    return this.#places.map((place) => {
      const { bytes }: ArrivingFrame = frames[this.#packets++ % frames.length]!;
      place.set(bytes);
      return place.subarray(0, bytes.length);
    });
  }

  #decodeBatch(frames: readonly Buffer[], first: number): void {
    for (let i = first; i < first + BATCH; i++) this.#innerOffsets += this.#decode(frames[i]!)?.inner ?? 0;
  }

  #deliverBatch(frames: readonly Buffer[], first: number): void {
    const sent: Buffer[] = [];
    for (let i = first; i < first + BATCH; i++) this.#deliver(frames[i]!, sent);
  }

  #deliver(frame: Buffer, sent: Buffer[]): void {
    const mirrored = this.#decode(frame);
    const key = keyOf(mirrored);
    const mac = key === undefined ? undefined : this.#tenants.get(key);
    if (mac === undefined) return;
    mac.copy(frame, mirrored!.inner);
    sent.push(frame.subarray(mirrored!.inner));
  }

  #decode(frame: Buffer): Mirrored | undefined {
    const link = this.#decoders.Ethernet(frame);
    if (link.info.type !== IPV4) return undefined;
    const { info, offset } = this.#decoders.IPV4(frame, link.offset);
    const source = info.srcaddr;
    if (info.protocol === UDP) {
      const udp = this.#decoders.UDP(frame, offset);
      if (udp.info.dstport !== VXLAN) return undefined;
      return {
        source,
        encapsulation: "vxlan",
        id: frame.readUIntBE(udp.offset + 4, 3),
        inner: udp.offset + 8,
      };
    }
    if (info.protocol !== GRE) return undefined;
    const protocol = frame.readUInt16BE(offset + 2);
    const erspan = offset + ((frame[offset]! & 0x10) === 0 ? 4 : 8);
    if (protocol !== 0x88be && protocol !== 0x22eb) return undefined;
    const id = frame.readUInt16BE(erspan + 2) & 0x3ff;
    if (protocol === 0x88be) return { source, encapsulation: "erspan", id, inner: erspan + 8 };
    const platform = (frame[erspan + 11]! & 1) === 0 ? 0 : 8;
    return { source, encapsulation: "erspan", id, inner: erspan + 12 + platform };
  }
}

function keyOf(mirrored: Mirrored | undefined): string | undefined {
  return mirrored && `${mirrored.encapsulation} ${mirrored.source} ${mirrored.id}`;
}
