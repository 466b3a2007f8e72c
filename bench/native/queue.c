// Sniffers' queues: bounded rings of record numbers; the ready list of those that hold something; slots and records on
// stacks, last given first taken. As assembly/memory/{queue,records,slots}.ts with one thread.

#include "worker.h"

static inline uint32_t queued(const struct queue *queue) { return queue->tail - queue->head; }

static inline bool is_full(const struct queue *queue) { return queued(queue) >= queue->limit; }

static inline uint32_t *place_of(struct queue *queue, uint32_t position) {
  return position < NEAR ? &queue->near[position] : &queue->ring[position & queue->mask];
}

static inline uint32_t take_slot(struct worker *w) { return w->free_slots[--w->free_slot_count]; }
static inline void give_slot(struct worker *w, uint32_t slot) { w->free_slots[w->free_slot_count++] = slot; }

// Slots that queues may have: free ones beyond those kept for receiving.
static inline uint32_t spare_slots(const struct worker *w) {
  return w->free_slot_count > w->slots_reserved ? w->free_slot_count - w->slots_reserved : 0;
}

static inline uint32_t take_record(struct worker *w) { return w->free_records[--w->free_record_count]; }

static inline void free_record(struct worker *w, struct queue *queue, uint32_t number) {
  queue->held--;
  give_slot(w, w->records[number].slot);
  w->free_records[w->free_record_count++] = number;
}

static inline void list(struct worker *w, uint32_t number, uint32_t deficit) {
  w->ready[(w->ready_first + w->ready_count++) & w->ready_mask] = (struct ready){number, deficit};
}

static inline void push(struct worker *w, struct queue *queue, uint32_t number, uint32_t record) {
  *place_of(queue, queue->tail++) = record;
  if (!queue->listed) {
    queue->listed = true;
    list(w, number, 0);
  }
}

static void drop_oldest(struct worker *w, struct queue *queue) {
  if (queued(queue) == 0) return;
  free_record(w, queue, *place_of(queue, queue->head++));
  queue->dropped_oldest++;
}

// ── consumer ──

static inline uint32_t take(struct worker *w, struct queue *queue, uint32_t most, uint32_t *deficit, uint32_t *into) {
  uint32_t waiting = queued(queue), limit = waiting < most ? waiting : most, taken = 0, left = *deficit;
  for (; taken < limit; taken++) {
    uint32_t entry = *place_of(queue, queue->head + taken);
    if (w->records[entry].length > left) break;
    left -= w->records[entry].length;
    into[taken] = entry;
  }
  *deficit = left;
  queue->head += taken;
  queue->taken += taken;
  // An empty queue begins at its first place again, which is in the cache.
  if (taken == waiting) queue->head = queue->tail = 0;
  return taken;
}

// Takes up to `most` records of queues that hold something, in turns of `quantum` bytes.
static inline uint32_t take_ready(struct worker *w, uint32_t most, uint32_t quantum, uint32_t *into) {
  uint32_t taken = 0;
  while (taken < most && w->ready_count != 0) {
    uint32_t number = w->ready[w->ready_first].number, deficit = w->ready[w->ready_first].deficit + quantum;
    struct queue *queue = &w->queues[number];
    taken += take(w, queue, most - taken, &deficit, into + taken);
    if (taken == most && queued(queue) != 0) {
      w->ready[w->ready_first].deficit = deficit - quantum; // its turn goes on with the next call, which adds a quantum
      break;
    }
    w->ready_first = (w->ready_first + 1) & w->ready_mask;
    w->ready_count--;
    if (queued(queue) == 0) queue->listed = false;
    else list(w, number, deficit);
  }
  return taken;
}

// Records that were taken are sent.
static inline void settle(struct worker *w, const uint32_t *taken, uint32_t count) {
  uint32_t *records = w->free_records + w->free_record_count, *slots = w->free_slots + w->free_slot_count;
  const struct record *all = w->records;
  struct queue *queues = w->queues;
  for (uint32_t i = 0; i < count; i++) {
    const struct record *record = &all[taken[i]];
    struct queue *queue = &queues[record->queue];
    queue->sent++;
    queue->sent_bytes += record->length;
    queue->held--;
    slots[i] = record->slot;
    records[i] = taken[i];
  }
  w->free_record_count += count;
  w->free_slot_count += count;
}
