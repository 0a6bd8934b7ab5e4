/*
 * Many at once on PostgreSQL, and servers that hang: nobody waits without end, and who is in nobody's
 * way gets through. Run by with-postgres; each test has an empty store.
 */
#include "suite.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "pg_proxy.h"
#include "store/txn.h"

static const struct slice acme = {"acme", 4};
static const struct actor tester = {"token:01TEST", "operator", "req-1", "192.0.2.7"};

enum { CONNECTIONS = 4 };

/* A connection behind the store's back, as the superuser. */
static PGconn *stranger_new(const char *database)
{
    char where[256];
    snprintf(where, sizeof where, "host=%s user=admin dbname=%s", getenv("SEKISHO_TEST_PG"), database);
    PGconn *pg = PQconnectdb(where);
    assert_int_equal(PQstatus(pg), CONNECTION_OK);
    return pg;
}

static int64_t stranger_runs(PGconn *pg, const char *text)
{
    PGresult *result = PQexec(pg, text);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQerrorMessage(pg));
    int64_t number = PQntuples(result) ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return number;
}

static void reopen_with_few(struct suite *suite)
{
    store_close(suite->store);
    suite->store = NULL;
    OK(store_open_later(suite->url, CONNECTIONS, &suite->store, &err));
}

static int add_account(struct store *store, const char *tenant, const char *id, struct err *err)
{
    struct account account = an_account(tenant, id);
    struct txn *txn;
    int r = store_begin(store, &tester, &txn, err);
    if (r < 0)
        return r;
    r = store_account_put(txn, &account, NULL, NULL, err);
    if (r == 0)
        return store_commit(txn, NULL, err);
    store_rollback(txn);
    return r;
}

/* --- connections -------------------------------------------------------------------------------- */

static void who_finds_all_connections_taken_is_told(void **state)
{
    struct suite *suite = *state;
    struct txn *taken[CONNECTIONS], *txn;
    struct err said = {0};
    reopen_with_few(suite);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        taken[i] = begin_read(suite);
    int64_t start_ms = clock_mono_ms();
    assert_int_equal(store_begin(suite->store, NULL, &txn, &said), ERR_CROWDED);
    assert_in_range(clock_mono_ms() - start_ms, 1900, 20000);
    assert_non_null(strstr(said.text, "all 4 connections"));
    assert_non_null(strstr(said.text, "--store-connections"));
    OK(store_ping(suite->store, &err)); /* the server is well */
    store_rollback(taken[0]);
    store_rollback(begin_read(suite));
    for (unsigned i = 1; i < CONNECTIONS; i++)
        store_rollback(taken[i]);
}

/* --- one tenant --------------------------------------------------------------------------------- */

struct writer {
    struct suite *suite;
    const char *tenant;
    char id[16];
    int r;
    struct err err;
    pthread_t thread;
};

static void *write_one(void *context)
{
    struct writer *writer = context;
    writer->r = add_account(writer->suite->store, writer->tenant, writer->id, &writer->err);
    return NULL;
}

static void start_writers(struct suite *suite, const char *tenant, struct writer *writers, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        writers[i] = (struct writer){.suite = suite, .tenant = tenant};
        snprintf(writers[i].id, sizeof writers[i].id, "%u", 1000 + i);
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_one, &writers[i]), 0);
    }
}

static void a_locked_tenant_is_in_nobody_elses_way(void **state)
{
    struct suite *suite = *state;
    struct writer writers[2 * CONNECTIONS];
    struct err said = {0};
    put_tenant(suite, "acme", NULL);
    put_tenant(suite, "beta", NULL);
    reopen_with_few(suite);
    PGconn *stranger = stranger_new("sekisho");
    stranger_runs(stranger, "BEGIN; SELECT 1 FROM policies WHERE tenant = 'acme' FOR UPDATE");
    for (unsigned round = 0; round < 2; round++) { /* the second time it is known to be stuck */
        start_writers(suite, "acme", writers, 2 * CONNECTIONS);
        for (unsigned i = 0; i < 20; i++) {
            char id[16];
            snprintf(id, sizeof id, "%u", 2000 + 100 * round + i);
            OK(add_account(suite->store, "beta", id, &err));
            assert_int_equal(revision(suite, "acme"), 1); /* reading it waits for nobody */
        }
        for (unsigned i = 0; i < 2 * CONNECTIONS; i++) {
            pthread_join(writers[i].thread, NULL);
            assert_int_equal(writers[i].r, ERR_CROWDED);
        }
    }
    stranger_runs(stranger, "COMMIT");
    PQfinish(stranger);
    assert_int_equal(add_account(suite->store, "acme", "1", &said), 0);
    start_writers(suite, "acme", writers, 2); /* one got through: they may wait again */
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(writers[i].thread, NULL);
        assert_int_equal(writers[i].r, 0);
    }
}

static void two_that_wait_for_each_other_are_not_both_lost(void **state)
{
    struct suite *suite = *state;
    struct writer second = {.suite = suite};
    struct account there = an_account("beta", "1"), here = an_account("acme", "2");
    struct err said = {0};
    put_tenant(suite, "acme", NULL);
    put_tenant(suite, "beta", NULL);
    struct txn *txn = begin_write(suite);
    OK(store_account_put(txn, &here, NULL, NULL, &err)); /* acme, and beta below */
    PGconn *stranger = stranger_new("sekisho");          /* a bulk change in the other order */
    stranger_runs(stranger, "BEGIN; UPDATE policies SET revision = revision WHERE tenant = 'beta'");
    assert_int_equal(PQsendQuery(stranger, "UPDATE policies SET revision = revision "
                                           "WHERE tenant = 'acme'"), 1);
    int r = store_account_put(txn, &there, NULL, NULL, &said);
    if (r == 0) { /* the other one gave way */
        OK(store_commit(txn, NULL, &err));
    } else {
        assert_int_equal(r, ERR_CROWDED);
        assert_int_equal(store_commit(txn, NULL, NULL), ERR_CROWDED);
    }
    PQfinish(stranger);
    /* and whoever gave way can do it again */
    snprintf(second.id, sizeof second.id, "%s", "3");
    second.tenant = "beta";
    write_one(&second);
    assert_int_equal(second.r, 0);
}

/* --- receipts ----------------------------------------------------------------------------------- */

static uint64_t complete_now(struct suite *suite, struct feed_position *position)
{
    struct feed_row *rows;
    unsigned count;
    OK(store_feed_since(suite->store, position, 100, &suite->arena, &rows, &count, &err));
    return feed_position_complete(position);
}

static uint64_t commit_of(struct suite *suite, const char *tenant, const char *id)
{
    struct account account = an_account(tenant, id);
    struct txn *txn = begin_write(suite);
    OK(store_account_put(txn, &account, NULL, NULL, &err));
    return commit(txn);
}

static void a_long_write_holds_nobodys_receipts_back(void **state)
{
    struct suite *suite = *state;
    struct feed_position position = {0};
    struct account account = an_account("acme", "1001");
    put_tenant(suite, "acme", NULL);
    put_tenant(suite, "beta", NULL);
    struct txn *long_one = begin_write(suite);
    OK(store_account_put(long_one, &account, NULL, NULL, &err));
    uint64_t number = commit_of(suite, "beta", "1");
    assert_true(complete_now(suite, &position) > number);
    number = commit(long_one);
    assert_true(complete_now(suite, &position) > number);

    PGconn *stranger = stranger_new("sekisho"), *elsewhere = stranger_new("postgres");
    stranger_runs(stranger, "BEGIN; CREATE TABLE of_another_program (n INTEGER)");
    stranger_runs(elsewhere, "BEGIN; CREATE TABLE of_yet_another (n INTEGER)");
    number = commit_of(suite, "beta", "2");
    assert_true(complete_now(suite, &position) > number);
    PQfinish(stranger);
    PQfinish(elsewhere);
}

/* As the store writes it (pg_feed.c), but slowly. */
static int64_t draws_number(PGconn *pg)
{
    stranger_runs(pg, "BEGIN; SET LOCAL sekisho.tenant = '*'");
    return stranger_runs(
        pg, "WITH low AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(1936419956, "
            "(last_value & 2147483647)::integer) AS held FROM feed_numbers) "
            "SELECT nextval('feed_numbers') FROM low WHERE held IS NOT NULL");
}

static void a_commit_on_its_way_is_not_taken_for_complete(void **state)
{
    struct suite *suite = *state;
    struct feed_position position = {0};
    char text[160];
    put_tenant(suite, "acme", NULL);
    put_tenant(suite, "beta", NULL);
    complete_now(suite, &position);
    PGconn *slow = stranger_new("sekisho");
    int64_t low = draws_number(slow);
    uint64_t high = commit_of(suite, "beta", "1");
    assert_true((uint64_t)low < high); /* and yet it commits later */
    assert_string_equal(feed_text(suite, &position, 10), "tenant beta 2");
    assert_int_equal(feed_position_complete(&position), low);
    snprintf(text, sizeof text, "UPDATE feed SET seq = %lld, revision = 7 WHERE tenant = 'acme'",
             (long long)low);
    stranger_runs(slow, text);
    assert_int_equal(complete_now(suite, &position), low);
    stranger_runs(slow, "COMMIT");
    assert_string_equal(feed_text(suite, &position, 10), "tenant acme 7; tenant beta 2");
    assert_int_equal(feed_position_complete(&position), high + 1);

    low = draws_number(slow); /* one that is given up is waited for no more */
    high = commit_of(suite, "beta", "2");
    assert_int_equal(complete_now(suite, &position), low);
    stranger_runs(slow, "ROLLBACK");
    assert_int_equal(complete_now(suite, &position), high + 1);
    PQfinish(slow);
}

/* The last number is read first, then who holds a lock: one that came in between is ahead of it. */
static void who_draws_just_then_holds_nothing_back(void **state)
{
    struct suite *suite = *state;
    struct feed_position position = {0};
    put_tenant(suite, "acme", NULL);
    uint64_t before = complete_now(suite, &position);
    PGconn *ahead = stranger_new("sekisho");
    stranger_runs(ahead, "SELECT 1 FROM (SELECT pg_advisory_lock_shared(1936419956, "
                         "((last_value + 3) & 2147483647)::integer) FROM feed_numbers) l");
    assert_int_equal(complete_now(suite, &position), before);
    uint64_t number = commit_of(suite, "acme", "1");
    assert_int_equal(complete_now(suite, &position), number + 1);
    PQfinish(ahead);
}

static void *commit_many(void *context)
{
    struct writer *writer = context;
    for (unsigned i = 0; i < 60 && writer->r == 0; i++) {
        char id[32];
        snprintf(id, sizeof id, "%s-%u", writer->id, i);
        writer->r = add_account(writer->suite->store, writer->tenant, id, &writer->err);
    }
    return NULL;
}

/* Follows while others commit, and says of no number that it is complete before its row was seen. */
static void no_commit_is_missed_among_many(void **state)
{
    enum { WRITERS = 4 };
    struct suite *suite = *state;
    struct feed_position position = {0};
    struct writer writers[WRITERS];
    static const char *const tenants[WRITERS] = {"t0", "t1", "t2", "t3"};
    uint64_t seen[WRITERS] = {0};
    for (unsigned i = 0; i < WRITERS; i++)
        put_tenant(suite, tenants[i], NULL);
    complete_now(suite, &position);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.suite = suite, .tenant = tenants[i]};
        snprintf(writers[i].id, sizeof writers[i].id, "%u", i);
        assert_int_equal(pthread_create(&writers[i].thread, NULL, commit_many, &writers[i]), 0);
    }
    int64_t deadline_ms = clock_mono_ms() + 120000;
    for (bool is_over = false; !is_over;) {
        struct feed_row *rows;
        unsigned count;
        is_over = true;
        struct txn *txn = begin_read(suite); /* a view from before the feed is read */
        uint64_t before[WRITERS];
        for (unsigned i = 0; i < WRITERS; i++)
            OK(store_revision(txn, slice_of(tenants[i]), &before[i], &err));
        store_rollback(txn);
        OK(store_feed_since(suite->store, &position, 100, &suite->arena, &rows, &count, &err));
        for (unsigned row = 0; row < count; row++)
            seen[rows[row].tenant[1] - '0'] = rows[row].revision;
        for (unsigned i = 0; i < WRITERS; i++) {
            assert_true(before[i] == 1 || seen[i] >= before[i]);
            is_over = is_over && seen[i] == 61;
        }
        assert_true(clock_mono_ms() < deadline_ms);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(writers[i].thread, NULL);
    for (unsigned i = 0; i < WRITERS; i++)
        assert_int_equal(writers[i].r, 0);
}

/* --- a server that hangs ------------------------------------------------------------------------ */

static void a_server_that_hangs_holds_nobody_up_for_long(void **state)
{
    struct suite *suite = *state;
    struct err said = {0};
    struct txn *txn;
    struct pg_proxy *proxy = pg_proxy_start(getenv("SEKISHO_TEST_PG"));
    store_close(suite->store);
    suite->store = NULL;
    OK(store_open(arena_printf(&suite->arena, "%s&port=5433", suite->url), &suite->store, &err));
    put_tenant(suite, "acme", NULL);
    OK(store_ping(suite->store, &err));
    pg_proxy_set(proxy, PROXY_HANG);
    int64_t start_ms = clock_mono_ms();
    assert_int_equal(store_ping(suite->store, &said), ERR_UNAVAILABLE);
    assert_in_range(clock_mono_ms() - start_ms, 0, 6000); /* a second, on a machine that is not busy */
    start_ms = clock_mono_ms();
    said = (struct err){0};
    int r = store_begin(suite->store, NULL, &txn, &said);
    uint64_t number;
    if (r == 0) {
        r = store_revision(txn, acme, &number, &said);
        store_rollback(txn);
    }
    assert_int_equal(r, ERR_UNAVAILABLE);
    assert_in_range(clock_mono_ms() - start_ms, 0, 40000);
    pg_proxy_set(proxy, PROXY_PASS);
    OK(store_ping(suite->store, &err));
    assert_int_equal(revision(suite, "acme"), 1);
    store_close(suite->store);
    suite->store = NULL;
    pg_proxy_stop(proxy);
}

static void *begin_and_wait(void *context)
{
    struct suite *suite = context;
    struct txn *txn;
    if (store_begin(suite->store, NULL, &txn, NULL) == 0)
        store_rollback(txn);
    return NULL;
}

static void who_comes_after_the_hang_is_not_told_of_it(void **state)
{
    struct suite *suite = *state;
    struct txn *held, *txn;
    pthread_t thread;
    struct pg_proxy *proxy = pg_proxy_start(getenv("SEKISHO_TEST_PG"));
    put_tenant(suite, "acme", NULL);
    store_close(suite->store);
    suite->store = NULL;
    OK(store_open(arena_printf(&suite->arena, "%s&port=5433", suite->url), &suite->store, &err));
    held = begin_read(suite); /* the connection that is there already: the next needs a new one */
    pg_proxy_set(proxy, PROXY_HANG);
    assert_int_equal(store_begin(suite->store, NULL, &txn, NULL), ERR_UNAVAILABLE);
    pg_proxy_set(proxy, PROXY_HANG);
    assert_int_equal(pthread_create(&thread, NULL, begin_and_wait, suite), 0);
    int64_t deadline_ms = clock_mono_ms() + 20000;
    while (!pg_proxy_lost(proxy)) /* until the thread's attempt hangs, too */
        assert_true(usleep(1000) == 0 && clock_mono_ms() < deadline_ms);
    pg_proxy_set(proxy, PROXY_PASS);
    OK(store_ping(suite->store, &err));
    assert_int_equal(revision(suite, "acme"), 1);
    pthread_join(thread, NULL); /* it fails in the end, of what began long ago */
    assert_int_equal(revision(suite, "acme"), 1);
    store_rollback(held);
    store_close(suite->store);
    suite->store = NULL;
    pg_proxy_stop(proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(who_finds_all_connections_taken_is_told),
        STORE_TEST(a_locked_tenant_is_in_nobody_elses_way),
        STORE_TEST(two_that_wait_for_each_other_are_not_both_lost),
        STORE_TEST(a_long_write_holds_nobodys_receipts_back),
        STORE_TEST(a_commit_on_its_way_is_not_taken_for_complete),
        STORE_TEST(who_draws_just_then_holds_nothing_back),
        STORE_TEST(no_commit_is_missed_among_many),
        STORE_TEST(a_server_that_hangs_holds_nobody_up_for_long),
        STORE_TEST(who_comes_after_the_hang_is_not_told_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
