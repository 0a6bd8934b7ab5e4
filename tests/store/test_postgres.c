/*
 * What only the PostgreSQL driver can get wrong: row-level security, users, commits whose answer is
 * lost, servers that go and come back, hosts, hearing of others. Run by with-postgres, which starts
 * the server; each test has an empty store.
 */
#include "suite.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "pg_proxy.h"
#include "store/txn.h"

static const struct slice acme = {"acme", 4};

/* Runs SQL behind the store's back, as the superuser; returns the first value, "" when there is
 * none. */
static const char *run_sql(struct suite *suite, const char *text)
{
    char where[256];
    snprintf(where, sizeof where, "host=%s user=admin dbname=sekisho", getenv("SEKISHO_TEST_PG"));
    PGconn *pg = PQconnectdb(where);
    assert_int_equal(PQstatus(pg), CONNECTION_OK);
    PGresult *result = PQexec(pg, text);
    if (PQresultStatus(result) == PGRES_FATAL_ERROR)
        fail_msg("%s: %s", text, PQerrorMessage(pg));
    const char *value = PQntuples(result) ? PQgetvalue(result, 0, 0) : "";
    const char *copy = arena_copy(&suite->arena, slice_of(value));
    assert_non_null(copy);
    PQclear(result);
    PQfinish(pg);
    return copy;
}

static const char *url_with(struct suite *suite, const char *user, const char *more)
{
    const char *url = arena_printf(&suite->arena, "postgres://%s@/sekisho?host=%s%s", user,
                                   getenv("SEKISHO_TEST_PG"), more);
    assert_non_null(url);
    return url;
}

static void reopen_at(struct suite *suite, const char *url)
{
    store_close(suite->store);
    suite->store = NULL;
    OK(store_open(url, &suite->store, &err));
}

/* --- row-level security ---------------------------------------------------------------------- */

static void every_table_with_a_tenant_is_guarded(void **state)
{
    struct suite *suite = *state;
    assert_string_equal(
        run_sql(suite, "SELECT COALESCE(string_agg(DISTINCT c.relname, ' '), '') FROM pg_class c "
                       "JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped "
                       "WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace "
                       "AND (a.attname = 'tenant' OR c.relname = 'tenants') "
                       "AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"),
        "");
    assert_string_equal( /* the question finds such tables at all */
        run_sql(suite, "SELECT count(*) >= 15 FROM pg_class WHERE relforcerowsecurity"), "t");
    assert_string_equal(run_sql(suite, "SELECT count(*) FROM pg_proc WHERE prosecdef AND "
                                       "pronamespace = 'public'::regnamespace"), "0");
    assert_string_equal(run_sql(suite, "SELECT count(*) FROM pg_class WHERE relkind = 'v' AND "
                                       "relnamespace = 'public'::regnamespace"), "0");
}

static int64_t count(struct txn *txn, const char *text)
{
    int64_t value = -1;
    struct err err = {0};
    if (txn_number(txn, text, SQL_NO_VALUES, &value, &err) != 1)
        fail_msg("%s: %s", text, err.text);
    return value;
}

static void a_forgotten_where_sees_one_tenant_or_nothing(void **state)
{
    struct suite *suite = *state;
    struct rule platform = a_rule("deny 0101876");
    put_tenant(suite, "acme", NULL);
    put_tenant(suite, "beta", NULL);
    put_account(suite, "beta", "1001");
    add_rule(suite, "", &platform);
    struct txn *txn = begin_read(suite);
    assert_int_equal(count(txn, "SELECT count(*) FROM rules"), 0);
    assert_int_equal(count(txn, "SELECT count(*) FROM tenants"), 0);
    assert_int_equal(count(txn, "SELECT count(*) FROM audit"), 0);
    OK(txn_scope(txn, acme, &err));
    assert_int_equal(count(txn, "SELECT count(*) FROM rules"), 1);
    assert_int_equal(count(txn, "SELECT count(*) FROM tenants"), 1);
    assert_int_equal(count(txn, "SELECT count(*) FROM accounts"), 0);
    assert_int_equal(count(txn, "SELECT count(*) FROM feed"), 1);
    OK(txn_scope(txn, SLICE_NONE, &err));
    assert_int_equal(count(txn, "SELECT count(*) FROM rules"), 1);
    assert_int_equal(count(txn, "SELECT count(*) FROM rules WHERE target = '0101876'"), 1);
    OK(txn_scope(txn, SLICE_LIT("*"), &err)); /* as a tenant's name it is nobody's, not everybody's */
    assert_int_equal(count(txn, "SELECT count(*) FROM rules"), 0);
    OK(txn_scope_everybody(txn, &err));
    assert_int_equal(count(txn, "SELECT count(*) FROM rules"), 3);
    store_rollback(txn);
    txn = begin_read(suite); /* and the connection's next transaction begins with nothing again */
    assert_int_equal(count(txn, "SELECT count(*) FROM rules"), 0);
    store_rollback(txn);
}

static void a_write_for_another_tenant_is_refused(void **state)
{
    struct suite *suite = *state;
    put_tenant(suite, "acme", NULL);
    put_tenant(suite, "beta", NULL);
    struct txn *txn = begin_write(suite);
    OK(txn_scope(txn, acme, &err));
    OK(txn_exec(txn, "DELETE FROM rules", SQL_NO_VALUES, &err));
    OK(txn_exec(txn, "UPDATE tenants SET name = 'x'", SQL_NO_VALUES, &err));
    OK(store_commit(txn, NULL, &err));
    assert_string_equal(rules_text(suite, "beta"), "deny 010");
    assert_string_equal(get_tenant(suite, "beta").name, "Acme K.K.");
    assert_string_equal(get_tenant(suite, "acme").name, "x");
    txn = begin_write(suite);
    OK(txn_scope(txn, acme, &err));
    FAILS(suite, ERR_UNAVAILABLE,
          txn_exec(txn, "INSERT INTO attempt_counts VALUES ('beta', '1', 0, 1)", SQL_NO_VALUES,
                   &err));
    store_rollback(txn);
}

static void the_scope_survives_going_back_to_a_savepoint(void **state)
{
    struct suite *suite = *state;
    struct account account = an_account("acme", "1001");
    put_tenant(suite, "acme", NULL);
    put_tenant(suite, "beta", NULL);
    struct txn *txn = begin_write(suite);
    OK(txn_scope(txn, acme, &err));
    OK(store_savepoint(txn, &err));
    OK(txn_scope(txn, SLICE_LIT("beta"), &err));
    OK(store_savepoint_end(txn, false, &err));
    OK(store_account_put(txn, &account, NULL, NULL, &err));
    commit(txn);
    assert_int_equal(revision(suite, "acme"), 2);
}

/* --- users ----------------------------------------------------------------------------------- */

static int open_as(struct suite *suite, const char *user, struct err *err)
{
    struct store *store;
    *err = (struct err){0};
    int rc = store_open(url_with(suite, user, ""), &store, err);
    if (rc == 0)
        store_close(store);
    return rc;
}

static void users_that_are_not_bound_are_refused(void **state)
{
    struct suite *suite = *state;
    struct err said;
    run_sql(suite, "DROP ROLE IF EXISTS bypasser; CREATE USER bypasser BYPASSRLS");
    assert_int_equal(open_as(suite, "admin", &said), ERR_INVALID);
    assert_non_null(strstr(said.text, "--store: postgres://admin@"));
    assert_non_null(strstr(said.text, "row-level security"));
    assert_int_equal(open_as(suite, "bypasser", &said), ERR_INVALID);
    assert_int_equal(open_as(suite, "sekisho", &said), 0);
    run_sql(suite, "DO $$BEGIN CREATE USER guest; EXCEPTION WHEN duplicate_object THEN NULL; END$$");
    assert_int_equal(open_as(suite, "guest", &said), ERR_UNAVAILABLE);
    assert_non_null(strstr(said.text, "migrate --grant"));
}

static void one_user_owns_and_another_runs(void **state)
{
    struct suite *suite = *state;
    struct err said;
    unsigned applied = 99;
    run_sql(suite, "DO $$BEGIN CREATE USER runner; EXCEPTION WHEN duplicate_object THEN NULL; END$$");
    OK(store_migrate(url_with(suite, "sekisho", ""), "runner", &applied, &err));
    assert_int_equal(applied, 0);
    reopen_at(suite, url_with(suite, "runner", ""));
    put_tenant(suite, "acme", NULL);
    put_account(suite, "acme", "1001");
    delete_tenant(suite, "acme");
    struct txn *txn = begin_write(suite);
    OK(txn_scope_everybody(txn, &err));
    FAILS(suite, ERR_UNAVAILABLE, txn_exec(txn, "DELETE FROM audit", SQL_NO_VALUES, &err));
    assert_non_null(strstr(suite->err.text, "permission denied"));
    store_rollback(txn);

    /* a schema that is behind */
    store_close(suite->store);
    suite->store = NULL;
    run_sql(suite, "DELETE FROM sekisho_migrations WHERE version > 5");
    assert_int_equal(open_as(suite, "runner", &said), ERR_FORBIDDEN);
    assert_non_null(strstr(said.text, "sekisho store migrate"));
    assert_non_null(strstr(said.text, "version 5"));
    run_sql(suite, "DROP SEQUENCE feed_numbers");
    OK(store_migrate(url_with(suite, "sekisho", ""), "runner", &applied, &err));
    assert_true(applied > 0);
    assert_int_equal(open_as(suite, "runner", &said), 0);
    run_sql(suite, "INSERT INTO sekisho_migrations VALUES (9999, 'of_the_future', 0)");
    assert_int_equal(open_as(suite, "runner", &said), ERR_VERSION);
    assert_non_null(strstr(said.text, "9999"));
    run_sql(suite, "DELETE FROM sekisho_migrations WHERE version = 9999; DROP OWNED BY runner");
}

static void a_database_of_another_program_is_left_alone(void **state)
{
    struct suite *suite = *state;
    struct err said;
    struct store *store;
    run_sql(suite, "DROP DATABASE IF EXISTS kitchen");
    run_sql(suite, "CREATE DATABASE kitchen OWNER sekisho");
    char where[256];
    snprintf(where, sizeof where, "host=%s user=sekisho dbname=kitchen", getenv("SEKISHO_TEST_PG"));
    PGconn *pg = PQconnectdb(where);
    PQclear(PQexec(pg, "CREATE TABLE recipes (name TEXT)"));
    PQfinish(pg);
    snprintf(where, sizeof where, "postgres://sekisho@/kitchen?host=%s", getenv("SEKISHO_TEST_PG"));
    said = (struct err){0};
    assert_int_equal(store_open(where, &store, &said), ERR_VERSION);
    assert_non_null(strstr(said.text, "another program"));
    assert_non_null(strstr(said.text, "--store: postgres://sekisho@"));
    run_sql(suite, "DROP DATABASE kitchen");
    run_sql(suite, "CREATE DATABASE kitchen OWNER sekisho ENCODING 'LATIN1' LOCALE 'C' "
                   "TEMPLATE template0");
    said = (struct err){0};
    assert_int_equal(store_open(where, &store, &said), ERR_VERSION);
    assert_non_null(strstr(said.text, "LATIN1"));
    run_sql(suite, "DROP DATABASE kitchen");
}

/* --- commits whose answer is lost ------------------------------------------------------------ */

static struct pg_proxy *reopen_by_proxy(struct suite *suite)
{
    struct pg_proxy *proxy = pg_proxy_start(getenv("SEKISHO_TEST_PG"));
    reopen_at(suite, url_with(suite, "sekisho", "&port=5433"));
    return proxy;
}

static int put_and_commit(struct suite *suite, const char *id, struct err *err)
{
    struct tenant tenant = a_tenant(id, NULL);
    struct txn *txn = begin_write(suite);
    *err = (struct err){0};
    int rc = store_tenant_put(txn, &tenant, NULL, NULL, err);
    assert_int_equal(rc, 0);
    return store_commit(txn, NULL, err);
}

static bool is_there(struct suite *suite, const char *id)
{
    return strcmp(run_sql(suite, arena_printf(&suite->arena,
                                              "SELECT count(*) FROM tenants WHERE id = '%s'", id)),
                  "1") == 0;
}

static void a_commit_that_was_made_is_told_though_its_answer_was_lost(void **state)
{
    struct suite *suite = *state;
    struct err said;
    struct pg_proxy *proxy = reopen_by_proxy(suite);
    for (int i = 0; i < 5; i++) {
        const char *id = arena_printf(&suite->arena, "t%d", i);
        pg_proxy_set(proxy, PROXY_LOSE_ANSWER);
        assert_int_equal(put_and_commit(suite, id, &said), 0);
        assert_int_equal(pg_proxy_lost(proxy), 1);
        assert_true(is_there(suite, id));
    }
    store_close(suite->store);
    suite->store = NULL;
    pg_proxy_stop(proxy);
}

static void a_commit_that_was_not_made_is_told(void **state)
{
    struct suite *suite = *state;
    struct err said;
    struct pg_proxy *proxy = reopen_by_proxy(suite);
    pg_proxy_set(proxy, PROXY_LOSE_COMMIT);
    assert_int_equal(put_and_commit(suite, "acme", &said), ERR_UNAVAILABLE);
    assert_int_equal(pg_proxy_lost(proxy), 1);
    assert_non_null(strstr(said.text, "nothing was changed"));
    assert_false(is_there(suite, "acme"));
    assert_int_equal(put_and_commit(suite, "acme", &said), 0); /* and the store goes on */
    assert_true(is_there(suite, "acme"));
    store_close(suite->store);
    suite->store = NULL;
    pg_proxy_stop(proxy);
}

static void a_commit_of_which_nobody_can_tell_is_unknown(void **state)
{
    struct suite *suite = *state;
    struct err said;
    struct pg_proxy *proxy = reopen_by_proxy(suite);
    pg_proxy_set(proxy, PROXY_LOSE_ALL);
    int64_t start_ms = clock_mono_ms();
    assert_int_equal(put_and_commit(suite, "acme", &said), ERR_UNDECIDED);
    assert_in_range(clock_mono_ms() - start_ms, 4000, 20000);
    assert_non_null(strstr(said.text, "outcome is unknown"));
    assert_true(is_there(suite, "acme")); /* as it happens */
    store_close(suite->store);
    suite->store = NULL;
    pg_proxy_stop(proxy);
}

static void a_backend_that_is_killed_changes_nothing(void **state)
{
    struct suite *suite = *state;
    struct tenant tenant = a_tenant("acme", NULL);
    struct txn *txn = begin_write(suite);
    OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
    run_sql(suite,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sekisho'");
    FAILS(suite, ERR_UNAVAILABLE, store_commit(txn, NULL, &err));
    assert_false(is_there(suite, "acme"));
    for (int i = 0; i < 3; i++) { /* kept connections that died meanwhile are replaced */
        put_tenant(suite, arena_printf(&suite->arena, "t%d", i), NULL);
        run_sql(suite,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sekisho'");
    }
    assert_int_equal(revision(suite, "t2"), 1);
}

/* --- hosts, and servers that do not answer --------------------------------------------------- */

static void of_several_hosts_the_one_that_answers_is_found(void **state)
{
    struct suite *suite = *state;
    const char *here = getenv("SEKISHO_TEST_PG");
    reopen_at(suite, arena_printf(&suite->arena, "postgres://sekisho@/sekisho?host=/nonexistent,%s",
                                  here));
    put_tenant(suite, "acme", NULL);
    reopen_at(suite, arena_printf(&suite->arena, "postgres://sekisho@/sekisho?host=%s,%s&port=1,5432",
                                  here, here));
    assert_int_equal(revision(suite, "acme"), 1);
}

static void a_database_that_cannot_be_written_is_refused(void **state)
{
    struct suite *suite = *state;
    struct err said;
    run_sql(suite, "ALTER DATABASE sekisho SET default_transaction_read_only = on");
    int rc = open_as(suite, "sekisho", &said);
    char where[256];
    snprintf(where, sizeof where, "host=%s user=admin dbname=postgres", getenv("SEKISHO_TEST_PG"));
    PGconn *pg = PQconnectdb(where);
    PQclear(PQexec(pg, "ALTER DATABASE sekisho RESET default_transaction_read_only"));
    PQfinish(pg);
    assert_int_equal(rc, ERR_UNAVAILABLE);
    assert_non_null(strstr(said.text, "read-only"));
    assert_non_null(strstr(said.text, "--store"));
}

/* --- hearing of others ----------------------------------------------------------------------- */

struct listener {
    struct store *store;
    int64_t heard_at_ms;
};

static void *wait_long(void *context)
{
    struct listener *listener = context;
    store_feed_wait(listener->store, 20000);
    listener->heard_at_ms = clock_mono_ms();
    return NULL;
}

/* Does the follower of this store take the latest change of the tenant for one of its process? */
static bool is_own(struct store *store, const char *tenant)
{
    struct arena arena;
    struct feed_position position = {0};
    struct feed_row *rows;
    unsigned count;
    bool is = false;
    arena_init(&arena, 1 << 20);
    OK(store_feed_since(store, &position, 100, &arena, &rows, &count, &err));
    for (unsigned i = 0; i < count; i++)
        if (strcmp(rows[i].tenant, tenant) == 0)
            is = rows[i].is_own;
    arena_release(&arena);
    return is;
}

static void commits_of_others_are_heard_of_at_once(void **state)
{
    struct suite *suite = *state;
    struct store *other;
    struct tenant tenant = a_tenant("acme", NULL);
    pthread_t here, there;
    OK(store_open(suite->url, &other, &err));
    store_feed_wait(suite->store, 100); /* both begin to listen */
    store_feed_wait(other, 100);
    struct listener mine = {.store = suite->store}, theirs = {.store = other};
    assert_int_equal(pthread_create(&here, NULL, wait_long, &mine), 0);
    assert_int_equal(pthread_create(&there, NULL, wait_long, &theirs), 0);
    nanosleep(&(struct timespec){.tv_nsec = 200 * 1000 * 1000}, NULL);
    assert_int_equal(theirs.heard_at_ms, 0);
    struct txn *txn = begin_write(suite);
    OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
    int64_t committed_at_ms = clock_mono_ms();
    commit(txn);
    pthread_join(there, NULL);
    assert_in_range(theirs.heard_at_ms - committed_at_ms, 0, 5000);
    print_message("heard of after %lld ms\n", (long long)(theirs.heard_at_ms - committed_at_ms));
    pthread_join(here, NULL); /* its own commit is a reason, too: who made it need not look itself */
    assert_in_range(mine.heard_at_ms - committed_at_ms, 0, 5000);

    /* who made it knows that it is its own, the other that it is not */
    assert_true(is_own(suite->store, "acme"));
    assert_false(is_own(other, "acme"));
    store_close(other);
}

/* Wanted back and told of a commit in the same moment: neither may cover the other. */
static void nobody_who_is_wanted_is_forgotten(void **state)
{
    struct suite *suite = *state;
    struct tenant tenant = a_tenant("acme", NULL);
    struct listener mine = {.store = suite->store};
    pthread_t here;
    store_feed_wait(suite->store, 100);
    for (int round = 0; round < 30; round++) {
        char name[16];
        snprintf(name, sizeof name, "round %d", round);
        tenant.name = name;
        struct txn *txn = begin_write(suite);
        OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
        assert_int_equal(pthread_create(&here, NULL, wait_long, &mine), 0);
        int64_t wanted_at_ms = clock_mono_ms();
        commit(txn);
        store_feed_interrupt(suite->store);
        pthread_join(here, NULL);
        assert_in_range(clock_mono_ms() - wanted_at_ms, 0, 10000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(every_table_with_a_tenant_is_guarded),
        STORE_TEST(a_forgotten_where_sees_one_tenant_or_nothing),
        STORE_TEST(a_write_for_another_tenant_is_refused),
        STORE_TEST(the_scope_survives_going_back_to_a_savepoint),
        STORE_TEST(users_that_are_not_bound_are_refused),
        STORE_TEST(one_user_owns_and_another_runs),
        STORE_TEST(a_database_of_another_program_is_left_alone),
        STORE_TEST(a_commit_that_was_made_is_told_though_its_answer_was_lost),
        STORE_TEST(a_commit_that_was_not_made_is_told),
        STORE_TEST(a_commit_of_which_nobody_can_tell_is_unknown),
        STORE_TEST(a_backend_that_is_killed_changes_nothing),
        STORE_TEST(of_several_hosts_the_one_that_answers_is_found),
        STORE_TEST(a_database_that_cannot_be_written_is_refused),
        STORE_TEST(commits_of_others_are_heard_of_at_once),
        STORE_TEST(nobody_who_is_wanted_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
