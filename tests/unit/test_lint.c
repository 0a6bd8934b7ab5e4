/* The linter: each finding, its fix, and that the fix ends the finding and opens nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "linting.h"

/* Finds it, applies its fix, and it is gone. */
static void is_fixed(struct world *world, enum lint_code code)
{
    struct arena before = {0};
    const struct lint_finding *finding = find(world, code);
    assert_non_null(finding);
    assert_true(finding->fix.remove_count || finding->fix.add_count || finding->fix.expires_at_ms);
    assert_true(strlen(finding->text) > 0 && strlen(finding->text_ja) > 0);
    apply(world, finding);
    before = world->arena;
    run(world);
    assert_null(find(world, code));
    arena_release(&before);
}

static void standard_rules_have_no_findings(void **state)
{
    (void)state;
    struct world *world = WORLD("deny 010");
    run(world);
    assert_int_equal(world->found, 0);
    end(world);
}

static void america_opens_the_caribbean(void **state)
{
    (void)state;
    struct world *world = WORLD("deny 010", "allow 0101");
    run(world);
    const struct lint_finding *finding = find(world, LINT_OPENS_BEYOND_NOTE);
    assert_non_null(finding);
    /* numbering.md 5 */
    assert_non_null(strstr(finding->text, "21 area codes in 18 territories"));
    assert_non_null(strstr(finding->text, "US territories"));
    assert_non_null(strstr(finding->text, "900"));
    assert_non_null(strstr(finding->text_ja, "21市外局番・18地域"));
    assert_int_equal(dial(world, "", "0101876 555 0100"), ACTION_ALLOW);
    is_fixed(world, LINT_OPENS_BEYOND_NOTE);
    assert_int_equal(dial(world, "", "0101876 555 0100"), ACTION_DENY);
    assert_int_equal(dial(world, "", "0101787 555 0100"), ACTION_DENY);
    assert_int_equal(dial(world, "", "0101900 555 0100"), ACTION_DENY);
    assert_int_equal(dial(world, "", "0101212 555 0100"), ACTION_ALLOW);
    assert_int_equal(dial(world, "", "0101416 555 0100"), ACTION_ALLOW);
    end(world);
}

static void what_the_note_names_is_meant(void **state)
{
    (void)state;
    struct world *world = WORLD("deny 010", "allow 0101");
    world->rules[1].note = "office in Jamaica, hotel in バハマ";
    run(world);
    const struct lint_finding *finding = find(world, LINT_OPENS_BEYOND_NOTE);
    assert_non_null(finding);
    assert_non_null(strstr(finding->text, "in 16 territories"));
    is_fixed(world, LINT_OPENS_BEYOND_NOTE);
    assert_int_equal(dial(world, "", "0101876 555 0100"), ACTION_ALLOW);
    assert_int_equal(dial(world, "", "0101242 555 0100"), ACTION_ALLOW);
    assert_int_equal(dial(world, "", "0101809 555 0100"), ACTION_DENY);
    end(world);
}

static void one_country_is_one_country(void **state)
{
    (void)state;
    struct world *world = WORLD("deny 010", "allow 01082", "allow 0101212", "allow country:US");
    run(world);
    assert_null(find(world, LINT_OPENS_BEYOND_NOTE));
    assert_null(find(world, LINT_OPENS_HIGH_RISK));
    end(world);
}

static void what_lies_within_a_country_code(void **state)
{
    (void)state;
    struct world *world = WORLD("deny 010", "allow 01044");
    run(world);
    const struct lint_finding *finding = find(world, LINT_OPENS_BEYOND_NOTE);
    assert_non_null(finding);
    assert_non_null(strstr(finding->text, "Jersey"));
    is_fixed(world, LINT_OPENS_BEYOND_NOTE);
    assert_int_equal(dial(world, "", "010 44 20 7946 0000"), ACTION_ALLOW);
    assert_int_equal(dial(world, "", "010 44 1534 440000"), ACTION_DENY);
    end(world);
}

static void fraud_destinations(void **state)
{
    (void)state;
    /* opened by name: for a week only */
    struct world *world = WORLD("deny 010", "allow 010252");
    run(world);
    assert_int_equal(find(world, LINT_OPENS_HIGH_RISK)->fix.add_count, 0);
    assert_true(find(world, LINT_OPENS_HIGH_RISK)->fix.expires_at_ms > NOW_MS);
    is_fixed(world, LINT_OPENS_HIGH_RISK);
    assert_int_equal(dial(world, "", "010 252 61 555 0101"), ACTION_ALLOW);
    end(world);
    /* opened among others, for one account */
    world = WORLD("deny 010", "1001 allow 010");
    run(world);
    assert_int_equal(find(world, LINT_OPENS_HIGH_RISK)->fix.add_count, 1);
    is_fixed(world, LINT_OPENS_HIGH_RISK);
    assert_int_equal(dial(world, "1001", "010 252 61 555 0101"), ACTION_DENY);
    assert_int_equal(dial(world, "1001", "010 82 2 555 0101"), ACTION_ALLOW);
    assert_int_equal(dial(world, "1002", "010 82 2 555 0101"), ACTION_DENY);
    end(world);
}

static void the_list_that_leaves_0100_open(void **state)
{
    (void)state;
    struct world *world = WORLD("deny 0102", "deny 0103", "deny 0104", "deny 0105", "deny 0106",
                                "deny 0107", "deny 0108", "deny 0109");
    run(world);
    assert_int_equal(dial(world, "", "010 0 44 20 7946 0000"), ACTION_ALLOW);
    is_fixed(world, LINT_LEAVES_0100_OPEN);
    assert_int_equal(dial(world, "", "010 0 44 20 7946 0000"), ACTION_DENY);
    assert_int_equal(dial(world, "", "0101 212 555 0100"), ACTION_ALLOW);
    end(world);
    world = WORLD("deny 0102", "deny 0103", "deny 0104", "deny 0105", "lock deny 0100");
    run(world);
    assert_null(find(world, LINT_LEAVES_0100_OPEN));
    end(world);
}

static void emergency_numbers_cannot_be_denied(void **state)
{
    (void)state;
    static const char *const others[] = {"104", "111", "112", "115", "117", "122", "142", "171", "188"};
    struct world *world = WORLD("deny 1", "allow 117");
    run(world);
    is_fixed(world, LINT_TOUCHES_EMERGENCY);
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i], "117") != 0 && strcmp(others[i], "122") != 0)
            assert_int_equal(dial(world, "", others[i]), ACTION_DENY); /* nothing was opened */
    end(world);
    world = WORLD("deny 119");
    run(world);
    is_fixed(world, LINT_TOUCHES_EMERGENCY);
    assert_int_equal(world->count, 0);
    end(world);
    world = WORLD("deny 1", "allow 11"); /* what another rule says stays said */
    run(world);
    is_fixed(world, LINT_TOUCHES_EMERGENCY);
    assert_int_equal(dial(world, "", "115"), ACTION_ALLOW);
    assert_int_equal(dial(world, "", "104"), ACTION_DENY);
    end(world);
    world = WORLD("deny 1190", "deny 12", "allow 11");
    run(world);
    assert_null(find(world, LINT_TOUCHES_EMERGENCY));
    end(world);
}

static void rules_that_decide_nothing(void **state)
{
    (void)state;
    struct world *world = WORLD("deny 010", "allow 010252", "lock deny 010252");
    run(world);
    assert_string_equal(find(world, LINT_UNREACHABLE)->rule->target.text, "010252");
    is_fixed(world, LINT_UNREACHABLE);
    end(world);
    world = WORLD("deny 0081010", "deny 184010", "deny 0039");
    run(world);
    assert_int_equal(world->found, 2); /* what follows 0039 need not be read again */
    end(world);
    world = WORLD("allow 0101", "deny 01010", "deny 01011", "deny 01012", "deny 01013", "deny 01014",
                  "deny 01015", "deny 01016", "deny 01017", "deny 01018", "deny 01019");
    run(world);
    assert_string_equal(find(world, LINT_UNREACHABLE)->rule->target.text, "0101");
    arena_release(&world->arena);
    world->rules[10].account = "1001"; /* then 01019 is open to others */
    run(world);
    assert_null(find(world, LINT_UNREACHABLE));
    end(world);
    /* 010 is asked about numbers that nobody knows, too */
    world = WORLD("deny 010", "deny 0100", "allow 0101", "deny 0102", "deny 0103", "deny 0104",
                  "deny 0105", "deny 0106", "deny 0107", "deny 0108", "deny 0109");
    run(world);
    assert_null(find(world, LINT_UNREACHABLE));
    end(world);
    world = WORLD("deny 010", "allow 0101", "lock deny 0101876");
    run(world);
    assert_null(find(world, LINT_UNREACHABLE)); /* a lock of a part */
    end(world);
}

static void rules_whose_time_is_over(void **state)
{
    (void)state;
    struct world *world = WORLD("deny 010", "allow 0101", "allow 01082");
    world->rules[1].expires_at_ms = NOW_MS;
    world->rules[2].expires_at_ms = NOW_MS + 1;
    run(world);
    assert_int_equal(world->found, 1);
    assert_string_equal(find(world, LINT_EXPIRED)->rule->id, world->rules[1].id);
    is_fixed(world, LINT_EXPIRED);
    end(world);
}

/* Whose fixes are there already, or would put off the end. */
static void there_is_a_fix_or_no_finding(void **state)
{
    (void)state;
    struct world *world = WORLD("deny 0102", "deny 0103", "deny 0104", "deny 0105", "allow 0100");
    run(world);
    assert_null(find(world, LINT_LEAVES_0100_OPEN));
    end(world);
    world = WORLD("deny 010", "1001 allow 0102");
    world->rules[1].expires_at_ms = NOW_MS + 1;
    run(world);
    assert_null(find(world, LINT_OPENS_BEYOND_NOTE));
    end(world);
    world = WORLD("deny 010", "deny group:premium-international", "allow 0101900");
    run(world);
    assert_null(find(world, LINT_OPENS_BEYOND_NOTE)); /* it is just what it says */
    end(world);
}

static void allows_that_nobody_needed(void **state)
{
    (void)state;
    struct world *world = WORLD("deny 010", "allow 01082", "allow 01033");
    world->history_days = LINT_HISTORY_DAYS_MIN - 1;
    run(world);
    assert_null(find(world, LINT_NEVER_HIT)); /* too little history to say so */
    arena_release(&world->arena);
    world->history_days = 90;
    world->hits[1] = 4;
    run(world);
    assert_int_equal(world->found, 1);
    assert_string_equal(world->findings[0].rule->target.text, "01033");
    is_fixed(world, LINT_NEVER_HIT);
    end(world);
}

static void ids_are_of_what_was_found(void **state)
{
    (void)state;
    struct world *world = WORLD("deny 010", "allow 0101", "allow 01044");
    char first[LINT_ID_BYTES], second[LINT_ID_BYTES];
    run(world);
    assert_int_equal(world->found, 2);
    memcpy(first, world->findings[0].id, sizeof first);
    memcpy(second, world->findings[1].id, sizeof second);
    assert_string_not_equal(first, second);
    arena_release(&world->arena);
    world->rules[1].note = "Jamaica"; /* another fix is another finding */
    run(world);
    assert_string_not_equal(world->findings[0].id, first);
    assert_string_equal(world->findings[1].id, second);
    end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(standard_rules_have_no_findings),
        cmocka_unit_test(america_opens_the_caribbean),
        cmocka_unit_test(what_the_note_names_is_meant),
        cmocka_unit_test(one_country_is_one_country),
        cmocka_unit_test(what_lies_within_a_country_code),
        cmocka_unit_test(fraud_destinations),
        cmocka_unit_test(the_list_that_leaves_0100_open),
        cmocka_unit_test(emergency_numbers_cannot_be_denied),
        cmocka_unit_test(rules_that_decide_nothing),
        cmocka_unit_test(rules_whose_time_is_over),
        cmocka_unit_test(there_is_a_fix_or_no_finding),
        cmocka_unit_test(allows_that_nobody_needed),
        cmocka_unit_test(ids_are_of_what_was_found),
    };
    return cmocka_run_group_tests(tests, load_numbering, unload_numbering);
}
