/* Nodes and receipts: who is there, and since when a change is in force on each of them. */
#include "suite.h"

#include "base/clock.h"
#include "store/txn.h" /* to make rows older than they are */

static const int64_t minute_ms = INT64_C(60000);

static struct node_row a_node(const char *name, const char *run, uint64_t complete)
{
    return (struct node_row){.name = name,
                             .run = run,
                             .address = "https://192.0.2.1:8081",
                             .version = "0.1.0",
                             .key_fingerprint = "6b31",
                             .numbering = "2026-11-01",
                             .numbering_data = "1f0c9a55e2b7d384",
                             .behind = "",
                             .feed_complete = complete,
                             .platform_revision = 1,
                             .started_at_ms = 1000};
}

static void beat(struct suite *suite, const char *name, const char *run, uint64_t complete)
{
    struct node_row node = a_node(name, run, complete);
    OK(store_node_beat(suite->store, &node, false, &err));
}

static unsigned list(struct suite *suite, uint64_t number, struct node_row **ret)
{
    unsigned count = 0;
    struct txn *txn = begin_read(suite);
    OK(store_node_list(txn, number, &suite->arena, ret, &count, &err));
    store_rollback(txn);
    return count;
}

/* Since when the change is in force on the only node; 0: not yet. */
static int64_t since(struct suite *suite, uint64_t number)
{
    struct node_row *nodes;
    assert_int_equal(list(suite, number, &nodes), 1);
    return nodes[0].since_ms;
}

/* As if all receipts (and nodes) had been written `ms` earlier. */
static void age(struct suite *suite, int64_t ms)
{
    struct txn *txn = begin_write(suite);
    OK(txn_exec(txn, "UPDATE receipts SET at_ms = at_ms - $1", SQL_VALUES(sql_int(ms)), &err));
    OK(txn_exec(txn, "UPDATE nodes SET heartbeat_at_ms = heartbeat_at_ms - $1",
                SQL_VALUES(sql_int(ms)), &err));
    commit(txn);
}

static int64_t receipts_count(struct suite *suite)
{
    int64_t count = -1;
    struct txn *txn = begin_read(suite);
    assert_int_equal(txn_number(txn, "SELECT COUNT(*) FROM receipts", SQL_NO_VALUES, &count, NULL),
                     1);
    store_rollback(txn);
    return count;
}

/* --- nodes ---------------------------------------------------------------------------------- */

static void a_beat_is_listed_and_kept(void **state)
{
    struct suite *suite = *state;
    struct node_row *nodes, node = a_node("tokyo-1", "R1", 7);
    int64_t before_ms = clock_now_ms();
    node.keys_agree = true;
    OK(store_node_beat(suite->store, &node, true, &err));
    suite_reopen(suite);
    assert_int_equal(list(suite, 0, &nodes), 1);
    assert_string_equal(nodes[0].name, "tokyo-1");
    assert_string_equal(nodes[0].run, "R1");
    assert_string_equal(nodes[0].address, "https://192.0.2.1:8081");
    assert_string_equal(nodes[0].version, "0.1.0");
    assert_string_equal(nodes[0].key_fingerprint, "6b31");
    assert_true(nodes[0].keys_agree);
    assert_string_equal(nodes[0].numbering, "2026-11-01");
    assert_true(nodes[0].feed_complete == 7 && nodes[0].platform_revision == 1);
    assert_true(nodes[0].started_at_ms == 1000 && nodes[0].heartbeat_at_ms >= before_ms);
}

static void the_next_beat_changes_what_may_change(void **state)
{
    struct suite *suite = *state;
    struct node_row *nodes, node = a_node("tokyo-1", "R1", 7);
    OK(store_node_beat(suite->store, &node, true, &err));
    age(suite, minute_ms);
    node.feed_complete = 9;
    node.platform_revision = 2;
    node.numbering = "2027-01-01";
    node.keys_agree = true;
    node.started_at_ms = 5;
    OK(store_node_beat(suite->store, &node, false, &err));
    assert_int_equal(list(suite, 0, &nodes), 1);
    assert_true(nodes[0].feed_complete == 9 && nodes[0].platform_revision == 2);
    assert_true(nodes[0].keys_agree);
    assert_string_equal(nodes[0].numbering, "2027-01-01");
    assert_true(nodes[0].started_at_ms == 1000);
    assert_true(nodes[0].heartbeat_at_ms > clock_now_ms() - minute_ms / 2);
}

static void nodes_come_in_order_of_name(void **state)
{
    struct suite *suite = *state;
    struct node_row *nodes;
    beat(suite, "b", "R1", 1); /* not said to be the first, but the row is not there */
    beat(suite, "B", "R2", 2);
    beat(suite, "a.2", "R3", 3);
    assert_int_equal(list(suite, 0, &nodes), 3);
    assert_string_equal(nodes[0].name, "B");
    assert_string_equal(nodes[1].name, "a.2");
    assert_string_equal(nodes[2].name, "b");
}

static void the_latest_start_has_the_name(void **state)
{
    struct suite *suite = *state;
    struct node_row *nodes, old = a_node("tokyo-1", "R1", 7), new = a_node("tokyo-1", "R2", 3);
    OK(store_node_beat(suite->store, &old, true, &err));
    OK(store_node_beat(suite->store, &new, true, &err));
    FAILS(suite, ERR_EXISTS, store_node_beat(suite->store, &old, false, &err));
    assert_non_null(strstr(suite->err.text, "tokyo-1"));
    OK(store_node_leave(suite->store, SLICE_LIT("tokyo-1"), SLICE_LIT("R1"), &err));
    assert_int_equal(list(suite, 0, &nodes), 1);
    assert_string_equal(nodes[0].run, "R2");
    OK(store_node_leave(suite->store, SLICE_LIT("tokyo-1"), SLICE_LIT("R2"), &err));
    assert_int_equal(list(suite, 0, &nodes), 0);
    assert_int_equal(receipts_count(suite), 0);
}

/* Nobody goes by the time in a row: who has the wrong one would make all others vanish. */
static void a_node_is_forgotten_as_it_was_seen(void **state)
{
    struct suite *suite = *state;
    struct node_row *nodes;
    beat(suite, "away", "R1", 1);
    age(suite, 48 * 60 * minute_ms);
    beat(suite, "here", "R2", 1);
    assert_int_equal(list(suite, 0, &nodes), 2);
    struct node_row seen = nodes[0];
    assert_string_equal(seen.name, "away");
    beat(suite, "away", "R1", 4); /* it comes back in this very moment */
    OK(store_node_forget(suite->store, &seen, &err));
    assert_int_equal(list(suite, 0, &nodes), 2);
    OK(store_node_forget(suite->store, &nodes[0], &err));
    assert_int_equal(list(suite, 0, &nodes), 1);
    assert_string_equal(nodes[0].name, "here");
    beat(suite, "away", "R1", 4); /* and later */
    assert_int_equal(list(suite, 0, &nodes), 2);
}

/* A replica took over: the numbers that the node had reached say nothing of this database. */
static void what_was_reached_elsewhere_is_no_receipt(void **state)
{
    struct suite *suite = *state;
    struct node_row *nodes, node = a_node("tokyo-1", "R1", 7);
    node.feed_history = 999999;
    OK(store_node_beat(suite->store, &node, true, &err));
    assert_int_equal(list(suite, 3, &nodes), 1);
    assert_int_equal(nodes[0].feed_complete, 0);
    assert_int_equal(nodes[0].since_ms, 0);
    assert_int_equal(receipts_count(suite), 0);
}

static void there_is_a_limit(void **state)
{
    struct suite *suite = *state;
    struct node_row *nodes;
    unsigned count;
    char name[16];
    for (int i = 0; i <= NODES_MAX; i++) {
        if (i == NODES_MAX)
            assert_int_equal(list(suite, 0, &nodes), NODES_MAX);
        snprintf(name, sizeof name, "n%d", i);
        beat(suite, name, "R", 1);
    }
    struct txn *txn = begin_read(suite);
    FAILS(suite, ERR_LIMIT, store_node_list(txn, 0, &suite->arena, &nodes, &count, &err));
    store_rollback(txn);
}

/* --- receipts ------------------------------------------------------------------------------- */

static void a_change_is_in_force_since_the_first_receipt_beyond_it(void **state)
{
    struct suite *suite = *state;
    beat(suite, "a", "R1", 4);
    age(suite, 3 * minute_ms);
    beat(suite, "a", "R1", 6);
    age(suite, minute_ms);
    beat(suite, "a", "R1", 6); /* nothing new: no receipt */
    int64_t now_ms = clock_now_ms();
    assert_int_equal(receipts_count(suite), 2);
    assert_in_range(since(suite, 2), now_ms - 4 * minute_ms - 9000, now_ms - 4 * minute_ms);
    assert_true(since(suite, 3) == since(suite, 2));
    assert_in_range(since(suite, 4), now_ms - minute_ms - 9000, now_ms - minute_ms);
    assert_true(since(suite, 5) == since(suite, 4));
    assert_true(since(suite, 6) == 0);
}

static void receipts_go_after_five_minutes_but_for_the_last(void **state)
{
    struct suite *suite = *state;
    for (uint64_t seq = 1; seq <= 20; seq++)
        beat(suite, "a", "R1", seq);
    age(suite, 4 * minute_ms);
    beat(suite, "a", "R1", 21);
    assert_int_equal(receipts_count(suite), 21);
    age(suite, 2 * minute_ms);
    int64_t reached_ms = since(suite, 20);
    for (int i = 0; i < 4; i++)
        beat(suite, "a", "R1", 21);
    assert_int_equal(receipts_count(suite), 1);
    age(suite, 60 * minute_ms);
    beat(suite, "a", "R1", 21);
    assert_true(since(suite, 20) == reached_ms - 60 * minute_ms);
    assert_true(since(suite, 1) == since(suite, 20));
}

static void a_new_start_counts_from_where_it_starts(void **state)
{
    struct suite *suite = *state;
    struct node_row again = a_node("a", "R2", 3);
    beat(suite, "a", "R1", 9);
    age(suite, minute_ms);
    assert_true(since(suite, 8) != 0);
    OK(store_node_beat(suite->store, &again, true, &err)); /* from an old snapshot */
    assert_true(since(suite, 8) == 0);
    assert_true(since(suite, 2) > clock_now_ms() - minute_ms / 2);
}

static void a_node_that_has_not_seen_a_fail_over_has_nothing_in_force(void **state)
{
    struct suite *suite = *state;
    struct node_row node = a_node("a", "R1", 9);
    beat(suite, "a", "R1", 9);
    assert_true(since(suite, 8) != 0);
    node.feed_history = 77777; /* no database of ours has that */
    OK(store_node_beat(suite->store, &node, false, &err));
    assert_true(since(suite, 8) == 0);
    beat(suite, "a", "R1", 9);
    assert_true(since(suite, 8) != 0);
}

/* --- the number of a change ----------------------------------------------------------------- */

static uint64_t number_of(struct suite *suite, const char *tenant, uint64_t *ret_revision)
{
    uint64_t number = UINT64_MAX;
    struct txn *txn = begin_read(suite);
    OK(store_latest_change(txn, slice_of(tenant), ret_revision, &number, &err));
    store_rollback(txn);
    return number;
}

static void a_change_has_a_revision_and_a_number(void **state)
{
    struct suite *suite = *state;
    struct rule rule = a_rule("deny 010"), wide = a_rule("deny 0101876");
    uint64_t at, first;
    assert_int_equal(number_of(suite, "", &at), 0); /* nothing was ever changed */
    assert_int_equal(at, 1);
    put_tenant(suite, "acme", "open");
    first = number_of(suite, "acme", &at);
    assert_true(at == revision(suite, "acme") && first > 0);
    put_tenant(suite, "beta", "open");
    assert_true(number_of(suite, "acme", &at) == first);
    add_rule(suite, "acme", &rule);
    assert_true(number_of(suite, "acme", &at) > number_of(suite, "beta", &at));
    add_rule(suite, "", &wide);
    assert_true(number_of(suite, "", &at) > number_of(suite, "acme", &at));
    assert_int_equal(number_of(suite, "", &at) ? at : 0, 2);
}

static void a_deletion_is_a_change_too(void **state)
{
    struct suite *suite = *state;
    uint64_t made, deleted, before;
    put_tenant(suite, "acme", "open");
    before = number_of(suite, "acme", &made);
    delete_tenant(suite, "acme");
    assert_true(number_of(suite, "acme", &deleted) > before);
    assert_true(deleted > made);
}

static void a_tenant_that_never_was_has_no_changes(void **state)
{
    struct suite *suite = *state;
    uint64_t at, number;
    struct txn *txn = begin_read(suite);
    FAILS(suite, ERR_NOT_FOUND,
          store_latest_change(txn, SLICE_LIT("nobody"), &at, &number, &err));
    FAILS(suite, ERR_NOT_FOUND, store_latest_change(txn, SLICE_LIT("No Id!"), &at, &number, &err));
    store_rollback(txn);
}

static void nothing_of_it_is_audited_or_told_to_followers(void **state)
{
    struct suite *suite = *state;
    struct feed_row *rows;
    unsigned count = 1;
    beat(suite, "a", "R1", 1);
    OK(store_node_leave(suite->store, SLICE_LIT("a"), SLICE_LIT("R1"), &err));
    assert_int_equal(audit_count(suite), 0);
    OK(store_feed_since(suite->store, &(struct feed_position){0}, 10, &suite->arena, &rows, &count,
                        &err));
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_beat_is_listed_and_kept),
        STORE_TEST(the_next_beat_changes_what_may_change),
        STORE_TEST(nodes_come_in_order_of_name),
        STORE_TEST(the_latest_start_has_the_name),
        STORE_TEST(a_node_is_forgotten_as_it_was_seen),
        STORE_TEST(what_was_reached_elsewhere_is_no_receipt),
        STORE_TEST(there_is_a_limit),
        STORE_TEST(a_change_is_in_force_since_the_first_receipt_beyond_it),
        STORE_TEST(receipts_go_after_five_minutes_but_for_the_last),
        STORE_TEST(a_new_start_counts_from_where_it_starts),
        STORE_TEST(a_node_that_has_not_seen_a_fail_over_has_nothing_in_force),
        STORE_TEST(a_change_has_a_revision_and_a_number),
        STORE_TEST(a_deletion_is_a_change_too),
        STORE_TEST(a_tenant_that_never_was_has_no_changes),
        STORE_TEST(nothing_of_it_is_audited_or_told_to_followers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
