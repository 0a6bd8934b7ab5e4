/* What people write as a target, and what a rule must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/rule.h"

static void test_targets(void **state)
{
    (void)state;
    static const struct {
        const char *written, *stored; /* NULL: refused */
    } rows[] = {
        {"010", "010"},           {"+1 (212)", "0101212"},     {"０１０１", "0101"},
        {"+81 3", "03"},          {"+8103", "03"},             {"+81", NULL},
        {"+", NULL},              {"", NULL},                  {"-", NULL},
        {"01a", NULL},            {"0*1", NULL},               {"010,5", NULL},
        {"1+2", NULL},            {"0", "0"},                  {"010442079460000123", "010442079460000123"},
        {"0104420794600001234", NULL}, {"+442079460000123", "010442079460000123"},
        {"+4420794600001234", NULL},   {"country:us", "country:US"}, {"country:001", "country:001"},
        {"country:USA", NULL},    {"country:", NULL},          {"country:1A", NULL},
        {"group:high-risk", "group:high-risk"}, {"group:High", NULL}, {"group:", NULL},
        {"group:a b", NULL},      {"010\n", NULL},             {"country:U\xff", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct target target;
        struct err err = {0};
        int rc = target_parse(slice_of(rows[i].written), &target, &err);
        if ((rc == 0) != (rows[i].stored != NULL))
            print_error("'%s'\n", rows[i].written);
        assert_int_equal(rc, rows[i].stored ? 0 : ERR_INVALID);
        if (rc == 0)
            assert_string_equal(target.text, rows[i].stored);
        else
            assert_true(err.text[0] != '\0');
    }
    char with_nul[] = "01\0" "0";
    struct target target;
    assert_int_equal(target_parse((struct slice){with_nul, 4}, &target, NULL), ERR_INVALID);
}

static struct rule plain_rule(void)
{
    struct rule rule = {.id = "", .account = "", .action = ACTION_DENY, .divert_to = "", .note = "",
                        .source = "customer"};
    assert_int_equal(target_parse(SLICE_LIT("010"), &rule.target, NULL), 0);
    return rule;
}

static void refused(struct rule rule, const char *field)
{
    struct err err = {0};
    assert_int_equal(rule_check(&rule, &err), ERR_INVALID);
    assert_string_equal(err.field, field);
}

static void test_rule_check(void **state)
{
    (void)state;
    struct rule rule = plain_rule();
    struct err err = {0};
    assert_int_equal(rule_check(&rule, &err), 0);
    rule.divert_to = "voicemail";
    refused(rule, "/divert_to");
    rule.action = ACTION_DIVERT;
    assert_int_equal(rule_check(&rule, &err), 0);
    static const char *const bad_places[] = {"", "a&b", "a b", "-x", "SIP/x", "${X}", "a,b"};
    for (size_t i = 0; i < sizeof bad_places / sizeof *bad_places; i++) {
        rule.divert_to = bad_places[i];
        refused(rule, "/divert_to");
    }
    rule = plain_rule();
    rule.starts_at_ms = 10;
    rule.expires_at_ms = 10;
    refused(rule, "/expires_at");
    rule = plain_rule();
    rule.note = "line\nbreak";
    refused(rule, "/note");
    rule.note = "bad utf-8 \xff";
    refused(rule, "/note");
    rule.note = "reads backwards \u202e 010";
    refused(rule, "/note");
    rule.note = "規制電話番号";
    assert_int_equal(rule_check(&rule, &err), 0);
    rule.source = "campaign:2026-11";
    assert_int_equal(rule_check(&rule, &err), 0);
    rule.source = "Some one";
    refused(rule, "/source");
    rule = plain_rule();
    assert_int_equal(target_parse(SLICE_LIT("country:US"), &rule.target, NULL), 0);
    rule.is_exact = true;
    refused(rule, "/match");
}

static struct rule dated(int64_t from, int64_t until)
{
    struct rule rule = plain_rule();
    rule.starts_at_ms = from;
    rule.expires_at_ms = until;
    return rule;
}

static void test_collisions(void **state)
{
    (void)state;
    static const struct {
        int64_t a[2], b[2];
        bool collide;
    } rows[] = {
        {{0, 0}, {0, 0}, true},    {{0, 0}, {5, 9}, false},   {{1, 5}, {5, 9}, false},
        {{1, 6}, {5, 9}, true},    {{0, 5}, {5, 0}, false},   {{0, 6}, {5, 0}, true},
        {{2, 0}, {9, 0}, true},    {{0, 3}, {0, 9}, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rule a = dated(rows[i].a[0], rows[i].a[1]), b = dated(rows[i].b[0], rows[i].b[1]);
        assert_int_equal(rule_collides(&a, &b), rows[i].collide);
        assert_int_equal(rule_collides(&b, &a), rows[i].collide);
    }
    struct rule a = plain_rule(), b = plain_rule();
    b.account = "1001";
    assert_false(rule_collides(&a, &b));
    b = plain_rule();
    b.is_exact = true;
    assert_false(rule_collides(&a, &b));
}

static void test_names(void **state)
{
    (void)state;
    char long_id[65];
    memset(long_id, 'a', sizeof long_id);
    assert_true(tenant_id_is_valid((struct slice){long_id, 63}));
    assert_false(tenant_id_is_valid((struct slice){long_id, 64}));
    assert_true(tenant_id_is_valid(SLICE_LIT("0a_-")));
    assert_false(tenant_id_is_valid(SLICE_LIT("Acme")));
    assert_false(tenant_id_is_valid(SLICE_LIT("-acme")));
    assert_false(tenant_id_is_valid(SLICE_LIT("a.b")));
    assert_false(tenant_id_is_valid(SLICE_NONE));
    assert_false(tenant_id_is_valid((struct slice){"a\0b", 3}));
    assert_true(account_id_is_valid(SLICE_LIT("Sip.1001_x-y")));
    assert_false(account_id_is_valid(SLICE_LIT("10 01")));
    assert_false(account_id_is_valid(SLICE_LIT("10@01")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_rule_check),
        cmocka_unit_test(test_collisions),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
