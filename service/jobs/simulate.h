/*
 * What other rules would have done to the calls that were really made: each stored call of a period is
 * judged under the rules there are and under a draft of others, and what differs is counted.
 *
 *     store_calls_each ─► number_read ─► policy_judge(present) ┐
 *                                        policy_judge(draft)  ─┴─► differs? ─► sums, examples
 *
 * The same policy_judge() that decides calls judges here. Both sides judge as of one moment (now, as a
 * rule), not of the call's own: the question is what the draft will do to calls like these, and a rule
 * that ended last week will do nothing to them. Suspended tenants stay suspended on both sides.
 *
 * One simulation may run over many tenants (a whole campaign): memory stays bounded, since sums beyond
 * SIMULATED_SUMS_MAX names are counted together. Not for two threads at once.
 */
#ifndef SEKISHO_JOBS_SIMULATE_H
#define SEKISHO_JOBS_SIMULATE_H

#include "core/ruleset.h"
#include "store/calls.h"

struct rulesets;
struct simulation;

/* How a call's verdict would change. */
enum simulated { SIMULATED_REFUSED, SIMULATED_DIVERTED, SIMULATED_PASSED, SIMULATED_COUNT };
const char *simulated_word(enum simulated simulated); /* "refused", "diverted", "passed" */

enum {
    SIMULATED_SUMS_MAX = 4096,
    SIMULATED_EXAMPLES_MAX = 10, /* of each change: the latest */
    SIMULATED_NAME_BYTES = TENANT_ID_BYTES + ACCOUNT_ID_BYTES,
};

struct simulated_sum {
    char name[SIMULATED_NAME_BYTES]; /* "SO" or "" (not assigned); "0102526"; "1001" or "acme/1001" */
    uint64_t calls[SIMULATED_COUNT], all; /* `all`: of the changed ones */
};

struct simulated_sums {
    const struct simulated_sum *list; /* most calls first */
    unsigned count;
    struct simulated_sum others; /* of names that had no room any more */
};

struct simulated_example {
    struct call_record call;
    struct simulated_verdict {
        enum action action;
        char target[RULE_TARGET_BYTES]; /* of the rule that decided, or "" */
        char id[RULE_ID_BYTES];         /* "" for one of the draft */
    } before, after;
};

struct simulation_result {
    uint64_t calls;                                       /* judged */
    uint64_t before[ACTION_DENY + 1], after[ACTION_DENY + 1]; /* by enum action */
    uint64_t changed[SIMULATED_COUNT];
    struct simulated_sums countries, prefixes, accounts;
    const struct simulated_example *examples[SIMULATED_COUNT][SIMULATED_EXAMPLES_MAX]; /* latest first */
    unsigned examples_count[SIMULATED_COUNT];
};

/* `rulesets` (borrowed) gives the numbering data. `has_tenants`: accounts are named with their tenant. */
int simulation_new(const struct rulesets *rulesets, int64_t judged_at_ms, bool has_tenants,
                   struct simulation **ret, struct err *err) MUST_CHECK;
void simulation_free(struct simulation *simulation); /* NULL is fine */

/* Rulesets are borrowed; `draft` may be of a tenant or the same as `present`. */
struct simulated_rules {
    const struct ruleset *platform, *present, *draft;
};
/* Adds one tenant's calls of from_ms <= at < to_ms (0: open). */
int simulation_run(struct simulation *simulation, struct store *store, struct slice tenant,
                   const struct simulated_rules *rules, int64_t from_ms, int64_t to_ms,
                   struct err *err) MUST_CHECK;

/* What it came to so far; borrowed until the simulation goes on. */
const struct simulation_result *simulation_result(struct simulation *simulation);

#endif
