/* What a node puts into Redis of what it finds in the feed: its own edits aloud, and nobody else's, but
 * where an older put of its own could have come after a newer one of another node. */
#include <unistd.h>

#include "engine/spread.h"
#include "node.h"

static struct redis_server server;
static struct node node, other;
static struct spread *spread;

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

static int open_nodes(void **state)
{
    (void)state;
    redis_server_do(&server, "FLUSHALL");
    node_listen(&node, server.url);
    node_listen(&other, server.url);
    OK(spread_new(node.cache, &spread, &err));
    return 0;
}

static int close_nodes(void **state)
{
    (void)state;
    spread_free(spread);
    node_close(&node);
    node_close(&other);
    return 0;
}

/* As feed.c does; how it was spread. */
static enum spreading find(const char *tenant, uint64_t revision, bool is_own)
{
    struct ruleset *ruleset = small_ruleset(tenant, revision);
    enum spreading how = spread_how(spread, slice_of(tenant), revision, is_own);
    spread_make_room(spread);
    spread_add(spread, slice_of(tenant), revision, ruleset, how);
    ruleset_free(ruleset);
    return how;
}

/* 0: Redis has none. */
static uint64_t there(const char *tenant)
{
    struct ruleset *ruleset;
    if (node_get(&other, tenant, 10000, &ruleset, NULL))
        return 0;
    uint64_t revision = ruleset_revision(ruleset);
    ruleset_free(ruleset);
    return revision;
}

static void own_edits_are_told_once(void **state)
{
    (void)state;
    assert_int_equal(find("acme", 5, true), SPREAD_ALOUD);
    spread_send(spread);
    WAIT_FOR(atomic_load(&other.changes) == 1);
    assert_int_equal(there("acme"), 5);
    /* the feed may tell of it again and again */
    assert_int_equal(find("acme", 5, true), SPREAD_NOT);
    assert_int_equal(find("acme", 4, true), SPREAD_NOT);
    assert_int_equal(find("acme", 6, true), SPREAD_ALOUD);
    spread_send(spread);
    WAIT_FOR(atomic_load(&other.changes) == 2);
    assert_int_equal(there("acme"), 6);
    spread_add(spread, SLICE_LIT("acme"), 7, NULL,
               spread_how(spread, SLICE_LIT("acme"), 7, true));
    spread_send(spread);
    WAIT_FOR(atomic_load(&other.changes) == 3);
    assert_int_equal(there("acme"), 0);
}

static void edits_of_others_are_theirs_to_tell(void **state)
{
    (void)state;
    assert_int_equal(find("acme", 5, false), SPREAD_NOT);
    spread_send(spread);
    assert_int_equal(there("acme"), 0);
}

/* Both edit one tenant; this node's older put reaches Redis last. */
static void the_older_of_two_does_not_stay(void **state)
{
    (void)state;
    node_put(&other, "acme", 6);
    assert_int_equal(find("acme", 5, true), SPREAD_ALOUD);
    spread_send(spread);
    assert_int_equal(there("acme"), 5); /* the accident */
    assert_int_equal(find("acme", 6, false), SPREAD_QUIETLY); /* then the feed tells of the newer one */
    spread_send(spread);
    assert_int_equal(there("acme"), 6);
    WAIT_FOR(atomic_load(&other.changes) == 2);
}

static void who_fills_puts_all_it_finds(void **state)
{
    (void)state;
    spread_set_filling(spread, true);
    assert_int_equal(find("acme", 5, false), SPREAD_QUIETLY);
    spread_send(spread);
    assert_int_equal(there("acme"), 5);
    spread_set_filling(spread, false);
    assert_int_equal(find("zero", 5, false), SPREAD_NOT);
}

static void many_are_sent_on_the_way(void **state)
{
    enum { MANY = 300 };
    char name[16];
    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "t%u", i);
        assert_int_equal(find(name, 1, true), SPREAD_ALOUD);
    }
    spread_send(spread);
    assert_int_equal(cache_totals(node.cache).puts, MANY);
    assert_int_equal(there("t0"), 1);
    assert_int_equal(there("t299"), 1);
    assert_false(spread_owes(spread));
}

static void what_did_not_arrive_is_owed(void **state)
{
    (void)state;
    redis_server_do(&server, "CONFIG SET maxmemory 1");
    assert_int_equal(find("acme", 5, true), SPREAD_ALOUD);
    spread_send(spread);
    redis_server_do(&server, "CONFIG SET maxmemory 0");
    assert_true(spread_owes(spread));
    assert_false(spread_owes(spread));
}

int main(void)
{
#define SPREAD_TEST(test) cmocka_unit_test_setup_teardown(test, open_nodes, close_nodes)
    const struct CMUnitTest tests[] = {
        SPREAD_TEST(own_edits_are_told_once),
        SPREAD_TEST(edits_of_others_are_theirs_to_tell),
        SPREAD_TEST(the_older_of_two_does_not_stay),
        SPREAD_TEST(who_fills_puts_all_it_finds),
        SPREAD_TEST(many_are_sent_on_the_way),
        SPREAD_TEST(what_did_not_arrive_is_owed),
    };
    return cmocka_run_group_tests(tests, start, end);
}
