/*
 * Decides one call: takes the ruleset at hand, reads the number, lets policy judge, and is the only
 * place where a failure becomes a degraded verdict.
 *
 *     door ─► engine_decide ─► emergency? ─► rulesets_find ─► number_read ─► policy_judge ─► verdict
 *
 * Nothing on this way allocates, waits, or takes a lock that a writer can hold. The one exception: while
 * the store is away, a tenant that is not in memory is asked of the cache, 150 ms at most (cold.h).
 *
 * The ladder of design section 7, as engine.c climbs down it:
 *
 *     current ruleset in memory                        a verdict
 *     newer rules are there, and do not compile        a verdict by the last that did, degraded=stale
 *     last known ruleset, store and cache away         a verdict, degraded=stale
 *     not in memory, store away                        asked of the cache; degraded=stale
 *     nothing known of the tenant, or known too long   the floor, degraded=floor
 */
#ifndef SEKISHO_ENGINE_ENGINE_H
#define SEKISHO_ENGINE_ENGINE_H

#include "base/err.h"
#include "core/call.h"
#include "core/explanation.h"
#include "core/verdict.h"

struct engine;
struct rulesets;
struct cache;
struct attempts;

/* Borrows all. `cache` may be NULL: a tenant that is not in memory is not looked for elsewhere.
 * `attempts` may be NULL: nothing is recorded. */
int engine_new(struct rulesets *rulesets, struct cache *cache, struct attempts *attempts,
               struct engine **ret, struct err *err) MUST_CHECK;
void engine_free(struct engine *engine);

/* Answers a call; always. Also hands the attempt to the recorder (bounded, never waits). */
void engine_decide(struct engine *engine, const struct call *call, struct verdict *ret);

/* What Redis lent while the store is away may be other rules by now: of a tenant, or (NULL) of all. Any
 * thread. */
void engine_forget_lent(struct engine *engine, const struct slice *tenant);

/*
 * For a caller without a valid credential: true, and *ret an emergency allow, when the number is one
 * (api/reading.md 1: "with any token or none"). Else false and *ret is untouched.
 */
bool engine_decide_emergency(struct engine *engine, struct slice dialed, struct verdict *ret);

/*
 * The whole explanation for people, off the dial path: the verdict, how the number was read, and which
 * rule each scope settled on. `draft` (may be NULL, `draft_count` rules) stands in for the tenant's own
 * and account rules. Nothing is recorded. ERR_NOT_FOUND: no such tenant. Texts in scopes[] are copies.
 */
int engine_explain(struct engine *engine, const struct call *call, const struct rule *draft,
                   size_t draft_count, bool has_draft, int64_t at_ms, struct explanation *ret,
                   struct err *err) MUST_CHECK;

#endif
