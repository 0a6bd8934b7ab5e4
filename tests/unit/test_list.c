/* Restricted-number lists as operators keep them: every shape, and every way to be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "wire/list.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 64 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct list read_list(struct slice text, enum charset charset)
{
    const struct list_options options = {.charset = charset, .fallback = ACTION_DENY};
    struct list list;
    struct err err = {0};
    assert_int_equal(list_read(text, &options, &arena, &list, &err), 0);
    assert_int_equal(list_settle(&list, &arena, &err), 0);
    return list;
}

/* "2 deny 010 [note]\n", "3 = 2\n", "4 ! action\n" */
static void assert_text(struct slice text, const char *expected)
{
    char found[4096] = "";
    struct buf out = BUF_OVER(found);
    struct list list = read_list(text, CHARSET_AUTO);
    for (unsigned i = 0, refused = 0; i < list.rows_count; i++) {
        const struct list_row *row = &list.rows[i];
        const struct rule *rule = &row->rule;
        buf_printf(&out, "%u ", row->line);
        if (row->is_refused) {
            assert_int_equal(list.refused[refused].line, row->line);
            assert_true(list.refused[refused].detail[0]);
            buf_printf(&out, "! %s", list_column_word(list.refused[refused++].column));
        } else if (row->repeats) {
            buf_printf(&out, "= %u", row->repeats);
        } else {
            buf_printf(&out, "%s %s%s%s%s%s%s", action_word(rule->action), rule->target.text,
                       rule->is_exact ? " exact" : "", *rule->divert_to ? " to " : "",
                       rule->divert_to, *rule->note ? " | " : "", rule->note);
            if (rule->starts_at_ms || rule->expires_at_ms)
                buf_printf(&out, " %lld-%lld", (long long)rule->starts_at_ms / 1000,
                           (long long)rule->expires_at_ms / 1000);
        }
        buf_add_char(&out, '\n');
    }
    if (strcmp(found, expected) != 0)
        fail_msg("%.*s\ngives\n%s\nnot\n%s", SLICE_ARG(text), found, expected);
}
#define ASSERT_LIST(text, expected) assert_text(SLICE_LIT(text), expected)

static void one_prefix_a_line(void **state)
{
    (void)state;
    ASSERT_LIST("010\n0570\n", "1 deny 010\n2 deny 0570\n");
    ASSERT_LIST("\xef\xbb\xbf# made by hand\r\n０１０\r\n\r\n+1 (212)\r\n# more\r\n0120-\r\n",
                "2 deny 010\n4 deny 0101212\n6 deny 0120\n");
    ASSERT_LIST("規制番号\n010\n", "2 deny 010\n");
    ASSERT_LIST("=\"010\"\n'0570\n\"=\"\"0990\"\"\"\n0180*\n+81 3\ncountry:us\ngroup:high-risk",
                "1 deny 010\n2 deny 0570\n3 deny 0990\n4 deny 0180\n5 deny 03\n6 deny country:US\n"
                "7 deny group:high-risk\n");
}

static void a_mark_behind_it(void **state)
{
    (void)state;
    ASSERT_LIST("010,×\n0101,○\n", "1 deny 010\n2 allow 0101\n");
    ASSERT_LIST("1,○\n2,◯\n3,〇\n4,o\n5,Ｏ\n6,可\n7,許可\n8, Allow \n9,OK\n",
                "1 allow 1\n2 allow 2\n3 allow 3\n4 allow 4\n5 allow 5\n6 allow 6\n7 allow 7\n"
                "8 allow 8\n9 allow 9\n");
    ASSERT_LIST("1,×\n2,✕\n3,✖\n4,x\n5,Ｘ\n6,不可\n7,拒否\n8,　deny　\n9,NG\n",
                "1 deny 1\n2 deny 2\n3 deny 3\n4 deny 4\n5 deny 5\n6 deny 6\n7 deny 7\n8 deny 8\n"
                "9 deny 9\n");
    ASSERT_LIST("010\t×\t全部\n", "1 deny 010 | 全部\n");
    ASSERT_LIST("010;×\n", "1 deny 010\n");
    ASSERT_LIST("010,×,\"all, \"\"abroad\"\"\n(for now)\"\n0101,○,\n",
                "1 deny 010 | all, \"abroad\" (for now)\n3 allow 0101\n");
    ASSERT_LIST("010,×,,,\n,,,,\n0101,○,,,\n", "1 deny 010\n3 allow 0101\n");
    ASSERT_LIST("010,divert:voicemail\n", "1 divert 010 to voicemail\n");
}

/* To forget whom a line is for would make it a rule for everybody. */
static void a_list_is_of_one_owner(void **state)
{
    (void)state;
    ASSERT_LIST("prefix,action,account\n010,allow,1001\n0990,deny,\n",
                "2 ! account\n3 deny 0990\n");
    ASSERT_LIST("番号,発信可否,内線番号\n010,○,1001\n", "2 ! account\n");
    ASSERT_LIST("tenant,prefix,action\nacme,010,allow\n", "2 ! account\n");
}

static void columns_of_a_header(void **state)
{
    (void)state;
    ASSERT_LIST("備考,規制番号,可否\n全部,010,×\n", "2 deny 010 | 全部\n");
    ASSERT_LIST("番号,許可,拒否\n010,,○\n0101,○,\n0102,×,\n0103,,×\n0104,○,×\n0105,×,○\n",
                "2 deny 010\n3 allow 0101\n4 deny 0102\n5 allow 0103\n6 allow 0104\n7 deny 0105\n");
    ASSERT_LIST("番号,許可,拒否\n010,○,○\n0101,,\n0102,×,×\n0103,maybe,\n",
                "2 ! allow\n3 ! allow\n4 ! allow\n5 ! allow\n");
    ASSERT_LIST("Prefix,Deny\n010,1\n0101,0\n0102,\n", "2 deny 010\n3 allow 0101\n4 ! allow\n");
    ASSERT_LIST("No,番号,担当\n1,010,山田\n", "2 deny 010\n");
    ASSERT_LIST("target,action,match,divert_to,note,starts_at,expires_at,source\n"
                "0312345678,divert,exact,vm,,1970-01-01T00:00:10Z,1970-01-01T09:00:20+09:00,guard\n",
                "2 divert 0312345678 exact to vm 10-20\n");
    struct list list = read_list(SLICE_LIT("No,番号,番号,担当\n1,010,,山田\n"), CHARSET_AUTO);
    assert_string_equal(list.ignored, "No, 番号, 担当");
    assert_true(list.has_header && list.has[COLUMN_TARGET] && !list.has[COLUMN_ACTION]);
    /* a title above the table is refused, and costs nothing else */
    ASSERT_LIST("規制電話番号一覧\n番号,可否\n010,×\n", "1 ! target\n3 deny 010\n");
}

static void shift_jis(void **state)
{
    (void)state;
    /* 番号,可否,備考 / 010,×,ソ */
    const struct slice text = SLICE_LIT("\x94\xd4\x8d\x86,\x89\xc2\x94\xdb,\x94\xf5\x8d\x6c\r\n"
                                        "010,\x81\x7e,\x83\x5c\r\n0101,\x81\x9b,\r\n");
    assert_text(text, "2 deny 010 | ソ\n3 allow 0101\n");
    assert_int_equal(read_list(text, CHARSET_AUTO).charset, CHARSET_SHIFT_JIS);
    struct list list = read_list(text, CHARSET_UTF8); /* overridden, and wrong */
    assert_int_equal(list.rows_count, 3);
    assert_int_equal(list.refused_count, 3);
}

static void lines_that_are_wrong(void **state)
{
    (void)state;
    ASSERT_LIST("010,×\nabc,×\n0\x00" "1,×\n,×\n0102,maybe\n0103,\n0104\n0105,○,why,more\n\"0106,×\n"
                "0107,×\n\"0108\"1,×\n+81,×\n0123456789012345678,×\n0109,\xff\n",
                "1 deny 010\n2 ! target\n3 ! target\n4 ! target\n5 ! action\n6 ! action\n7 ! \n8 ! \n"
                "9 ! \n10 deny 0107\n11 ! \n12 ! target\n13 ! target\n14 ! action\n");
    ASSERT_LIST("target,action,match,expires_at\n010,deny,suffix,\n0101,deny,,tomorrow\n0102,deny\n",
                "2 ! match\n3 ! expires_at\n4 ! \n");
}

static void the_same_twice(void **state)
{
    (void)state;
    ASSERT_LIST("010,×\n0101,○\n+,×\n０１０,deny\n0101,×\n010,○\n010,×\n",
                "1 deny 010\n2 allow 0101\n3 ! target\n4 = 1\n5 ! target\n6 ! target\n7 = 1\n");
    ASSERT_LIST("target,action,starts_at,expires_at\n010,deny,,\n"
                "010,allow,1970-01-01T00:00:10Z,1970-01-01T00:00:20Z\n"
                "010,allow,1970-01-01T00:00:20Z,1970-01-01T00:00:30Z\n"
                "010,allow,1970-01-01T00:00:15Z,1970-01-01T00:00:16Z\n"
                "010,allow,1970-01-01T00:00:20Z,1970-01-01T00:00:30Z\n",
                "2 deny 010\n3 allow 010 10-20\n4 allow 010 20-30\n5 ! target\n6 = 4\n");
}

static void a_lost_zero_is_noticed(void **state)
{
    (void)state;
    assert_int_equal(read_list(SLICE_LIT("10,×\n101,○\n0102,×\ncountry:US,×\n"), CHARSET_AUTO).no_zero, 2);
}

static void bounds(void **state)
{
    static char text[2 * LIST_LINES_MAX + 16];
    const struct list_options options = {.charset = CHARSET_AUTO};
    struct list list;
    struct err err = {0};
    (void)state;
    for (unsigned i = 0; i < LIST_LINES_MAX; i++)
        memcpy(text + 2 * i, "1\n", 2);
    list = read_list((struct slice){text, 2 * LIST_LINES_MAX}, CHARSET_AUTO);
    assert_int_equal(list.rows_count, LIST_LINES_MAX); /* and quick, though all are the same */
    memcpy(text + 2 * LIST_LINES_MAX, "1\n", 2);
    assert_int_equal(list_read((struct slice){text, 2 * LIST_LINES_MAX + 2}, &options, &arena, &list,
                               &err), ERR_LIMIT);
    err = (struct err){0};
    assert_int_equal(list_read(SLICE_LIT("\xff\xfe" "0"), &options, &arena, &list, &err), ERR_INVALID);
    assert_int_equal(read_list(SLICE_NONE, CHARSET_AUTO).rows_count, 0);
}

static struct rule a_rule(const char *target, enum action action, const char *note)
{
    struct rule rule = {.id = "", .account = "", .action = action, .divert_to = "", .note = note,
                        .source = "customer"};
    struct err err;
    assert_int_equal(target_parse(slice_of(target), &rule.target, &err), 0);
    return rule;
}

static void assert_round_trip(const struct rule *rules, unsigned count, enum charset charset,
                              bool has_mark)
{
    struct slice text;
    struct err err = {0};
    assert_int_equal(list_write(rules, count, charset, has_mark, &arena, &text, &err), 0);
    struct list list = read_list(text, CHARSET_AUTO);
    assert_int_equal(list.refused_count, 0);
    assert_int_equal(list.rows_count, count);
    for (unsigned i = 0; i < count; i++) {
        const struct rule *one = &rules[i], *other = &list.rows[i].rule;
        assert_string_equal(other->target.text, one->target.text);
        assert_string_equal(other->note, one->note);
        assert_string_equal(other->divert_to, one->divert_to);
        assert_int_equal(other->action, one->action);
        assert_int_equal(other->is_exact, one->is_exact);
        assert_int_equal(other->starts_at_ms, one->starts_at_ms);
        assert_int_equal(other->expires_at_ms, one->expires_at_ms);
    }
}

static void what_is_written_is_read_back(void **state)
{
    struct rule rules[] = {
        a_rule("010", ACTION_DENY, "all, \"abroad\""), a_rule("0101", ACTION_ALLOW, "=HYPERLINK(1)"),
        a_rule("0102", ACTION_DIVERT, "'quoted'"),     a_rule("country:US", ACTION_ALLOW, "+1;-1"),
        a_rule("group:high-risk", ACTION_DENY, "＝全角 ソ"), a_rule("0570", ACTION_DENY, " # "),
        a_rule("0312345678", ACTION_ALLOW, "○"),       a_rule("010", ACTION_ALLOW, "one week"),
        a_rule("1", ACTION_DENY, "@"),                 a_rule("2", ACTION_DENY, "a\\b~c"),
    };
    unsigned count = sizeof rules / sizeof *rules;
    struct slice text;
    struct err err = {0};
    (void)state;
    rules[2].divert_to = "voicemail";
    rules[6].is_exact = true;
    rules[7].starts_at_ms = 1764547200000;
    rules[7].expires_at_ms = 1765152000123;
    assert_round_trip(rules, count, CHARSET_UTF8, false);
    assert_round_trip(rules, count, CHARSET_UTF8, true);
    assert_round_trip(rules, count, CHARSET_SHIFT_JIS, false);
    assert_round_trip(rules, 0, CHARSET_UTF8, true);
    /* no cell begins with what a spreadsheet would calculate */
    assert_int_equal(list_write(rules, count, CHARSET_UTF8, false, &arena, &text, &err), 0);
    for (size_t i = 1; i < text.n; i++)
        assert_false(memchr("=+-@", text.p[i], 4) && memchr(",\"\n", text.p[i - 1], 3));
    rules[0].note = "📞";
    assert_int_equal(list_write(rules, count, CHARSET_SHIFT_JIS, false, &arena, &text, &err),
                     ERR_INVALID);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_prefix_a_line),    TEST(a_mark_behind_it), TEST(columns_of_a_header),
        TEST(a_list_is_of_one_owner),
        TEST(shift_jis),            TEST(lines_that_are_wrong), TEST(the_same_twice),
        TEST(a_lost_zero_is_noticed), TEST(bounds),         TEST(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
