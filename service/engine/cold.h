/*
 * A tenant that is not in memory while the store is away: asked of the cache, one load at a time per
 * tenant, under a hard deadline. Everybody else who asks for the same tenant waits for that load.
 *
 * What is found is a guest: kept apart from what the store said, and forgotten as soon as the store has
 * been read again. Else a tenant that was deleted, and that the cache still has, would be back for good.
 * A guest of which Redis tells a change is forgotten, too, and asked for again with its next call.
 *
 * A node that started with nothing (no store, no snapshot) first asks for the platform's rules: without
 * them no tenant's rules are used, because a lock could be missing; the floor answers then.
 */
#ifndef SEKISHO_ENGINE_COLD_H
#define SEKISHO_ENGINE_COLD_H

#include "base/err.h"
#include "base/slice.h"

struct cold;
struct cache;
struct ruleset;
struct rulesets;

enum { COLD_MS_MAX = 150 }; /* design section 7: a slow backend */

/* Borrows both; `rulesets` says when the store was last read, and gets the platform's rules. */
int cold_new(struct cache *cache, struct rulesets *rulesets, struct cold **ret,
             struct err *err) MUST_CHECK;
void cold_free(struct cold *cold); /* NULL is fine */

/* Comes back within COLD_MS_MAX; what could be found is then found by cold_find(). Any thread. */
void cold_load(struct cold *cold, struct slice tenant);
/* Only between rulesets_enter() and rulesets_leave(), and while the rulesets are not current. NULL: not
 * looked for since the store was last read, or not found. */
const struct ruleset *cold_find(const struct cold *cold, struct slice tenant);

/* Its rules may be others by now; all of them may. Any thread. */
void cold_forget(struct cold *cold, struct slice tenant);
void cold_forget_all(struct cold *cold);

struct cold_totals {
    uint64_t loads, loaded; /* asked of Redis; found there */
};
struct cold_totals cold_totals(const struct cold *cold);

#endif
