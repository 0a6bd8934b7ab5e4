/* Sharing turns: nobody is served by what began before it asked, and a crowd costs two turns, not many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <unistd.h>

#include "engine/turns.h"

enum { CROWD = 24 };

static struct turns turns;
static atomic_int wanted, served, taken; /* `wanted` grows before a turn is asked for */
static atomic_bool is_held, is_inside;

static int serve(void *context, struct err *err)
{
    (void)context;
    int seen = atomic_load(&wanted); /* as a reader of the store sees what was committed by then */
    atomic_store(&is_inside, true);
    while (atomic_load(&is_held))
        usleep(1000);
    atomic_store(&is_inside, false);
    atomic_fetch_add(&taken, 1);
    atomic_store(&served, seen);
    return seen < 0 ? err_set(err, ERR_UNAVAILABLE, "not %d", seen) : 0;
}

static void *want(void *context)
{
    (void)context;
    int mine = atomic_fetch_add(&wanted, 1) + 1;
    if (turns_take(&turns, serve, NULL, NULL) || atomic_load(&served) < mine)
        return (void *)1;
    return NULL;
}

static void wait_until(atomic_bool *flag)
{
    for (int tries = 0; !atomic_load(flag); tries++) {
        assert_true(tries < 20000);
        usleep(1000);
    }
}

static void a_crowd_shares_the_turn_after_the_one_under_way(void **state)
{
    (void)state;
    pthread_t first, crowd[CROWD];
    void *failed;
    turns_init(&turns);
    atomic_store(&is_held, true);
    assert_int_equal(pthread_create(&first, NULL, want, NULL), 0);
    wait_until(&is_inside);
    uint64_t mark = turns_mark(&turns);
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(pthread_create(&crowd[i], NULL, want, NULL), 0);
    while (atomic_load(&wanted) < 1 + CROWD)
        usleep(1000);
    usleep(50000); /* they wait by now; if not, there is a turn more, which is allowed for below */
    assert_false(turns_ended_since(&turns, mark));
    atomic_store(&is_held, false);
    pthread_join(first, &failed);
    assert_null(failed);
    for (int i = 0; i < CROWD; i++) {
        pthread_join(crowd[i], &failed);
        assert_null(failed);
    }
    assert_true(turns_ended_since(&turns, mark));
    assert_in_range(atomic_load(&taken), 2, 2 + CROWD / 2);
    turns_release(&turns);
}

static void what_went_wrong_is_told_to_all_who_shared_it(void **state)
{
    (void)state;
    struct err err = {0};
    turns_init(&turns);
    atomic_store(&wanted, -5);
    assert_int_equal(turns_take(&turns, serve, NULL, &err), ERR_UNAVAILABLE);
    assert_string_equal(err.text, "not -5");
    atomic_store(&wanted, 5);
    assert_int_equal(turns_take(&turns, serve, NULL, NULL), 0);
    turns_release(&turns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crowd_shares_the_turn_after_the_one_under_way),
        cmocka_unit_test(what_went_wrong_is_told_to_all_who_shared_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
