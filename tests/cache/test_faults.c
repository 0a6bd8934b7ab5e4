/* A Redis that stops, freezes, comes back, or no longer tells: calls keep their time, and
 * changes are not missed. */
#include <signal.h>
#include <unistd.h>

#include "node.h"
#include "proxy.h"

enum {
    IN_TIME_MS = 10000, /* where time is not what is tested */
    DEADLINE_MS = 100,
    LATE_MS = 400, /* a machine with much else to do; a wait without limit would be seconds */
};

static struct redis_server server;

static int start(void **state)
{
    (void)state;
    redis_server_start(&server, "");
    return 0;
}

static int end(void **state)
{
    (void)state;
    redis_server_end(&server);
    return 0;
}

/* A get that fails; returns how long it took. */
static int64_t fail_to_get(struct node *node, const char *text)
{
    struct ruleset *ruleset = NULL;
    struct err err = {0};
    int64_t started_ms = clock_mono_ms();
    assert_int_equal(node_get(node, "acme", DEADLINE_MS, &ruleset, &err), ERR_UNAVAILABLE);
    assert_null(ruleset);
    if (!strstr(err.text, text))
        fail_msg("not \"%s\": %s", text, err.text);
    return clock_mono_ms() - started_ms;
}

static bool can_get(struct node *node)
{
    struct ruleset *ruleset;
    if (node_get(node, "acme", IN_TIME_MS, &ruleset, NULL))
        return false;
    ruleset_free(ruleset);
    return true;
}

static void a_frozen_redis_costs_a_call_its_deadline_once(void **state)
{
    struct node node;
    (void)state;
    node_listen(&node, server.url);
    node_put(&node, "acme", 1);
    WAIT_FOR(atomic_load(&node.changes) == 1);
    redis_server_signal(&server, SIGSTOP);
    int64_t took_ms = fail_to_get(&node, "no answer in time");
    assert_in_range(took_ms, DEADLINE_MS - 1, LATE_MS);
    /* the breaker: not again a deadline */
    for (int i = 0; i < 100; i++)
        fail_to_get(&node, "less than a second ago");
    /* the silence is noticed, and that changes may be missed meanwhile */
    WAIT_FOR(!cache_is_listening(node.cache));
    WAIT_FOR(atomic_load(&node.changes) == 2);
    /* nobody knows where Redis is: at once, too */
    struct ruleset *ruleset;
    struct err err = {0};
    usleep(2500 * 1000);
    assert_int_equal(node_get(&node, "acme", IN_TIME_MS, &ruleset, &err), ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "--redis"));

    redis_server_signal(&server, SIGCONT);
    WAIT_FOR(cache_is_listening(node.cache));
    WAIT_FOR(atomic_load(&node.changes) == 3);
    assert_true(can_get(&node));
    assert_int_equal(cache_totals(node.cache).reconnects, 1);
    assert_true(cache_totals(node.cache).errors >= 101);
    node_close(&node);
}

static void a_redis_that_is_restarted_is_found_again(void **state)
{
    struct node node;
    (void)state;
    node_listen(&node, server.url);
    node_put(&node, "acme", 1);
    WAIT_FOR(atomic_load(&node.changes) == 1);
    redis_server_kill(&server);
    WAIT_FOR(!cache_is_listening(node.cache));
    WAIT_FOR(atomic_load(&node.changes) == 2); /* what was being told just then */
    assert_true(fail_to_get(&node, "--redis") < LATE_MS);
    redis_server_again(&server);
    WAIT_FOR(cache_is_listening(node.cache));
    assert_int_equal(atomic_load(&node.changes), 3); /* what was told meanwhile */
    node_put(&node, "acme", 2);
    WAIT_FOR(atomic_load(&node.changes) == 4);
    assert_true(can_get(&node));
    node_close(&node);
}

static void a_redis_that_comes_later_is_found(void **state)
{
    struct node node;
    (void)state;
    redis_server_kill(&server);
    node_open(&node, server.url, 0);
    fail_to_get(&node, "--redis");
    assert_false(cache_is_listening(node.cache));
    redis_server_again(&server);
    WAIT_FOR(cache_is_listening(node.cache));
    node_put(&node, "acme", 1);
    assert_true(can_get(&node));
    assert_int_equal(cache_totals(node.cache).reconnects, 0);
    node_close(&node);
}

/* Idle connections that Redis ended are no failure: the next call connects. */
static void killed_connections_are_replaced(void **state)
{
    struct node node;
    (void)state;
    node_listen(&node, server.url);
    node_put(&node, "acme", 1);
    WAIT_FOR(atomic_load(&node.changes) == 1);
    redis_server_do(&server, "CLIENT KILL TYPE pubsub");
    WAIT_FOR(atomic_load(&node.changes) == 3); /* lost; back */
    WAIT_FOR(cache_is_listening(node.cache));
    assert_true(can_get(&node));
    redis_server_do(&server, "CLIENT KILL USER sekisho");
    assert_true(can_get(&node));
    assert_int_equal(cache_totals(node.cache).errors, 0);
    WAIT_FOR(atomic_load(&node.changes) == 5);
    WAIT_FOR(cache_is_listening(node.cache));
    node_put(&node, "acme", 2);
    WAIT_FOR(atomic_load(&node.changes) == 6);
    assert_int_equal(cache_totals(node.cache).reconnects, 2);
    node_close(&node);
}

/* Everything is answered, PING too, but what others change is no longer told: the canary
 * notices. */
static void a_lost_invalidation_is_noticed_by_the_canary(void **state)
{
    struct node reader, writer;
    struct proxy proxy;
    char url[128];
    (void)state;
    proxy_start(&proxy, server.port);
    snprintf(url, sizeof url, "redis://sekisho:secret-sekisho@127.0.0.1:%u", proxy.port);
    node_listen(&reader, url);
    node_open(&writer, server.url, 0);
    atomic_store(&proxy.swallows_messages, true);
    node_put(&writer, "acme", 9);
    WAIT_FOR(!cache_is_listening(reader.cache));
    WAIT_FOR(atomic_load(&reader.changes) >= 1);
    assert_true(atomic_load(&proxy.swallowed) >= 1);
    assert_int_equal(cache_totals(reader.cache).invalidations, 0);
    assert_true(can_get(&reader)); /* only the ears are bad */
    atomic_store(&proxy.swallows_messages, false);
    WAIT_FOR(cache_is_listening(reader.cache));
    node_close(&reader);
    node_close(&writer);
    proxy_stop(&proxy);
}

static void a_master_that_became_a_replica_is_left(void **state)
{
    struct node node;
    (void)state;
    node_listen(&node, server.url);
    redis_server_do(&server, "REPLICAOF 127.0.0.1 1");
    WAIT_FOR(!cache_is_listening(node.cache));
    WAIT_FOR(atomic_load(&node.changes) >= 1);
    fail_to_get(&node, "--redis");
    redis_server_do(&server, "REPLICAOF NO ONE");
    WAIT_FOR(cache_is_listening(node.cache));
    node_close(&node);
}

static void closing_does_not_wait(void **state)
{
    struct node node;
    (void)state;
    node_listen(&node, server.url);
    int64_t started_ms = clock_mono_ms();
    node_close(&node);
    assert_true(clock_mono_ms() - started_ms < LATE_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frozen_redis_costs_a_call_its_deadline_once),
        cmocka_unit_test(a_redis_that_is_restarted_is_found_again),
        cmocka_unit_test(a_redis_that_comes_later_is_found),
        cmocka_unit_test(killed_connections_are_replaced),
        cmocka_unit_test(a_lost_invalidation_is_noticed_by_the_canary),
        cmocka_unit_test(a_master_that_became_a_replica_is_left),
        cmocka_unit_test(closing_does_not_wait),
    };
    return cmocka_run_group_tests(tests, start, end);
}
