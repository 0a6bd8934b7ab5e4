/* The linter's fixes, for any rules: none opens what was closed, now or later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "linting.h"
#include "random.h"

static const char *const places[] = {
    "0", "00", "0033010", "01", "010", "0100", "0101", "01012", "0101242", "0101876", "0101900",
    "0102", "01023", "010252", "0103", "0104", "01044", "010441", "0104415", "0105", "01088", "03",
    "0570", "0990", "1", "10", "104", "11", "110", "111", "117", "119", "1191", "12", "122", "18",
    "184", "184010", "186", "0081010", "country:US", "country:JM", "country:GB", "country:SO",
    "group:nanp-caribbean", "group:us-territories", "group:high-risk",
    "group:premium-international",
};
static const char *const dialed[] = {
    /* without those that begin like an emergency call: they lead nowhere else */
    "104", "111", "115", "117", "1171", "122", "171", "177", "184", "186",
    "188", "0312345678", "0570012345", "0990512345", "09012345678", "184010442079460000",
    "1840312345678", "0033010442079460000", "0033010252615550101", "010", "0100442079460000",
    "01012125550100", "01012425550100", "01018765550100", "01017875550100", "01019005550100",
    "01020212345678", "010252615550101", "01033142685300", "0104915112345678",
    "010442079460000", "010441534440000", "0105511912345678", "01081312345678", "01088216123456",
    "01082255501010", "0039123456789",
};
static const int64_t times[] = {NOW_MS, NOW_MS + 3 * 86400000ll, NOW_MS + 400 * 86400000ll};
enum { PLACES = sizeof places / sizeof *places, DIALED = sizeof dialed / sizeof *dialed,
       TIMES = sizeof times / sizeof *times, ANSWERS = DIALED * TIMES * 2 };

static void add_any(struct random *random, struct world *world)
{
    static const char *const actions[] = {"deny", "allow", "deny", "allow", "deny"};
    char text[80];
    bool is_lock = random_below(random, 8) == 0 && world->locks_count < 8;
    snprintf(text, sizeof text, "%s%s %s",
             is_lock                        ? "lock "
             : random_below(random, 3) == 0 ? "1001 "
                                            : "",
             actions[random_below(random, 5)], places[random_below(random, PLACES)]);
    add(world, text);
    struct rule *rule = is_lock ? &world->locks[world->locks_count - 1]
                                : &world->rules[world->count - 1];
    unsigned date = random_below(random, 8);
    rule->expires_at_ms = date == 0 ? NOW_MS - 1 : date == 1 ? NOW_MS + 86400000 : 0;
    rule->starts_at_ms = date == 2 ? NOW_MS + 86400000 : 0;
    rule->is_exact =
        !is_lock && rule->target.type == TARGET_PREFIX && random_below(random, 12) == 0;
    unsigned last = is_lock ? world->locks_count - 1 : world->count - 1;
    for (unsigned i = 0; i < last; i++)
        if (rule_collides(rule, is_lock ? &world->locks[i] : &world->rules[i])) {
            is_lock ? world->locks_count-- : world->count--;
            return;
        }
}

/* Ten longer ones, so that something is covered; some of them dated. */
static void add_ten(struct random *random, struct world *world)
{
    const char *place = places[random_below(random, PLACES)];
    bool is_dated = random_below(random, 2) == 0;
    for (char digit = '0'; place[0] != 'c' && place[0] != 'g' && digit <= '9'; digit++) {
        char text[80];
        snprintf(text, sizeof text, "%s %s%c", random_below(random, 2) ? "deny" : "allow", place,
                 digit);
        add(world, text);
        struct rule *rule = &world->rules[world->count - 1];
        rule->expires_at_ms = is_dated && digit == '4' ? NOW_MS + 86400000 : 0;
        for (unsigned i = 0; i + 1 < world->count; i++)
            if (rule_collides(rule, &world->rules[i])) {
                world->count--;
                break;
            }
    }
}

static void answer_all(const struct world *world, enum action answers[ANSWERS])
{
    struct ruleset *platform, *tenant;
    struct verdict verdict;
    unsigned at = 0;
    compile(world, &platform, &tenant);
    struct policy policy = {numbering, platform, tenant};
    for (unsigned i = 0; i < DIALED; i++) {
        struct folded folded;
        assert_int_equal(number_fold(slice_of(dialed[i]), &folded), 0);
        number_read(numbering, &folded, "", &verdict.number, NULL);
        for (unsigned j = 0; j < TIMES * 2; j++) {
            policy_judge(&policy, slice_of(j % 2 ? "1001" : "1002"), &verdict.number, times[j / 2],
                         &verdict, NULL);
            answers[at++] = verdict.action;
        }
    }
    ruleset_free(platform);
    ruleset_free(tenant);
}

/* Rules that say nothing go without a trace; no other fix opens what was closed, now or later. */
static void check_fix(const struct world *world, const struct lint_finding *finding)
{
    static enum action before[ANSWERS], after[ANSWERS];
    struct world *fixed = malloc(sizeof *fixed);
    assert_non_null(fixed);
    *fixed = *world;
    for (unsigned i = 0; i < world->count; i++) /* each with its own texts */
        fixed->rules[i].id = fixed->ids[i], fixed->rules[i].account = fixed->accounts[i];
    struct lint_finding of_fixed = *finding;
    of_fixed.rule = &fixed->rules[finding->rule - world->rules];
    answer_all(world, before);
    apply(fixed, &of_fixed);
    answer_all(fixed, after);
    bool changes_nothing = finding->code == LINT_EXPIRED || finding->code == LINT_UNREACHABLE;
    for (unsigned i = 0; i < ANSWERS; i++) {
        bool is_worse = changes_nothing ? before[i] != after[i]
                                        : before[i] != ACTION_ALLOW && after[i] == ACTION_ALLOW;
        if (!is_worse)
            continue;
        for (unsigned j = 0; j < world->count; j++)
            print_message("  %s %s %s%s from %lld until %lld\n", world->rules[j].account,
                          action_word(world->rules[j].action), world->rules[j].target.text,
                          world->rules[j].is_exact ? " exactly" : "",
                          (long long)world->rules[j].starts_at_ms,
                          (long long)world->rules[j].expires_at_ms);
        for (unsigned j = 0; j < world->locks_count; j++)
            print_message("  lock %s %s until %lld\n", action_word(world->locks[j].action),
                          world->locks[j].target.text, (long long)world->locks[j].expires_at_ms);
        fail_msg("%s: \"%s\" turns %s of %s after %lld s from %s into %s",
                 lint_code_word(finding->code), finding->fix.text, dialed[i / (TIMES * 2)], i % 2 ? "1001" : "1002",
                 (long long)(times[i % (TIMES * 2) / 2] - NOW_MS) / 1000, action_word(before[i]),
                 action_word(after[i]));
    }
    free(fixed);
}

static void no_fix_opens_anything(void **state)
{
    (void)state;
    enum { WORLDS = 400 };
    struct random random = random_start("no_fix_opens_anything");
    for (unsigned i = 0; i < WORLDS; i++) {
        struct world *world = WORLD("deny 010");
        for (unsigned n = 2 + random_below(&random, 8); n; n--)
            add_any(&random, world);
        if (random_below(&random, 3) == 0)
            add_ten(&random, world);
        world->history_days = random_below(&random, 2) ? 90 : 0;
        run(world);
        for (unsigned j = 0; j < world->found; j++)
            check_fix(world, &world->findings[j]);
        end(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_fix_opens_anything),
    };
    return cmocka_run_group_tests(tests, load_numbering, unload_numbering);
}
