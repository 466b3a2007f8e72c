// Mirror sessions: found by a hash index, and what sequence numbers say was lost, late or repeated. As
// assembly/pipeline/track.ts with sequence scope `session` and capture time.

#include "hash.h"
#include "worker.h"

enum { WINDOW = 64, MAX_GAP = 1 << 24, PLACES_A_SESSION = 4 };

static inline uint32_t session_meta(const struct descriptor *d) {
  return d->about.encapsulation | (d->about.has & HAS_ID ? SESSION_HAS_ID : 0) |
         (d->about.has & HAS_IPV6 ? SESSION_IPV6 : 0);
}

static inline uint32_t session_hash(const struct worker *w, const struct descriptor *d) {
  return hash32(w->config.seeds, &d->source, &d->destination, session_meta(d), d->about.id);
}

static inline uint64_t difference(const struct address *a, const struct address *b) {
  return (a->high ^ b->high) | (a->low ^ b->low);
}

// The addresses in one branch: of a session with this id they seldom differ.
static inline bool is_session(const struct session *session, const struct descriptor *d, uint32_t meta) {
  return session->id == d->about.id && session->meta == meta &&
         (difference(&session->source, &d->source) | difference(&session->destination, &d->destination)) == 0;
}

// Begins the index anew with twice the places, which a few sessions do without so that it stays in the cache.
static void grow_index(struct worker *w) {
  uint32_t mask = w->session_mask * 2 + 1;
  if (mask > w->session_mask_max) return;
  memset(w->session_index, 0, ((size_t)mask + 1) * sizeof *w->session_index);
  for (uint32_t i = 0; i < w->session_count; i++) {
    const struct session *session = &w->sessions[i];
    uint32_t slot =
        hash32(w->config.seeds, &session->source, &session->destination, session->meta, session->id) & mask;
    while (w->session_index[slot] != 0) slot = (slot + 1) & mask;
    w->session_index[slot] = i + 1;
  }
  w->session_mask = mask;
}

static uint32_t new_session(struct worker *w, const struct descriptor *d, uint32_t meta, uint32_t slot) {
  uint32_t number = w->session_count;
  if (number == w->session_capacity) return NONE;
  w->session_index[slot] = ++w->session_count;
  w->sessions[number] = (struct session){
      .source = d->source, .destination = d->destination, .id = d->about.id, .meta = meta, .track = number};
  if (w->session_count * PLACES_A_SESSION > w->session_mask) grow_index(w);
  return number;
}

static inline uint32_t find_session(struct worker *w, const struct descriptor *d, uint32_t hash) {
  uint32_t meta = session_meta(d);
  uint32_t slot = hash & w->session_mask;
  for (uint32_t held; (held = w->session_index[slot]) != 0; slot = (slot + 1) & w->session_mask)
    if (is_session(&w->sessions[held - 1], d, meta)) return held - 1;
  return new_session(w, d, meta, slot);
}

static void restart(struct session *session, uint32_t number) {
  session->highest = number;
  session->window = 1;
  session->known = 1;
}

static void late(struct session *session, int32_t behind) {
  uint64_t bit = (uint64_t)1 << behind;
  if (session->window & bit) {
    session->duplicates++;
    return;
  }
  session->window |= bit;
  session->reordered++;
  if (behind < session->known) session->lost--;
}

static inline void sequence(struct session *session, uint32_t number) {
  int32_t distance = (int32_t)(number - session->highest);
  if (!(session->state & STATE_SEQUENCE)) {
    session->state |= STATE_SEQUENCE;
    restart(session, number);
  } else if (distance > 0 && distance <= MAX_GAP) {
    if (distance != 1) session->lost += distance - 1;
    session->highest = number;
    session->window = distance >= WINDOW ? 1 : session->window << distance | 1;
    int32_t known = session->known + distance;
    session->known = (uint8_t)(known < WINDOW ? known : WINDOW);
  } else if (distance <= 0 && distance > -WINDOW) {
    late(session, -distance);
  } else {
    session->restarts++;
    restart(session, number);
  }
}

// Enters a decoded packet into its session.
static inline void track(struct worker *w, struct descriptor *d, uint32_t hash) {
  uint32_t number = find_session(w, d, hash);
  if (number == NONE) {
    w->counters[UNTRACKED]++;
    return;
  }
  d->about.session = number;
  struct session *session = &w->sessions[number];
  session->packets++;
  session->bytes += d->inner_captured;
  if (!(d->about.has & HAS_SEQUENCE)) return;
  struct session *tracked = &w->sessions[session->track];
  if (tracked != session) tracked->packets++;
  sequence(tracked, d->about.sequence);
}
