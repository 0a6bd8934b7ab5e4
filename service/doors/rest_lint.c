/*
 * /v1/tenants/{t}/lint: what the tenant's rules do that their author may not have meant, and
 * /v1/tenants/{t}/lint/fix, which does what findings propose. A fix is looked for again among the rules as
 * they are now and applied as one change: a finding that no longer holds is refused, not guessed at.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "doors/rest.h"
#include "doors/rule_origin.h"
#include "engine/rulesets.h"
#include "jobs/lint.h"
#include "jobs/lint_hits.h"
#include "wire/rule.h"

enum { DAYS_DEFAULT = 90, DAYS_MAX = 3660, FIXES_MAX = 100, DAY_MS = 24 * 60 * 60 * 1000 };

/* The rules that are looked at, compiled. */
struct looked_at {
    struct rule *rules;
    unsigned count;
    struct ruleset *ruleset;
    uint64_t *hits; /* NULL: the history was not asked */
    int days;
    struct lint_finding *findings;
    unsigned found;
};

static int load(struct rest *rest, struct txn *txn, struct looked_at *ret, struct err *err)
{
    const struct rule_filter filter = {.tenant = rest->tenant, .which = RULES_ALL};
    const struct page all = {SLICE_NONE, RULES_PER_TENANT_MAX};
    struct tenant tenant;
    int rc = store_tenant_get(txn, rest->tenant, rest->arena, &tenant, err);
    if (rc == 0)
        rc = store_rule_list(txn, &filter, all, rest->arena, &ret->rules, &ret->count, err);
    if (rc)
        return rc;
    const struct ruleset_owner owner = {.tenant = rest->tenant,
                                        .outside_line = slice_of(tenant.outside_line)};
    return ruleset_new(&owner, ret->rules, ret->count, &ret->ruleset, err);
}

static int run(struct rest *rest, struct looked_at *at, struct err *err)
{
    rulesets_enter();
    const struct lint_input input = {
        .numbering = rulesets_numbering(rest->app->rulesets),
        .platform = rulesets_platform(rest->app->rulesets),
        .tenant = at->ruleset,
        .rules = at->rules,
        .count = at->count,
        .hits = at->hits,
        .history_days = at->days,
        .now_ms = clock_now_ms(),
    };
    int rc = lint_run(&input, rest->arena, &at->findings, &at->found, err);
    rulesets_leave();
    return rc;
}

/* --- the list ------------------------------------------------------------------------------------- */

static json_t *write_fix(const struct lint_fix *fix)
{
    char until[CLOCK_TEXT_BYTES];
    json_t *remove = json_array();
    for (unsigned i = 0; remove && i < fix->remove_count; i++)
        json_array_append_new(remove, json_string(fix->remove[i]));
    return json_pack("{s:s, s:o, s:o, s:o}", "text", fix->text, "remove", remove, "add",
                     rules_write(fix->add, fix->add_count, RULE_OF_DRAFT), "expires_at",
                     fix->expires_at_ms ? json_string(clock_format(fix->expires_at_ms, until))
                                        : json_null());
}

static json_t *write_finding(const struct lint_finding *finding)
{
    const struct rule *rule = finding->rule;
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:{s:s, s:s}, s:o}", "id", finding->id, "code",
                     lint_code_word(finding->code), "level",
                     finding->level == LINT_WARNING ? "warning" : "info", "rule", rule->id,
                     "account", *rule->account ? json_string(rule->account) : json_null(), "target",
                     rule->target.text, "text", "en", finding->text, "ja", finding->text_ja, "fix",
                     write_fix(&finding->fix));
}

static int answer(struct rest *rest, const struct looked_at *at, struct err *err)
{
    json_t *array = json_array();
    for (unsigned i = 0; array && i < at->found; i++)
        if (json_array_append_new(array, write_finding(&at->findings[i])))
            return json_decref(array), err_set(err, ERR_NOMEM, "out of memory");
    return rest_answer(rest, 200,
                       json_pack("{s:o, s:i, s:o}", "findings", array, "rules", (int)at->count,
                                 "history_days", at->hits ? json_integer(at->days) : json_null()),
                       0, err);
}

static int take_days(struct rest *rest, int *ret, struct err *err)
{
    struct slice text = request_query(rest->request, "days");
    int days = 0;
    for (size_t i = 0; i < text.n && days <= DAYS_MAX; i++)
        days = text.p[i] >= '0' && text.p[i] <= '9' ? 10 * days + text.p[i] - '0' : DAYS_MAX + 1;
    *ret = text.p ? days : DAYS_DEFAULT;
    return text.p && (text.n == 0 || days > DAYS_MAX)
               ? err_set(err, ERR_INVALID, "days is a whole number from 0 (no history) to %d", DAYS_MAX)
               : 0;
}

/* The transaction ends before the history is walked: nobody holds two connections at once. */
static int load_alone(struct rest *rest, struct looked_at *at, struct err *err)
{
    struct txn *txn;
    int rc = store_begin(rest->app->store, NULL, &txn, err);
    if (rc)
        return rc;
    rc = load(rest, txn, at, err);
    store_rollback(txn);
    return rc;
}

static int count_hits(struct rest *rest, struct looked_at *at, int days, struct err *err)
{
    int64_t now_ms = clock_now_ms();
    if (days == 0)
        return 0;
    at->hits = arena_alloc(rest->arena, (at->count + 1) * sizeof *at->hits);
    if (!at->hits)
        return err_set(err, ERR_NOMEM, "out of memory");
    return lint_hits(rest->app->store, rest->app->rulesets, at->ruleset, at->rules, at->count,
                     now_ms - (int64_t)days * DAY_MS, now_ms, at->hits, &at->days, err);
}

int rest_lint(struct rest *rest, struct err *err)
{
    struct looked_at at = {.count = 0};
    int days;
    int rc = take_days(rest, &days, err);
    if (rc == 0)
        rc = load_alone(rest, &at, err);
    if (rc == 0)
        rc = count_hits(rest, &at, days, err);
    if (rc == 0)
        rc = run(rest, &at, err);
    if (rc == 0)
        rc = answer(rest, &at, err);
    ruleset_free(at.ruleset);
    return rc;
}

/* --- fixes ---------------------------------------------------------------------------------------- */

static int apply(struct rest *rest, const struct lint_finding *finding, struct err *err)
{
    const struct lint_fix *fix = &finding->fix;
    const struct condition any = {.kind = COND_EXISTS};
    const char *source = rule_source_of(rest->request->credential->role);
    char id[RULE_ID_BYTES];
    int rc = 0;
    if (fix->expires_at_ms) {
        struct rule rule = *finding->rule;
        rule.expires_at_ms = fix->expires_at_ms;
        rc = store_rule_update(rest->txn, rest->tenant, &rule, &any, err);
    }
    for (unsigned i = 0; rc == 0 && i < fix->remove_count; i++)
        rc = store_rule_delete(rest->txn, rest->tenant, slice_of(fix->remove[i]), &any, err);
    for (unsigned i = 0; rc == 0 && i < fix->add_count; i++) {
        struct rule rule = fix->add[i];
        rule.source = source;
        rc = store_rule_create(rest->txn, rest->tenant, &rule, id, err);
    }
    return rc;
}

/* Looks again: several fixes may say the same, and what one of them did may have ended another. */
static int look_and_apply(struct rest *rest, struct looked_at *at, const char *id, struct err *err)
{
    int rc = load(rest, rest->txn, at, err);
    if (rc == 0) /* whether a call needed a rule was looked at when the finding was made */
        at->hits = arena_alloc(rest->arena, (at->count + 1) * sizeof *at->hits);
    if (rc == 0 && !at->hits)
        rc = err_set(err, ERR_NOMEM, "out of memory");
    at->days = LINT_HISTORY_DAYS_MIN;
    if (rc == 0)
        rc = run(rest, at, err);
    for (unsigned i = 0; rc == 0 && i < at->found; i++)
        if (strcmp(at->findings[i].id, id) == 0)
            return apply(rest, &at->findings[i], err);
    return rc ? rc : err_set(err, ERR_STALE, "finding %s does not hold (any more): look again", id);
}

int rest_lint_fix(struct rest *rest, struct err *err)
{
    static const struct where in_findings = {NULL, "findings", 0};
    json_t *list = json_object_get(rest->body, "findings");
    size_t count = json_array_size(list);
    int rc = 0;
    if (!json_is_array(list) || json_object_size(rest->body) != 1 || count == 0 || count > FIXES_MAX)
        return err_field(err, ERR_INVALID, "/findings", "1 to %d ids of findings", FIXES_MAX);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct looked_at at = {.count = 0};
        const struct where here = {&in_findings, NULL, i};
        const char *id;
        rc = text_read(json_array_get(list, i), LINT_ID_BYTES - 1, &here, rest->arena, &id, err);
        if (rc == 0)
            rc = look_and_apply(rest, &at, id, err);
        ruleset_free(at.ruleset);
    }
    return rc ? rc : rest_answer(rest, 200, json_pack("{s:I}", "fixed", (json_int_t)count), 0, err);
}
