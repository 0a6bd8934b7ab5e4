/*
 * Compiled rulesets shared by the nodes of a cluster: what a node asks when the store does not answer,
 * and what brings an edit made elsewhere within a millisecond.
 *
 *     writer node ── batch ─► sk:rules:HASH, sk:told:HASH ── invalidation ─► every node: heard(HASH)
 *     any node ──── cache_get ──► Redis ──► envelope: MAC, tenant, layout ──► struct ruleset
 *
 * Never the truth: losing it loses speed, not safety. Values are sealed (envelope.h) with a key that the
 * nodes derive from their key directory, so that whoever can write to Redis still cannot open a country;
 * HASH is a keyed hash of the tenant, because names of keys leak (BCAST ignores key permissions). Whose
 * ruleset it is stands in the value, under the seal.
 *
 * Only "told" keys are tracked: a Redis that is being filled again with everything, or that drops what
 * is old, must not send every node for what it has.
 *
 * One thread listens (client tracking, BCAST, redirected to its own connection: the only arrangement
 * that tells when it broke); it calls heard() for each edit, and with NULL whenever it cannot be sure
 * that it heard everything: after a reconnect, a null flush, a missed canary. Others use a small pool of
 * connections. After any error a connection is thrown away, never reused.
 */
#ifndef SEKISHO_CACHE_CACHE_H
#define SEKISHO_CACHE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "core/ruleset.h"

struct cache;

enum { CACHE_KEY_BYTES = 32, CACHE_HASH_BYTES = 16 };

/* The keyed hash of a tenant, in hex. */
struct cache_name {
    char text[2 * CACHE_HASH_BYTES + 1];
};

/* From the listening thread; must not wait. `edited`: whose ruleset was written or removed; NULL:
 * something may have been missed. */
typedef void cache_heard_fn(void *context, const struct cache_name *edited);

struct cache_config {
    const char *url; /* redis_url.h; copied */
    unsigned char key[CACHE_KEY_BYTES]; /* seals values, hashes tenants */
    int64_t max_age_ms;                 /* values older than this are not believed; 0: a day */
    cache_heard_fn *heard;              /* not NULL */
    void *context;
};

/*
 * Starts the listening thread and returns at once; a Redis that is away is no error, one that comes
 * later is found. ERR_INVALID: the URL is not understood (the text names --redis).
 */
int cache_open(const struct cache_config *config, struct cache **ret, struct err *err) MUST_CHECK;
void cache_close(struct cache *cache); /* NULL is fine */
/* Ends the listening thread: heard() is not called any more, the rest goes on. For the end of
 * a daemon in which who is told of changes also uses the cache. */
void cache_stop_listening(struct cache *cache); /* NULL is fine */

void cache_name_of(const struct cache *cache, struct slice tenant, struct cache_name *ret);

/*
 * The ruleset of one tenant (empty: the platform's), returned new. Waits until `deadline_ms`
 * (clock_mono_ms) at most. ERR_NOT_FOUND: not there, too old or of another version (counted as
 * misses), or not believed: of another key, of another tenant, damaged (counted as poisoned, and
 * logged). ERR_UNAVAILABLE: could not look; for a second after a failure that is said at once, so
 * that a Redis that swallows packets costs one call its deadline and not every call.
 */
int cache_get(struct cache *cache, struct slice tenant, int64_t deadline_ms, struct ruleset **ret,
              struct err *err) MUST_CHECK;
/* The same for what heard() named. *ret_history: of the store that its revision counts in, as batch_put()
 * was told. */
int cache_get_named(struct cache *cache, const struct cache_name *name, int64_t deadline_ms,
                    struct ruleset **ret, uint64_t *ret_history, struct err *err) MUST_CHECK;

/* A batch of one, which tells the other nodes (batch.h). ERR_UNAVAILABLE. */
int cache_put(struct cache *cache, const struct ruleset *ruleset, struct err *err) MUST_CHECK;
int cache_remove(struct cache *cache, struct slice tenant, struct err *err) MUST_CHECK;

/*
 * Notes that nodes leave each other: few, short, with an end, and nothing that must not be lost or
 * forged. `name` is a word. Get: "" when there is none. Put: `only_new` leaves one that is there, and
 * *ret_is_put (may be NULL) says so. ERR_UNAVAILABLE.
 */
enum { CACHE_NOTE_BYTES = 128 };
int cache_note_get(struct cache *cache, const char *name, char ret[CACHE_NOTE_BYTES],
                   struct err *err) MUST_CHECK;
int cache_note_put(struct cache *cache, const char *name, const char *text, int64_t lives_ms,
                   bool only_new, bool *ret_is_put, struct err *err) MUST_CHECK;
int cache_note_remove(struct cache *cache, const char *name, struct err *err) MUST_CHECK;

int64_t cache_max_age_ms(const struct cache *cache);

/* Does the listening connection work: heard from within the last seconds, tracking set up? Then
 * nothing that another node put can have been missed. */
bool cache_is_listening(const struct cache *cache);

struct cache_totals {
    uint64_t hits, misses, poisoned, errors, puts, invalidations, flushes, reconnects;
};
struct cache_totals cache_totals(const struct cache *cache);

#endif
