/* Who is cut off and who is not; the limits of minutes without waiting minutes for them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "doors/deadline.h"

enum { SWEEPS_MS = 500 }; /* time for a few sweeps */

struct peer {
    struct deadline deadline;
    int other_end;
};

static struct metrics *metrics;
static struct deadlines *table;

static int setup(void **state)
{
    (void)state;
    return metrics_new(&metrics, NULL) || deadlines_new(metrics, DOOR_DIAL, &table, NULL);
}

static int teardown(void **state)
{
    (void)state;
    deadlines_free(table);
    metrics_free(metrics);
    return 0;
}

static void connect_peer(struct peer *peer)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    peer->other_end = fds[1];
    deadline_add(table, &peer->deadline, fds[0]);
}

static void disconnect(struct peer *peer)
{
    deadline_remove(&peer->deadline);
    close(peer->deadline.fd);
    close(peer->other_end);
}

static bool is_cut_within(const struct peer *peer, int ms)
{
    struct pollfd end = {.fd = peer->other_end, .events = POLLRDHUP};
    return poll(&end, 1, ms) == 1;
}

static void lets_time_pass(struct peer *peer)
{
    atomic_store(&peer->deadline.due_ms, clock_mono_ms() - 1);
}

static void cuts_off_who_is_late(void **state)
{
    (void)state;
    static const enum phase phases[] = {PHASE_HEADER, PHASE_BODY, PHASE_ANSWER, PHASE_IDLE};
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        struct peer late, punctual;
        connect_peer(&late);
        connect_peer(&punctual);
        deadline_enter(&late.deadline, phases[i]);
        deadline_enter(&punctual.deadline, phases[i]);
        lets_time_pass(&late);
        assert_true(is_cut_within(&late, SWEEPS_MS));
        assert_false(is_cut_within(&punctual, 0));
        disconnect(&late);
        disconnect(&punctual);
    }
}

static void never_cuts_off_a_handler(void **state)
{
    (void)state;
    struct peer peer;
    connect_peer(&peer);
    deadline_enter(&peer.deadline, PHASE_HANDLER);
    lets_time_pass(&peer);
    peer.deadline.ends_ms = clock_mono_ms() - 2 * ANSWER_MS;
    assert_false(is_cut_within(&peer, SWEEPS_MS));
    deadline_enter(&peer.deadline, PHASE_ANSWER); /* but no new request may begin on it */
    assert_true(is_cut_within(&peer, SWEEPS_MS));
    disconnect(&peer);
}

static void ends_old_connections_with_grace(void **state)
{
    (void)state;
    struct peer peer;
    connect_peer(&peer);
    assert_false(deadline_is_old(&peer.deadline));
    peer.deadline.ends_ms = clock_mono_ms() - 1000;
    assert_true(deadline_is_old(&peer.deadline)); /* its next answer is the last */
    assert_false(is_cut_within(&peer, SWEEPS_MS));
    peer.deadline.ends_ms = clock_mono_ms() - ANSWER_MS - 1;
    assert_true(is_cut_within(&peer, SWEEPS_MS));
    disconnect(&peer);
}

static void counts_who_was_cut_off_once(void **state)
{
    (void)state;
    char text[16384];
    struct peer idle, late;
    connect_peer(&idle);
    connect_peer(&late);
    deadline_enter(&idle.deadline, PHASE_IDLE); /* that an idle one ends is nothing special */
    lets_time_pass(&idle);
    lets_time_pass(&late);
    assert_true(is_cut_within(&idle, SWEEPS_MS) && is_cut_within(&late, SWEEPS_MS));
    usleep(SWEEPS_MS * 1000);
    struct buf buf = BUF_OVER(text);
    metrics_render(metrics, &buf);
    assert_non_null(strstr(text, "sekisho_connections_cut_off_total{door=\"dial\"} 1\n"));
    disconnect(&idle);
    disconnect(&late);
}

static void ends_idle_ones_first(void **state)
{
    (void)state;
    struct peer idle, busy;
    connect_peer(&idle);
    connect_peer(&busy);
    deadline_enter(&idle.deadline, PHASE_IDLE);
    assert_int_equal(deadlines_busy(table), 1);
    deadlines_cut(table, true);
    assert_true(is_cut_within(&idle, 0));
    assert_false(is_cut_within(&busy, 0));
    deadlines_cut(table, false);
    assert_true(is_cut_within(&busy, 0));
    disconnect(&idle);
    disconnect(&busy);
    assert_int_equal(deadlines_busy(table), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cuts_off_who_is_late, setup, teardown),
        cmocka_unit_test_setup_teardown(never_cuts_off_a_handler, setup, teardown),
        cmocka_unit_test_setup_teardown(ends_old_connections_with_grace, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_who_was_cut_off_once, setup, teardown),
        cmocka_unit_test_setup_teardown(ends_idle_ones_first, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
