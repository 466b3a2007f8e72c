// Delivery: from a decoded packet of a tenant to its sniffers' queues. assembly/README.md "Decisions about delivery",
// step by step. How many slots there are is outside the reference: there are always enough.

import { balanceTable } from "./balance.js";
import { TokenBucket } from "./bucket.js";
import type { ReferenceResult } from "./decoder.js";
import { flowHash } from "./flow.js";
import { Preparer } from "./prepare.js";
import type { DeliveryOptions, ReferenceSniffer } from "./sniffer.js";
import { type SentPacket, type SnifferAccount, SnifferQueue } from "./sniffer-queue.js";
import type { ReferenceMap } from "./tenant-map.js";
import type { Mirrored } from "./tunnel-headers.js";
import type { Verdict } from "./verdict.js";

export type Refusal = "too-large" | "rate" | "queue-full";

/** What became of a packet at one sniffer that it was offered to. */
export interface Offer {
  sniffer: string;
  /** Absent: the queue took it. */
  refused?: Refusal;
  /** It was taken, and the queue gave up its oldest packet for it. */
  displaced?: true;
}

export interface Delivered {
  verdict: Verdict;
  /** In the order of the tenant's list; none unless decoding and the map found a tenant, within its rate. */
  offers: Offer[];
}

interface Sniffer {
  about: ReferenceSniffer;
  queue: SnifferQueue;
  bucket: TokenBucket | undefined;
}

interface Tenant {
  snaplen: number;
  bucket: TokenBucket | undefined;
  sniffers: Sniffer[];
  /** With `fanout: balance`: for each place the index of its sniffer. */
  places: number[] | undefined;
}

export class ReferenceDelivery {
  private readonly sniffers = new Map<string, Sniffer>();
  private readonly tenants = new Map<string, Tenant>();
  private readonly preparer: Preparer;

  /** Every sniffer that a tenant names must be among the map's. */
  constructor(map: ReferenceMap, options: DeliveryOptions) {
    this.preparer = new Preparer({ ...options, gateway: map.gateway });
    for (const about of map.sniffers) {
      const queue = new SnifferQueue(about.queue ?? 1024, about.overflow ?? "drop-newest");
      this.sniffers.set(about.name, { about, queue, bucket: bucketOf(about.rate) });
    }
    for (const { name, sniffers: names, fanout, snaplen, rate } of map.tenants) {
      const sniffers = names.map((sniffer) => this.sniffer(sniffer));
      const places = fanout === "balance" ? balanceTable(sniffers.map(({ about }) => about)) : undefined;
      this.tenants.set(name, { snaplen: snaplen ?? Infinity, bucket: bucketOf(rate), sniffers, places });
    }
  }

  private sniffer(name: string): Sniffer {
    const sniffer = this.sniffers.get(name);
    if (sniffer === undefined) throw new Error(`no sniffer ${name} in the map`);
    return sniffer;
  }

  /** What the decoder made of a packet, whatever that was. */
  deliver(decoded: ReferenceResult): Delivered {
    if (decoded.verdict !== "delivered" || decoded.tenant === undefined) {
      return { verdict: decoded.verdict, offers: [] };
    }
    const tenant = this.tenants.get(decoded.tenant)!;
    const whole = decoded.inner!;
    const mirrored: Mirrored = {
      frame: whole.subarray(0, tenant.snaplen),
      hash: flowHash(whole),
      originalLength: decoded.originalLength!,
      truncated: decoded.truncated!,
      direction: decoded.direction,
      hardwareId: decoded.hardwareId,
      time: decoded.time!,
    };
    if (tenant.bucket?.take(mirrored.frame.length, mirrored.time) === false) {
      return { verdict: "rate", offers: [] };
    }
    const offers = choose(tenant, mirrored.hash).map((sniffer) => this.offer(sniffer, mirrored));
    const taken = offers.some(({ refused }) => refused === undefined);
    return { verdict: taken ? "delivered" : offers[0]!.refused!, offers };
  }

  private offer({ about, queue, bucket }: Sniffer, mirrored: Mirrored): Offer {
    const sniffer = about.name;
    queue.count("offered");
    const prepared = this.preparer.prepare(about, mirrored);
    if (prepared === "too-large") {
      queue.count("tooLarge");
      return { sniffer, refused: "too-large" };
    }
    if (bucket?.take(prepared.charge, mirrored.time) === false) {
      queue.count("rate");
      return { sniffer, refused: "rate" };
    }
    const { originalLength, time } = mirrored;
    const outcome = queue.put(() => ({ frames: prepared.make(), originalLength, time }));
    if (outcome === "queue-full") return { sniffer, refused: outcome };
    return outcome === "displaced" ? { sniffer, displaced: true } : { sniffer };
  }

  /** The oldest packets in a sniffer's queue, at most so many. */
  take(sniffer: string, count = Infinity): SentPacket[] {
    return this.sniffer(sniffer).queue.take(count);
  }

  account(sniffer: string): SnifferAccount {
    return this.sniffer(sniffer).queue.report();
  }
}

function bucketOf(rate: number | undefined): TokenBucket | undefined {
  return rate === undefined ? undefined : new TokenBucket(rate);
}

/** `copy`: all; `balance`: the owner of the flow's place. */
function choose({ sniffers, places }: Tenant, hash: number): Sniffer[] {
  if (places === undefined) return sniffers;
  return [sniffers[places[hash % places.length]!]!];
}
