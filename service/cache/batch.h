/*
 * Rulesets on their way into Redis: sealed one by one, sent together in one round trip.
 *
 *     aloud     value, then the key that is tracked: every node is told, and fetches it
 *     quietly   the value alone: for what every node knows, and Redis does not
 */
#ifndef SEKISHO_CACHE_BATCH_H
#define SEKISHO_CACHE_BATCH_H

#include "cache/cache.h"

enum { BATCH_MAX = 64, BATCH_BYTES_FULL = 1 << 20 };

struct batch;

int batch_new(struct cache *cache, struct batch **ret, struct err *err) MUST_CHECK; /* borrows */
void batch_free(struct batch *batch); /* NULL is fine; what was not sent is forgotten */

/* Should it be sent before anything is added? */
bool batch_is_full(const struct batch *batch);
/* Copies. `history`: of the store that its revision counts in. ERR_NOMEM; ERR_LIMIT: BATCH_MAX are in it. */
int batch_put(struct batch *batch, const struct ruleset *ruleset, uint64_t history, bool is_aloud,
              struct err *err) MUST_CHECK;
int batch_remove(struct batch *batch, struct slice tenant, bool is_aloud,
                 struct err *err) MUST_CHECK;
unsigned batch_count(const struct batch *batch);

/* Sends all there is, and is empty then, whatever comes of it. ERR_UNAVAILABLE: some of it, or all, may
 * not have arrived. */
int batch_send(struct batch *batch, int64_t deadline_ms, struct err *err) MUST_CHECK;

#endif
