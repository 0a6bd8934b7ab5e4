/* How an attempt to deliver a message ended. */
#ifndef SEKISHO_JOBS_DELIVERY_H
#define SEKISHO_JOBS_DELIVERY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

enum { DELIVERY_TEXT_BYTES = 256 };

struct delivery {
    enum delivery_end {
        DELIVERY_DONE,
        DELIVERY_LATER, /* this message, not now */
        DELIVERY_AWAY,  /* nothing gets through at present, so the next one would not, either */
        DELIVERY_NEVER, /* this message, ever: no such mailbox, an address that is not allowed */
    } end;
    char why[DELIVERY_TEXT_BYTES]; /* "" when done; one line of plain ASCII */
};

/* Fills *ret; returns it. Bytes of others (an answer of a server) are made plain. */
struct delivery *delivery_end(struct delivery *ret, enum delivery_end end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* When the daemon ends, what is under way may take this long; then it is cut off. */
enum { DELIVERY_STOP_MS = 3000 };
struct delivery_stop {
    _Atomic int64_t at_ms; /* by clock_mono_ms(); 0: not asked for */
};
static inline bool delivery_is_cut_off(const struct delivery_stop *stop)
{
    int64_t at_ms = atomic_load_explicit(&stop->at_ms, memory_order_relaxed);
    return at_ms && clock_mono_ms() - at_ms > DELIVERY_STOP_MS;
}

#endif
