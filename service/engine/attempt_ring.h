/*
 * The ring between those who decide and the one who writes: bounded, no lock, records by copy.
 *
 *     turn of a slot      pos        free, for the producer that takes position pos
 *                         pos + 1    full, for the consumer at pos
 *                         pos + N    free again, one round later
 *
 * A producer that is interrupted between taking a position and filling it holds up the consumer,
 * never another producer. Texts lie packed one behind the other, so that a usual record touches
 * two or three cache lines though the longest needs seven.
 */
#ifndef SEKISHO_ENGINE_ATTEMPT_RING_H
#define SEKISHO_ENGINE_ATTEMPT_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/call.h"
#include "core/verdict.h"
#include "store/store.h"

enum { RING_SLOTS = 1 << 14, CACHE_LINE_BYTES = 64 };

struct attempt_slot;

struct attempt_ring {
    struct attempt_slot *slots;
    _Alignas(CACHE_LINE_BYTES) _Atomic uint64_t head; /* next position to fill */
    _Alignas(CACHE_LINE_BYTES) uint64_t tail;         /* next to empty; the consumer's own */
};

int attempt_ring_init(struct attempt_ring *ring) MUST_CHECK; /* ERR_NOMEM */
void attempt_ring_release(struct attempt_ring *ring);

/* False when the ring is full. Any thread. */
bool attempt_ring_push(struct attempt_ring *ring, const struct call *call,
                       const struct verdict *verdict);

/* False when there is nothing. One thread. *ret_is_counted: only tenant, account and at_ms of *ret
 * are set. Bytes that are no plain UTF-8 have become "?": a caller may send anything. */
bool attempt_ring_pop(struct attempt_ring *ring, struct attempt *ret, bool *ret_is_counted);

#endif
