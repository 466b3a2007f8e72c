// The usual way of a decoded packet to its sniffer: it is no loop, its tunnel is one tenant's whatever the addresses inside, the
// tenant has one sniffer and no rate, and the frame goes where it lies to that sniffer's segment or as it is. Everything is asked
// before anything is changed; a packet of which something is not so takes the general way. One question a line: compilers make a
// value of `||` first, and then ask that.

import { Delivery } from "../delivery";
import {
  DESCRIPTOR,
  FRAME_MIN,
  HAS,
  HAS_DATAGRAM,
  HAS_RESTORED,
  HAS_SYNTHETIC,
  HELD,
  INNER,
  INNER_CAPTURED,
  INNER_ORIGINAL,
  MAP_FLAGS,
  MAP_SNIFFER_COUNT,
  NONE,
  QUEUE_HELD,
  QUEUE_LIMIT,
  QUEUE_OFFERED,
  QUEUE_SEEN,
  QUEUE_SIZE,
  QUEUE_TAIL,
  RECORD_ABOUT,
  RECORD_FRAME,
  RECORD_LENGTH,
  RECORD_NEXT,
  RECORD_ORIGINAL,
  RECORD_QUEUE,
  RECORD_SIZE,
  RECORD_SLOT,
  RECORD_TIME,
  ROUTE,
  ROUTE_MODE,
  ROUTE_NOBODY,
  ROUTE_QUEUE,
  ROUTE_SNAPLEN,
  ROUTE_SNIFFER,
  ROUTE_TENANT,
  RULE,
  SLOT,
  SNIFFER_FLAGS,
  TENANT,
  TIME,
  VERDICT,
  WORKER_RECORD_STACK,
  WORKER_RECORDS_FREE,
  WORKER_SLOT_COUNT,
} from "../memory/layout";
import { count, isThreaded, pushOwn, queueAt } from "../memory/queue";
import { record } from "../memory/records";
import { spare } from "../memory/slots";
import { add, field, setField } from "../memory/worker";
import { filterOf, mayBeKnown, tailBit } from "../tenant/filter";
import { Verdict } from "../verdict";
import * as ethernet from "../wire/ethernet";
import * as ipv4 from "../wire/ipv4";
import * as vlan from "../wire/vlan";
import { rewriteMac } from "./rewrite";

const NOT_PLAIN: u32 = HAS_SYNTHETIC | HAS_RESTORED | HAS_DATAGRAM;
const ETHERTYPE_IPV4: u32 = 0x0008; // 08 00 as a load of the machine's byte order sees it
const DESTINATION: usize = ethernet.HEADER_LEN + ipv4.DESTINATION;
const LONGEST: u32 = 0xffff - <u32>vlan.HEADER_LEN;
/** What of a sniffer's record a route has, seen as that record. */
const ADDRESSING: usize = ROUTE_SNIFFER - SNIFFER_FLAGS;
const MAC_TAIL: usize = ethernet.DESTINATION + 2;
const ADDRESSED: u32 = <u32>(ethernet.HEADER_LEN + ipv4.HEADER_LEN);

/**
 * Packets from `d` to `end`, their routes in ROUTE, up to the first that is not usual. Counts the verdicts of those it passes. Gives
 * where it stopped.
 */
export function deliverUsual(d: usize, end: usize, generation: usize): usize {
  const checksLoops = load<u32>(generation, MAP_FLAGS) != 0;
  const delivers = load<u32>(generation, MAP_SNIFFER_COUNT) != 0;
  const filter = filterOf(generation);
  const most: u32 = delivers ? Delivery.Mac : ROUTE_NOBODY;
  // Nothing here takes or gives a slot, so what may be held is the same for all.
  const mayHold = spare(false);
  const slots = field(WORKER_SLOT_COUNT);
  const queues = queueAt(0);
  const records = record(0);
  const stack = <usize>field(WORKER_RECORD_STACK);
  let free = field(WORKER_RECORDS_FREE);
  let delivered: u32 = 0;
  for (; d < end; d += DESCRIPTOR) {
    const verdict = <u32>load<u8>(d, VERDICT);
    if (verdict != Verdict.Delivered) {
      if (verdict != HELD) add(verdict, 1);
      continue;
    }
    const route = <usize>load<u32>(d, ROUTE);
    const mode = <u32>load<u8>(route, ROUTE_MODE);
    if (mode > most) break;
    if ((load<u32>(d, HAS) & NOT_PLAIN) != 0) break;
    const frame = <usize>load<u32>(d, INNER);
    const captured = load<u32>(d, INNER_CAPTURED);
    if (checksLoops) {
      // Untagged IPv4 to nobody's delivery address.
      if (captured < ADDRESSED) break;
      if (<u32>load<u16>(frame + ethernet.TYPE) != ETHERTYPE_IPV4) break;
      if (tailBit(filter, load<u32>(frame + MAC_TAIL)) != 0) {
        if (mayBeKnown(generation, 0, ethernet.mac(frame))) break;
      }
      if (tailBit(filter, load<u32>(frame + DESTINATION)) != 0) {
        if (mayBeKnown(generation, 0, ((<u64>load<u32>(frame + DESTINATION)) << 32) | 0xffff0000)) break;
      }
    }
    if (delivers) {
      const length = min<u32>(captured, load<u32>(route, ROUTE_SNAPLEN));
      const slot = load<u32>(d, SLOT);
      if (length - <u32>FRAME_MIN > LONGEST - <u32>FRAME_MIN) break;
      if (slot >= slots) break; // a large one, or NONE: the frame is lent
      const queueNumber = load<u32>(route, ROUTE_QUEUE);
      const queue = queues + <usize>queueNumber * QUEUE_SIZE;
      const held = load<u32>(queue, QUEUE_HELD);
      if (held >= mayHold) break;
      if (free == 0) break;
      if (isThreaded(queue)) break;
      const tail = load<u32>(queue, QUEUE_TAIL);
      if (tail - load<u32>(queue, QUEUE_SEEN) >= load<u32>(queue, QUEUE_LIMIT)) break;

      count(queue, QUEUE_OFFERED);
      store<u32>(queue, held + 1, QUEUE_HELD);
      const owner = load<u64>(route, ROUTE_TENANT);
      store<u32>(d, NONE, SLOT);
      const first = mode == Delivery.Mac ? rewriteMac(route + ADDRESSING, frame) : frame;
      const entry = load<u32>(stack + (--free << 2));
      const at = records + <usize>entry * RECORD_SIZE;
      store<u32>(at, <u32>first, RECORD_FRAME);
      store<u32>(at, length + <u32>(frame - first), RECORD_LENGTH);
      store<u32>(at, load<u32>(d, INNER_ORIGINAL), RECORD_ORIGINAL);
      store<u32>(at, slot, RECORD_SLOT);
      store<u64>(at, load<u64>(d, TIME), RECORD_TIME);
      store<u32>(at, queueNumber, RECORD_QUEUE);
      store<u32>(at, NONE, RECORD_NEXT);
      v128.store(at, v128.load(d, HAS), RECORD_ABOUT);
      // Before the tenant is noted: a wide load behind a narrow store waits for it.
      v128.store(at, v128.load(d, HAS + 16), RECORD_ABOUT + 16);
      store<u64>(at, owner, RECORD_ABOUT + (TENANT - HAS));
      store<u64>(d, owner, TENANT);
      pushOwn(queue, queueNumber, tail, entry);
    } else {
      store<u64>(d, load<u64>(route, ROUTE_TENANT), TENANT);
    }
    store<u8>(d, 1, RULE);
    delivered++;
  }
  setField(WORKER_RECORDS_FREE, free);
  add(Verdict.Delivered, delivered);
  return d;
}
