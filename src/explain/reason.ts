// The reason of a verdict in a sentence that says what was found, where, and what would have been right.

import * as at from "../../assembly/memory/layout.js";
import { Encapsulation, type EngineOptions, Header, type VerdictName } from "../engine/index.js";
import * as faults from "./faults.js";
import { hex32 } from "./network-order.js";
import { following, type Passage } from "./passage.js";
import type { PacketRecord } from "./record.js";
import { type Decision, identityText, ownerSentence, refusalSentence } from "./rule.js";
import { VERDICT_SENTENCES } from "./sentences.js";
import { rateText } from "./sniffer-words.js";

const CARRIED: Readonly<Partial<Record<Encapsulation, Header>>> = {
  [Encapsulation.Vxlan]: Header.Vxlan,
  [Encapsulation.VxlanGpe]: Header.VxlanGpe,
  [Encapsulation.Geneve]: Header.Geneve,
  [Encapsulation.Tzsp]: Header.Tzsp,
  [Encapsulation.HpErm]: Header.HpErm,
  [Encapsulation.GreUdp]: Header.Gre,
};

/** Gives reasons under one set of options. */
export class Reasons {
  readonly #portOf: (port: number) => Header | undefined;
  readonly #options: EngineOptions;

  /** @param ports the engine's port table: Encapsulation by UDP port */
  constructor(options: EngineOptions, ports: Uint8Array) {
    this.#options = options;
    this.#portOf = (port) => CARRIED[ports[port]! as Encapsulation];
  }

  /**
   * Of a packet that got its verdict when it came.
   *
   * @param decision absent without a tenant map
   * @param discards whether with this fragment those that were held of its datagram were discarded
   */
  of(record: PacketRecord, passage: Passage, decision: Decision | undefined, discards: boolean): string {
    if (decision !== undefined && record.deliveries !== undefined && REFUSALS.has(record.verdict))
      return refused(record, decision);
    switch (record.verdict) {
      case "delivered":
        return delivered(record, decision);
      case "filtered":
        return `${identityText(record)} is not what --session or --vni asked for`;
      case "loop":
      case "unmapped":
      case "foreign-address":
      case "ambiguous-tenant":
        return decision === undefined ? VERDICT_SENTENCES[record.verdict] : refusalSentence(record, decision);
      case "reassembled":
        return "a fragment that repeats one already held, byte for byte; it completes nothing";
      case "fragment-overlap":
      case "fragment-limit":
      case "fragment-timeout":
      case "too-large":
        return this.#fragment(record.verdict, passage, discards);
      default:
        return this.#fault(record.verdict, passage);
    }
  }

  #fault(verdict: VerdictName, passage: Passage): string {
    const next = following(passage, this.#portOf);
    switch (verdict) {
      case "not-tunnel":
        return faults.notTunnel(passage, next);
      case "truncated":
        return faults.truncated(passage, next);
      case "bad-checksum":
        return faults.badChecksum(passage);
      case "unsupported-version":
        return faults.unsupportedVersion(passage, next);
      case "unsupported-payload":
        return faults.unsupportedPayload(passage, next);
      case "bad-flags":
        return faults.badFlags(passage, next);
      case "critical-option":
        return faults.criticalOption(passage);
      default:
        return VERDICT_SENTENCES[verdict];
    }
  }

  /** A fragment that was refused when it came, not one that had been held. */
  #fragment(verdict: VerdictName, passage: Passage, discards: boolean): string {
    const { offset, length } = faults.fragmentRange(passage);
    const range = `bytes ${offset} to ${offset + length - 1} of datagram ${faults.identification(passage)}`;
    const pieces = at.DATAGRAM_PIECES;
    if (verdict === "too-large") return `${range}: a datagram has at most ${at.DATAGRAM_MAX} bytes`;
    if (verdict === "fragment-overlap") {
      return discards
        ? `${range} overlap a fragment that came before, or contradict its end; the datagram is discarded`
        : `${range}, which was discarded because fragments of it overlap`;
    }
    if (discards) return `${range} are one fragment more than ${pieces}; the datagram is discarded`;
    const { memory, perSource } = this.#options.decode.reassembly;
    return `${range} find no room: at most ${pieces} fragments a datagram, ${perSource} bytes a source and ${memory} bytes in all are held`;
  }

  /** Of a fragment that was held, once its fate is settled by packet `by`, or by the end of the file. */
  settled(verdict: VerdictName, by: number | undefined): string {
    const { timeout } = this.#options.decode.reassembly;
    switch (verdict) {
      case "reassembled":
        return `a fragment whose datagram was completed by packet ${by}`;
      case "fragment-timeout":
        return by === undefined
          ? "a fragment whose others had not come when the file ended"
          : `a fragment whose others had not come ${Number(timeout) / 1e9} s later, at packet ${by}`;
      case "fragment-overlap":
        return `a fragment whose datagram was discarded because packet ${by} does not fit together with it`;
      case "fragment-limit":
        return `a fragment whose datagram was discarded when packet ${by} was one fragment more than ${at.DATAGRAM_PIECES}`;
      default:
        return VERDICT_SENTENCES[verdict];
    }
  }
}

/** Verdicts that a packet gets after its tenant was found. */
const REFUSALS: ReadonlySet<VerdictName> = new Set(["rate", "too-large", "queue-full"]);

function taken(record: PacketRecord): string {
  const { innerOffset, innerLength, originalLength, reassembled } = record;
  const cut = originalLength === innerLength ? "" : ` of ${originalLength}`;
  const where = reassembled ? "of the datagram" : "of the frame";
  return `${identityText(record)}, ${innerLength}${cut} bytes from offset ${innerOffset} ${where}`;
}

function delivered(record: PacketRecord, decision: Decision | undefined): string {
  if (decision === undefined) return taken(record);
  const { balance, sniffers } = record;
  const chosen =
    balance === undefined
      ? ""
      : ` by place ${balance.place} of ${balance.places} in the balance (flow hash ${hex32(balance.flowHash)})`;
  return `${taken(record)}, to ${sniffers?.join(", ")}${chosen}; ${ownerSentence(record, decision)}`;
}

/** The tenant's rate, or no sniffer that took it: the first one's refusal is the verdict. */
function refused(record: PacketRecord, decision: Decision): string {
  const { tenant, deliveries = [] } = record;
  const whose = `${taken(record)}; ${ownerSentence(record, decision)}`;
  const [first] = deliveries;
  if (first === undefined) {
    const rate = decision.rate === undefined ? "" : ` of ${rateText(decision.rate)}`;
    return `${whose}, but ${tenant} is over its rate${rate}: no sniffer was chosen`;
  }
  const who = deliveries.length === 1 ? "" : `none of ${deliveries.length} sniffers took it; `;
  return `${whose}, but ${who}${first.sniffer}: ${first.reason}`;
}
