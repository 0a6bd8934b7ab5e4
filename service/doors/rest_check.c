/*
 * /v1/tenants/{t}/check: what would happen to this number, and why; also with a draft of rules, before
 * they are saved. Nothing is recorded and nothing is changed.
 */
#include "base/clock.h"
#include "doors/draft.h"
#include "doors/rest.h"
#include "engine/engine.h"
#include "engine/feed.h"
#include "engine/rulesets.h"
#include "wire/check.h"

/* UINT64_MAX when there is no such tenant: there is nothing newer to wait for. */
static uint64_t revision_at_hand(const struct rest *rest)
{
    rulesets_enter();
    const struct ruleset *ruleset = rulesets_find(rest->app->rulesets, rest->tenant);
    uint64_t revision = ruleset ? ruleset_revision(ruleset) : UINT64_MAX;
    rulesets_leave();
    return revision;
}

/* Who has just changed something, on whichever node, never gets an answer from before. */
static int catch_up(struct rest *rest, uint64_t revision, struct err *err)
{
    uint64_t at_hand = revision_at_hand(rest);
    if (revision == 0 || (at_hand >= revision && at_hand != UINT64_MAX))
        return 0;
    if (feed_pull(rest->app->feed, err))
        return err_set(err, ERR_UNAVAILABLE, "the rules may be older than wanted");
    return revision_at_hand(rest) >= revision
               ? 0
               : err_set(err, ERR_UNAVAILABLE, "there is no such revision here yet");
}

int rest_check(struct rest *rest, struct err *err)
{
    struct check_request wanted;
    struct explanation explanation;
    int rc = check_read(rest->body, rest->arena, &wanted, err);
    if (rc == 0)
        rc = draft_check(rest, "rules", wanted.rules, wanted.rules_count, err);
    if (rc == 0)
        rc = catch_up(rest, wanted.min_revision, err);
    if (rc)
        return rc;
    const struct call call = {.tenant = rest->tenant,
                              .account = slice_of(wanted.account),
                              .number = slice_of(wanted.number),
                              .origin = ORIGIN_DIAL};
    rc = engine_explain(rest->app->engine, &call, wanted.rules, wanted.rules_count,
                        wanted.has_draft, wanted.at_ms ? wanted.at_ms : clock_now_ms(),
                        &explanation, err);
    if (rc)
        return rc;
    rulesets_enter();
    json_t *json = explanation_write(&explanation, rulesets_numbering(rest->app->rulesets));
    rulesets_leave();
    return rest_answer(rest, 200, json, 0, err);
}
