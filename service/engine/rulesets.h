/*
 * All rulesets of the node, by tenant, and the platform's rules and numbering data beside them.
 *
 * Readers are the doors' threads: between rulesets_enter() and rulesets_leave() (userspace RCU, no
 * lock) everything found stays valid. Writers publish a whole new ruleset; the old one is freed after
 * the last reader left. A ruleset that fails to build is never published: the old one keeps serving.
 */
#ifndef SEKISHO_ENGINE_RULESETS_H
#define SEKISHO_ENGINE_RULESETS_H

#include "base/err.h"
#include "core/numbering.h"
#include "core/ruleset.h"
#include "engine/behind.h"
#include "engine/trust.h"

struct rulesets;

int rulesets_new(struct rulesets **ret, struct err *err) MUST_CHECK;
void rulesets_free(struct rulesets *rulesets);

void rulesets_enter(void);
void rulesets_leave(void);

/* NULL when the tenant is not known. Only between enter and leave, as for the two below. */
const struct ruleset *rulesets_find(const struct rulesets *rulesets, struct slice tenant);
const struct ruleset *rulesets_platform(const struct rulesets *rulesets);   /* never NULL */
const struct numbering *rulesets_numbering(const struct rulesets *rulesets); /* NULL before set */

/* Takes `ruleset`, also on failure; one of an older revision than the present one is dropped. Here and
 * below one without a tenant is the platform's. */
int rulesets_publish(struct rulesets *rulesets, struct ruleset *ruleset, struct err *err) MUST_CHECK;
/* The same whatever revision is present: for a store whose history changed, where they say nothing. */
int rulesets_replace(struct rulesets *rulesets, struct ruleset *ruleset, struct err *err) MUST_CHECK;
/*
 * Takes it, and puts it in force only in place of an older one: what was removed does not come back. Nor
 * does what counts in another history of the store: after a fail-over that lost commits, revisions of
 * before say nothing.
 */
enum renewal { RENEWED, RENEWAL_IS_OLD, RENEWAL_OF_NOBODY, RENEWAL_OF_OTHER_HISTORY };
enum renewal rulesets_renew(struct rulesets *rulesets, struct ruleset *ruleset, uint64_t history);
/* In which history all that is published counts. At first any is taken for that; none while all is loaded
 * again. */
enum { HISTORY_ANY = -1, HISTORY_NONE = -2 };
void rulesets_set_history(struct rulesets *rulesets, uint64_t history);
void rulesets_remove(struct rulesets *rulesets, struct slice tenant);
void rulesets_set_numbering(struct rulesets *rulesets, struct numbering *numbering); /* takes */

/*
 * The tenant's latest rules ("" the platform's), of this revision, cannot be put in force: what is there
 * stays. Ends with a ruleset that is as new, with the tenant's removal, or with rulesets_forgive(): all is
 * about to be loaded anew.
 */
void rulesets_fell_behind(struct rulesets *rulesets, struct slice tenant, uint64_t revision);
void rulesets_forgive(struct rulesets *rulesets);
/* Quick when nobody is behind. */
bool rulesets_is_behind(const struct rulesets *rulesets, struct slice tenant);
bool rulesets_is_platform_behind(const struct rulesets *rulesets);
void rulesets_behind_text(struct rulesets *rulesets, char text[BEHIND_TEXT_BYTES]);
unsigned rulesets_behind_count(const struct rulesets *rulesets);

/* How far all this can be trusted; whoever keeps it current (feed.c) tells. */
struct trusted *rulesets_trusted(struct rulesets *rulesets);

/*
 * Goes through all rulesets in steps, each a reading section of its own, so that writers never wait for
 * a long walk. Zero `walk` to begin. `fn` must not wait. False at the end. What is published meanwhile
 * may be met twice or not at all.
 */
struct rulesets_walk {
    const void *table;
    size_t at;
};
bool rulesets_step(const struct rulesets *rulesets, struct rulesets_walk *walk,
                   void (*fn)(void *context, const struct ruleset *ruleset), void *context);

struct rulesets_totals {
    size_t tenants, rules, bytes_hot, bytes_cold;
};
struct rulesets_totals rulesets_totals(struct rulesets *rulesets);

#endif
