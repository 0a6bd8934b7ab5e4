/* What the engine adds to the policy: who asks for whom, emergency first, revisions, explanations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine/engine.h"
#include "engine/rulesets.h"

static struct rulesets *rulesets;
static struct engine *engine;

static struct rule make_rule(const char *target, enum action action)
{
    struct rule rule = {.id = target, .account = "", .action = action, .divert_to = "", .note = "",
                        .source = "customer"};
    assert_int_equal(target_parse(slice_of(target), &rule.target, NULL), 0);
    return rule;
}

static void publish(const char *tenant, const char *outside_line, bool suspended, uint64_t revision)
{
    struct rule rules[] = {make_rule("010", ACTION_DENY), make_rule("0101", ACTION_ALLOW)};
    struct ruleset_owner owner = {slice_of(tenant), slice_of(outside_line), suspended, revision};
    struct ruleset *ruleset;
    assert_int_equal(ruleset_new(&owner, rules, 2, &ruleset, NULL), 0);
    assert_int_equal(rulesets_publish(rulesets, ruleset, NULL), 0);
}

static void trust(enum trust wanted)
{
    struct instant now = instant_now();
    struct trusted *trusted = rulesets_trusted(rulesets);
    trusted_set_bounds(trusted, 600 * 1000, wanted == TRUST_EXPIRED ? -1 : 600 * 1000);
    trusted_set(trusted, now, wanted == TRUST_CURRENT);
    assert_int_equal(trusted_now(trusted, now), wanted);
}

static int setup(void **state)
{
    (void)state;
    struct numbering *numbering;
    if (rulesets_new(&rulesets, NULL) || numbering_builtin(&numbering, NULL) ||
        engine_new(rulesets, NULL, NULL, &engine, NULL))
        return -1;
    rulesets_set_numbering(rulesets, numbering);
    trust(TRUST_CURRENT);
    publish("acme", "", false, 7);
    publish("zero", "0", false, 3);
    publish("gone", "", true, 9);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    engine_free(engine);
    rulesets_free(rulesets);
    return 0;
}

static struct verdict ask(struct call call)
{
    struct verdict verdict;
    memset(&verdict, 0xa5, sizeof verdict); /* what is not set must show */
    engine_decide(engine, &call, &verdict);
    return verdict;
}

static struct call call_of(const char *tenant, const char *number)
{
    return (struct call){.tenant = slice_of(tenant), .account = SLICE_LIT("1001"), .number = slice_of(number)};
}

static void an_ordinary_call(void **state)
{
    (void)state;
    struct verdict verdict = ask(call_of("acme", "+44 20 7946 0000"));
    assert_int_equal(verdict.action, ACTION_DENY);
    assert_int_equal(verdict.reason, REASON_RULE);
    assert_string_equal(verdict.rule.target, "010");
    assert_string_equal(verdict.dial, "010442079460000");
    assert_int_equal(verdict.revision, 7);
    assert_int_equal(verdict.degraded, DEGRADED_NOT);
    assert_int_equal(strlen(verdict.decision_id), DECISION_ID_CHARS);
    assert_string_equal(verdict.divert_to, "");
    assert_true(verdict.numbering[0] != '\0');
}

static void who_asks_for_whom(void **state)
{
    (void)state;
    static const char *const unknown[] = {"", "nobody", "ACME", "acme ", "acm", "acmee"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        struct verdict verdict = ask(call_of(unknown[i], "0312345678"));
        assert_int_equal(verdict.action, ACTION_DENY);
        assert_int_equal(verdict.reason, REASON_UNKNOWN_TENANT);
        assert_int_equal(verdict.revision, 0);
        assert_string_equal(verdict.number.readings[0].number, "0312345678");
    }
    struct call outside = call_of("acme", "0312345678");
    outside.is_outside_token = true;
    struct verdict verdict = ask(outside);
    assert_int_equal(verdict.reason, REASON_UNKNOWN_TENANT);
    assert_int_equal(verdict.revision, 0); /* nothing of the tenant shows */
    assert_int_equal(ask(call_of("gone", "0312345678")).reason, REASON_SUSPENDED);
    assert_int_equal(ask(call_of("gone", "not a number")).reason, REASON_SUSPENDED);
    assert_int_equal(ask(call_of("acme", "not a number")).reason, REASON_INVALID_NUMBER);
}

static void emergency_comes_first(void **state)
{
    (void)state;
    static const struct {
        const char *tenant, *number;
        bool passes;
    } rows[] = {
        {"acme", "110", true},   {"gone", "119", true},     {"nobody", "118", true},
        {"", "184-110", true},   {"nobody", "9 119", true}, {"nobody", "1119", false},
        {"acme", "9 119", false}, /* acme has no outside line */
        {"zero", "0 186 0 119", true}, {"zero", "9 119", false}, {"acme", "1101", false},
        {"acme", "122 110", false},    {"acme", "+81 110", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct verdict verdict = ask(call_of(rows[i].tenant, rows[i].number));
        assert_int_equal(verdict.reason == REASON_EMERGENCY, rows[i].passes);
        if (rows[i].passes)
            assert_int_equal(verdict.action, ACTION_ALLOW);
    }
    struct verdict verdict;
    assert_true(engine_decide_emergency(engine, SLICE_LIT("１１９"), &verdict));
    assert_string_equal(verdict.dial, "119");
    assert_false(engine_decide_emergency(engine, SLICE_LIT("0312345678"), &verdict));
    assert_false(engine_decide_emergency(engine, SLICE_NONE, &verdict));
}

static void an_older_revision_than_wanted_is_flagged(void **state)
{
    (void)state;
    struct call call = call_of("acme", "0312345678");
    call.min_revision = 7;
    assert_int_equal(ask(call).degraded, DEGRADED_NOT);
    call.min_revision = 8;
    assert_int_equal(ask(call).degraded, DEGRADED_STALE);
    call.number = SLICE_LIT("110");
    assert_int_equal(ask(call).degraded, DEGRADED_NOT);
    /* a tenant that is too new for this node to know of, which is not what is outside the token */
    call = call_of("newcomer", "0312345678");
    call.min_revision = 1;
    struct verdict verdict = ask(call);
    assert_int_equal(verdict.reason, REASON_UNKNOWN_TENANT);
    assert_int_equal(verdict.degraded, DEGRADED_STALE);
    call.is_outside_token = true;
    assert_int_equal(ask(call).degraded, DEGRADED_NOT);
}

static void an_explanation_names_each_step(void **state)
{
    (void)state;
    struct explanation explanation;
    struct err err = {0};
    struct call call = call_of("zero", "0 186 +1 212 555 0100");
    assert_int_equal(engine_explain(engine, &call, NULL, 0, false, 1, &explanation, &err), 0);
    static const enum trace_what steps[] = {TRACE_FOLD, TRACE_OUTSIDE_LINE, TRACE_PREFIX, TRACE_PLUS,
                                            TRACE_KIND};
    assert_int_equal(explanation.trace.count, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(explanation.trace.steps[i].what, steps[i]);
    assert_string_equal(explanation.trace.steps[2].taken, "186");
    assert_int_equal(explanation.steps_count, 1);
    assert_true(explanation.steps[0].took_over);
    assert_string_equal(explanation.steps[0].rule.target, "0101");
    assert_string_equal(explanation.verdict.dial, "18601012125550100");

    struct rule draft[] = {make_rule("0101212", ACTION_DENY)};
    assert_int_equal(engine_explain(engine, &call, draft, 1, true, 1, &explanation, &err), 0);
    assert_string_equal(explanation.verdict.rule.target, "0101212");
    assert_int_equal(engine_explain(engine, &call, NULL, 0, true, 1, &explanation, &err), 0);
    assert_int_equal(explanation.verdict.reason, REASON_DEFAULT);
    assert_string_equal(ask(call).rule.target, "0101"); /* the draft changed nothing */
    call.tenant = SLICE_LIT("nobody");
    assert_int_equal(engine_explain(engine, &call, NULL, 0, false, 1, &explanation, &err), ERR_NOT_FOUND);
}

static void the_ladder(void **state)
{
    (void)state;
    static const struct {
        enum trust trust;
        const char *tenant, *number;
        enum action action;
        enum reason reason;
        enum degraded degraded;
    } rows[] = {
        {TRUST_STALE, "acme", "0312345678", ACTION_ALLOW, REASON_DEFAULT, DEGRADED_STALE},
        {TRUST_STALE, "acme", "+44 20 7946 0000", ACTION_DENY, REASON_RULE, DEGRADED_STALE},
        {TRUST_STALE, "acme", "+1 212 555 0100", ACTION_ALLOW, REASON_RULE, DEGRADED_STALE},
        {TRUST_STALE, "acme", "119", ACTION_ALLOW, REASON_EMERGENCY, DEGRADED_NOT},
        {TRUST_STALE, "nobody", "0312345678", ACTION_ALLOW, REASON_FLOOR, DEGRADED_FLOOR},
        {TRUST_STALE, "nobody", "+1 212 555 0100", ACTION_DENY, REASON_FLOOR, DEGRADED_FLOOR},
        {TRUST_EXPIRED, "acme", "0312345678", ACTION_ALLOW, REASON_FLOOR, DEGRADED_FLOOR},
        {TRUST_EXPIRED, "acme", "+1 212 555 0100", ACTION_DENY, REASON_FLOOR, DEGRADED_FLOOR},
        {TRUST_EXPIRED, "acme", "184 090 1234 5678", ACTION_ALLOW, REASON_FLOOR, DEGRADED_FLOOR},
        {TRUST_EXPIRED, "acme", "050 1234 5678", ACTION_ALLOW, REASON_FLOOR, DEGRADED_FLOOR},
        {TRUST_EXPIRED, "acme", "0120 123 456", ACTION_ALLOW, REASON_FLOOR, DEGRADED_FLOOR},
        {TRUST_EXPIRED, "acme", "0990 512 345", ACTION_DENY, REASON_FLOOR, DEGRADED_FLOOR},
        {TRUST_EXPIRED, "acme", "0570 012 345", ACTION_DENY, REASON_FLOOR, DEGRADED_FLOOR},
        {TRUST_EXPIRED, "acme", "104", ACTION_DENY, REASON_FLOOR, DEGRADED_FLOOR},
        {TRUST_EXPIRED, "acme", "*21*0312345678#", ACTION_DENY, REASON_FLOOR, DEGRADED_FLOOR},
        {TRUST_EXPIRED, "acme", "001 44 20 7946 0000", ACTION_DENY, REASON_FLOOR, DEGRADED_FLOOR},
        {TRUST_EXPIRED, "acme", "not a number", ACTION_DENY, REASON_FLOOR, DEGRADED_FLOOR},
        {TRUST_EXPIRED, "acme", "184 119", ACTION_ALLOW, REASON_EMERGENCY, DEGRADED_NOT},
        {TRUST_EXPIRED, "nobody", "9 118", ACTION_ALLOW, REASON_EMERGENCY, DEGRADED_NOT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        trust(rows[i].trust);
        struct verdict verdict = ask(call_of(rows[i].tenant, rows[i].number));
        assert_int_equal(verdict.action, rows[i].action);
        assert_int_equal(verdict.reason, rows[i].reason);
        assert_int_equal(verdict.degraded, rows[i].degraded);
    }
    struct call outside = call_of("acme", "0312345678"); /* a token's bound is no failure */
    outside.is_outside_token = true;
    assert_int_equal(ask(outside).reason, REASON_UNKNOWN_TENANT);
    trust(TRUST_CURRENT);
}

/* A change is known of and could not be put in force: nobody may take what answers for the latest. */
static void rules_that_do_not_compile_leave_a_mark(void **state)
{
    (void)state;
    struct call acme = call_of("acme", "+1 212 555 0100");
    assert_int_equal(ask(acme).degraded, DEGRADED_NOT);
    rulesets_fell_behind(rulesets, SLICE_LIT("acme"), 8);
    assert_int_equal(ask(acme).degraded, DEGRADED_STALE);
    assert_int_equal(ask(acme).action, ACTION_ALLOW); /* by the old ones */
    assert_int_equal(ask(call_of("zero", "0312345678")).degraded, DEGRADED_NOT);
    assert_int_equal(ask(call_of("acme", "119")).degraded, DEGRADED_NOT);
    publish("acme", "", false, 7); /* too old to end it */
    assert_int_equal(ask(acme).degraded, DEGRADED_STALE);
    publish("acme", "", false, 8);
    assert_int_equal(ask(acme).degraded, DEGRADED_NOT);

    /* one that never had any: not unknown, but the floor */
    rulesets_fell_behind(rulesets, SLICE_LIT("new"), 1);
    assert_int_equal(ask(call_of("new", "+1 212 555 0100")).reason, REASON_FLOOR);
    assert_int_equal(ask(call_of("new", "+1 212 555 0100")).degraded, DEGRADED_FLOOR);
    assert_int_equal(ask(call_of("nobody", "0312345678")).reason, REASON_UNKNOWN_TENANT);
    rulesets_remove(rulesets, SLICE_LIT("new"));
    assert_int_equal(ask(call_of("new", "0312345678")).reason, REASON_UNKNOWN_TENANT);

    /* the platform's: of everybody */
    rulesets_fell_behind(rulesets, SLICE_NONE, 5);
    assert_int_equal(ask(call_of("zero", "0312345678")).degraded, DEGRADED_STALE);
    rulesets_forgive(rulesets);
    assert_int_equal(ask(call_of("zero", "0312345678")).degraded, DEGRADED_NOT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordinary_call),
        cmocka_unit_test(who_asks_for_whom),
        cmocka_unit_test(emergency_comes_first),
        cmocka_unit_test(an_older_revision_than_wanted_is_flagged),
        cmocka_unit_test(an_explanation_names_each_step),
        cmocka_unit_test(the_ladder),
        cmocka_unit_test(rules_that_do_not_compile_leave_a_mark),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
