// A Linux kernel of its own for the tests: QEMU without KVM, frames in at one network card and out at another.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const IMAGE = fileURLToPath(new URL("image.sh", import.meta.url));
const RECEIVER = fileURLToPath(new URL("receiver.sh", import.meta.url));
/** image.sh: a program or the kernel is not here. */
const UNAVAILABLE = 69;

/** Boots in 3 s on a machine that does nothing else, in 15 s on one that is busy. */
const BOOT_TIMEOUT = 90_000;
/** After the last frame that is waited for, more would be there by now; before it, the guest has lost something. */
const SETTLED = 500;
const STUCK = 15_000;

/** What a device of the guest counts. */
export interface DeviceCounters {
  readonly packets: number;
  /** Packets whose sequence number was one of the past. */
  readonly fifo: number;
}

/** A tunnel device, in iproute2's words; each filter lets frames out, and is known by its number. */
export interface TunnelDevice {
  readonly type: string;
  readonly filters: Readonly<Record<number, string>>;
}

export class Guest {
  private console = "";
  private received = new Map<number, string[]>();
  private count = 0;
  private lastReceived = 0;
  private rest: Buffer = Buffer.alloc(0);
  private input!: Socket;

  private constructor(
    private readonly qemu: ChildProcess,
    private readonly servers: readonly Server[],
  ) {}

  /** Undefined, and a warning, where QEMU or a kernel is missing. With SPANGATE_KERNEL=required (CI) that is an error. */
  static async boot(devices: readonly TunnelDevice[]): Promise<Guest | undefined> {
    const folder = mkdtempSync(join(tmpdir(), "spangate-guest-"));
    try {
      const [links, filters] = [join(folder, "devices"), join(folder, "filters")];
      writeFileSync(links, devices.map(linkLines).join(""));
      writeFileSync(filters, devices.map(filterLines).join(""));
      const lack = await makeImage([folder, RECEIVER, links, filters]);
      if (lack === undefined) return await Guest.start(folder);
      if (process.env.SPANGATE_KERNEL === "required") throw new Error(lack);
      console.warn(`${lack}: no kernel takes what is delivered out of its tunnels`);
      return undefined;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  private static async start(folder: string): Promise<Guest> {
    const servers = [createServer(), createServer()];
    const connections = servers.map((server) => once(server, "connection") as Promise<[Socket]>);
    for (const server of servers) await once(server.listen(0, "127.0.0.1"), "listening");
    const cards = servers.flatMap((server, i) => [
      ["-netdev", `socket,id=card${i},connect=127.0.0.1:${(server.address() as AddressInfo).port}`],
      // 02:00:00:00:00:02 is the next hop as long as nobody names one (assembly/README, Tunnels).
      ["-device", `virtio-net-pci,netdev=card${i},mac=02:00:00:00:00:0${2 + i},romfile=`],
    ]);
    const args = [
      // One processor: frames stay in order. Never KVM: the test runs where machines are nested.
      ...["-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "256", "-no-reboot"],
      ...["-nodefaults", "-display", "none", "-serial", "stdio"],
      ...["-kernel", join(folder, "vmlinuz"), "-initrd", join(folder, "initramfs")],
      ...["-append", "console=ttyS0 quiet panic=-1"],
      ...cards.flat(),
    ];
    const qemu = spawn("qemu-system-x86_64", args, { stdio: ["pipe", "pipe", "pipe"] });
    const guest = new Guest(qemu, servers);
    for (const stream of [qemu.stdout, qemu.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        guest.console += text;
      });
    try {
      const [[input], [output]] = (await Promise.race([Promise.all(connections), guest.ended()])) as [
        [Socket],
        [Socket],
      ];
      // A guest that is gone is missed by whoever waits for it.
      for (const socket of [input, output]) socket.on("error", () => {});
      guest.input = input;
      output.on("data", (bytes: Buffer) => guest.take(bytes));
      await guest.says("SPANGATE-READY", BOOT_TIMEOUT);
      return guest;
    } catch (error) {
      await guest.stop();
      throw error;
    }
  }

  /**
   * Sends frames; gives what came out, by filter, when `expected` have come and no more follow, or when none has come for long.
   */
  async exchange(frames: Iterable<string>, expected: number): Promise<ReadonlyMap<number, string[]>> {
    this.received = new Map();
    this.count = 0;
    this.lastReceived = Date.now();
    for (const frame of frames) this.input.write(message(frame));
    while (Date.now() - this.lastReceived < (this.count < expected ? STUCK : SETTLED)) {
      if (this.qemu.exitCode !== null) throw new Error(`The guest is gone:\n${this.console}`);
      await pause(50);
    }
    return this.received;
  }

  /** Of every device, by its name: `tun0` is the first of the tunnels. */
  async counters(): Promise<Map<string, DeviceCounters>> {
    this.console = "";
    this.qemu.stdin!.write("\n");
    await this.says("SPANGATE-COUNTED", STUCK);
    // Bytes, packets, errs, drop, fifo, ... received.
    const rows = this.console.matchAll(/^ *(\S+): +\d+ +(\d+) +\d+ +\d+ +(\d+) /gm);
    return new Map(
      Array.from(rows, ([, name, packets, fifo]) => [
        name!,
        { packets: Number(packets), fifo: Number(fifo) },
      ]),
    );
  }

  async stop(): Promise<void> {
    if (this.qemu.exitCode === null && this.qemu.kill("SIGKILL")) await once(this.qemu, "exit");
    for (const server of this.servers) server.close();
  }

  private async says(word: string, timeout: number): Promise<void> {
    const end = Date.now() + timeout;
    while (!this.console.includes(word)) {
      if (this.console.includes("SPANGATE-FAILED") || this.qemu.exitCode !== null || Date.now() > end)
        throw new Error(`The guest did not say ${word}:\n${this.console}`);
      await pause(20);
    }
  }

  private async ended(): Promise<never> {
    await once(this.qemu, "exit");
    throw new Error(`QEMU ended:\n${this.console}`);
  }

  /** Each frame on QEMU's stream is behind its length; in front of its EtherType is the tag with the filter's number. */
  private take(bytes: Buffer): void {
    let data = Buffer.concat([this.rest, bytes]);
    while (data.length >= 4 && data.length >= 4 + data.readUInt32BE(0)) {
      const frame = data.subarray(4, 4 + data.readUInt32BE(0));
      data = data.subarray(4 + frame.length);
      const hex = frame.toString("hex", 0, 12) + frame.toString("hex", 16);
      const filter = frame.readUInt16BE(14);
      const frames = this.received.get(filter);
      if (frames) frames.push(hex);
      else this.received.set(filter, [hex]);
      this.count++;
      this.lastReceived = Date.now();
    }
    this.rest = data;
  }
}

/** What is missing for it; undefined when it was made. */
function makeImage(args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    execFile(IMAGE, args, (error, _, stderr) => {
      if (error === null) resolve(undefined);
      else if (error.code === UNAVAILABLE) resolve(stderr.trim());
      else reject(new Error(`${error.message}\n${stderr}`));
    });
  });
}

function linkLines({ type }: TunnelDevice, i: number): string {
  return `link add tun${i} type ${type}\nlink set tun${i} arp off up\n`;
}

function filterLines({ filters }: TunnelDevice, i: number): string {
  const lines = Object.entries(filters).map(([number, filter]) => {
    const actions = `action vlan push id ${number} pipe action mirred egress redirect dev eth1`;
    return `filter add dev tun${i} ingress prio 1 protocol all ${filter} ${actions}\n`;
  });
  return `qdisc add dev tun${i} clsact\n${lines.join("")}`;
}

function message(frame: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(frame.length / 2);
  return Buffer.concat([length, Buffer.from(frame, "hex")]);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
