/*
 * Which nodes live: told by heartbeats that change while somebody looks, never by comparing clocks.
 */
/* clang-format off: cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "engine/node_watch.h"

static struct node_row a_row(const char *name, const char *run, int64_t heartbeat_at_ms)
{
    return (struct node_row){.name = name, .run = run, .heartbeat_at_ms = heartbeat_at_ms};
}

/*
 * Looks every second up to `to_ms`; "a" is silent, "b" beats with a clock that is an hour behind.
 */
static void look(struct node_watch *watch, int64_t from_ms, int64_t to_ms)
{
    for (int64_t now_ms = from_ms; now_ms <= to_ms; now_ms += 1000) {
        struct node_row rows[] = {a_row("a", "R1", 77), a_row("b", "R2", now_ms - 3600000)};
        node_watch_look(watch, rows, 2, now_ms);
    }
}

static bool is_lost(const struct node_watch *watch, const char *name, const char *run,
                    int64_t heartbeat_at_ms, int64_t now_ms)
{
    struct node_row row = a_row(name, run, heartbeat_at_ms);
    return node_watch_is_lost(watch, &row, now_ms);
}

static void silent_for_ten_seconds_is_lost(void **state)
{
    struct node_watch watch = {0};
    (void)state;
    look(&watch, 50000, 60000);
    assert_false(is_lost(&watch, "a", "R1", 77, 60000));
    assert_true(is_lost(&watch, "a", "R1", 77, 60001));
    look(&watch, 61000, 90000);
    assert_true(is_lost(&watch, "a", "R1", 77, 90500));
    assert_false(is_lost(&watch, "b", "R2", 90000 - 3600000, 90500));
}

static void what_beats_again_lives_at_once(void **state)
{
    struct node_watch watch = {0};
    (void)state;
    look(&watch, 50000, 90000);
    assert_false(is_lost(&watch, "a", "R1", 78, 90500)); /* read after our last look */
    assert_false(is_lost(&watch, "a", "R9", 77, 90500)); /* another start of it */
    assert_false(is_lost(&watch, "new", "R3", 1, 90500));
    struct node_row again = a_row("a", "R1", 78);
    node_watch_look(&watch, &again, 1, 91000);
    assert_false(is_lost(&watch, "a", "R1", 78, 91500));
}

static void time_that_nobody_watched_does_not_count(void **state)
{
    struct node_watch watch = {0};
    (void)state;
    look(&watch, 50000, 58000);
    /* the store is away for a minute: nobody could write, nobody could look */
    assert_false(is_lost(&watch, "a", "R1", 77, 118000));
    look(&watch, 118000, 127000);
    assert_false(is_lost(&watch, "a", "R1", 77, 127500));
    look(&watch, 128000, 129000);
    assert_true(is_lost(&watch, "a", "R1", 77, 129500));
}

static void a_row_that_went_and_came_back_starts_anew(void **state)
{
    struct node_watch watch = {0};
    (void)state;
    look(&watch, 50000, 61000);
    node_watch_look(&watch, NULL, 0, 62000);
    look(&watch, 63000, 63000);
    assert_false(is_lost(&watch, "a", "R1", 77, 63500));
}

/* Looks every second while "b" beats with a clock that is `ahead_ms` ahead; what is known of it in the end. */
static int64_t watched_ahead(struct node_watch *watch, int64_t from_ms, int64_t ahead_ms)
{
    struct node_row rows[2];
    for (int64_t now_ms = from_ms; now_ms < from_ms + 5000; now_ms += 1000) {
        rows[0] = a_row("a", "R1", 77); /* dead for long: its old beat tells nothing of its clock */
        rows[1] = a_row("b", "R2", now_ms - 900 + ahead_ms);
        node_watch_look(watch, rows, 2, now_ms);
        node_watch_compare(watch, now_ms);
        assert_int_equal(node_watch_ahead_ms(watch, &rows[0]), 0);
    }
    node_watch_look(watch, rows, 2, from_ms + 4500); /* looked again before it beat again */
    node_watch_compare(watch, from_ms + 4500);
    return node_watch_ahead_ms(watch, &rows[1]);
}

static void a_clock_that_is_off_is_told_by_fresh_beats_alone(void **state)
{
    struct node_watch watch = {0};
    (void)state;
    assert_int_equal(watched_ahead(&watch, 50000, 0), 0);
    assert_int_equal(watched_ahead(&watch, 55000, 3600000), 3600000 - 900);
    assert_int_equal(watched_ahead(&watch, 60000, -3600000), -3600000 - 900);
    assert_int_equal(watched_ahead(&watch, 65000, -5000), 0); /* a late beat */
    assert_int_equal(watched_ahead(&watch, 65000 + WATCH_GAP_MS + 60000, 0), 0);
}

static void names_have_a_shape(void **state)
{
    static const char *const good[] = {"a", "9", "tokyo-1", "A.b_c-d", "x..y"};
    static const char *const bad[] = {"", "-a", ".a", "_", "a b", "a/b", "ä", "a\n"};
    char long_name[65];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(node_name_is_valid(slice_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(node_name_is_valid(slice_of(bad[i])));
    memset(long_name, 'n', sizeof long_name);
    assert_true(node_name_is_valid((struct slice){long_name, 63}));
    assert_false(node_name_is_valid((struct slice){long_name, 64}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silent_for_ten_seconds_is_lost),
        cmocka_unit_test(what_beats_again_lives_at_once),
        cmocka_unit_test(time_that_nobody_watched_does_not_count),
        cmocka_unit_test(a_row_that_went_and_came_back_starts_anew),
        cmocka_unit_test(a_clock_that_is_off_is_told_by_fresh_beats_alone),
        cmocka_unit_test(names_have_a_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
