/*
 * A tenant that is not in memory while the store is away: asked of the cache, one load at a time per
 * tenant, under a hard deadline. Everybody else who asks for the same tenant waits for that load.
 */
#ifndef SEKISHO_ENGINE_COLD_H
#define SEKISHO_ENGINE_COLD_H

#include "base/err.h"
#include "base/slice.h"

struct cold;
struct cache;
struct rulesets;

enum { COLD_MS_MAX = 150 }; /* design section 7: a slow backend */

/* Borrows both. */
int cold_new(struct cache *cache, struct rulesets *rulesets, struct cold **ret,
             struct err *err) MUST_CHECK;
void cold_free(struct cold *cold); /* NULL is fine */

/* Comes back within COLD_MS_MAX; what could be found is then in `rulesets`. Any thread. */
void cold_load(struct cold *cold, struct slice tenant);

#endif
