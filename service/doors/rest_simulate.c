/*
 * /v1/tenants/{t}/simulate: what a draft of rules would have done to the calls that the tenant really
 * made. Nothing is recorded and nothing is changed.
 *
 *     rules of the store ─┬─► present ruleset ─┐
 *     body: rules, or ────┴─► draft's ruleset ─┴─► simulation_run() ─► sums and examples
 *     add and remove
 */
#include "base/clock.h"
#include "doors/draft.h"
#include "doors/rest.h"
#include "doors/simulation_json.h"
#include "jobs/simulate.h"
#include "wire/simulate.h"

enum {
    SIMULATIONS_MAX = 4, /* at once; each reads much and holds a thread of the door */
};

static const int64_t day_ms = INT64_C(86400000);

/* --- the rules ------------------------------------------------------------------------------------ */

struct drafting {
    struct rest *rest;
    const struct simulate_request *wanted;
    struct ruleset *platform, *present, *draft;
};

static int compile_platform(void *context, const struct tenant *tenant, const struct rule *rules,
                            size_t count, struct err *err)
{
    struct drafting *drafting = context;
    struct ruleset_owner owner = {.revision = tenant->revision};
    return ruleset_new(&owner, rules, count, &drafting->platform, err);
}

static bool is_removed(const struct simulate_request *wanted, bool *was_found, const char *id)
{
    for (unsigned i = 0; i < wanted->remove_count; i++) {
        if (strcmp(wanted->remove[i], id) != 0)
            continue;
        was_found[i] = true;
        return true;
    }
    return false;
}

/* Does a rule that stays have the place of one to add? Says which would have to go, too. */
static int check_place(const struct rule *stay, size_t count, const struct rule *added, unsigned i,
                       struct err *err)
{
    static const struct where outer = {NULL, "add", 0};
    for (size_t j = 0; j < count; j++)
        if (rule_collides(&stay[j], added))
            return where_err(&(struct where){&outer, NULL, i}, ERR_EXISTS, err,
                             "rule %s says what becomes of %s already: remove it as well",
                             stay[j].id, added->target.text);
    return 0;
}

/* The present rules without those to remove, and those to add. */
static int change_rules(struct drafting *drafting, const struct rule *rules, size_t count,
                        struct rule **ret, size_t *ret_count, struct err *err)
{
    const struct simulate_request *wanted = drafting->wanted;
    struct arena *arena = drafting->rest->arena;
    static const struct where outer = {NULL, "remove", 0};
    struct rule *draft = arena_alloc(arena, (count + wanted->add_count + 1) * sizeof *draft);
    bool *was_found = arena_alloc(arena, wanted->remove_count + 1);
    size_t n = 0;
    if (!draft || !was_found)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        if (!is_removed(wanted, was_found, rules[i].id))
            draft[n++] = rules[i];
    for (unsigned i = 0; i < wanted->remove_count; i++)
        if (!was_found[i])
            return where_err(&(struct where){&outer, NULL, i}, ERR_INVALID, err,
                             "the tenant has no rule of this id");
    int rc = 0;
    for (unsigned i = 0; i < wanted->add_count && rc == 0; i++)
        rc = check_place(draft, n, &wanted->add[i], i, err);
    for (unsigned i = 0; i < wanted->add_count; i++)
        draft[n++] = wanted->add[i];
    *ret = draft;
    *ret_count = n;
    return rc;
}

static int compile_both(void *context, const struct tenant *tenant, const struct rule *rules,
                        size_t count, struct err *err)
{
    struct drafting *drafting = context;
    const struct simulate_request *wanted = drafting->wanted;
    struct rule *draft = wanted->rules;
    size_t draft_count = wanted->rules_count;
    struct ruleset_owner owner = {
        .tenant = slice_of(tenant->id),
        .outside_line = slice_of(tenant->outside_line),
        .is_suspended = tenant->status == TENANT_SUSPENDED,
        .revision = tenant->revision,
    };
    int rc = wanted->has_rules ? 0
                               : change_rules(drafting, rules, count, &draft, &draft_count, err);
    if (rc == 0)
        rc = ruleset_new(&owner, rules, count, &drafting->present, err);
    return rc ? rc : ruleset_new(&owner, draft, draft_count, &drafting->draft, err);
}

static int compile(struct drafting *drafting, struct err *err)
{
    struct store *store = drafting->rest->app->store;
    int rc = store_policy_one(store, SLICE_NONE, compile_platform, drafting, err);
    return rc ? rc : store_policy_one(store, drafting->rest->tenant, compile_both, drafting, err);
}

/* --- the whole ------------------------------------------------------------------------------------ */

static int simulate(struct rest *rest, const struct drafting *drafting, int days, struct err *err)
{
    int64_t now_ms = clock_now_ms(), from_ms = now_ms - days * day_ms;
    const struct simulated_rules rules = {drafting->platform, drafting->present, drafting->draft};
    struct simulation *simulation;
    int rc = simulation_new(rest->app->rulesets, now_ms, false, &simulation, err);
    if (rc)
        return rc;
    rc = simulation_run(simulation, rest->app->store, rest->tenant, &rules, from_ms, now_ms, err);
    if (rc == 0)
        rc = rest_answer(rest, 200,
                         simulation_write(simulation_result(simulation), from_ms, now_ms, days), 0, err);
    simulation_free(simulation);
    return rc;
}

static int one_of_few(struct rest *rest, struct drafting *drafting, int days, struct err *err)
{
    bool may_run = atomic_fetch_add(&rest->app->simulations, 1) < SIMULATIONS_MAX;
    int rc = may_run ? simulate(rest, drafting, days, err)
                     : err_set(err, ERR_CROWDED, "%d simulations are under way", SIMULATIONS_MAX);
    atomic_fetch_sub(&rest->app->simulations, 1);
    return rc;
}

int rest_simulate(struct rest *rest, struct err *err)
{
    struct simulate_request wanted;
    struct drafting drafting = {.rest = rest, .wanted = &wanted};
    int rc = simulate_read(rest->body, rest->arena, &wanted, err);
    if (rc == 0)
        rc = draft_check(rest, "rules", wanted.rules, wanted.rules_count, err);
    if (rc == 0)
        rc = draft_check(rest, "add", wanted.add, wanted.add_count, err);
    if (rc == 0)
        rc = compile(&drafting, err);
    if (rc == 0)
        rc = one_of_few(rest, &drafting, wanted.days, err);
    ruleset_free(drafting.platform);
    ruleset_free(drafting.present);
    ruleset_free(drafting.draft);
    return rc;
}
