/* Big files cut into requests: nothing lost, line numbers kept, memory bounded, whatever is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cutter.h"

static struct cutter cutter;
static char path[64];

static void write_file(const char *text, size_t n)
{
    snprintf(path, sizeof path, "/tmp/cutter-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), (ssize_t)n);
    close(fd);
}

static int open_file(struct err *err)
{
    *err = (struct err){0};
    return cutter_open(&cutter, path, NULL, err);
}

/* Each piece on its own, as the daemon would see it. */
static struct slice next(unsigned after)
{
    struct err err = {0};
    int rc = cutter_next(&cutter, after, &err);
    assert_true(rc >= 0);
    return rc ? cutter.piece : SLICE_NONE;
}

static void assert_pieces(const char *text, unsigned after, const char *expected, unsigned line)
{
    struct err err;
    write_file(text, strlen(text));
    assert_int_equal(open_file(&err), 0);
    struct slice piece = next(after);
    if (!slice_equals_text(piece, expected))
        fail_msg("\"%.*s\", not \"%s\"", SLICE_ARG(piece), expected);
    if (piece.n)
        assert_int_equal(cutter_line(&cutter, cutter.header_lines + 1), line);
    assert_int_equal(next(after).n, 0);
    assert_int_equal(cutter.bytes_taken, strlen(text));
    cutter_close(&cutter);
    unlink(path);
}

static void one_piece(void **state)
{
    (void)state;
    assert_pieces("{\"a\":1}\n\n{\"b\":2}", 0, "{\"a\":1}\n\n{\"b\":2}", 1);
    assert_pieces("\xef\xbb\xbf \n{}\n", 0, " \n{}\n", 1);
    assert_pieces("# c\na,\"b\nc\"\n\n1,2\n\"3\n4,5\n", 0, "a,\"b\nc\"\n\n1,2\n\"3\n4,5\n", 4);
    assert_pieces("a\n1\n2\n3\n", 3, "a\n3\n", 4);   /* 1 and 2 stand in lines 2 and 3 */
    assert_pieces("a\n\"1\n1\"\n2\n", 2, "a\n2\n", 4); /* the record of line 2 is two lines long */
    assert_pieces("{}\n{}\n{\"a\":1}\n", 2, "{\"a\":1}\n", 3);
    assert_pieces("{}\n", 1, "", 0);
    assert_pieces("a,b\n", 0, "", 0);
}

static void refused_files(void **state)
{
    static const char *const texts[] = {"", "\n\n", "\"a\n", "\xff\xfe{"};
    struct err err;
    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_file(texts[i], strlen(texts[i]));
        assert_int_equal(open_file(&err), ERR_INVALID);
        cutter_close(&cutter);
        unlink(path);
    }
    snprintf(path, sizeof path, "/nowhere/at all");
    assert_int_equal(open_file(&err), ERR_IO);
    cutter_close(&cutter);
}

/* Many records: every piece has the header, and all records are there once, at their line. */
static void many_pieces(void **state)
{
    enum { RECORDS = 3500 };
    size_t cap = 64 * RECORDS, n = 0;
    char *text = malloc(cap);
    struct err err;
    (void)state;
    assert_non_null(text);
    n += (size_t)snprintf(text, cap, "name\n");
    for (unsigned i = 0; i < RECORDS; i++) /* every tenth is two lines long, with one blank before */
        n += (size_t)snprintf(text + n, cap - n, i % 10 ? "%u\n" : "\n\"%u\n\"\n", i);
    write_file(text, n);
    assert_int_equal(open_file(&err), 0);
    unsigned seen = 0, pieces = 0, line = 2;
    for (struct slice piece; (piece = next(0)).n; pieces++) {
        static struct csv csv;
        csv_init(&csv, piece);
        assert_int_equal(csv_next(&csv, &err), 1);
        assert_true(slice_equals_text(csv.fields[0], "name"));
        for (; csv_next(&csv, &err) == 1; seen++) {
            assert_int_equal(strtoul(csv.fields[0].p, NULL, 10), seen);
            line += seen % 10 == 0;
            assert_int_equal(cutter_line(&cutter, csv.line), line);
            line += seen % 10 == 0 ? 2 : 1;
        }
    }
    assert_int_equal(seen, RECORDS);
    assert_int_equal(pieces, 4);
    cutter_close(&cutter);
    unlink(path);
    free(text);
}

/* Lines of 300 kB, ten times the limit and more than the buffer, between good ones. */
static void lines_that_are_too_long(enum bulk_format format)
{
    enum { LINES = 20, LONG = 300 * 1024 };
    const char *good = format == BULK_CSV ? "good\n" : "{\"good\":1}\n";
    size_t n = 0;
    char *text = malloc((size_t)LINES * (LONG + 64));
    struct err err;
    assert_non_null(text);
    n += (size_t)snprintf(text, 64, "%s", format == BULK_CSV ? "name\n" : "{}\n");
    for (unsigned i = 0; i < LINES; i++) {
        memset(text + n, 'x', LONG);
        n += LONG;
        n += (size_t)snprintf(text + n, 64, "\n%s", good);
    }
    write_file(text, n);
    assert_int_equal(open_file(&err), 0);
    unsigned found = 0, lines = 0;
    for (struct slice piece; (piece = next(0)).n;) {
        unsigned line = 1;
        for (const char *end; piece.n; line++) {
            end = memchr(piece.p, '\n', piece.n);
            assert_non_null(end);
            struct slice one = {piece.p, (size_t)(end + 1 - piece.p)};
            if (slice_equals_text(one, good)) {
                found++;
                assert_int_equal(cutter_line(&cutter, line), 1 + 2 * found);
            }
            lines += line > cutter.header_lines;
            piece = (struct slice){end + 1, piece.n - one.n};
        }
    }
    assert_int_equal(found, LINES);
    assert_int_equal(lines, 2 * LINES + (format == BULK_NDJSON));
    assert_int_equal(cutter.bytes_taken, n);
    cutter_close(&cutter);
    unlink(path);
    free(text);
}

static void long_lines(void **state)
{
    (void)state;
    lines_that_are_too_long(BULK_NDJSON);
    lines_that_are_too_long(BULK_CSV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_piece),
        cmocka_unit_test(refused_files),
        cmocka_unit_test(many_pieces),
        cmocka_unit_test(long_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
