/* Copying a store: all that is in it arrives, and nothing is overwritten. */
#include "suite.h"

#include <stdlib.h>
#include <unistd.h>

#include "store/calls.h"
#include "store/copy.h"
#include "store/outbox.h"
#include "store/sql.h"
#include "store/tables.h"

struct seen {
    unsigned calls, tables_copied, tables_compared;
    uint64_t done, total;
};

static void see(void *context, const struct copy_progress *progress)
{
    struct seen *seen = context;
    assert_true(progress->rows <= progress->rows_total && progress->done <= progress->total);
    assert_true(progress->done >= seen->done);
    seen->calls++;
    seen->done = progress->done;
    seen->total = progress->total;
    if (progress->rows == progress->rows_total)
        *(progress->is_checking ? &seen->tables_compared : &seen->tables_copied) += 1;
}

static void fill(struct suite *suite)
{
    struct contact contact = {"Noc 夜間", "noc@example.jp", "03 1234",
                              "https://example.jp/hook"};
    struct tenant tenant = a_tenant("acme", NULL);
    struct rule rule = a_rule("divert country:KP"), platform = a_rule("deny 0101876");
    struct revocation revocation = {.jti = "01A", .note = "lost"};
    struct attempt attempt = {.at_ms = 5, .decision_id = "d", .tenant = "acme", .number = "010"};
    struct attempt_count counts[] = {{"acme", "1001", 60000, 7}, {"acme", "1002", 60000, 8}};
    struct kept_answer answer = {201, "ETag: \"1\"", "{}"};
    char id[RULE_ID_BYTES];
    tenant.contacts = &contact;
    tenant.contacts_count = 1;
    rule.account = "1001";
    rule.expires_at_ms = INT64_C(4102444800000);
    struct txn *txn = begin_write(suite);
    OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
    OK(store_idempotency_put(txn, SLICE_LIT("acme"), SLICE_LIT("key"), UINT64_MAX, &answer, &err));
    commit(txn);
    for (int i = 0; i < 200; i++) { /* more than one INSERT of accounts */
        snprintf(id, sizeof id, "%d", 1001 + i);
        put_account(suite, "acme", id);
    }
    add_rule(suite, "acme", &rule);
    add_rule(suite, "", &platform);
    put_tenant(suite, "gone", NULL);
    delete_tenant(suite, "gone");
    txn = begin_write(suite);
    OK(store_revocation_put(txn, &revocation, NULL, &err));
    commit(txn);
    OK(store_attempts_add(suite->store, &attempt, 1, counts, 2, &err));
    struct call_terms terms = {.purpose = "a test", .retention_days = 7};
    struct call_record call = {.at_ms = 5, .id = "c", .tenant = "acme", .number = "010"};
    struct outbox_message message = {.tenant = "acme", .key = "k", .address = "a@example.jp",
                                     .locale = "ja", .subject = "件名", .body = "本文\n",
                                     .about = "campaign:x"};
    unsigned added;
    txn = begin_write(suite);
    OK(outbox_add(txn, &message, NULL, &err));
    OK(store_call_terms_put(txn, &terms, &err));
    OK(store_calls_add(txn, &call, 1, &added, &err));
    commit(txn);
}

static void close_suite(struct suite *suite)
{
    store_close(suite->store);
    suite->store = NULL;
}

/* A place for another store; the suite's own folder goes with it, or this one by itself. */
static const char *a_file(struct suite *suite, const char *name)
{
    const char *folder = suite->folder[0] ? suite->folder : "/tmp";
    return arena_printf(&suite->arena, "sqlite:%s/%s-%d.db", folder, name, (int)getpid());
}

static void remove_file(const char *url)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-lock"};
    char path[256];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(path, sizeof path, "%s%s", url + strlen("sqlite:"), ends[i]);
        unlink(path);
    }
}

static void check(struct suite *suite)
{
    struct tenant tenant = get_tenant(suite, "acme");
    uint64_t calls = 0;
    unsigned audited = audit_count(suite);
    assert_int_equal(audited, 207);
    assert_string_equal(tenant.contacts[0].name, "Noc 夜間");
    assert_string_equal(tenant.contacts[0].webhook, "https://example.jp/hook");
    assert_int_equal(tenant.revision, 202);
    assert_string_equal(rules_text(suite, "acme"), "deny 010, divert country:KP@1001");
    assert_string_equal(rules_text(suite, ""), "deny 0101876");
    assert_int_equal(revision(suite, "gone"), 2);
    struct txn *txn = begin_read(suite);
    OK(store_attempt_counts(txn, SLICE_LIT("acme"), SLICE_NONE, 0, 999999, &calls, &err));
    assert_int_equal(calls, 15);
    struct kept_answer answer;
    OK(store_idempotency_get(txn, SLICE_LIT("acme"), SLICE_LIT("key"), UINT64_MAX, &suite->arena,
                             &answer, &err));
    store_rollback(txn);
    /* and it goes on: audit, revisions and the feed behind what came */
    struct feed_position position;
    struct feed_row *rows;
    unsigned count;
    position = (struct feed_position){0};
    do
        OK(store_feed_since(suite->store, &position, 100, &suite->arena, &rows, &count, &err));
    while (count == 100);
    put_account(suite, "acme", "more");
    assert_int_equal(revision(suite, "acme"), 203);
    assert_int_equal(audit_count(suite), audited + 1);
    assert_string_equal(last_audit(suite).object, "more");
    OK(store_feed_since(suite->store, &position, 100, &suite->arena, &rows, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].revision, 203);
}

static void there_and_back(void **state)
{
    struct suite *suite = *state;
    const char *there = a_file(suite, "there"), *own = suite->url;
    struct seen seen = {0};
    unsigned copied = 0;
    for (const struct table *table = tables; table->name; table++)
        copied += table->what != TABLE_OF_HERE;
    fill(suite);
    close_suite(suite);
    OK(store_copy(own, there, see, &seen, &err));
    assert_int_equal(seen.tables_copied, copied);
    assert_int_equal(seen.tables_compared, copied);
    assert_true(seen.done == seen.total && seen.total > 2 * 400);
    FAILS(suite, ERR_EXISTS, store_copy(own, there, NULL, NULL, &err));
    assert_non_null(strstr(suite->err.text, "--to: "));
    assert_non_null(strstr(suite->err.text, "not empty"));
    FAILS(suite, ERR_EXISTS, store_copy(there, own, NULL, NULL, &err));

    suite_drop(suite); /* and back, into what is new again */
    OK(store_copy(there, own, NULL, NULL, &err));
    OK(store_open(own, &suite->store, &err));
    check(suite);
    remove_file(there);
}

static void an_empty_store_can_be_copied(void **state)
{
    struct suite *suite = *state;
    const char *there = a_file(suite, "empty");
    struct profile profile;
    close_suite(suite);
    OK(store_copy(suite->url, there, NULL, NULL, &err));
    OK(store_open(there, &suite->store, &err));
    struct txn *txn = begin_read(suite);
    OK(store_profile_get(txn, SLICE_LIT("standard"), &suite->arena, &profile, &err));
    store_rollback(txn);
    assert_int_equal(profile.rules_count, 1);
    close_suite(suite);
    remove_file(there);
}

/* A target that does not keep what it is given: the last look must find it. */
static void a_row_that_is_not_the_same_is_found(void **state)
{
    static const struct {
        const char *trigger, *table;
    } faults[] = {
        {"CREATE TRIGGER fault AFTER INSERT ON accounts WHEN NEW.id = '1150' BEGIN "
         "UPDATE accounts SET display_name = 'other' WHERE id = '1150'; END", "accounts"},
        {"CREATE TRIGGER fault AFTER INSERT ON attempt_counts WHEN NEW.count = 8 BEGIN "
         "UPDATE attempt_counts SET count = 9 WHERE count = 8; END", "attempt_counts"},
        {"CREATE TRIGGER fault AFTER INSERT ON accounts WHEN NEW.id = '1200' BEGIN "
         "DELETE FROM accounts WHERE id = '1200'; END", "accounts"},
    };
    struct suite *suite = *state;
    fill(suite);
    close_suite(suite);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const char *there = a_file(suite, "faulty");
        struct sql *sql;
        struct sql_conn *conn;
        OK(store_migrate(there, NULL, NULL, &err));
        OK(sql_sqlite.open(there, &sql, &err));
        OK(sql_begin(sql, SQL_ALONE, &conn, &err));
        OK(sql_sqlite.script(conn, faults[i].trigger, &err));
        OK(sql_commit(conn, &err));
        sql_sqlite.close(sql);
        FAILS(suite, ERR_IO, store_copy(suite->url, there, NULL, NULL, &err));
        assert_non_null(strstr(suite->err.text, faults[i].table));
        assert_non_null(strstr(suite->err.text, "do not use it"));
        remove_file(there);
    }
}

static void a_source_is_never_made_or_changed(void **state)
{
    struct suite *suite = *state;
    const char *typo = a_file(suite, "typo"), *path = typo + strlen("sqlite:");
    close_suite(suite);
    FAILS(suite, ERR_NOT_FOUND, store_copy(typo, suite->url, NULL, NULL, &err));
    assert_non_null(strstr(suite->err.text, "--from: "));
    assert_non_null(strstr(suite->err.text, path));
    assert_int_equal(access(path, F_OK), -1);
    FILE *file = fopen(path, "w"); /* nothing in it is no store either */
    assert_non_null(file);
    fclose(file);
    FAILS(suite, ERR_NOT_FOUND, store_copy(typo, suite->url, NULL, NULL, &err));
    assert_non_null(strstr(suite->err.text, "there is no store in it"));
    remove_file(typo);

    const char *old = a_file(suite, "old");
    struct sql *sql;
    struct sql_conn *conn;
    OK(store_migrate(old, NULL, NULL, &err));
    OK(sql_sqlite.open(old, &sql, &err));
    OK(sql_begin(sql, SQL_ALONE, &conn, &err));
    OK(sql_sqlite.script(conn, "DELETE FROM sekisho_migrations WHERE version > 3", &err));
    OK(sql_commit(conn, &err));
    sql_sqlite.close(sql);
    FAILS(suite, ERR_VERSION, store_copy(old, suite->url, NULL, NULL, &err));
    assert_non_null(strstr(suite->err.text, "version 3"));
    assert_non_null(strstr(suite->err.text, "sekisho store migrate"));
    remove_file(old);
}

static void what_cannot_be_opened_is_named(void **state)
{
    struct suite *suite = *state;
    close_suite(suite);
    FAILS(suite, ERR_INVALID, store_copy("mysql:x", suite->url, NULL, NULL, &err));
    assert_non_null(strstr(suite->err.text, "--from: expected"));
    FAILS(suite, ERR_INVALID, store_copy(suite->url, "sqlite:", NULL, NULL, &err));
    assert_non_null(strstr(suite->err.text, "--to: "));
    FAILS(suite, ERR_UNAVAILABLE,
          store_copy("postgres://me:hunter2@127.0.0.1:1/x", suite->url, NULL, NULL, &err));
    assert_null(strstr(suite->err.text, "hunter2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(there_and_back),
        STORE_TEST(an_empty_store_can_be_copied),
        STORE_TEST(what_cannot_be_opened_is_named),
        STORE_TEST(a_row_that_is_not_the_same_is_found),
        STORE_TEST(a_source_is_never_made_or_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
