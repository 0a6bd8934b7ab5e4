/* Many objects in one text: what each line becomes, and that a bad one costs only itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/bulk.h"

static const char *const columns[] = {"tenant", "name", "note", NULL};
static struct bulk bulk;

/* "1 {…}\n2 refused at /name\n" */
static void assert_bulk(enum bulk_format format, struct slice text, enum charset charset,
                        const char *expected)
{
    char found[2048] = "";
    struct buf out = BUF_OVER(found);
    struct err err = {0};
    json_t *object;
    assert_int_equal(bulk_init(&bulk, format, text, charset, columns, &err), 0);
    for (int rc; (rc = bulk_next(&bulk, &object, &err)) != 0; err = (struct err){0}) {
        if (rc < 0) {
            assert_true(err.text[0]);
            buf_printf(&out, "%u refused%s%s\n", bulk.line, err.field[0] ? " at " : "", err.field);
            continue;
        }
        char *json = json_dumps(object, JSON_COMPACT);
        buf_printf(&out, "%u %s\n", bulk.line, json);
        free(json);
        json_decref(object);
    }
    bulk_release(&bulk);
    assert_string_equal(found, expected);
}

static void ndjson(void **state)
{
    (void)state;
    assert_bulk(BULK_NDJSON, SLICE_LIT("\xef\xbb\xbf{\"a\":1}\r\n\n \t\n[1]\n{\"b\n{\"c\":2}"), CHARSET_AUTO,
                "1 {\"a\":1}\n4 refused\n5 refused at /b\n6 {\"c\":2}\n");
    assert_bulk(BULK_NDJSON, SLICE_LIT("{\"a\":\"\0\"}\n{\"a\":\"\xff\"}\n{\"a\":1,\"a\":2}\n{}\n"),
                CHARSET_SHIFT_JIS, "1 refused at /a\n2 refused at /a\n3 refused at /a\n4 {}\n");
    assert_bulk(BULK_NDJSON, SLICE_NONE, CHARSET_AUTO, "");
}

static void a_long_line(void **state)
{
    size_t n = BULK_LINE_BYTES_MAX + 10;
    char *text = malloc(n);
    (void)state;
    assert_non_null(text);
    memset(text, ' ', n);
    text[0] = '{';
    text[BULK_LINE_BYTES_MAX - 1] = '}';
    text[BULK_LINE_BYTES_MAX] = '\n';
    assert_bulk(BULK_NDJSON, (struct slice){text, BULK_LINE_BYTES_MAX + 1}, CHARSET_AUTO, "1 {}\n");
    text[BULK_LINE_BYTES_MAX] = ' ';
    text[BULK_LINE_BYTES_MAX + 1] = '\n';
    memcpy(text + BULK_LINE_BYTES_MAX + 2, "{}", 2);
    assert_bulk(BULK_NDJSON, (struct slice){text, BULK_LINE_BYTES_MAX + 4}, CHARSET_AUTO,
                "1 refused\n2 {}\n");
    free(text);
}

static void csv(void **state)
{
    (void)state;
    assert_bulk(BULK_CSV, SLICE_LIT("# list\n Name ,TENANT\n\"a,b\",x\n,y,,\n"), CHARSET_AUTO,
                "3 {\"name\":\"a,b\",\"tenant\":\"x\"}\n4 {\"tenant\":\"y\"}\n");
    assert_bulk(BULK_CSV, SLICE_LIT("name,tenant\na\nb,c,d\n\"e,f\n'=1,g\n\"h\"i,j\n"), CHARSET_AUTO,
                "2 refused\n3 refused\n4 refused\n5 {\"name\":\"=1\",\"tenant\":\"g\"}\n6 refused\n");
}

static void each_cell_has_its_own_charset_error(void **state)
{
    (void)state;
    assert_bulk(BULK_CSV, SLICE_LIT("tenant,name,note\na,\x93\x8c,\x81\x9b\nb,x,\x93\nc,\x93\x8c,\n"),
                CHARSET_AUTO,
                "2 {\"tenant\":\"a\",\"name\":\"東\",\"note\":\"○\"}\n3 refused at /note\n"
                "4 {\"tenant\":\"c\",\"name\":\"東\"}\n");
    assert_bulk(BULK_CSV, SLICE_LIT("tenant,name\na,\x93\x8c\n"), CHARSET_UTF8,
                "2 refused at /name\n");
}

static void headers_that_are_none(void **state)
{
    static const char *const texts[] = {"", "# only a comment\n", "tenant,nmae\n", "name,Name\n",
                                        "\"tenant\n", "\xff\xfet\0"};
    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct err err = {0};
        assert_int_equal(bulk_init(&bulk, BULK_CSV, slice_of(texts[i]), CHARSET_AUTO, columns, &err),
                         ERR_INVALID);
        assert_true(err.text[0]);
        bulk_release(&bulk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ndjson),
        cmocka_unit_test(a_long_line),
        cmocka_unit_test(csv),
        cmocka_unit_test(each_cell_has_its_own_charset_error),
        cmocka_unit_test(headers_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
