/* How far rules can be trusted: told by two clocks, of which the worse tale counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/trust.h"

enum { DAY_MS = 24 * 3600 * 1000, HOUR_MS = 3600 * 1000 };

static const struct instant start = {INT64_C(1800000000000), 5000000};

static struct instant later(int64_t wall_ms, int64_t mono_ms)
{
    return (struct instant){start.wall_ms + wall_ms, start.mono_ms + mono_ms};
}

static void it_ages_by_the_worse_of_two_clocks(void **state)
{
    (void)state;
    static const struct {
        int64_t wall_ms, mono_ms; /* since the read began */
        enum trust trust;
    } rows[] = {
        {0, 0, TRUST_CURRENT},
        {TRUST_CURRENT_MS, TRUST_CURRENT_MS, TRUST_CURRENT},
        {TRUST_CURRENT_MS + 1, TRUST_CURRENT_MS + 1, TRUST_STALE},
        {HOUR_MS, 5, TRUST_STALE},              /* a suspend: monotonic time stood still */
        {5, HOUR_MS, TRUST_STALE},              /* the clock was set back just as far */
        {-HOUR_MS, HOUR_MS, TRUST_STALE},       /* and further */
        {-HOUR_MS, 5, TRUST_STALE},             /* set back a moment after the read */
        {-5, 0, TRUST_CURRENT},                 /* coarse clocks stand still for milliseconds */
        {HOUR_MS + 1, 5, TRUST_EXPIRED},
        {5, HOUR_MS + 1, TRUST_EXPIRED},
        {-DAY_MS, HOUR_MS + 1, TRUST_EXPIRED},
    };
    struct trusted trusted;
    trusted_init(&trusted);
    trusted_set_bounds(&trusted, TRUST_CURRENT_MS, HOUR_MS);
    assert_int_equal(trusted_now(&trusted, start), TRUST_EXPIRED); /* nothing is known */
    trusted_set(&trusted, start, true);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (trusted_now(&trusted, later(rows[i].wall_ms, rows[i].mono_ms)) != rows[i].trust)
            fail_msg("row %zu: %d", i, trusted_now(&trusted, later(rows[i].wall_ms, rows[i].mono_ms)));
}

static void what_is_not_all_from_the_store_is_never_current(void **state)
{
    (void)state;
    struct trusted trusted;
    trusted_init(&trusted);
    trusted_set_bounds(&trusted, TRUST_CURRENT_MS, HOUR_MS);
    trusted_set(&trusted, start, false);
    assert_int_equal(trusted_now(&trusted, start), TRUST_STALE);
    trusted_set(&trusted, start, true);
    assert_int_equal(trusted_now(&trusted, start), TRUST_CURRENT);
}

static void who_knows_nothing_may_start_with_something(void **state)
{
    (void)state;
    struct trusted trusted;
    trusted_init(&trusted);
    trusted_set_bounds(&trusted, TRUST_CURRENT_MS, HOUR_MS);
    assert_true(trusted_is_blank(&trusted));
    trusted_start(&trusted, start);
    assert_false(trusted_is_blank(&trusted));
    assert_int_equal(trusted_now(&trusted, start), TRUST_STALE);
    trusted_start(&trusted, later(2 * HOUR_MS, 2 * HOUR_MS)); /* no second time */
    assert_int_equal(trusted_now(&trusted, later(2 * HOUR_MS, 2 * HOUR_MS)), TRUST_EXPIRED);
}

static void the_coarse_clocks_go_on(void **state)
{
    (void)state;
    struct instant before = instant_now(), after;
    do
        after = instant_now();
    while (after.mono_ms == before.mono_ms);
    assert_in_range(after.mono_ms - before.mono_ms, 1, 20000);
    assert_true(before.wall_ms > INT64_C(1700000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_ages_by_the_worse_of_two_clocks),
        cmocka_unit_test(what_is_not_all_from_the_store_is_never_current),
        cmocka_unit_test(who_knows_nothing_may_start_with_something),
        cmocka_unit_test(the_coarse_clocks_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
