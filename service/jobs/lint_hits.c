#include "jobs/lint_hits.h"

#include <stdlib.h>

#include "core/policy.h"
#include "engine/rulesets.h"

struct counting {
    const struct rulesets *rulesets;
    const struct ruleset *tenant;
    const struct rule *rules;
    unsigned count;
    int64_t now_ms, first_ms;
    uint64_t *hits;
};

static int by_id(const void *id, const void *rule)
{
    return strcmp(id, ((const struct rule *)rule)->id);
}

/* store_call_fn */
static int judge(void *context, const struct call_record *record, struct err *err)
{
    struct counting *counting = context;
    struct folded folded;
    struct verdict verdict;
    (void)err;
    if (!counting->first_ms)
        counting->first_ms = record->at_ms;
    if (number_fold(slice_of(record->number), &folded))
        return 0;
    rulesets_enter();
    const struct policy policy = {rulesets_numbering(counting->rulesets),
                                  rulesets_platform(counting->rulesets), counting->tenant};
    number_read(policy.numbering, &folded, "", &verdict.number, NULL); /* canonical: no outside line */
    policy_judge(&policy, slice_of(record->account), &verdict.number, counting->now_ms, &verdict, NULL);
    rulesets_leave();
    const struct rule *rule = verdict.has_rule && verdict.rule.scope != SCOPE_PLATFORM
                                  ? bsearch(verdict.rule.id, counting->rules, counting->count,
                                            sizeof *counting->rules, by_id)
                                  : NULL;
    if (rule)
        counting->hits[rule - counting->rules]++;
    return 0;
}

int lint_hits(struct store *store, const struct rulesets *rulesets, const struct ruleset *tenant,
              const struct rule *rules, unsigned count, int64_t since_ms, int64_t now_ms,
              uint64_t *hits, int *ret_days, struct err *err)
{
    enum { DAY_MS = 24 * 60 * 60 * 1000 };
    struct counting counting = {rulesets, tenant, rules, count, now_ms, 0, hits};
    const struct call_filter filter = {.tenant = ruleset_tenant(tenant), .from_ms = since_ms};
    int rc = store_calls_each(store, &filter, judge, &counting, err);
    if (rc == 0)
        *ret_days = counting.first_ms ? (int)((now_ms - counting.first_ms) / DAY_MS) : 0;
    return rc;
}
