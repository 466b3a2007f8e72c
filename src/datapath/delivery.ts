// One delivery as an object: what the record in linear memory says, in names.

import * as at from "../../assembly/memory/layout.js";
import { type Deliveries, DIRECTIONS, ENCAPSULATIONS, type EncapsulationName } from "../engine/index.js";

/** A frame for a sniffer. It can be written into a capture as it is. */
export interface Delivery {
  /** Name of the sniffer that it is for. */
  readonly sniffer: string;
  /** Name of the tenant it belongs to; undefined when the map it was found by has long been replaced. */
  readonly tenant: string | undefined;
  /**
   * The bytes to send: a view into the engine's memory, good until the next delivery is asked for or the map is replaced. Copy
   * what is to be kept (`data.slice()`).
   */
  readonly data: Uint8Array;
  /** Bytes of the mirrored frame before anybody cut it. */
  readonly originalLength: number;
  /** Nanoseconds since 1970. */
  readonly timestamp: bigint;
  /** LINKTYPE_ETHERNET: whatever was in the tunnel comes out as Ethernet. */
  readonly linkType: 1;
  /** The mirror session: `<encapsulation>/<outer source>/<id>`. */
  readonly interface: string;
  /** Tunnel that it came in, the outermost. */
  readonly encapsulation: EncapsulationName;
  /** ERSPAN session, GRE key, or VNI; undefined where there is none. */
  readonly id: number | undefined;
  /** Number of the mirror session in `Decapsulator.sessions`; -1 when the session table was full. */
  readonly session: number;
  /** GRE sequence number. */
  readonly sequence: number | undefined;
  /** ERSPAN III: whether the frame entered the switch (came from the mirrored machine) or left it. */
  readonly direction: "in" | "out" | undefined;
  /** ERSPAN III: the hardware that mirrored it, 0 to 63. */
  readonly hardwareId: number | undefined;
  /** ERSPAN: type of the header, 1 to 3. */
  readonly erspanType: 1 | 2 | 3 | undefined;
  /** ERSPAN II and III: VLAN that the header names; undefined when it names none. */
  readonly vlan: number | undefined;
  /** VLAN of the tunnel packet itself, the outermost tag. */
  readonly outerVlan: number | undefined;
  /** Which IP fragment this is of a packet that was longer than the sniffer's path takes, from 0; undefined for whole ones. */
  readonly fragment: number | undefined;
}

/** What the record does not know. */
interface Names {
  readonly tenant: string | undefined;
  readonly interface: string;
  readonly fragment: number | undefined;
}

/** The delivery of `record`. */
export function deliveryOf(deliveries: Deliveries, record: number, names: Names): Delivery {
  const has = deliveries.about(record, at.HAS);
  const direction = DIRECTIONS[deliveries.aboutByte(record, at.DIRECTION)];
  const type = deliveries.aboutByte(record, at.ERSPAN_TYPE) as 0 | 1 | 2 | 3;
  const tags = deliveries.about(record, at.TAG); // TAG, and OUTER_VLAN in the upper half
  const outerVlan = tags >>> 16;
  return {
    sniffer: deliveries.sniffer(record),
    tenant: names.tenant,
    data: deliveries.frame(record),
    originalLength: deliveries.originalLength(record),
    timestamp: deliveries.time(record),
    linkType: 1,
    interface: names.interface,
    encapsulation: ENCAPSULATIONS[deliveries.aboutByte(record, at.ENCAPSULATION)]!,
    id: (has & at.HAS_ID) === 0 ? undefined : deliveries.about(record, at.ID),
    session: deliveries.session(record),
    sequence: (has & at.HAS_SEQUENCE) === 0 ? undefined : deliveries.about(record, at.SEQUENCE),
    direction,
    hardwareId: direction === undefined ? undefined : deliveries.aboutByte(record, at.HARDWARE_ID),
    erspanType: type === 0 ? undefined : type,
    vlan: (tags & 0xfff) === 0 ? undefined : tags & 0xfff,
    outerVlan: outerVlan === at.NO_VLAN ? undefined : outerVlan,
    fragment: names.fragment,
  };
}
