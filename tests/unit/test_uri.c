/* Request targets: what a path and a query are taken for, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "doors/uri.h"

static char text[4096];

static int split(const char *target, struct uri *ret)
{
    struct err err = {0};
    size_t n = strlen(target);
    memcpy(text, target, n + 1);
    return uri_split(text, n, ret, &err);
}

static void assert_param(const struct uri *uri, const char *name, const char *value)
{
    struct slice found = uri_param(uri, name);
    assert_non_null(found.p);
    assert_int_equal(found.n, strlen(value));
    assert_memory_equal(found.p, value, found.n);
}

static void takes_a_query_apart(void **state)
{
    (void)state;
    struct uri uri;
    assert_int_equal(split("/v1/authorize?tenant=acme&number=010%201&account=&x", &uri), 0);
    assert_true(slice_equals_text(uri.path, "/v1/authorize"));
    assert_int_equal(uri.params_count, 4);
    assert_param(&uri, "tenant", "acme");
    assert_param(&uri, "number", "010 1");
    assert_param(&uri, "account", "");
    assert_param(&uri, "x", "");
    assert_null(uri_param(&uri, "tenan").p);
    assert_int_equal(split("/livez", &uri), 0);
    assert_int_equal(uri.params_count, 0);
    assert_int_equal(split("/livez?", &uri), 0);
    assert_int_equal(uri.params_count, 0);
}

static void knows_the_plus_of_a_number_from_that_of_a_space(void **state)
{
    (void)state;
    struct uri uri;
    assert_int_equal(split("/?a=+81+3&b=+x&c=%2B1&d=1+&e=+&f=++1&+g=1", &uri), 0);
    assert_param(&uri, "a", "+81 3");
    assert_param(&uri, "b", " x");
    assert_param(&uri, "c", "+1");
    assert_param(&uri, "d", "1 ");
    assert_param(&uri, "e", " ");
    assert_param(&uri, "f", "  1");
    assert_param(&uri, " g", "1");
}

static void leaves_the_path_as_it_came(void **state)
{
    (void)state;
    struct uri uri;
    char out[64];
    assert_int_equal(split("/v1/a%2Fb/%41", &uri), 0);
    assert_true(slice_equals_text(uri.path, "/v1/a%2Fb/%41"));
    struct slice segment = uri_decode_segment(SLICE_LIT("a%2Fb%e3%81%82"), out);
    assert_int_equal(segment.n, 6);
    assert_memory_equal(segment.p, "a/b\xe3\x81\x82", 6);
}

static void refuses_what_could_be_read_in_two_ways(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "v1", "http://h/v1", "*", "/%00", "/a%0", "/a%", "/a%zz", "/a b", "/a\tb", "/a\x7f",
        "/a#b",
        "/?a=1&a=2", "/?a=1&%61=2", "/?=1", "/?&", "/?a=1&&b=2", "/?a=%00", "/?a=%g0", "/?a=%",
        "/?a=%4",
        "/?a=1#f", "/?a=\x01", "/?a%=1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct uri uri;
        assert_int_equal(split(bad[i], &uri), ERR_INVALID);
    }
}

static void refuses_one_parameter_too_many(void **state)
{
    (void)state;
    char target[256] = "/?";
    struct uri uri;
    for (int i = 0; i < URI_PARAMS_MAX; i++)
        snprintf(target + strlen(target), 16, "%sp%d=1", i ? "&" : "", i);
    assert_int_equal(split(target, &uri), 0);
    assert_int_equal(uri.params_count, URI_PARAMS_MAX);
    snprintf(target + strlen(target), 16, "&q=1");
    assert_int_equal(split(target, &uri), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_query_apart),
        cmocka_unit_test(knows_the_plus_of_a_number_from_that_of_a_space),
        cmocka_unit_test(leaves_the_path_as_it_came),
        cmocka_unit_test(refuses_what_could_be_read_in_two_ways),
        cmocka_unit_test(refuses_one_parameter_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
