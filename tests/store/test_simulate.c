/* Rules simulated against stored calls (jobs/simulate.h), against judging each call as it was dialed. */
#include "suite.h"

#include <stdlib.h>

#include "base/clock.h"
#include "core/policy.h"
#include "engine/rulesets.h"
#include "jobs/simulate.h"
#include "../unit/random.h"

enum { CALLS = 600, RULES_MAX = 8 };
static const int64_t noon_ms = INT64_C(1796040000000);

struct world {
    struct suite *suite;
    struct rulesets *rulesets;
    struct ruleset *platform, *present, *draft;
};

static struct ruleset *compiled(const struct rule *rules, unsigned count)
{
    struct ruleset_owner owner = {.tenant = SLICE_LIT("acme"), .outside_line = SLICE_LIT("0"),
                                  .revision = 1};
    struct ruleset *ruleset = NULL;
    OK(ruleset_new(&owner, rules, count, &ruleset, &err));
    return ruleset;
}

static void open_world(struct world *world, struct suite *suite)
{
    struct numbering *numbering = NULL;
    struct call_terms terms = {.purpose = "simulation", .retention_days = 400};
    *world = (struct world){.suite = suite, .platform = compiled(NULL, 0)};
    OK(rulesets_new(&world->rulesets, &err));
    OK(numbering_builtin(&numbering, &err));
    rulesets_set_numbering(world->rulesets, numbering);
    struct txn *txn = begin_write(suite);
    OK(store_call_terms_put(txn, &terms, &err));
    commit(txn);
}

static void close_world(struct world *world)
{
    ruleset_free(world->platform);
    ruleset_free(world->present);
    ruleset_free(world->draft);
    rulesets_free(world->rulesets);
}

/* As an import would read it. */
static struct call_record a_call(struct world *world, const char *account, const char *dialed,
                                 int64_t at_ms)
{
    static unsigned last;
    struct call_record call = {.at_ms = at_ms, .tenant = "acme", .source = "pbx1", .seconds = 5};
    struct folded folded;
    struct number number = {.readings_count = 1};
    snprintf(call.id, sizeof call.id, "%u", ++last);
    snprintf(call.account, sizeof call.account, "%s", account);
    rulesets_enter();
    if (number_fold(slice_of(dialed), &folded) == 0 &&
        !number_is_emergency(&folded, "0", &number))
        number_read(rulesets_numbering(world->rulesets), &folded, "0", &number, NULL);
    rulesets_leave();
    const struct reading *reading = &number.readings[0];
    snprintf(call.number, sizeof call.number, "%s", reading->number[0] ? reading->number : dialed);
    snprintf(call.kind, sizeof call.kind, "%s", number_kind_word(reading->kind));
    snprintf(call.country, sizeof call.country, "%s", reading->country);
    return call;
}

static void add(struct world *world, const struct call_record *calls, unsigned count)
{
    unsigned added;
    struct txn *txn = begin_write(world->suite);
    OK(store_calls_add(txn, calls, count, &added, &err));
    commit(txn);
    assert_int_equal(added, count);
}

/* What the door would say of the string as it was dialed. */
static enum action judged(struct world *world, const struct ruleset *ruleset, const char *account,
                          const char *dialed)
{
    struct folded folded;
    struct number number = {.readings_count = 1, .readings = {{.kind = KIND_INVALID}}};
    struct verdict verdict;
    rulesets_enter();
    const struct numbering *numbering = rulesets_numbering(world->rulesets);
    if (number_fold(slice_of(dialed), &folded) == 0 &&
        !number_is_emergency(&folded, "0", &number))
        number_read(numbering, &folded, "0", &number, NULL);
    struct policy policy = {numbering, world->platform, ruleset};
    policy_judge(&policy, slice_of(account), &number, noon_ms, &verdict, NULL);
    rulesets_leave();
    return verdict.action;
}

static struct simulation *simulated(struct world *world, int64_t from_ms, int64_t to_ms)
{
    struct simulation *simulation = NULL;
    struct simulated_rules rules = {world->platform, world->present, world->draft};
    OK(simulation_new(world->rulesets, noon_ms, false, &simulation, &err));
    OK(simulation_run(simulation, world->suite->store, SLICE_LIT("acme"), &rules, from_ms, to_ms,
                      &err));
    return simulation;
}

/* --- one case --------------------------------------------------------------------------------- */

static void what_changes_is_counted_by_name_with_examples(void **state)
{
    struct world world;
    open_world(&world, *state);
    struct call_record calls[] = {
        a_call(&world, "1001", "0-010-252-61-555-0101", noon_ms - 3),
        a_call(&world, "1001", "+252 61 555 0102", noon_ms - 2),
        a_call(&world, "1002", "+1 212 555 0100", noon_ms - 1),
        a_call(&world, "1002", "03-1234-5678", noon_ms - 5),
        a_call(&world, "1002", "+252 61 555 0103", noon_ms + 1), /* after the period */
        a_call(&world, "", "0-110", noon_ms - 4),
    };
    add(&world, calls, 6);
    struct rule rules[] = {a_rule("deny 01025"), a_rule("allow 0101"), a_rule("deny 0101")};
    rules[0].id = "01PRESENT";
    world.present = compiled(rules, 1);
    struct rule draft[] = {a_rule("deny 0101"), a_rule("deny 110")};
    world.draft = compiled(draft, 2);
    struct simulation *simulation = simulated(&world, noon_ms - 1000, noon_ms);
    const struct simulation_result *result = simulation_result(simulation);
    assert_int_equal(result->calls, 5);
    assert_int_equal(result->before[ACTION_DENY], 2);
    assert_int_equal(result->after[ACTION_DENY], 1); /* 110 always passes */
    assert_int_equal(result->changed[SIMULATED_PASSED], 2);
    assert_int_equal(result->changed[SIMULATED_REFUSED], 1);
    assert_int_equal(result->changed[SIMULATED_DIVERTED], 0);
    assert_int_equal(result->countries.count, 2);
    assert_string_equal(result->countries.list[0].name, "SO");
    assert_int_equal(result->countries.list[0].calls[SIMULATED_PASSED], 2);
    assert_string_equal(result->countries.list[1].name, "US");
    assert_string_equal(result->prefixes.list[0].name, "0102526");
    assert_string_equal(result->accounts.list[0].name, "1001");
    assert_int_equal(result->examples_count[SIMULATED_PASSED], 2);
    const struct simulated_example *latest = result->examples[SIMULATED_PASSED][0];
    assert_string_equal(latest->call.number, "010252615550102");
    assert_int_equal(latest->before.action, ACTION_DENY);
    assert_string_equal(latest->before.target, "01025");
    assert_string_equal(latest->before.id, "01PRESENT");
    assert_int_equal(latest->after.action, ACTION_ALLOW);
    assert_string_equal(latest->after.target, "");
    simulation_free(simulation);
    close_world(&world);
}

static void names_without_room_are_counted_together(void **state)
{
    struct world world;
    enum { NAMES = SIMULATED_SUMS_MAX + 100 };
    static struct call_record calls[NAMES];
    open_world(&world, *state);
    for (int i = 0; i < NAMES; i++) {
        char account[16];
        snprintf(account, sizeof account, "a%d", i);
        calls[i] = a_call(&world, account, "+12125550100", noon_ms - 1 - i);
    }
    add(&world, calls, NAMES);
    struct rule rule = a_rule("divert 0101");
    world.present = compiled(NULL, 0);
    world.draft = compiled(&rule, 1);
    struct simulation *simulation = simulated(&world, 0, noon_ms);
    for (int twice = 0; twice < 2; twice++) { /* sorting does not disturb what follows */
        const struct simulation_result *result = simulation_result(simulation);
        assert_int_equal(result->accounts.count, SIMULATED_SUMS_MAX);
        assert_int_equal(result->accounts.others.all, 100 * (twice + 1));
        assert_int_equal(result->accounts.list[0].all, 1 + twice);
        assert_int_equal(result->changed[SIMULATED_DIVERTED], NAMES * (twice + 1));
        assert_int_equal(result->examples_count[SIMULATED_DIVERTED], SIMULATED_EXAMPLES_MAX);
        assert_true(result->examples[SIMULATED_DIVERTED][0]->call.at_ms == noon_ms - 1);
        struct simulated_rules rules = {world.platform, world.present, world.draft};
        OK(simulation_run(simulation, world.suite->store, SLICE_LIT("acme"), &rules, 0, 0, &err));
    }
    simulation_free(simulation);
    close_world(&world);
}

/* --- random calls and rules ------------------------------------------------------------------- */

static const char *const dialed[] = {
    "+12125550100", "0-010-1-876-555-0100", "+252 61 555 0101", "186-122-0033-010-377935550100",
    "0312345678", "0-090-1234-5678", "0120-123-456", "110", "0119", "0570-000-123", "12", "#77",
    "0081010821012345678", "+81 3 1234 5678", "00", "0-0990-123456", "*21*0312345678#", "x",
};
static const char *const targets[] = {"010", "0101", "0101876", "country:US", "country:SO", "03",
                                      "090", "0", "group:high-risk", "1", "0990", "010252"};
static const char *const accounts[] = {"", "1001", "1002"};

static struct ruleset *random_ruleset(struct random *random)
{
    struct rule rules[RULES_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < RULES_MAX; i++) {
        static const char *const actions[] = {"allow", "deny", "divert"};
        char text[64];
        snprintf(text, sizeof text, "%s %s", actions[random_below(random, 3)],
                 targets[random_below(random, sizeof targets / sizeof *targets)]);
        struct rule rule = a_rule(text);
        rule.account = accounts[random_below(random, 3)];
        bool collides = false;
        for (unsigned k = 0; k < count; k++)
            collides |= rule_collides(&rules[k], &rule);
        if (!collides)
            rules[count++] = rule;
    }
    return compiled(rules, count);
}

static void as_judging_each_call_as_it_was_dialed(void **state)
{
    struct world world;
    struct random random = random_start("simulate");
    static struct call_record calls[CALLS];
    unsigned which[CALLS], whose[CALLS];
    open_world(&world, *state);
    for (int i = 0; i < CALLS; i++) {
        which[i] = random_below(&random, sizeof dialed / sizeof *dialed);
        whose[i] = random_below(&random, 3);
        calls[i] = a_call(&world, accounts[whose[i]], dialed[which[i]], noon_ms - i - 1);
    }
    add(&world, calls, CALLS);
    for (int round = 0; round < 30; round++) {
        uint64_t before[3] = {0}, changed[3] = {0}, summed[3] = {0};
        ruleset_free(world.present);
        ruleset_free(world.draft);
        world.present = random_ruleset(&random);
        world.draft = random_ruleset(&random);
        for (int i = 0; i < CALLS; i++) {
            enum action was = judged(&world, world.present, accounts[whose[i]], dialed[which[i]]);
            enum action is = judged(&world, world.draft, accounts[whose[i]], dialed[which[i]]);
            before[was]++;
            if (was != is)
                changed[is == ACTION_DENY ? 0 : is == ACTION_DIVERT ? 1 : 2]++;
        }
        struct simulation *simulation = simulated(&world, 0, 0);
        const struct simulation_result *result = simulation_result(simulation);
        assert_int_equal(result->calls, CALLS);
        for (unsigned i = 0; i < result->accounts.count; i++)
            for (int k = 0; k < 3; k++)
                summed[k] += result->accounts.list[i].calls[k];
        for (int k = 0; k < 3; k++) {
            assert_int_equal(result->before[k], before[k]);
            assert_int_equal(result->changed[k], changed[k]);
            assert_int_equal(summed[k], changed[k]);
        }
        simulation_free(simulation);
    }
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(what_changes_is_counted_by_name_with_examples),
        STORE_TEST(names_without_room_are_counted_together),
        STORE_TEST(as_judging_each_call_as_it_was_dialed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
