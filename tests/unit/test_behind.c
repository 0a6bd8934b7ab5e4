/* Who is behind: found without a lock, told as text, and everybody when there are too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/hash.h"
#include "engine/behind.h"

static struct behind behind;

static bool has(const char *tenant)
{
    return behind_has(&behind, hash_slice(slice_of(tenant)));
}

static void they_come_and_go(void **state)
{
    char text[BEHIND_TEXT_BYTES];
    (void)state;
    assert_false(behind_any(&behind));
    behind_text(&behind, text);
    assert_string_equal(text, "");
    behind_add(&behind, SLICE_LIT("acme"), 5);
    behind_add(&behind, SLICE_NONE, 2);
    behind_add(&behind, SLICE_LIT("zero"), 1);
    behind_add(&behind, SLICE_LIT("acme"), 6);
    behind_text(&behind, text);
    assert_string_equal(text, "acme / zero ");
    assert_true(has("acme") && has("") && has("zero") && !has("acm"));
    behind_settle(&behind, SLICE_LIT("acme"), 5); /* it should have 6 */
    assert_true(has("acme"));
    behind_settle(&behind, SLICE_LIT("acme"), 6);
    behind_settle(&behind, SLICE_LIT("nobody"), 6);
    behind_text(&behind, text);
    assert_string_equal(text, "zero / ");
    assert_true(!has("acme") && has("") && has("zero"));
    behind_settle(&behind, SLICE_LIT("zero"), UINT64_MAX);
    behind_settle(&behind, SLICE_NONE, 3);
    assert_false(behind_any(&behind));
}

static void too_many_are_everybody(void **state)
{
    char text[BEHIND_TEXT_BYTES], name[TENANT_ID_BYTES];
    (void)state;
    for (unsigned i = 0; i < BEHIND_MAX; i++) {
        snprintf(name, sizeof name, "%062u", i); /* as long as a name can be */
        behind_add(&behind, slice_of(name), 1);
    }
    behind_text(&behind, text);
    assert_int_equal(strlen(text), BEHIND_MAX * 63);
    assert_false(has("acme"));
    behind_add(&behind, SLICE_LIT("one-more"), 1);
    behind_text(&behind, text);
    assert_string_equal(text, "*");
    assert_true(has("acme"));
    behind_settle(&behind, SLICE_LIT("one-more"), 1);
    assert_true(has("acme")); /* who it was is not known any more */
    behind_clear(&behind);
    assert_false(has("acme"));
}

static void the_text_is_read_by_others(void **state)
{
    (void)state;
    assert_false(behind_text_has("", SLICE_LIT("acme")));
    assert_true(behind_text_has("*", SLICE_LIT("acme")));
    assert_true(behind_text_has("zero acme ", SLICE_LIT("acme")));
    assert_false(behind_text_has("zero acme2 acm ", SLICE_LIT("acme")));
    assert_false(behind_text_has("zero acme ", SLICE_NONE));
    assert_true(behind_text_has("zero / ", SLICE_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_come_and_go),
        cmocka_unit_test(too_many_are_everybody),
        cmocka_unit_test(the_text_is_read_by_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
