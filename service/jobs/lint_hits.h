/* How often each rule of a tenant would have decided a call of its history, judged by the rules of now. */
#ifndef SEKISHO_JOBS_LINT_HITS_H
#define SEKISHO_JOBS_LINT_HITS_H

#include "core/ruleset.h"
#include "store/calls.h"

struct rulesets;

/*
 * in: `tenant` compiled from `rules`, which are in order of id; calls since `since_ms`.
 * out: `hits`, an element a rule; *ret_days, the days between the first such call and `now_ms`.
 * Platform rules and numbering data are those of `rulesets`, taken anew for each call, so that nobody
 * waits for a long walk.
 */
int lint_hits(struct store *store, const struct rulesets *rulesets, const struct ruleset *tenant,
              const struct rule *rules, unsigned count, int64_t since_ms, int64_t now_ms,
              uint64_t *hits, int *ret_days, struct err *err) MUST_CHECK;

#endif
