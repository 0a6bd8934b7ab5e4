/*
 * /v1/tenants/{t}/check: what would happen to this number, and why; also with a draft of rules, before
 * they are saved. Nothing is recorded and nothing is changed.
 */
#include "base/clock.h"
#include "doors/rest.h"
#include "doors/rule_origin.h"
#include "engine/engine.h"
#include "engine/rulesets.h"
#include "wire/check.h"

static int check_draft(struct rest *rest, const struct check_request *wanted, struct err *err)
{
    const struct where in_rules = {NULL, "rules", 0};
    for (unsigned i = 0; i < wanted->rules_count; i++) {
        struct where here = {&in_rules, NULL, i};
        int rc = rule_target_check(rest->app, &wanted->rules[i], &here, err);
        if (rc)
            return rc;
    }
    return 0;
}

int rest_check(struct rest *rest, struct err *err)
{
    struct check_request wanted;
    struct explanation explanation;
    int rc = check_read(rest->body, rest->arena, &wanted, err);
    if (rc == 0)
        rc = check_draft(rest, &wanted, err);
    if (rc)
        return rc;
    const struct call call = {.tenant = rest->tenant,
                              .account = slice_of(wanted.account),
                              .number = slice_of(wanted.number),
                              .origin = ORIGIN_DIAL};
    rc = engine_explain(rest->app->engine, &call, wanted.rules, wanted.rules_count, wanted.has_draft,
                        wanted.at_ms ? wanted.at_ms : clock_now_ms(), &explanation, err);
    if (rc)
        return rc;
    rulesets_enter();
    json_t *json = explanation_write(&explanation, rulesets_numbering(rest->app->rulesets));
    rulesets_leave();
    return rest_answer(rest, 200, json, 0, err);
}
