// A packet to its tenant's sniffers: which of them, whether each takes it, where its bytes lie. assembly/README.md,
// "Decisions about delivery"; assembly/pipeline/{offer,place}.ts, with one size of slots and no fragments.

#include "wire.h"
#include "worker.h"

enum { LONGEST = 65535 };

// Copies in vector moves that may overlap at the end; long frames by the library.
static inline void copy_bytes(uint8_t *to, const uint8_t *from, uint32_t length) {
  if (length > 512 || length < 16) {
    memcpy(to, from, length);
    return;
  }
  for (uint32_t i = 0; i + 16 < length; i += 16) memcpy(to + i, from + i, 16);
  memcpy(to + length - 16, from + length - 16, 16);
}

static inline bool is_tunnel_mode(const struct sniffer *sniffer) { return sniffer->mode >= TO_VXLAN; }

static inline bool needs_flow(const struct sniffer *sniffer) {
  return sniffer->mode == TO_VXLAN || sniffer->mode == TO_GENEVE ||
         (is_tunnel_mode(sniffer) && (sniffer->to.flags & SNIFFER_IPV6));
}

// Whether the sniffer takes the packet as far as size, rate and length of queue go; `length` becomes what it keeps.
static inline enum verdict admit(struct worker *w, const struct descriptor *d, struct sniffer *sniffer, uint32_t *length) {
  struct queue *queue = sniffer->queue;
  queue->offered++;
  if (is_tunnel_mode(sniffer)) {
    uint32_t room = sniffer->mtu - sniffer->overhead;
    if (*length > room) {
      if (sniffer->fit == FIT_DROP) goto too_large;
      *length = room;
    }
  } else if (sniffer->mode != PLAIN && sniffer->link_length + *length > LONGEST) {
    goto too_large;
  }
  if (sniffer->bucket != NULL) {
    bool is_on_segment = sniffer->mode == TO_MAC || sniffer->mode == TO_IP;
    uint32_t bytes = is_on_segment && *length < ETHERNET_LENGTH ? ETHERNET_LENGTH : *length;
    bytes += (uint32_t)sniffer->link_length + sniffer->overhead;
    if (!admits(sniffer->bucket, sniffer->cost, sniffer->burst, bytes, d->time)) {
      queue->rate++;
      return RATE;
    }
  }
  while (is_full(queue)) {
    if (!(queue->flags & QUEUE_DROP_OLDEST)) {
      queue->dropped_newest++;
      return QUEUE_FULL;
    }
    drop_oldest(w, queue);
  }
  return DELIVERED;
too_large:
  queue->too_large++;
  return TOO_LARGE;
}

// Queues `length` bytes of the decoded frame, made ready to send; `may_move`: the frame itself may go. False when there is
// no slot that the queue may have.
static inline bool place(struct worker *w, struct descriptor *d, struct sniffer *sniffer, uint32_t length, bool may_move,
                         uint32_t flow) {
  struct queue *queue = sniffer->queue;
  uint32_t front = (uint32_t)sniffer->link_length + sniffer->overhead;
  uint32_t least = sniffer->mode == PLAIN || front > FRAME_MIN ? 0 : FRAME_MIN - front;
  uint32_t extent = length > least ? length : least;
  if (queue->held >= spare_slots(w)) return false;

  uint8_t *data = d->inner, *slot = slot_start(w, d->slot);
  uint32_t number = d->slot;
  if (may_move && data - front >= slot && data + extent <= slot + w->slot_stride) {
    d->slot = NONE;
  } else {
    if (extent > w->slot_stride - w->slot_headroom) return false;
    number = take_slot(w);
    uint8_t *copy = slot_start(w, number) + w->slot_headroom;
    copy_bytes(copy, data, length);
    data = copy;
  }
  if (length < extent) memset(data + length, 0, extent - length);

  uint32_t entry = take_record(w);
  struct record *record = &w->records[entry];
  if (is_tunnel_mode(sniffer)) record->frame = encapsulate(sniffer, d, data, length, flow);
  else if (sniffer->mode != PLAIN) record->frame = rewrite(sniffer, data, length);
  else record->frame = data;
  record->length = front + extent;
  record->original = d->inner_original;
  record->time = d->time;
  record->slot = number;
  record->queue = sniffer->queue_number;
  record->about = d->about;
  queue->held++;
  push(w, queue, sniffer->queue_number, entry);
  return true;
}

static inline enum verdict place_or_refuse(struct worker *w, struct descriptor *d, struct sniffer *sniffer, uint32_t length,
                                           bool may_move, uint32_t flow) {
  struct queue *queue = sniffer->queue;
  while (!place(w, d, sniffer, length, may_move, flow)) {
    if ((queue->flags & QUEUE_DROP_OLDEST) && queued(queue) != 0) {
      drop_oldest(w, queue);
      continue;
    }
    queue->dropped_newest++;
    return QUEUE_FULL;
  }
  return DELIVERED;
}

static inline enum verdict offer_one(struct worker *w, struct descriptor *d, struct sniffer *sniffer, uint32_t length,
                                     uint32_t flow) {
  enum verdict verdict = admit(w, d, sniffer, &length);
  return verdict == DELIVERED ? place_or_refuse(w, d, sniffer, length, true, flow) : verdict;
}

// Backwards, so that the last that takes the packet, and gets the bytes themselves, is the first of the list that does;
// the others have their copies by then.
static enum verdict offer_all(struct worker *w, struct descriptor *d, const struct tenant *tenant, uint32_t length) {
  enum verdict refusal = DELIVERED;
  bool taken = false;
  uint32_t flow = 0;
  for (uint32_t i = 0; i < tenant->sniffer_count && flow == 0; i++)
    if (needs_flow(tenant->sniffers[i])) flow = flow_hash(d);

  struct sniffer *waiting = NULL;
  uint32_t waiting_length = 0;
  for (uint32_t i = tenant->sniffer_count; i-- > 0;) {
    struct sniffer *sniffer = tenant->sniffers[i];
    uint32_t kept = length;
    enum verdict verdict = admit(w, d, sniffer, &kept);
    if (verdict != DELIVERED) {
      refusal = verdict;
      continue;
    }
    if (waiting != NULL) {
      verdict = place_or_refuse(w, d, waiting, waiting_length, false, flow);
      if (verdict == DELIVERED) taken = true;
      else if (refusal == DELIVERED) refusal = verdict;
    }
    waiting = sniffer;
    waiting_length = kept;
  }
  if (waiting != NULL) {
    enum verdict verdict = place_or_refuse(w, d, waiting, waiting_length, true, flow);
    if (verdict == DELIVERED) taken = true;
    else refusal = verdict;
  }
  return taken ? DELIVERED : refusal;
}

// The packet of a tenant, dressed.
static inline enum verdict offer(struct worker *w, struct descriptor *d, const struct tenant *tenant) {
  uint32_t length = d->inner_captured < tenant->snaplen ? d->inner_captured : tenant->snaplen;
  if (tenant->bucket != NULL && !admits(tenant->bucket, tenant->cost, tenant->burst, length, d->time)) return RATE;
  if (tenant->sniffer_count == 1) {
    struct sniffer *sniffer = tenant->sniffer;
    return offer_one(w, d, sniffer, length, needs_flow(sniffer) ? flow_hash(d) : 0);
  }
  if (tenant->balance == NULL) return offer_all(w, d, tenant, length);
  uint32_t flow = flow_hash(d);
  return offer_one(w, d, tenant->sniffers[tenant->balance[flow & tenant->balance_mask]], length, flow);
}
