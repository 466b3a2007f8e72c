// What the parser holds in its hand: the layer that it is in, and what the tunnel said of the frame inside. Registers, once the
// compiler has seen all of it.

#ifndef YARDSTICK_LAYER_H
#define YARDSTICK_LAYER_H

#include "wire.h"
#include "worker.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

// The layer at hand: the next header, where the captured bytes of the layer end, and where it says that it ends.
struct layer {
  uint8_t *next;
  uint8_t *end;
  uint64_t declared;
};

// What a tunnel header says of the frame inside.
struct inside {
  uint32_t ether_type; // of a bare IP packet, 0: an Ethernet frame
  uint32_t erspan_type;
  uint32_t vlan, cos, en;
  bool cut;
};

static inline bool fits(const struct layer *layer, size_t length) {
  return layer->next + length <= layer->end;
}

static inline void declare(struct layer *layer, uint64_t end) {
  layer->declared = end;
  if ((uint64_t)(uintptr_t)layer->end > end) layer->end = (uint8_t *)(uintptr_t)end;
}

#endif
