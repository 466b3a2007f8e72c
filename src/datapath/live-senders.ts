// All senders of a live gateway: whose sniffers are whose, where frames go, and what the threads have to say. The quarantine has one of its
// own, so that packets of no tenant keep nobody's waiting.

import type { LiveGatewayConfig } from "../config/schema.js";
import { type Engine, SenderThread } from "../engine/index.js";
import type { Link, User } from "../linux/index.js";
import type { BellSeat } from "./sender-bells.js";
import { SenderHandle } from "./sender-handle.js";
import type { SenderPlan } from "./sender-plan.js";
import {
  assertFolder,
  openFolder,
  openQuarantine,
  openSocketSink,
  openTap,
  type QuarantineFile,
  type SinkPlace,
} from "./sink-places.js";

/** Packets of no tenant that wait to be written. */
const QUARANTINED = 512;
/** In words: no sniffer is called so. */
const QUARANTINE = "the quarantine";
const MOST_UNTOLD = 100;

type LiveSniffer = LiveGatewayConfig["sniffers"][number];

/** Where a sniffer's frames go, and what the configuration said of it. */
interface Place {
  readonly place: SinkPlace;
  readonly words: string;
  /** Where they went under the map before. */
  before: SinkPlace | undefined;
}

export interface SenderOptions {
  readonly config: LiveGatewayConfig;
  readonly engine: Engine;
  readonly plan: SenderPlan;
  /** The delivery interface, where it is one. */
  readonly link: Link | undefined;
  /** As whom the gateway is going to run, if as another. */
  readonly owner: User | undefined;
  /** Another gateway, whose place this one takes, still writes to the same. */
  readonly isSuccessor: boolean;
}

export class LiveSenders {
  /** Rejects when one of them says that the gateway has to end. */
  readonly broken: Promise<never>;
  /** What is not as it should be, each in one line. */
  readonly #troubles = new Map<string, string>();
  readonly #options: SenderOptions;
  readonly #senders: readonly SenderHandle[];
  readonly #quarantine: SenderHandle | undefined;
  #quarantineFile: QuarantineFile | undefined;
  /** As the user that the gateway is for good. */
  #isRunning = false;
  /** By sniffer. */
  readonly #places = new Map<string, Place>();
  /** By sender: the socket that its sniffers behind the delivery interface share. */
  readonly #sockets = new Map<number, SinkPlace>();
  /** By queue: its notes, for good; and what is to be closed when its sender has left it. */
  readonly #notes = new Map<number, number>();
  readonly #leaving = new Map<number, SinkPlace | undefined>();
  #told: ((text: string) => void) | undefined;
  /** What was said before anybody listened. */
  readonly #untold: string[] = [];

  private constructor(options: SenderOptions) {
    this.#options = options;
    const { engine, plan, config } = options;
    let reject!: (error: unknown) => void;
    this.broken = new Promise((_, no) => {
      reject = no;
    });
    this.broken.catch(() => {});
    const listener = {
      trouble: (name: string, text: string | undefined) => this.#hear(name, text),
      remark: (text: string) => this.#tell(text),
      fatal: reject,
      left: (queue: number) => this.#left(queue),
      replaced: (queue: number) => this.#close(queue),
    };
    this.#senders = Array.from({ length: plan.count }, () => new SenderHandle(engine, listener));
    if (config.quarantine !== undefined) this.#quarantine = new SenderHandle(engine, listener);
  }

  /**
   * Opens what the sniffers' frames and the quarantine's go to; `start` sets the threads going, when the first map is in force.
   *
   * @throws SpangateError CONFIG_INVALID, NOT_PERMITTED, SYSTEM_CALL, IO_FAILED
   */
  static open(options: SenderOptions): LiveSenders {
    const senders = new LiveSenders(options);
    try {
      senders.prepare(options.config.sniffers);
      const { quarantine } = options.config;
      if (quarantine !== undefined)
        senders.#quarantineFile = openQuarantine(quarantine, options.owner, options.isSuccessor);
      return senders;
    } catch (error) {
      senders.close();
      throw error;
    }
  }

  /** For workers, by the senders' numbers. */
  get bells(): BellSeat[] {
    return this.#all.map(({ bell }) => bell);
  }

  get #all(): readonly SenderHandle[] {
    return this.#quarantine === undefined ? this.#senders : [...this.#senders, this.#quarantine];
  }

  /** What whoever runs the gateway should know of the places, each in one line. */
  get notes(): string[] {
    return [...this.#places.values()].flatMap(({ place }) => place.warning ?? []);
  }

  /** What is wrong now, each in one line. */
  get troubles(): string[] {
    return [...this.#troubles.values()];
  }

  /** `told` hears what is said from now on, and what was before. */
  follow(told: (text: string) => void): void {
    this.#told = told;
    for (const text of this.#untold.splice(0)) told(text);
  }

  /**
   * Opens what sniffers need that have nothing yet, or something else. Right before a map that names them is compiled, as queues know their
   * sender, and what one of them had before another must not get. Gives how to undo it.
   *
   * @throws SpangateError as `open`, and then all is as it was
   */
  prepare(sniffers: readonly LiveSniffer[]): () => void {
    const { plan, config } = this.#options;
    const before = new Map(this.#places);
    const opened: [name: string, place: SinkPlace, words: string][] = [];
    const unplan = plan.change([...sniffers]);
    const undo = () => {
      for (const [, place] of opened) place.close();
      this.#places.clear();
      for (const [name, place] of before) this.#places.set(name, place);
      unplan();
    };
    try {
      for (const sniffer of sniffers) {
        const sender = plan.senderOf(sniffer.name);
        if (sender === undefined) continue;
        const words = wordsOf(sniffer, sender);
        if (this.#places.get(sniffer.name)?.words === words) continue;
        const place = this.#open(sniffer, sender);
        opened.push([sniffer.name, place, words]);
        if (this.#isRunning) assertFolder(place.seat, config.user);
      }
    } catch (error) {
      undo();
      throw error;
    }
    for (const [name, place, words] of opened)
      this.#places.set(name, { place, words, before: this.#places.get(name)?.place });
    return undo;
  }

  #open(sniffer: LiveSniffer, sender: number): SinkPlace {
    const { engine, link, owner } = this.#options;
    switch (sniffer.deliver) {
      case "tap":
        return openTap(sniffer.interface);
      case "pcap":
        return openFolder(sniffer, owner);
      default: {
        const socket = this.#sockets.get(sender) ?? openSocketSink(engine, link!);
        this.#sockets.set(sender, socket);
        return { seat: socket.seat, close: () => {} };
      }
    }
  }

  /** As whom the gateway runs now. Nothing refuses it any more after this: the quarantine is emptied. @throws SpangateError */
  assertWritable(): void {
    for (const { place } of this.#places.values()) assertFolder(place.seat, this.#options.config.user);
    this.#quarantineFile?.empty();
    this.#isRunning = true;
  }

  /** Starts the threads. Rejects with what keeps one from starting. */
  async start(): Promise<void> {
    const { engine } = this.#options;
    if (this.#quarantine !== undefined && this.#quarantineFile !== undefined) {
      const queue = engine.queues.openQuarantine(QUARANTINED, this.#senders.length);
      const { seat: sink } = this.#quarantineFile;
      await this.#quarantine.add({ name: QUARANTINE, queue, notes: this.#notesOf(queue), sink });
    }
    await this.enter();
  }

  /** Queues of the map in force get their senders. After a map was replaced. */
  async enter(): Promise<void> {
    const { engine, plan } = this.#options;
    const works: Promise<void>[] = [];
    for (const [name, each] of this.#places) {
      const sender = this.#senders[plan.senderOf(name) ?? -1];
      const queue = engine.queues.present(name);
      if (sender === undefined || queue === undefined) continue;
      const present = sender.outlets.get(queue);
      const { seat } = each.place;
      if (present?.name === name && present.sink === seat) continue;
      engine.queues.attend(queue);
      if (present !== undefined) {
        this.#leaving.set(queue, each.before);
        each.before = undefined;
      }
      works.push(sender.add({ name, queue, notes: this.#notesOf(queue), sink: seat }));
    }
    await Promise.all(works);
  }

  /** Queues that the map in force does not name drain, and are nobody's. When every worker has seen that map. */
  retire(): void {
    const { engine, plan } = this.#options;
    for (const sender of this.#senders) {
      for (const [queue, { name }] of sender.outlets) {
        if (engine.queues.present(name) === queue && plan.senderOf(name) !== undefined) continue;
        const each = this.#places.get(name);
        const isGone = plan.senderOf(name) === undefined;
        this.#leaving.set(queue, isGone ? each?.place : each?.before);
        if (isGone) this.#places.delete(name);
        else if (each !== undefined) each.before = undefined;
        sender.remove(queue);
      }
    }
  }

  #notesOf(queue: number): number {
    let notes = this.#notes.get(queue);
    if (notes === undefined) {
      notes = SenderThread.notes(this.#options.engine.memory);
      this.#notes.set(queue, notes);
    }
    return notes;
  }

  #left(queue: number): void {
    this.#options.engine.queues.unattend(queue);
    this.#close(queue);
  }

  /** What a sender used for this queue and does no more. */
  #close(queue: number): void {
    this.#leaving.get(queue)?.close();
    this.#leaving.delete(queue);
  }

  #hear(name: string, text: string | undefined): void {
    if (text === undefined) {
      const before = this.#troubles.get(name);
      this.#troubles.delete(name);
      if (before !== undefined) this.#tell(`no more: ${before}`);
      return;
    }
    this.#troubles.set(name, text);
    this.#tell(text);
  }

  #tell(text: string): void {
    if (this.#told !== undefined) this.#told(text);
    else if (this.#untold.length < MOST_UNTOLD) this.#untold.push(text);
  }

  /** Sends what is queued for `deadline` milliseconds at the most, and ends. Gives what went wrong, if anything did. */
  async stop(deadline: number): Promise<unknown> {
    const failures = await Promise.all(this.#all.map((sender) => sender.stop(deadline)));
    return failures.find((failure) => failure !== undefined);
  }

  /** Ends all wherever they are. */
  async terminate(): Promise<void> {
    await Promise.all(this.#all.map((sender) => sender.terminate()));
  }

  /** When neither senders nor workers run any more. */
  close(): void {
    for (const { place, before } of this.#places.values()) {
      place.close();
      before?.close();
    }
    for (const place of this.#leaving.values()) place?.close();
    for (const socket of this.#sockets.values()) socket.close();
    this.#quarantineFile?.close();
    for (const sender of this.#all) sender.close();
  }
}

/** What another place is opened for when it changes. */
function wordsOf(sniffer: LiveSniffer, sender: number): string {
  switch (sniffer.deliver) {
    case "tap":
      return `tap ${sniffer.interface}`;
    case "pcap":
      return `pcap ${JSON.stringify([sniffer.directory, sniffer.rotate, sniffer.diskFull])}`;
    default:
      return `packet ${sender}`;
  }
}
