// Whose packet it is: loop, then identity, then address (README.md, "Tenants"). Always fails closed.

import {
  CLAIM,
  CLAIM_SHARED,
  CLAIM_TRUSTED,
  DIRECTION,
  DIRECTION_IN,
  DIRECTION_UNKNOWN,
  ENDPOINT_DESTINATION,
  ENDPOINT_DESTINATION_MAC,
  ENDPOINT_NON_IP,
  ENDPOINT_SOURCE,
  ENDPOINT_SOURCE_MAC,
  ENDPOINT_TARGET,
  ENDPOINTS,
  FAMILY_MAC,
  KEY_CLAIM,
  KEY_VALUE,
  KIND_GATEWAY,
  KIND_SNIFFER,
  MAP_FLAGS,
  MAP_HAS_GATEWAY,
  MAP_HAS_SNIFFERS,
  MAP_TENANTS,
  NONE,
  OWNER_MANY,
  PROBE,
  RULE,
  SHAPE_SIZE,
  TENANT,
  TENANT_FLAGS,
  TENANT_HAS_ADDRESSES,
  TENANT_HAS_MAC,
  TENANT_NON_IP,
  TENANT_SHAPE_COUNT,
  TENANT_SHAPES,
  TENANT_SIZE,
} from "../memory/layout";
import { isKnown, lists, ownerOf, shapeFamily } from "../tenant/address";
import { Verdict } from "../verdict";
import * as endpoints from "./endpoints";

/** Of a packet whose claim is in PROBE. */
export function classify(d: usize, generation: usize): u32 {
  const flags = load<u32>(generation, MAP_FLAGS);
  if (flags != 0) {
    endpoints.readEndpoints(d);
    if (isLoop(generation, flags)) return Verdict.Loop;
  }
  const claim = <usize>load<u32>(d, PROBE);
  if (claim == 0) {
    store<u8>(d, 4, RULE);
    return Verdict.Unmapped;
  }
  store<u32>(d, load<u32>(claim, KEY_CLAIM) - 1, CLAIM);
  const value = load<u32>(claim, KEY_VALUE);
  if ((value & CLAIM_SHARED) != 0) {
    if (flags == 0) endpoints.readEndpoints(d);
    return sharedSource(d, generation, (value & CLAIM_TRUSTED) != 0);
  }
  const tenant = <usize>load<u32>(generation, MAP_TENANTS) + <usize>value * TENANT_SIZE;
  if ((load<u32>(tenant, TENANT_FLAGS) & TENANT_HAS_ADDRESSES) == 0) {
    store<u8>(d, 1, RULE);
  } else {
    if (flags == 0) endpoints.readEndpoints(d);
    store<u8>(d, 2, RULE);
    const match = matches(generation, value, tenant);
    if (match == 0) return Verdict.ForeignAddress;
    store<u8>(d, <u8>match, ENDPOINTS);
  }
  store<u32>(d, value, TENANT);
  return Verdict.Delivered;
}

function isLoop(generation: usize, flags: u32): bool {
  const toIp = endpoints.isIpPacket() && endpoints.has(ENDPOINT_DESTINATION);
  const high = endpoints.high(ENDPOINT_DESTINATION);
  const low = endpoints.low(ENDPOINT_DESTINATION);
  if ((flags & MAP_HAS_SNIFFERS) != 0) {
    if (
      endpoints.has(ENDPOINT_DESTINATION_MAC) &&
      isKnown(generation, KIND_SNIFFER, FAMILY_MAC, 0, endpoints.mac(ENDPOINT_DESTINATION_MAC))
    ) {
      return true;
    }
    if (toIp && isKnown(generation, KIND_SNIFFER, endpoints.family(), high, low)) return true;
  }
  return (
    (flags & MAP_HAS_GATEWAY) != 0 &&
    toIp &&
    isKnown(generation, KIND_GATEWAY, endpoints.family(), high, low) &&
    endpoints.carriesTunnel()
  );
}

/** Rule 2: which endpoint is among the tenant's addresses; 0 when none is. */
function matches(generation: usize, index: u32, tenant: usize): u32 {
  let shape = <usize>load<u32>(tenant, TENANT_SHAPES);
  const end = shape + <usize>load<u32>(tenant, TENANT_SHAPE_COUNT) * SHAPE_SIZE;
  for (; shape < end; shape += SHAPE_SIZE) {
    const family = shapeFamily(shape);
    if (family == FAMILY_MAC) {
      if (listsMac(generation, index, shape, ENDPOINT_SOURCE_MAC)) return ENDPOINT_SOURCE_MAC;
      if (listsMac(generation, index, shape, ENDPOINT_DESTINATION_MAC)) return ENDPOINT_DESTINATION_MAC;
    } else if (family == endpoints.family()) {
      if (listsIp(generation, index, shape, ENDPOINT_SOURCE)) return ENDPOINT_SOURCE;
      if (listsIp(generation, index, shape, ENDPOINT_DESTINATION)) return ENDPOINT_DESTINATION;
      if (listsIp(generation, index, shape, ENDPOINT_TARGET)) return ENDPOINT_TARGET;
    }
  }
  const flags = load<u32>(tenant, TENANT_FLAGS);
  const byPolicy = endpoints.isNonIp() && (flags & TENANT_NON_IP) != 0 && (flags & TENANT_HAS_MAC) == 0;
  return byPolicy ? ENDPOINT_NON_IP : 0;
}

function listsMac(generation: usize, index: u32, shape: usize, endpoint: u32): bool {
  return endpoints.has(endpoint) && lists(generation, index, shape, 0, endpoints.mac(endpoint));
}

function listsIp(generation: usize, index: u32, shape: usize, endpoint: u32): bool {
  return (
    endpoints.has(endpoint) &&
    lists(generation, index, shape, endpoints.high(endpoint), endpoints.low(endpoint))
  );
}

/** Rule 3: the inner addresses decide; between two tenants the direction, when it is trusted. */
function sharedSource(d: usize, generation: usize, trusted: bool): u32 {
  store<u8>(d, 3, RULE);
  const source = ownersOf(
    generation,
    ENDPOINT_SOURCE_MAC,
    ENDPOINT_SOURCE,
    endpoints.targetBelongsToSource(),
  );
  const destination = ownersOf(
    generation,
    ENDPOINT_DESTINATION_MAC,
    ENDPOINT_DESTINATION,
    !endpoints.targetBelongsToSource(),
  );
  let owner = join(source, destination);
  if (owner == NONE) return Verdict.Unmapped;
  if (owner == OWNER_MANY) {
    const direction = <u32>load<u8>(d, DIRECTION);
    if (!trusted || direction == DIRECTION_UNKNOWN) return Verdict.AmbiguousTenant;
    owner = direction == DIRECTION_IN ? source : destination;
    if (owner == NONE || owner == OWNER_MANY) return Verdict.AmbiguousTenant;
  }
  store<u32>(d, owner, TENANT);
  return Verdict.Delivered;
}

function ownersOf(generation: usize, mac: u32, ip: u32, withTarget: bool): u32 {
  let owner: u32 = NONE;
  if (endpoints.has(mac)) owner = ownerOf(generation, FAMILY_MAC, 0, endpoints.mac(mac));
  if (endpoints.has(ip)) {
    owner = join(owner, ownerOf(generation, endpoints.family(), endpoints.high(ip), endpoints.low(ip)));
  }
  if (withTarget && endpoints.has(ENDPOINT_TARGET)) {
    const target = ENDPOINT_TARGET;
    owner = join(
      owner,
      ownerOf(generation, endpoints.family(), endpoints.high(target), endpoints.low(target)),
    );
  }
  return owner;
}

/** One owner where there is one, OWNER_MANY where there are several. */
function join(a: u32, b: u32): u32 {
  if (a == NONE) return b;
  if (b == NONE || a == b) return a;
  return OWNER_MANY;
}
