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
#include "jobs/simulate.h"
#include "wire/simulate.h"

enum {
    SIMULATIONS_MAX = 4, /* at once; each reads much and holds a thread of the door */
    SUMS_SHOWN_MAX = 50,
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
    for (unsigned i = 0; i < wanted->add_count; i++)
        draft[n++] = wanted->add[i];
    *ret = draft;
    *ret_count = n;
    return 0;
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

/* --- the answer ----------------------------------------------------------------------------------- */

static json_t *sum_write(const struct simulated_sum *sum, const char *member)
{
    json_t *name = sum->name[0] ? json_string(sum->name) : json_null();
    return json_pack("{s:o,s:I,s:I,s:I}", member, name, "refused",
                     (json_int_t)sum->calls[SIMULATED_REFUSED], "diverted",
                     (json_int_t)sum->calls[SIMULATED_DIVERTED], "passed",
                     (json_int_t)sum->calls[SIMULATED_PASSED]);
}

static json_t *sums_write(const struct simulated_sums *sums, const char *member)
{
    json_t *array = json_array();
    unsigned count = sums->count < SUMS_SHOWN_MAX ? sums->count : SUMS_SHOWN_MAX;
    for (unsigned i = 0; i < count; i++)
        if (json_array_append_new(array, sum_write(&sums->list[i], member))) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *verdict_write(const struct simulated_verdict *verdict)
{
    return json_pack("{s:s,s:o}", "verdict", action_word(verdict->action), "rule",
                     verdict->target[0] ? json_string(verdict->target) : json_null());
}

static json_t *text_or_null(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

static json_t *example_write(const struct simulated_example *example, enum simulated change)
{
    const struct call_record *call = &example->call;
    char at[CLOCK_TEXT_BYTES];
    return json_pack("{s:s,s:s,s:o,s:s,s:o,s:I,s:s,s:o,s:o}", "change", simulated_word(change),
                     "at", clock_format(call->at_ms, at), "account", text_or_null(call->account),
                     "number", call->number, "country", text_or_null(call->country), "seconds",
                     (json_int_t)call->seconds, "disposition", disposition_word(call->disposition),
                     "before", verdict_write(&example->before), "after",
                     verdict_write(&example->after));
}

static json_t *examples_write(const struct simulation_result *result)
{
    json_t *array = json_array();
    for (enum simulated change = 0; change < SIMULATED_COUNT; change++)
        for (unsigned i = 0; i < result->examples_count[change]; i++)
            if (json_array_append_new(array, example_write(result->examples[change][i], change))) {
                json_decref(array);
                return NULL;
            }
    return array;
}

static json_t *actions_write(const uint64_t counts[ACTION_DENY + 1])
{
    return json_pack("{s:I,s:I,s:I}", "allow", (json_int_t)counts[ACTION_ALLOW], "divert",
                     (json_int_t)counts[ACTION_DIVERT], "deny", (json_int_t)counts[ACTION_DENY]);
}

static json_t *result_write(const struct simulation_result *result, int64_t from_ms, int64_t to_ms,
                            int days)
{
    char from[CLOCK_TEXT_BYTES], to[CLOCK_TEXT_BYTES];
    const uint64_t *changed = result->changed;
    return json_pack(
        "{s:i,s:s,s:s,s:I,s:o,s:o,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "days", days, "from",
        clock_format(from_ms, from), "to", clock_format(to_ms, to), "calls",
        (json_int_t)result->calls, "before", actions_write(result->before), "after",
        actions_write(result->after), "refused", (json_int_t)changed[SIMULATED_REFUSED],
        "diverted", (json_int_t)changed[SIMULATED_DIVERTED], "passed",
        (json_int_t)changed[SIMULATED_PASSED], "countries",
        sums_write(&result->countries, "country"), "prefixes",
        sums_write(&result->prefixes, "prefix"), "accounts",
        sums_write(&result->accounts, "account"), "examples", examples_write(result));
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
                         result_write(simulation_result(simulation), from_ms, now_ms, days), 0, err);
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
