/* What the REST handlers are built from: preconditions and cursors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "doors/cursor.h"
#include "doors/precondition.h"

/* --- preconditions -------------------------------------------------------------------------------- */

/* The condition for something of `version`, or the error, as one number. */
static int resolve(const char *if_match, const char *if_none_match, uint64_t version)
{
    struct precondition precondition;
    struct condition condition;
    int rc = precondition_parse(slice_of(if_match), slice_of(if_none_match), &precondition, NULL);
    if (rc == 0)
        rc = precondition_resolve(&precondition, version, &condition, NULL);
    return rc ? rc : (int)condition.kind;
}

static void preconditions(void **state)
{
    (void)state;
    assert_int_equal(resolve(NULL, NULL, 7), COND_NONE);
    assert_int_equal(resolve(NULL, NULL, 0), COND_NONE);
    assert_int_equal(resolve("*", NULL, 7), COND_EXISTS);
    assert_int_equal(resolve("*", NULL, 0), ERR_STALE);
    assert_int_equal(resolve("\"7\"", NULL, 7), COND_VERSION);
    assert_int_equal(resolve("\"7\"", NULL, 8), ERR_STALE);
    assert_int_equal(resolve("\"7\"", NULL, 0), ERR_STALE);
    assert_int_equal(resolve(" \"5\" , \"7\" ", NULL, 7), COND_VERSION);
    assert_int_equal(resolve("W/\"7\"", NULL, 7), ERR_STALE);
    assert_int_equal(resolve("W/\"7\", \"7\"", NULL, 7), COND_VERSION);
    assert_int_equal(resolve("\"07\"", NULL, 7), ERR_STALE);
    assert_int_equal(resolve("\"x\"", NULL, 7), ERR_STALE);
    assert_int_equal(resolve("\"\"", NULL, 0), ERR_STALE);
    assert_int_equal(resolve("\"0\"", NULL, 0), ERR_STALE);
    assert_int_equal(resolve("\"18446744073709551623\"", NULL, 7), ERR_STALE); /* 2^64 + 7 */
    assert_int_equal(resolve("7", NULL, 7), ERR_INVALID);
    assert_int_equal(resolve("", NULL, 7), ERR_INVALID);
    assert_int_equal(resolve("\"7", NULL, 7), ERR_INVALID);
    assert_int_equal(resolve("\"7\" \"8\"", NULL, 7), ERR_INVALID);
    assert_int_equal(resolve("\"7\",", NULL, 7), ERR_INVALID);
    assert_int_equal(resolve("*", "*", 7), ERR_INVALID);
    assert_int_equal(resolve(NULL, "*", 0), COND_ABSENT);
    assert_int_equal(resolve(NULL, "*", 7), ERR_STALE);
    assert_int_equal(resolve(NULL, "\"7\"", 7), ERR_STALE);
    assert_int_equal(resolve(NULL, "\"7\"", 8), COND_NONE);
    assert_int_equal(resolve("\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\"", NULL, 8), COND_VERSION);
    assert_int_equal(resolve("\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"", NULL, 8), ERR_LIMIT);
}

static void a_matched_version_is_what_the_store_insists_on(void **state)
{
    struct precondition precondition;
    struct condition condition;
    (void)state;
    assert_int_equal(precondition_parse(SLICE_LIT("\"5\", \"7\""), SLICE_NONE, &precondition, NULL), 0);
    assert_int_equal(precondition_resolve(&precondition, 7, &condition, NULL), 0);
    assert_int_equal(condition.version, 7);
}

/* --- cursors -------------------------------------------------------------------------------------- */

static void cursors(void **state)
{
    const unsigned char key[CURSOR_KEY_BYTES] = {1}, other[CURSOR_KEY_BYTES] = {2};
    struct slice list = SLICE_LIT("/v1/tenants/{t}/rules acme "), back;
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    char *cursor = cursor_sign(key, list, SLICE_LIT("01JH"), &arena);
    assert_non_null(cursor);
    assert_int_equal(cursor_open(key, list, slice_of(cursor), &arena, &back, NULL), 0);
    assert_true(slice_equals_text(back, "01JH"));
    /* another key, list, or any changed character: refused */
    assert_int_equal(cursor_open(other, list, slice_of(cursor), &arena, &back, NULL), ERR_INVALID);
    assert_int_equal(cursor_open(key, SLICE_LIT("/v1/tenants/{t}/rules evil "), slice_of(cursor),
                                 &arena, &back, NULL), ERR_INVALID);
    size_t n = strlen(cursor);
    for (size_t i = 0; i < n; i++) {
        char was = cursor[i];
        cursor[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(cursor_open(key, list, slice_of(cursor), &arena, &back, NULL), ERR_INVALID);
        cursor[i] = was;
    }
    for (size_t i = 0; i < n; i++)
        assert_int_equal(cursor_open(key, list, (struct slice){cursor, i}, &arena, &back, NULL),
                         ERR_INVALID);
    /* a list's name cannot borrow from the position */
    char *moved = cursor_sign(key, SLICE_LIT("ab"), SLICE_LIT("c"), &arena);
    assert_int_equal(cursor_open(key, SLICE_LIT("a"), slice_of(moved), &arena, &back, NULL), ERR_INVALID);
    char long_position[200];
    memset(long_position, 'x', sizeof long_position);
    assert_null(cursor_sign(key, list, (struct slice){long_position, sizeof long_position}, &arena));
    arena_release(&arena);
}

static void page_limits(void **state)
{
    static const char *const refused[] = {"", "0", "101", "1000", "-1", "+1", " 1", "1 ", "1.5", "abc", "1e1"};
    unsigned limit;
    (void)state;
    assert_int_equal(page_limit_parse(SLICE_NONE, &limit, NULL), 0);
    assert_int_equal(limit, PAGE_LIMIT_DEFAULT);
    assert_int_equal(page_limit_parse(SLICE_LIT("1"), &limit, NULL), 0);
    assert_int_equal(limit, 1);
    assert_int_equal(page_limit_parse(SLICE_LIT("100"), &limit, NULL), 0);
    assert_int_equal(limit, 100);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_int_equal(page_limit_parse(slice_of(refused[i]), &limit, NULL), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preconditions),
        cmocka_unit_test(a_matched_version_is_what_the_store_insists_on),
        cmocka_unit_test(cursors),
        cmocka_unit_test(page_limits),
    };
    return cmocka_run_group_tests_name("rest", tests, NULL, NULL);
}
