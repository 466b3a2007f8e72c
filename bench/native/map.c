// Whose packet it is: loop, then identity, over the exact table. As assembly/tenant/{table,filter,identity}.ts and
// assembly/pipeline/{classify,endpoints}.ts, without tenants' own addresses and shared sources.

#include "hash.h"
#include "wire.h"
#include "worker.h"

// The slot that holds the key, or the free one where it belongs. At most half of the slots are taken.
static inline struct key *probe(const struct worker *w, uint32_t hash, struct address address, uint32_t word,
                                uint32_t bits) {
  for (uint32_t at = hash & w->table_mask;; at = (at + 1) & w->table_mask) {
    struct key *key = &w->table[at];
    if (key->claim == 0) return key;
    if (key->address.low == address.low && key->word == word && key->bits == bits && key->address.high == address.high)
      return key;
  }
}

static inline struct key *find(const struct worker *w, struct address address, uint32_t word, uint32_t bits) {
  struct key *key = probe(w, hash16(w->config.seeds, address, word, bits), address, word, bits);
  return key->claim == 0 ? NULL : key;
}

// What the shape asks of the packet. False when the packet does not have it.
static inline bool shape_key(const struct shape *shape, const struct descriptor *d, struct key *key) {
  uint32_t bits = shape->bits, has = d->about.has;
  uint32_t family = bits >> BITS_FAMILY & 3;
  if (family != FAMILY_ANY && family != (has & HAS_IPV6 ? FAMILY_IPV6 : FAMILY_IPV4)) return false;
  bool asks_id = bits >> BITS_HAS_ID & 1;
  if (asks_id && !(has & HAS_ID)) return false;
  uint32_t encapsulation = d->about.encapsulation;
  uint32_t id = asks_id ? d->about.id : 0;
  if (shape->flags & SHAPE_VSID) {
    if (!(has & HAS_NVGRE)) return false;
    encapsulation = NVGRE;
    id >>= 8;
  }
  if (shape->flags & SHAPE_VLAN) {
    if (d->about.outer_vlan == NO_VLAN) return false;
    bits |= (d->about.outer_vlan + 1u) << BITS_VLAN;
  }
  key->address.high = d->source.high & shape->mask.high;
  key->address.low = d->source.low & shape->mask.low;
  key->word = id;
  key->bits = bits | KIND_IDENTITY | encapsulation << BITS_ENCAPSULATION;
  return true;
}

// The most specific claim on the packet's tunnel.
static inline const struct key *claim_of(const struct worker *w, const struct descriptor *d) {
  for (const struct shape *shape = w->shapes, *end = shape + w->shape_count; shape < end; shape++) {
    struct key asked;
    if (!shape_key(shape, d, &asked)) continue;
    const struct key *key = find(w, asked.address, asked.word, asked.bits);
    if (key != NULL) return key;
  }
  return NULL;
}

static inline const struct key *claim_at(const struct worker *w, uint32_t number) {
  return number == NONE ? NULL : &w->table[number];
}

// ── loop: a packet on its way to a sniffer or to this gateway ──

static inline uint32_t tail_of(uint32_t word) { return word * TAIL >> 16; }

// Whether a delivery or gateway address may end in these four bytes, as they are loaded.
static inline bool may_be_tail(const struct worker *w, uint32_t word) {
  uint32_t tail = tail_of(word);
  return w->tails[tail >> 3] >> (tail & 7) & 1;
}

// A blocked Bloom filter: two bits in one word say whether the exact table need be asked at all.
static inline uint64_t filter_hash(struct address address) {
  uint64_t mixed = (address.high * K2 ^ address.low) * K1;
  return (mixed ^ mixed >> 32) * K2;
}

static inline uint64_t *filter_word(const struct worker *w, uint64_t hash) {
  return &w->filter[(uint32_t)(hash >> 32) & w->filter_mask];
}

static inline uint64_t filter_bits(uint64_t hash) {
  return (uint64_t)1 << (hash & 63) | (uint64_t)1 << (hash >> 6 & 63);
}

static inline bool may_be_known(const struct worker *w, struct address address) {
  uint64_t hash = filter_hash(address), bits = filter_bits(hash);
  return (*filter_word(w, hash) & bits) == bits;
}

static inline bool is_known(const struct worker *w, uint32_t kind, uint32_t family, struct address address) {
  return may_be_known(w, address) && find(w, address, 0, kind | family << BITS_FAMILY) != NULL;
}

static bool is_tunnel(const struct worker *w, uint32_t protocol, const uint8_t *payload, const uint8_t *end,
                      bool is_later_fragment) {
  if (protocol == IP_GRE) return true;
  if (protocol != IP_UDP || is_later_fragment) return false;
  return payload + 4 <= end && w->config.ports[get16(payload + UDP_DESTINATION)] != NO_TUNNEL;
}

static const uint8_t *packet_end(const uint8_t *ip, const uint8_t *end, uint64_t length) {
  return length == 0 || length > (uint64_t)(end - ip) ? end : ip + length;
}

static bool carries_tunnel4(const struct worker *w, const uint8_t *ip, const uint8_t *end) {
  uint32_t length = (ip[0] & 15u) << 2;
  if (ip + IPV4_LENGTH > end || length < IPV4_LENGTH) return false;
  bool later = get16(ip + IPV4_FRAGMENT) & 0x1fff;
  return is_tunnel(w, ip[IPV4_PROTOCOL], ip + length, packet_end(ip, end, get16(ip + IPV4_TOTAL)), later);
}

static bool carries_tunnel6(const struct worker *w, const uint8_t *ip, const uint8_t *end) {
  if (ip + IPV6_LENGTH > end) return false;
  uint32_t length = get16(ip + IPV6_PAYLOAD);
  end = packet_end(ip, end, length == 0 ? 0 : IPV6_LENGTH + length);
  uint32_t next = ip[IPV6_NEXT];
  const uint8_t *p = ip + IPV6_LENGTH;
  bool later = false;
  while (!later && (is_extension(next) || next == IP_FRAGMENT)) {
    if (p + 8 > end) return false;
    bool is_fragment = next == IP_FRAGMENT;
    later = is_fragment && (get16(p + 2) & 0xfff8);
    next = p[0];
    p += is_fragment ? 8 : (p[1] + 1u) << 3;
  }
  return is_tunnel(w, next, p, end, later);
}

static inline bool is_loop(const struct worker *w, const struct descriptor *d) {
  const uint8_t *end = inner_end(d);
  if ((w->map_flags & MAP_HAS_SNIFFERS) && !(d->about.has & HAS_SYNTHETIC) && d->bare + MAC_LENGTH <= end &&
      is_known(w, KIND_SNIFFER, FAMILY_MAC, (struct address){0, mac_of(d->bare)}))
    return true;
  uint32_t type;
  const uint8_t *ip = network_of(d->bare, end, d->inner_type, &type);
  if (ip == NULL || ip == end) return false;
  struct address address;
  uint32_t family;
  if (type == TYPE_IPV4) {
    if (ip[0] >> 4 != 4 || ip + IPV4_LENGTH > end) return false;
    address = mapped(ip + IPV4_DESTINATION);
    family = FAMILY_IPV4;
  } else if (type == TYPE_IPV6) {
    if (ip[0] >> 4 != 6 || ip + IPV6_LENGTH > end) return false;
    memcpy(&address, ip + IPV6_DESTINATION, 16);
    family = FAMILY_IPV6;
  } else {
    return false;
  }
  if ((w->map_flags & MAP_HAS_SNIFFERS) && is_known(w, KIND_SNIFFER, family, address)) return true;
  return (w->map_flags & MAP_HAS_GATEWAY) && is_known(w, KIND_GATEWAY, family, address) &&
         (family == FAMILY_IPV4 ? carries_tunnel4(w, ip, end) : carries_tunnel6(w, ip, end));
}

// The verdict on a packet whose tunnel `claim` claims; DELIVERED when the tenant is found.
static inline enum verdict classify(const struct worker *w, struct descriptor *d, const struct key *claim) {
  if (w->map_flags != 0 && is_loop(w, d)) return LOOP;
  if (claim == NULL) {
    d->rule = 4;
    return UNMAPPED;
  }
  d->about.claim = claim->claim - 1;
  if (claim->value & CLAIM_SHARED) return UNSUPPORTED_HERE;
  if (w->tenants[claim->value].flags & TENANT_HAS_ADDRESSES) return UNSUPPORTED_HERE;
  d->rule = 1;
  d->about.tenant = claim->value;
  return DELIVERED;
}
