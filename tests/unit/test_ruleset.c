/* The compiled ruleset against a twin that is slow and obviously right: it goes through all rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "core/ruleset.h"
#include "random.h"

static struct numbering *numbering;

/* --- random rules ----------------------------------------------------------------------------------- */

struct many_rules {
    struct rule *rules;
    char (*ids)[24];
    size_t count;
};

static const char *const accounts[] = {"", "", "", "1001", "1002", "100", "zz"};
static const char *const wide_targets[] = {"country:US", "country:SO",           "country:JM",
                                           "country:001", "group:high-risk",      "group:satellite",
                                           "group:nanp-caribbean"};

static void random_target(struct random *dice, unsigned span, struct target *ret)
{
    char text[32] = "010";
    if (random_below(dice, 12) == 0) {
        snprintf(text, sizeof text, "%s", wide_targets[random_below(dice, 7)]);
    } else {
        unsigned keep = random_below(dice, 4), len = 1 + random_below(dice, span);
        for (unsigned i = keep; i < keep + len && i < RULE_PREFIX_DIGITS_MAX; i++)
            text[i] = (char)('0' + random_below(dice, 3)), text[i + 1] = '\0';
    }
    assert_int_equal(target_parse(slice_of(text), ret, NULL), 0);
}

static bool collides(const struct many_rules *many, const struct rule *rule)
{
    for (size_t i = 0; i < many->count; i++)
        if (rule_collides(&many->rules[i], rule))
            return true;
    return false;
}

static struct many_rules random_rules(struct random *dice, size_t count, unsigned span)
{
    struct many_rules many = {calloc(count, sizeof *many.rules), calloc(count, sizeof *many.ids), 0};
    for (size_t i = 0; i < count; i++) {
        struct rule rule = {.account = accounts[random_below(dice, 7)],
                            .action = (enum action)random_below(dice, 3),
                            .note = "",
                            .source = random_below(dice, 2) ? "customer" : "operator"};
        random_target(dice, span, &rule.target);
        rule.divert_to = rule.action == ACTION_DIVERT ? "voicemail" : "";
        rule.is_exact = rule.target.type == TARGET_PREFIX && random_below(dice, 4) == 0;
        if (random_below(dice, 4) == 0) {
            rule.starts_at_ms = 1 + random_below(dice, 50);
            rule.expires_at_ms = rule.starts_at_ms + 1 + random_below(dice, 50);
        }
        if (collides(&many, &rule))
            continue;
        snprintf(many.ids[many.count], sizeof many.ids[0], "r%zu", many.count);
        rule.id = many.ids[many.count];
        many.rules[many.count++] = rule;
    }
    return many;
}

/* --- the twin ----------------------------------------------------------------------------------------- */

/* How well a rule fits: 0 not at all; longer first, then exact, prefix, country, group, then stricter. */
static unsigned fit(const struct rule *rule, const struct reading *reading)
{
    struct slice number = {reading->number, reading->len};
    unsigned len = 0, specific = 0;
    if (rule->target.type == TARGET_PREFIX) {
        struct slice prefix = slice_of(rule->target.text);
        bool matches = rule->is_exact ? slice_equals(number, prefix) : slice_starts_with(number, prefix);
        len = matches ? (unsigned)prefix.n : 0;
        specific = rule->is_exact ? 3 : 2;
    } else if (rule->target.type == TARGET_COUNTRY) {
        bool matches = reading->country_len && strcmp(rule->target.text + 8, reading->country) == 0;
        len = matches ? reading->country_len : 0;
        specific = 1;
    } else {
        struct group_match groups[GROUP_MATCHES_MAX];
        unsigned count = numbering_groups(numbering, number, groups);
        for (unsigned i = 0; i < count; i++)
            if (groups[i].key == group_key(slice_of(rule->target.text + 6)))
                len = groups[i].len;
    }
    return len ? len * 16 + specific * 4 + (specific == 0 ? (unsigned)rule->action : 0) : 0;
}

static bool in_force(const struct rule *rule, int64_t now)
{
    return rule->starts_at_ms <= now && (!rule->expires_at_ms || now < rule->expires_at_ms);
}

/* An undated rule does not count while a dated one of the same place is in force. */
static bool is_replaced(const struct many_rules *many, const struct rule *rule, int64_t now)
{
    for (size_t i = 0; i < many->count && !rule_is_dated(rule); i++) {
        const struct rule *other = &many->rules[i];
        if (rule_is_dated(other) && rule_is_same_place(rule, other) && in_force(other, now))
            return true;
    }
    return false;
}

static const struct rule *twin_match(const struct many_rules *many, const char *account,
                                     const struct reading *reading, int64_t now)
{
    const struct rule *best = NULL;
    unsigned best_fit = 0;
    for (size_t i = 0; i < many->count; i++) {
        const struct rule *rule = &many->rules[i];
        unsigned how = strcmp(rule->account, account) == 0 ? fit(rule, reading) : 0;
        if (how > best_fit && in_force(rule, now) && !is_replaced(many, rule, now)) {
            best = rule;
            best_fit = how;
        }
    }
    return best;
}

/* --- tests ----------------------------------------------------------------------------------------------- */

static void random_number(struct random *dice, struct number *ret)
{
    static const char *const heads[] = {"0101212555", "0101876555", "01025261555", "010881", "010", "0", ""};
    char text[40];
    snprintf(text, sizeof text, "%s", heads[random_below(dice, 7)]);
    size_t n = strlen(text), len = n + 1 + random_below(dice, 20);
    for (; n < len; n++)
        text[n] = (char)('0' + random_below(dice, 3)), text[n + 1] = '\0';
    struct folded folded;
    assert_int_equal(number_fold(slice_of(text), &folded), 0);
    number_read(numbering, &folded, "", ret, NULL);
}

/* The rule of that id when it fits as well as `rule`; else `rule`. */
static const struct rule *same_fit(const struct many_rules *many, const struct rule *rule,
                                   const char *id, const struct reading *reading)
{
    for (size_t i = 0; i < many->count; i++)
        if (strcmp(many->rules[i].id, id) == 0 && fit(&many->rules[i], reading) == fit(rule, reading))
            return &many->rules[i];
    return rule;
}

static void compare(struct random *dice, size_t rules, unsigned span, unsigned asks)
{
    struct many_rules many = random_rules(dice, rules, span);
    struct ruleset *ruleset;
    struct err err = {0};
    struct ruleset_owner owner = {.tenant = SLICE_LIT("acme"), .revision = 7};
    assert_int_equal(ruleset_new(&owner, many.rules, many.count, &ruleset, &err), 0);
    assert_int_equal(ruleset_rules_count(ruleset), many.count);
    for (unsigned i = 0; i < asks; i++) {
        struct number number;
        struct lookup lookup;
        const char *account = accounts[random_below(dice, 7)];
        int64_t now = random_below(dice, 110);
        random_number(dice, &number);
        struct rule_range range = account[0] ? ruleset_account(ruleset, slice_of(account))
                                             : ruleset_wide(ruleset);
        lookup_init(&lookup, numbering, &number.readings[0]);
        struct rule_match match;
        bool found = ruleset_match(ruleset, range, &lookup, now, &match);
        const struct rule *expected = twin_match(&many, account, &number.readings[0], now);
        assert_int_equal(found, expected != NULL);
        if (expected) {
            assert_int_not_equal(match.len, 0);
            if (expected->target.type == TARGET_GROUP) /* two groups may fit equally well */
                expected = same_fit(&many, expected, match.id, &number.readings[0]);
            assert_string_equal(match.id, expected->id);
            assert_int_equal(match.action, expected->action);
            assert_string_equal(match.target, expected->target.text);
            assert_string_equal(match.source, expected->source);
            assert_string_equal(match.divert_to, expected->divert_to);
        }
    }
    ruleset_free(ruleset);
    free(many.rules);
    free(many.ids);
}

static void test_against_twin(void **state)
{
    (void)state;
    struct random dice = random_start("ruleset twin");
    for (unsigned round = 0; round < 400; round++)
        compare(&dice, random_below(&dice, 60), 1 + random_below(&dice, 10), 200);
    for (unsigned round = 0; round < 5; round++)
        compare(&dice, 2000, 15, 2000);
}

static int add(struct rule *rules, size_t count, const char *target, const char *account, bool exact)
{
    rules[count] = (struct rule){.id = "x", .account = account, .divert_to = "", .note = "",
                                 .source = "customer", .is_exact = exact};
    return target_parse(slice_of(target), &rules[count].target, NULL);
}

static void test_refuses_collisions(void **state)
{
    (void)state;
    struct rule rules[2];
    struct ruleset *ruleset = NULL;
    struct err err = {0};
    struct ruleset_owner owner = {.tenant = SLICE_LIT("acme")};
    assert_int_equal(add(rules, 0, "010", "", false), 0);
    assert_int_equal(add(rules, 1, "+", "", false), ERR_INVALID);
    assert_int_equal(add(rules, 1, "０１０", "", false), 0);
    assert_int_equal(ruleset_new(&owner, rules, 2, &ruleset, &err), ERR_EXISTS);
    assert_null(ruleset);
    rules[1].expires_at_ms = 5;
    assert_int_equal(ruleset_new(&owner, rules, 2, &ruleset, &err), 0);
    ruleset_free(ruleset);
    rules[1].expires_at_ms = 0;
    rules[1].is_exact = true;
    assert_int_equal(ruleset_new(&owner, rules, 2, &ruleset, &err), 0);
    ruleset_free(ruleset);
}

static void test_bounds(void **state)
{
    (void)state;
    enum { ONE_PAST = RULES_PER_TENANT_MAX + 1 };
    struct rule *rules = calloc(ONE_PAST, sizeof *rules);
    struct ruleset *ruleset = NULL;
    struct err err = {0};
    struct ruleset_owner owner = {.tenant = SLICE_LIT("acme")};
    for (unsigned i = 0; i < ONE_PAST; i++) {
        char text[16];
        snprintf(text, sizeof text, "0%u", 100000 + i);
        assert_int_equal(add(rules, i, text, "", false), 0);
    }
    assert_int_equal(ruleset_new(&owner, rules, ONE_PAST, &ruleset, &err), ERR_LIMIT);
    assert_null(ruleset);
    assert_int_equal(ruleset_new(&owner, rules, RULES_PER_TENANT_MAX, &ruleset, &err), 0);
    size_t hot, cold;
    ruleset_bytes(ruleset, &hot, &cold);
    assert_true(hot <= 16 * RULES_PER_TENANT_MAX + 48);
    ruleset_free(ruleset);
    free(rules);
}

int main(void)
{
    struct err err = {0};
    if (numbering_builtin(&numbering, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_twin),
        cmocka_unit_test(test_refuses_collisions),
        cmocka_unit_test(test_bounds),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    numbering_free(numbering);
    return failed;
}
