/* Transactions: all or nothing, savepoints, readers beside a writer, writers in a queue. */
#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>

static const struct slice acme = {"acme", 4};

static bool exists(struct suite *suite, const char *tenant)
{
    struct tenant got;
    struct txn *txn = begin_read(suite);
    int rc = store_tenant_get(txn, slice_of(tenant), &suite->arena, &got, NULL);
    store_rollback(txn);
    assert_true(rc == 0 || rc == ERR_NOT_FOUND);
    return rc == 0;
}

static void put(struct txn *txn, const char *id)
{
    struct tenant tenant = a_tenant(id, NULL);
    OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
}

/* --- urls ------------------------------------------------------------------------------------- */

static void urls_that_name_no_database_are_refused(void **state)
{
    struct suite *suite = *state;
    static const char *const urls[] = {"", "sqlite", "sqlite:", "sqlite::memory:", "mysql:x", ":x"};
    struct store *store;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        FAILS(suite, ERR_INVALID, store_open(urls[i], &store, &err));
        assert_non_null(strstr(suite->err.text, "--store"));
    }
}

static void a_store_that_works_answers_a_ping(void **state)
{
    struct suite *suite = *state;
    OK(store_ping(suite->store, &err));
    store_close(NULL);
    store_rollback(NULL);
}

/* --- all or nothing --------------------------------------------------------------------------- */

static void a_rollback_leaves_nothing(void **state)
{
    struct suite *suite = *state;
    struct kept_answer answer = {201, "", "{}"}, got;
    struct txn *txn = begin_write(suite);
    put(txn, "acme");
    OK(store_idempotency_put(txn, acme, SLICE_LIT("k"), 1, &answer, &err));
    store_rollback(txn);
    assert_false(exists(suite, "acme"));
    assert_int_equal(audit_count(suite), 0);
    assert_int_equal(revision(suite, "acme"), 0);
    txn = begin_read(suite);
    FAILS(suite, ERR_NOT_FOUND,
          store_idempotency_get(txn, acme, SLICE_LIT("k"), 1, &suite->arena, &got, &err));
    store_rollback(txn);
}

static void a_failed_statement_makes_the_whole_commit_fail(void **state)
{
    struct suite *suite = *state;
    struct tenant bad = a_tenant("beta", NULL);
    struct txn *txn = begin_write(suite);
    put(txn, "acme");
    bad.name = "\xff";
    FAILS(suite, ERR_INVALID, store_tenant_put(txn, &bad, NULL, NULL, &err));
    bad.name = "good again";
    FAILS(suite, ERR_INVALID, store_tenant_put(txn, &bad, NULL, NULL, &err));
    FAILS(suite, ERR_INVALID, store_commit(txn, NULL, &err));
    assert_false(exists(suite, "acme"));
    put_tenant(suite, "acme", NULL); /* the next transaction is not concerned */
    assert_int_equal(revision(suite, "acme"), 1);
}

/* --- savepoints ------------------------------------------------------------------------------- */

static void a_savepoint_undoes_only_itself(void **state)
{
    struct suite *suite = *state;
    struct txn *txn = begin_write(suite);
    put(txn, "acme");
    OK(store_savepoint(txn, &err));
    put(txn, "beta");
    OK(store_savepoint_end(txn, false, &err));
    OK(store_savepoint(txn, &err));
    put(txn, "zeta");
    OK(store_savepoint_end(txn, true, &err));
    assert_true(commit(txn) > 0);
    assert_true(exists(suite, "acme"));
    assert_false(exists(suite, "beta"));
    assert_true(exists(suite, "zeta"));
    assert_int_equal(audit_count(suite), 2);
    assert_int_equal(revision(suite, "beta"), 0);
}

static void a_failed_statement_is_undone_by_its_savepoint(void **state)
{
    struct suite *suite = *state;
    struct tenant bad = a_tenant("beta", NULL);
    struct txn *txn = begin_write(suite);
    put(txn, "acme");
    OK(store_savepoint(txn, &err));
    bad.name = "\xff";
    FAILS(suite, ERR_INVALID, store_tenant_put(txn, &bad, NULL, NULL, &err));
    OK(store_savepoint_end(txn, false, &err));
    put(txn, "zeta");
    assert_true(commit(txn) > 0);
    assert_true(exists(suite, "acme"));
    assert_true(exists(suite, "zeta"));
}

static void a_change_that_was_undone_grows_no_revision(void **state)
{
    struct suite *suite = *state;
    put_tenant(suite, "acme", NULL);
    put_tenant(suite, "beta", NULL);
    struct account account = an_account("acme", "1001"), other = an_account("beta", "1001");
    struct txn *txn = begin_write(suite);
    OK(store_account_put(txn, &other, NULL, NULL, &err));
    OK(store_savepoint(txn, &err));
    OK(store_account_put(txn, &account, NULL, NULL, &err));
    OK(store_savepoint_end(txn, false, &err));
    assert_true(commit(txn) > 0);
    assert_int_equal(revision(suite, "acme"), 1);
    assert_int_equal(revision(suite, "beta"), 2);
    txn = begin_write(suite); /* and counts as usual the next time */
    OK(store_savepoint(txn, &err));
    OK(store_account_put(txn, &account, NULL, NULL, &err));
    OK(store_savepoint_end(txn, false, &err));
    OK(store_savepoint(txn, &err));
    OK(store_account_put(txn, &account, NULL, NULL, &err));
    OK(store_savepoint_end(txn, true, &err));
    commit(txn);
    assert_int_equal(revision(suite, "acme"), 2);
}

static void lists_and_limits_go_back_with_a_savepoint(void **state)
{
    struct suite *suite = *state;
    char id[RULE_ID_BYTES], text[40];
    put_tenant(suite, "acme", "open");
    struct txn *txn = begin_write(suite);
    for (int i = 0; i < RULES_PER_TENANT_MAX; i++) {
        snprintf(text, sizeof text, "deny 09%05d", i);
        struct rule rule = a_rule(text);
        if (i == RULES_PER_TENANT_MAX - 1)
            OK(store_savepoint(txn, &err));
        OK(store_rule_create(txn, acme, &rule, id, &err));
    }
    struct rule more = a_rule("deny 010");
    FAILS(suite, ERR_LIMIT, store_rule_create(txn, acme, &more, id, &err));
    OK(store_savepoint_end(txn, false, &err));
    OK(store_savepoint(txn, &err));
    OK(store_rule_create(txn, acme, &more, id, &err));
    OK(store_savepoint_end(txn, true, &err));
    more = a_rule("deny 0180");
    FAILS(suite, ERR_LIMIT, store_rule_create(txn, acme, &more, id, &err));
    commit(txn);
    assert_int_equal(list_version(suite, own_of("acme")), 2);
}

static void a_revocation_goes_back_with_its_savepoint(void **state)
{
    struct suite *suite = *state;
    struct revocation revocation = {.jti = "01A", .note = ""}, *list;
    unsigned count;
    struct txn *txn = begin_write(suite);
    OK(store_savepoint(txn, &err));
    OK(store_revocation_put(txn, &revocation, NULL, &err));
    OK(store_savepoint_end(txn, false, &err));
    assert_int_equal(commit(txn), 0);
    txn = begin_read(suite);
    OK(store_revocation_list(txn, ALL_ROWS, &suite->arena, &list, &count, &err));
    store_rollback(txn);
    assert_int_equal(count, 0);
}

static void bulk_with_many_tenants_and_savepoints(void **state)
{
    struct suite *suite = *state;
    char id[16];
    struct txn *txn = begin_write(suite);
    for (int i = 0; i < 2000; i++) {
        snprintf(id, sizeof id, "t%d", i);
        OK(store_savepoint(txn, &err));
        put(txn, id);
        OK(store_savepoint_end(txn, i % 3 != 0, &err)); /* every third line is bad */
    }
    assert_true(commit(txn) > 0);
    assert_false(exists(suite, "t0"));
    assert_true(exists(suite, "t1"));
    assert_true(exists(suite, "t1999"));
    assert_int_equal(revision(suite, "t1998"), 0);
    assert_int_equal(audit_count(suite), 1000); /* as many as are asked for at once */
}

/* --- readers and writers ---------------------------------------------------------------------- */

static void a_reader_keeps_its_view_while_a_writer_commits(void **state)
{
    struct suite *suite = *state;
    put_tenant(suite, "acme", NULL);
    struct txn *reader = begin_read(suite);
    assert_string_equal(list_text(suite, reader, own_of("acme")), "deny 010");
    struct rule rule = a_rule("deny 0990");
    add_rule(suite, "acme", &rule);
    delete_tenant(suite, "acme");
    assert_string_equal(list_text(suite, reader, own_of("acme")), "deny 010");
    struct tenant tenant;
    OK(store_tenant_get(reader, acme, &suite->arena, &tenant, &err));
    assert_int_equal(tenant.revision, 1);
    store_rollback(reader);
    assert_false(exists(suite, "acme"));
}

static void a_reader_does_not_see_what_is_not_committed(void **state)
{
    struct suite *suite = *state;
    struct txn *writer = begin_write(suite);
    put(writer, "acme");
    assert_false(exists(suite, "acme"));
    commit(writer);
    assert_true(exists(suite, "acme"));
}

/* Each of several threads adds its own accounts to one tenant, one transaction each. */
enum { WRITERS = 4, COMMITS_EACH = 25 };

struct worker {
    struct suite *suite;
    int number;
    atomic_int *is_done;
    pthread_barrier_t *start; /* all set off together */
    uint64_t last_number;
};

static void *write_accounts(void *context)
{
    struct worker *worker = context;
    char id[32];
    pthread_barrier_wait(worker->start);
    for (int i = 0; i < COMMITS_EACH; i++) {
        snprintf(id, sizeof id, "w%d-%d", worker->number, i);
        struct account account = an_account("acme", id);
        account.profile = "standard";
        struct txn *txn = begin_write(worker->suite);
        OK(store_account_put(txn, &account, NULL, NULL, &err));
        uint64_t number = commit(txn);
        assert_true(number > worker->last_number);
        worker->last_number = number;
    }
    return NULL;
}

/* In every view each account has its one rule, and there are as many as the revision says. */
static void *read_views(void *context)
{
    struct worker *worker = context;
    struct page page = {SLICE_NONE, 1000};
    pthread_barrier_wait(worker->start);
    do {
        struct arena arena;
        struct rule *rules;
        struct account *accounts;
        unsigned rules_count, accounts_count;
        uint64_t now = 0;
        struct rule_filter all = all_of("acme");
        arena_init(&arena, 16 << 20);
        struct txn *txn = begin_read(worker->suite);
        OK(store_rule_list(txn, &all, page, &arena, &rules, &rules_count, &err));
        OK(store_account_list(txn, acme, page, &arena, &accounts, &accounts_count, &err));
        OK(store_revision(txn, acme, &now, &err));
        store_rollback(txn);
        assert_int_equal(rules_count, accounts_count);
        assert_int_equal(now, accounts_count + 1);
        arena_release(&arena);
    } while (!atomic_load(worker->is_done));
    return NULL;
}

static void writers_queue_up_and_readers_see_whole_commits(void **state)
{
    struct suite *suite = *state;
    pthread_t writers[WRITERS], readers[2];
    struct worker workers[WRITERS + 2];
    atomic_int is_done = 0;
    pthread_barrier_t start;
    put_tenant(suite, "acme", "open");
    pthread_barrier_init(&start, NULL, WRITERS + 2);
    for (int i = 0; i < WRITERS + 2; i++) {
        workers[i] = (struct worker){suite, i, &is_done, &start, 0};
        pthread_t *thread = i < WRITERS ? &writers[i] : &readers[i - WRITERS];
        assert_int_equal(pthread_create(thread, NULL, i < WRITERS ? write_accounts : read_views,
                                        &workers[i]),
                         0);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    atomic_store(&is_done, 1);
    for (int i = 0; i < 2; i++)
        pthread_join(readers[i], NULL);
    pthread_barrier_destroy(&start);
    assert_int_equal(revision(suite, "acme"), 1 + WRITERS * COMMITS_EACH);
}

static void *hold_a_reader(void *context)
{
    struct suite *suite = context;
    struct txn *txn = begin_read(suite);
    uint64_t now;
    OK(store_revision(txn, acme, &now, &err));
    nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    store_rollback(txn);
    return NULL;
}

static void more_readers_than_connections_take_turns(void **state)
{
    struct suite *suite = *state;
    enum { READERS = 40 };
    pthread_t threads[READERS];
    put_tenant(suite, "acme", NULL);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hold_a_reader, suite), 0);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
}


int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(urls_that_name_no_database_are_refused),
        STORE_TEST(a_store_that_works_answers_a_ping),
        STORE_TEST(a_rollback_leaves_nothing),
        STORE_TEST(a_failed_statement_makes_the_whole_commit_fail),
        STORE_TEST(a_savepoint_undoes_only_itself),
        STORE_TEST(a_failed_statement_is_undone_by_its_savepoint),
        STORE_TEST(a_change_that_was_undone_grows_no_revision),
        STORE_TEST(lists_and_limits_go_back_with_a_savepoint),
        STORE_TEST(a_revocation_goes_back_with_its_savepoint),
        STORE_TEST(bulk_with_many_tenants_and_savepoints),
        STORE_TEST(a_reader_keeps_its_view_while_a_writer_commits),
        STORE_TEST(a_reader_does_not_see_what_is_not_committed),
        STORE_TEST(writers_queue_up_and_readers_see_whole_commits),
        STORE_TEST(more_readers_than_connections_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
