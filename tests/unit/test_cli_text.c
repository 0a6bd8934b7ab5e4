/* What the command line writes and reads for people: columns, tables, moments. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "cli/progress.h"

struct page {
    char *text;
    size_t n;
    struct output output;
};

static void page_open(struct page *page, enum output_color color)
{
    FILE *file = open_memstream(&page->text, &page->n);
    assert_non_null(file);
    output_init(&page->output, file, color);
}

static void assert_page(struct page *page, const char *expected)
{
    fclose(page->output.file);
    assert_string_equal(page->text, expected);
    free(page->text);
}

static void japanese_takes_two_columns(void **state)
{
    static const struct {
        const char *text;
        unsigned columns;
    } cases[] = {{"", 0},         {"acme", 4},     {"株式会社", 8},     {"ｱｸﾒ", 3},
                 {"＋３７７", 8}, {"がき", 4},     {"か\xe3\x82\x99", 2}, /* combining mark */
                 {"é", 1},        {"e\xcc\x81", 1}, {"☎", 1},           {"📞", 2},
                 {"a\x1b[31m", 6}, {"\xff\xfe", 2}, {"\xe2\x80\xae" "a", 2}};
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(output_columns(slice_of(cases[i].text)), cases[i].columns);
}

static void texts_cannot_drive_the_terminal(void **state)
{
    struct page page;
    (void)state;
    page_open(&page, COLOR_NEVER);
    output_text(&page.output, STYLE_RED, "a\x1b]0;b\x07\r\nc\x9b" "d\xc2\x9b\xe2\x80\xae", 0);
    assert_page(&page, "a?]0;b???c?d??");
}

static void colour_is_only_where_asked_for(void **state)
{
    struct page page;
    (void)state;
    page_open(&page, COLOR_ALWAYS);
    output_text(&page.output, STYLE_RED, "deny", 6);
    assert_page(&page, "\033[31mdeny\033[0m  ");
    page_open(&page, COLOR_AUTO); /* no terminal */
    output_text(&page.output, STYLE_RED, "deny", 6);
    assert_page(&page, "deny  ");
}

static void tables_align_and_leave_out_what_is_empty(void **state)
{
    static const struct column columns[] = {{"NAME", "name", CELL_TEXT},
                                            {"NOTE", "note", CELL_TEXT},
                                            {"SAYS", "rule.action", CELL_VERDICT},
                                            {"LOCKED", "locked", CELL_TEXT},
                                            {"N", "n", CELL_TEXT},
                                            {0}};
    struct page page;
    json_t *rows = json_pack("[{s:s,s:n,s:{s:s},s:b,s:i},{s:s,s:{s:s}}]", "name", "株式会社", "note",
                             "rule", "action", "deny", "locked", 1, "n", 7, "name", "acme", "rule",
                             "action", "allow");
    (void)state;
    page_open(&page, COLOR_NEVER);
    output_table(&page.output, columns, rows, "none");
    assert_page(&page, "NAME      SAYS   LOCKED  N\n"
                       "株式会社  deny   yes     7\n"
                       "acme      allow\n");
    json_array_clear(rows);
    page_open(&page, COLOR_NEVER);
    output_table(&page.output, columns, rows, "none");
    assert_page(&page, "none\n");
    json_decref(rows);
}

static void records_leave_out_what_is_empty(void **state)
{
    static const struct column columns[] = {{"name", "name", CELL_TEXT},
                                            {"note", "note", CELL_TEXT},
                                            {"outside line", "line", CELL_TEXT},
                                            {0}};
    struct page page;
    json_t *object = json_pack("{s:s,s:s,s:s}", "name", "acme", "note", "", "line", "0");
    (void)state;
    page_open(&page, COLOR_NEVER);
    output_record(&page.output, columns, object);
    assert_page(&page, "name          acme\noutside line  0\n");
    json_decref(object);
}

static void moments_are_shown_in_local_time(void **state)
{
    char text[MOMENT_BYTES];
    (void)state;
    assert_string_equal(output_moment("2026-12-01T00:00:00Z", text), "2026-12-01 09:00 +09:00");
    assert_string_equal(output_moment("2026-12-01T00:00:01.5Z", text), "2026-12-01 09:00:01 +09:00");
    assert_string_equal(output_moment("soon", text), "soon");
}

static void moments_are_read_as_people_write_them(void **state)
{
    static const struct {
        const char *text, *rfc3339; /* NULL: refused */
    } cases[] = {{"2026-12-01T09:00:00+09:00", "2026-12-01T00:00:00Z"},
                 {"2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z"},
                 {"2026-12-01", "2026-11-30T15:00:00Z"},
                 {"2026-12-01 09:00", "2026-12-01T00:00:00Z"},
                 {"2026-12-01T09:00", "2026-12-01T00:00:00Z"},
                 {"2026-12-01 09:00:30", "2026-12-01T00:00:30Z"},
                 {"7d", "2026-11-28T00:00:00Z"},
                 {"30m", "2026-11-21T00:30:00Z"},
                 {"2026-02-30", NULL},
                 {"2026-13-01", NULL},
                 {"tomorrow", NULL},
                 {"0d", NULL},
                 {"-1d", NULL},
                 {"7", NULL},
                 {"", NULL}};
    int64_t now_ms, ms;
    (void)state;
    assert_true(clock_parse(SLICE_LIT("2026-11-21T00:00:00.25Z"), &now_ms));
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[CLOCK_TEXT_BYTES];
        struct err err;
        int rc = moment_parse(cases[i].text, now_ms, &ms, &err);
        assert_int_equal(rc, cases[i].rfc3339 ? 0 : ERR_INVALID);
        if (rc == 0)
            assert_string_equal(clock_format(ms, text), cases[i].rfc3339);
    }
    assert_int_equal(moment_parse("never", now_ms, &ms, NULL), 0);
    assert_int_equal(ms, 0);
}

static void progress_says_how_much_and_how_long(void **state)
{
    char text[PROGRESS_BYTES];
    struct progress progress = {.what = "tenant import", .unit = "lines", .count = 1234567,
                                .done = 50, .total = 200, .started_ms = 1000};
    (void)state;
    assert_string_equal(progress_text(&progress, 21000, 100, text),
                        "tenant import  [######                  ]  25 %  1,234,567 lines  61,728/s"
                        "  1:00 left");
    assert_string_equal(progress_text(&progress, 21000, 69, text),
                        "tenant import  25 %  1,234,567 lines  61,728/s  1:00 left");
    assert_string_equal(progress_text(&progress, 21000, 25, text), "tenant import  25 %  1,23");
    progress.done = 200;
    progress.rate = 9;
    assert_string_equal(progress_text(&progress, 3724000, 69, text),
                        "tenant import 100 %  1,234,567 lines  9/s  1:02:03");
    progress.total = 0; /* a pipe: nobody knows how much comes */
    progress.count = 0;
    assert_string_equal(progress_text(&progress, 1000, 100, text), "tenant import  0 lines");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(japanese_takes_two_columns),
        cmocka_unit_test(texts_cannot_drive_the_terminal),
        cmocka_unit_test(colour_is_only_where_asked_for),
        cmocka_unit_test(tables_align_and_leave_out_what_is_empty),
        cmocka_unit_test(records_leave_out_what_is_empty),
        cmocka_unit_test(moments_are_shown_in_local_time),
        cmocka_unit_test(moments_are_read_as_people_write_them),
        cmocka_unit_test(progress_says_how_much_and_how_long),
    };
    setenv("TZ", "JST-9", 1);
    unsetenv("NO_COLOR");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
