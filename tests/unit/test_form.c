/* Forms as browsers send them, and as nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "doors/form.h"

static int read(const char *body, struct form *ret)
{
    static struct arena arena;
    struct err err = {0};
    arena_release(&arena);
    arena_init(&arena, 1 << 20);
    return form_read(slice_of(body), &arena, ret, &err);
}

static void fields_are_decoded(void **state)
{
    struct form form;
    (void)state;
    assert_int_equal(read("answer=some&open=10%2001&open=a%26b&text=a+b%2B%E5%81%9C&flag", &form), 0);
    assert_int_equal(form.count, 5);
    assert_true(slice_equals_text(form_value(&form, "answer"), "some"));
    assert_true(slice_equals_text(form_value(&form, "open"), "10 01"));
    assert_true(form_has(&form, "open", SLICE_LIT("a&b")));
    assert_false(form_has(&form, "open", SLICE_LIT("a")));
    assert_true(slice_equals_text(form_value(&form, "text"), "a b+停"));
    assert_true(form_value(&form, "flag").p && form_value(&form, "flag").n == 0);
    assert_null(form_value(&form, "missing").p);
    assert_int_equal(read("", &form), 0);
    assert_int_equal(form.count, 0);
    assert_int_equal(read("&&a=1&&", &form), 0);
    assert_int_equal(form.count, 1);
}

static void what_is_broken_is_refused(void **state)
{
    static const char *const bad[] = {"a=%", "a=%2", "a=%g0", "%=1", "a=%00", "a=%0a", "a=%ff",
                                      "a=%c0%af", "a=\x01", "a=%e2%80%ae"};
    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct form form = {.count = 77};
        assert_int_equal(read(bad[i], &form), ERR_INVALID);
        assert_int_equal(form.count, 77);
    }
}

static void there_is_a_limit(void **state)
{
    char body[4 * FORM_FIELDS_MAX + 8] = "";
    struct form form;
    (void)state;
    for (size_t i = 0; i < FORM_FIELDS_MAX; i++)
        memcpy(body + 4 * i, "a=1&", 5);
    assert_int_equal(read(body, &form), 0);
    assert_int_equal(form.count, FORM_FIELDS_MAX);
    memcpy(body + 4 * FORM_FIELDS_MAX, "b=2", 4);
    assert_int_equal(read(body, &form), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_decoded),
        cmocka_unit_test(what_is_broken_is_refused),
        cmocka_unit_test(there_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
