/* The inside of the linter: for lint.c and the files of its checks. */
#ifndef SEKISHO_JOBS_LINT_DATA_H
#define SEKISHO_JOBS_LINT_DATA_H

#include "jobs/lint.h"

struct lint {
    const struct lint_input *in;
    struct arena *arena;
    struct lint_finding *findings;
    unsigned count, cap;
    bool is_full; /* no memory: what follows is dropped and the run fails */
    const struct rule **by_place; /* prefixes in force, by account and target (lint_reach.c) */
    unsigned by_place_count;
};

/* In force now? Expired ones and those yet to come say nothing about today's calls. */
bool lint_is_in_force(const struct lint *lint, const struct rule *rule);
bool lint_is_prefix(const struct rule *rule); /* a prefix, not exact, country or group */

/* One more finding about `rule`; NULL (and is_full) without memory. Texts are set by the caller. */
struct lint_finding *lint_add(struct lint *lint, enum lint_code code, enum lint_level level,
                              const struct rule *rule);
/* "deny 0101 of account 1001" */
const char *lint_name(struct lint *lint, const struct rule *rule);

/* Fixes. */
void lint_fix_remove(struct lint *lint, struct lint_finding *finding);
void lint_fix_expire(struct lint *lint, struct lint_finding *finding);
/* Rules like `rule` (scope, account) but for target and action, added one at a time. */
void lint_fix_add(struct lint *lint, struct lint_finding *finding, enum action action,
                  const char *target);

/* The checks. */
void lint_expired(struct lint *lint, const struct rule *rule);
void lint_emergency(struct lint *lint, const struct rule *rule);
void lint_never_hit(struct lint *lint, const struct rule *rule, unsigned at);
void lint_0100(struct lint *lint);
void lint_reach(struct lint *lint);                          /* lint_reach.c */
void lint_opens(struct lint *lint);                          /* lint_opens.c */

/* What a call of `account` to a canonical number would get. */
struct verdict;
bool lint_judge(const struct lint *lint, struct slice account, struct slice number,
                struct verdict *ret);

#endif
