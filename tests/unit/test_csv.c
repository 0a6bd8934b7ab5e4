/* Comma-separated values: what files hold, torn ones too, from memory and in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/csv.h"

/* "1:a|b" for a record at line 1, "2!" for a refused one, each ended by a blank. */
static void add_result(struct buf *out, const struct csv *csv, int rc)
{
    buf_printf(out, "%u%s", csv->line, rc < 0 ? "!" : ":");
    for (unsigned i = 0; rc == 1 && i < csv->count; i++)
        buf_printf(out, "%s%.*s", i ? "|" : "", SLICE_ARG(csv->fields[i]));
    buf_add_char(out, ' ');
}

static void read_all(struct csv *csv, struct buf *out)
{
    struct err err;
    for (int rc; (err = (struct err){0}, rc = csv_next(csv, &err)) != 0;) {
        assert_true(rc == 1 || (rc == ERR_INVALID && err.text[0]));
        add_result(out, csv, rc);
    }
}

/* The text whole, then in pieces of each size: the same comes out. */
static void assert_csv(const char *text, bool has_comments, const char *expected)
{
    static struct csv csv;
    char found[4096];
    size_t n = strlen(text);
    for (size_t piece = 0; piece <= n && piece < 64; piece++) {
        struct buf out = BUF_OVER(found);
        csv_init(&csv, piece ? SLICE_NONE : slice_of(text));
        csv.has_comments = has_comments;
        csv.is_open = piece != 0;
        for (size_t have = piece; piece && have < n; have += piece) {
            csv_refill(&csv, (struct slice){text + (have - piece) - csv.rest.n, csv.rest.n + piece});
            read_all(&csv, &out);
        }
        if (piece) {
            csv_refill(&csv, (struct slice){text + n - csv.rest.n - (n - 1) % piece - 1,
                                            csv.rest.n + (n - 1) % piece + 1});
            csv.is_open = false;
        }
        read_all(&csv, &out);
        assert_string_equal(found, expected);
    }
}

static void fields_are_found(void **state)
{
    (void)state;
    assert_csv("a,b\nc,,\n", false, "1:a|b 2:c|| ");
    assert_csv("a,b\r\n\"c,\"\"d\"\"\",e\r\n", false, "1:a|b 2:c,\"d\"|e ");
    assert_csv("\n\r\n# no\na\n#b\n\nc", false, "4:a 5:#b 7:c ");
    assert_csv("a\n#b\nc\n# d", true, "1:a 3:c ");
    assert_csv("a\"b,c\"\n", false, "1:a\"b|c\" ");
    assert_csv("\"\",\"\"", false, "1:| ");
    assert_csv("\"a\"\r\n\"b\"\r", false, "1:a 2:b ");
}

static void a_quoted_field_may_hold_line_breaks(void **state)
{
    (void)state;
    assert_csv("a,\"b\nc\r\n\nd\",e\nf\n", false, "1:a|b\nc\r\n\nd|e 5:f ");
}

static void a_bad_record_costs_one_line(void **state)
{
    (void)state;
    assert_csv("a\n\"b,c\nd,e\n", false, "1:a 2! 3:d|e ");        /* never closed */
    assert_csv("a,\"b\nc,\"d\"\ne\n", false, "1! 2:c|d 3:e ");    /* closed by the next line's quote */
    assert_csv("\"a\"b,c\nd\n", false, "1! 2:d ");
    assert_csv("a,b\n\"c,d", false, "1:a|b 2! ");                 /* torn off */
}

static void bounds(void **state)
{
    static char text[4 * CSV_RECORD_BYTES_MAX];
    static struct csv csv;
    struct err err = {0};
    (void)state;
    /* a line that is just short enough, one that is too long, one behind it */
    memset(text, 'x', sizeof text);
    text[CSV_RECORD_BYTES_MAX] = '\n';
    text[2 * CSV_RECORD_BYTES_MAX + 2] = '\n';
    memcpy(text + sizeof text - 3, "\nab", 3);
    csv_init(&csv, (struct slice){text, sizeof text});
    assert_int_equal(csv_next(&csv, &err), 1);
    assert_int_equal(csv.fields[0].n, CSV_RECORD_BYTES_MAX);
    assert_int_equal(csv_next(&csv, &err), ERR_INVALID);
    assert_int_equal(csv.line, 2);
    err = (struct err){0};
    assert_int_equal(csv_next(&csv, &err), ERR_INVALID);
    assert_int_equal(csv_next(&csv, &err), 1);
    assert_int_equal(csv.line, 4);
    assert_int_equal(csv_next(&csv, &err), 0);
    /* the same line coming in pieces is refused once, whatever its length */
    csv_init(&csv, (struct slice){text + CSV_RECORD_BYTES_MAX + 1, CSV_RECORD_BYTES_MAX + 1});
    csv.is_open = true;
    err = (struct err){0};
    assert_int_equal(csv_next(&csv, &err), ERR_INVALID);
    assert_int_equal(csv_next(&csv, &err), 0);
    csv_refill(&csv, SLICE_LIT("more of it"));
    assert_int_equal(csv_next(&csv, &err), 0);
    csv_refill(&csv, SLICE_LIT(" and its end\nab\n"));
    assert_int_equal(csv_next(&csv, &err), 1);
    assert_int_equal(csv.line, 2);
    assert_true(slice_equals_text(csv.fields[0], "ab"));
    /* fields */
    memset(text, ',', CSV_FIELDS_MAX);
    csv_init(&csv, (struct slice){text, CSV_FIELDS_MAX - 1});
    assert_int_equal(csv_next(&csv, &err), 1);
    assert_int_equal(csv.count, CSV_FIELDS_MAX);
    csv_init(&csv, (struct slice){text, CSV_FIELDS_MAX});
    err = (struct err){0};
    assert_int_equal(csv_next(&csv, &err), ERR_INVALID);
}

static void other_separators(void **state)
{
    static struct csv csv;
    struct err err = {0};
    (void)state;
    csv_init(&csv, SLICE_LIT("a,b\t\"c\td\"\n"));
    csv.separator = '\t';
    assert_int_equal(csv_next(&csv, &err), 1);
    assert_int_equal(csv.count, 2);
    assert_true(slice_equals_text(csv.fields[0], "a,b"));
    assert_true(slice_equals_text(csv.fields[1], "c\td"));
}

/* What is written comes back, and nothing in it calculates. */
static void what_is_written_is_read_back(void **state)
{
    static const struct {
        const char *text, *written;
    } cases[] = {
        {"plain", "plain"},       {"", ""},           {"a,b", "\"a,b\""},
        {"say \"no\"", "\"say \"\"no\"\"\""},         {"two\nlines", "\"two\nlines\""},
        {"=1+1", "'=1+1"},        {"+81", "'+81"},    {"-1", "'-1"},
        {"@a", "'@a"},            {"\t=1", "\"'\t=1\""}, {"＝1", "'＝1"},
        {"'quoted'", "''quoted'"}, {"'=1", "''=1"},   {"''", "'''"},
        {"#7119", "\"#7119\""},   {" blanks ", "\" blanks \""}, {"a=b", "a=b"},
        {"-1,\"2\"", "\"'-1,\"\"2\"\"\""},
    };
    static struct csv csv;
    char text[128];
    struct err err = {0};
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf buf = BUF_OVER(text);
        text[0] = '\0';
        csv_add(&buf, slice_of(cases[i].text));
        assert_string_equal(text, cases[i].written);
        buf_add_text(&buf, ",end\n");
        csv_init(&csv, buf_slice(&buf));
        assert_int_equal(csv_next(&csv, &err), 1);
        assert_int_equal(csv.count, 2);
        assert_true(slice_equals_text(csv_plain(csv.fields[0]), cases[i].text));
    }
    assert_true(slice_equals_text(csv_plain(SLICE_LIT("'tis")), "'tis")); /* nobody marked that */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found),
        cmocka_unit_test(a_quoted_field_may_hold_line_breaks),
        cmocka_unit_test(a_bad_record_costs_one_line),
        cmocka_unit_test(bounds),
        cmocka_unit_test(other_separators),
        cmocka_unit_test(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
