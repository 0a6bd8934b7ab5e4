/*
 * How far what is in memory can be trusted, for the ladder of design section 7.
 *
 * Told by two clocks, and the older tale counts: wall time goes on while the machine sleeps and may be
 * set back; monotonic time is never set and may stand still. Neither a clock that was set nor a suspend,
 * a stopped process or a starved one makes old rules look new. Both are read coarse: milliseconds of
 * precision, and no system call on the way of a call.
 *
 * Lock-free. A reader in the midst of a step sees the older of either clock, so a worse tale, not a better.
 */
#ifndef SEKISHO_ENGINE_TRUST_H
#define SEKISHO_ENGINE_TRUST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum trust {
    TRUST_CURRENT, /* everything that was committed is here, but for the last moments */
    TRUST_STALE,   /* the last known; edits since then may be missing */
    TRUST_EXPIRED, /* older than the operator allows, or nothing was ever loaded */
};

/* How old what answers without a flag may be: a little less than the 1.1 s that are promised. */
enum { TRUST_CURRENT_MS = 1050 };

/* A moment, by both clocks. */
struct instant {
    int64_t wall_ms, mono_ms;
};
struct instant instant_now(void);

struct trusted {
    _Atomic int64_t wall_ms, mono_ms; /* as of when what is in memory is the truth */
    atomic_bool is_whole;             /* all of it, from the store itself */
    _Atomic int64_t current_ms, known_ms;
};

/* Nothing is known yet. */
void trusted_init(struct trusted *trusted);
/* What is as old as this is current, or at least known. */
void trusted_set_bounds(struct trusted *trusted, int64_t current_ms, int64_t known_ms);
/*
 * Known as of `as_of`: when the reading of it began. `is_whole`: read from the store, all of it; else it
 * is never current.
 */
void trusted_set(struct trusted *trusted, struct instant as_of, bool is_whole);
/* Was nothing ever known? Then from now on something is, as of then, and not all of it. */
bool trusted_is_blank(const struct trusted *trusted);
void trusted_start(struct trusted *trusted, struct instant as_of);
enum trust trusted_now(const struct trusted *trusted, struct instant now);

#endif
