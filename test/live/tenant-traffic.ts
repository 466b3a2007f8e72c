// A tenant: two machines, each in a namespace, plugged into two ports of a switch. They say nothing but the frames of the test.

import type { Lab } from "./lab.js";
import type { RawPort } from "./raw-port.js";
import { type Addresses, KIND_NAMES, type Kind, numberOf, tenantFrame } from "./tenant-frames.js";
import { pause } from "./until.js";

/** Fewer than the sockets of a switch hold (212,992 bytes): whatever the load of the machine, none is lost on the way in. */
const UNDER_WAY = 32;
const STUCK = 15_000;
const KEPT = 8 << 20;
export const LENGTHS = [60, 61, 64, 98, 128, 333, 512, 1000, 1280, 1513, 1514];

export interface TenantOptions {
  readonly name: string;
  readonly number: number;
  /** The namespace with the switch. */
  readonly switch: string;
  /** Every tenant has the same addresses: only the tunnels tell them apart. */
  readonly overlapping?: boolean;
  /** Of its cables; 2,000 when absent. */
  readonly mtu?: number;
}

export interface ExchangeOptions {
  readonly kinds?: readonly Kind[];
  /** Bytes of a frame; used in turn. */
  readonly lengths?: readonly number[];
}

/** A raw socket gets frames without their tags. */
export const UNTAGGED: ExchangeOptions = { kinds: KIND_NAMES.filter((kind) => kind !== "vlan") };

interface Machine {
  readonly addresses: Addresses;
  readonly port: RawPort;
}

export class Tenant {
  readonly name: string;
  readonly number: number;
  /** Of the switch; `[0]` is machine 0's. */
  readonly ports: readonly [string, string];
  #counter = 0;

  private constructor(
    { name, number }: TenantOptions,
    private readonly machines: readonly [Machine, Machine],
  ) {
    this.name = name;
    this.number = number;
    this.ports = portsOf(name);
  }

  /** Builds the machines and plugs them in. The switch's ports are there and up, in no bridge yet. */
  static async plugIn(lab: Lab, options: TenantOptions): Promise<Tenant> {
    const ports = portsOf(options.name);
    const machine = async (i: 0 | 1): Promise<Machine> => {
      const addresses = addressesOf(options.overlapping ? 0 : options.number, i);
      const namespace = await lab.namespace(ports[i]);
      const cable = options.mtu === undefined ? {} : { mtu: options.mtu };
      await lab.link(
        { namespace, name: "eth0", mac: addresses.mac, silent: true },
        { namespace: options.switch, name: ports[i], silent: true },
        cable,
      );
      return { addresses, port: lab.port(namespace, "eth0", { receiveBuffer: KEPT }) };
    };
    return new Tenant(options, [await machine(0), await machine(1)]);
  }

  get macs(): readonly string[] {
    return this.machines.map(({ addresses }) => addresses.mac);
  }

  /** The machines' addresses, as a tenant's `addresses` lists them. */
  get addresses(): readonly string[] {
    return this.machines.flatMap(({ addresses: { ipv4, ipv6, mac } }) => [`${ipv4}/32`, `${ipv6}/128`, mac]);
  }

  /** The next frames, as the machines would send them in turn. */
  frames(count: number, { kinds = KIND_NAMES, lengths = LENGTHS }: ExchangeOptions = {}): Uint8Array[] {
    return Array.from({ length: count }, () => {
      const counter = this.#counter++;
      const [from, to] = [this.machines[counter & 1]!.addresses, this.machines[(counter + 1) & 1]!.addresses];
      const length = lengths[(counter * 7) % lengths.length]!;
      const kind = kinds[(counter >> 1) % kinds.length]!;
      return tenantFrame({ tenant: this.number, machine: counter & 1, counter, kind }, { from, to, length });
    });
  }

  /**
   * The machines send each other so many frames. Returns when each has arrived at the other machine, and gives what was sent, in
   * order; fails when a frame does not arrive, or another tenant's does.
   */
  async exchange(count: number, options: ExchangeOptions = {}): Promise<readonly Uint8Array[]> {
    const frames = this.frames(count, options);
    const underWay = new Set<number>();
    let next = 0;
    let progress = Date.now();
    while (next < count || underWay.size > 0) {
      while (next < count && underWay.size < UNDER_WAY) {
        const frame = frames[next++]!;
        const { machine, counter } = numberOf(frame)!;
        underWay.add(counter);
        if (!this.machines[machine]!.port.send(frame))
          throw new Error(`Port ${this.ports[machine]} took no frame`);
      }
      if (this.#receive(underWay)) progress = Date.now();
      else if (Date.now() - progress > STUCK)
        throw new Error(
          `${underWay.size} frames of ${this.name} did not arrive: ${[...underWay].slice(0, 8)}`,
        );
      await pause(0);
    }
    return frames;
  }

  /** Whether a frame arrived. */
  #receive(underWay: Set<number>): boolean {
    let received = false;
    for (const { port } of this.machines) {
      for (let frame = port.receive(); frame !== undefined; frame = port.receive()) {
        const number = numberOf(frame);
        if (number === undefined) continue; // of the switch itself
        if (number.tenant !== this.number)
          throw new Error(`${this.name} received a frame of tenant ${number.tenant}`);
        if (!underWay.delete(number.counter)) throw new Error(`${this.name} received a frame twice`);
        received = true;
      }
    }
    return received;
  }
}

function portsOf(name: string): readonly [string, string] {
  return [`${name}1`, `${name}2`];
}

function addressesOf(tenant: number, machine: 0 | 1): Addresses {
  const [high, low] = [tenant >> 8, tenant & 0xff];
  return {
    mac: `02:aa:${hex(high)}:${hex(low)}:00:0${machine + 1}`,
    ipv4: `10.${high}.${low}.${machine + 5}`,
    ipv6: `2001:db8:${tenant.toString(16)}::${machine + 5}`,
  };
}

const hex = (byte: number) => byte.toString(16).padStart(2, "0");
