/*
 * Keeps Redis full: every tenant's ruleset, and the platform's, so that a node that cannot ask the store
 * asks Redis and finds what it needs.
 *
 * One node at a time does it, the one that holds the lease (a note in Redis, for seconds). It goes round
 * when the note "full" is not there: at first, after Redis was flushed, restarted or taken over by a replica
 * that did not have it, when another history of the store began, and when half the maximum age is over, so
 * that nothing gets too old. Whoever could not put an edit there takes the note away.
 *
 *     feed ── finds meanwhile ──► spread, quietly ─┐
 *     walk over all rulesets ─► batches, paced ────┴──► Redis ──► note "full"
 *
 * What is put is what is in memory, which may be older than what another node put a moment ago. So the feed
 * puts what it finds as long as a round goes on, and after each batch what became newer is put once more.
 */
#ifndef SEKISHO_ENGINE_FILLER_H
#define SEKISHO_ENGINE_FILLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct filler;
struct cache;
struct feed;
struct rulesets;
struct spread;

enum { FILLER_TENANTS_A_SECOND = 5000 };

/* Borrows all. */
int filler_start(struct cache *cache, struct spread *spread, struct rulesets *rulesets,
                 struct feed *feed, struct filler **ret, struct err *err) MUST_CHECK;
void filler_stop(struct filler *filler); /* NULL is fine */

struct filler_totals {
    bool is_on_duty, is_full;
    uint64_t tenants, rounds; /* in Redis by the latest round of this node; rounds that were finished */
};
struct filler_totals filler_totals(const struct filler *filler);

#endif
