/* Marks on calls, and what is removed when it is too old: sums stay, and nothing counts twice. */
#include "suite.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "store/marks.h"
#include "store/purge.h"
#include "store/txn.h"
#include "../unit/random.h"

static const int64_t noon_ms = INT64_C(1796040000000), hour_ms = 3600000;

static void state_terms(struct suite *suite)
{
    struct call_terms terms = {.purpose = "who calls abroad", .retention_days = 400};
    struct txn *txn = begin_write(suite);
    OK(store_call_terms_put(txn, &terms, &err));
    commit(txn);
}

static void add_call(struct suite *suite, const char *account, const char *country, int64_t at_ms,
                     const char *call_id)
{
    static unsigned last;
    struct call_record record = {.at_ms = at_ms, .tenant = "acme", .number = "010", .seconds = 10,
                                 .kind = "international", .source = "pbx1",
                                 .disposition = CALL_ANSWERED, .is_overseas = country[0] != '\0'};
    unsigned added;
    snprintf(record.id, sizeof record.id, "%u", ++last);
    snprintf(record.account, sizeof record.account, "%s", account);
    snprintf(record.country, sizeof record.country, "%s", country);
    snprintf(record.call_id, sizeof record.call_id, "%s", call_id);
    struct txn *txn = begin_write(suite);
    OK(store_calls_add(txn, &record, 1, &added, &err));
    commit(txn);
    assert_int_equal(added, 1);
}

static const struct call_mark blank = {
    .id = "", .account = "", .country = "", .call_id = "", .note = "", .made_by = ""};

/* Returns its id, in the suite's arena. */
static const char *add_mark(struct suite *suite, struct call_mark mark)
{
    char id[RULE_ID_BYTES];
    struct txn *txn = begin_write(suite);
    OK(store_call_mark_create(txn, SLICE_LIT("acme"), &mark, id, &err));
    commit(txn);
    const char *copy = arena_copy(&suite->arena, slice_of(id));
    assert_non_null(copy);
    return copy;
}

static void delete_mark(struct suite *suite, const char *id)
{
    struct txn *txn = begin_write(suite);
    OK(store_call_mark_delete(txn, SLICE_LIT("acme"), slice_of(id), &err));
    commit(txn);
}

static unsigned marked_by(struct suite *suite, const char *id)
{
    struct call_mark mark = blank;
    struct txn *txn = begin_read(suite);
    OK(store_call_mark_get(txn, SLICE_LIT("acme"), slice_of(id), &suite->arena, &mark, &err));
    store_rollback(txn);
    return (unsigned)mark.calls;
}

static int64_t number_of(struct suite *suite, const char *text)
{
    int64_t value = 0;
    struct txn *txn = begin_read(suite);
    OK(txn_scope_everybody(txn, &err));
    struct err err = {0};
    if (txn_number(txn, text, SQL_NO_VALUES, &value, &err) < 0)
        fail_msg("%s", err.text);
    store_rollback(txn);
    return value;
}

static void purge_calls(struct suite *suite, int64_t before_ms)
{
    struct purge_position position = {""};
    unsigned removed;
    do
        OK(store_calls_purge(suite->store, &position, before_ms, &removed, &err));
    while (removed);
}

/* --- marks ------------------------------------------------------------------------------------ */

static void it_does_not_matter_which_came_first(void **state)
{
    struct suite *suite = *state;
    struct call_mark mark = blank;
    put_tenant(suite, "acme", NULL);
    state_terms(suite);
    add_call(suite, "1001", "SO", noon_ms, "a.1");
    add_call(suite, "1002", "SO", noon_ms, "a.2");
    add_call(suite, "1001", "US", noon_ms, "a.3");
    mark.account = "1001";
    mark.country = "SO";
    mark.from_ms = noon_ms;
    mark.to_ms = noon_ms + hour_ms;
    mark.note = "hijacked 夜間";
    const char *id = add_mark(suite, mark);
    assert_int_equal(marked_by(suite, id), 1);
    add_call(suite, "1001", "SO", noon_ms + hour_ms - 1, "");
    add_call(suite, "1001", "SO", noon_ms + hour_ms, "");
    add_call(suite, "1001", "SO", noon_ms - 1, "");
    assert_int_equal(marked_by(suite, id), 2);
    delete_mark(suite, id);
    assert_int_equal(number_of(suite, "SELECT COUNT(*) FROM calls WHERE mark <> ''"), 0);
    struct call_mark by_id = blank;
    by_id.call_id = "a.2";
    assert_int_equal(marked_by(suite, add_mark(suite, by_id)), 1);
}

static void the_next_mark_takes_over(void **state)
{
    struct suite *suite = *state;
    struct call_mark account = blank, country = blank;
    account.account = "1001";
    country.country = "SO";
    put_tenant(suite, "acme", NULL);
    state_terms(suite);
    add_call(suite, "1001", "SO", noon_ms, "");
    add_call(suite, "1001", "US", noon_ms, "");
    const char *first = add_mark(suite, account), *second = add_mark(suite, country);
    assert_int_equal(marked_by(suite, first), 2);
    assert_int_equal(marked_by(suite, second), 0);
    delete_mark(suite, first);
    assert_int_equal(marked_by(suite, second), 1);
    assert_int_equal(number_of(suite, "SELECT COUNT(*) FROM calls WHERE mark <> ''"), 1);
}

static void a_mark_is_checked_listed_and_audited(void **state)
{
    struct suite *suite = *state;
    struct call_mark mark = blank, *list;
    char id[RULE_ID_BYTES];
    unsigned count;
    put_tenant(suite, "acme", NULL);
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_INVALID, store_call_mark_create(txn, SLICE_LIT("acme"), &mark, id, &err));
    mark.from_ms = mark.to_ms = noon_ms;
    FAILS(suite, ERR_INVALID, store_call_mark_create(txn, SLICE_LIT("acme"), &mark, id, &err));
    assert_string_equal(suite->err.field, "/to");
    mark.to_ms++;
    FAILS(suite, ERR_NOT_FOUND, store_call_mark_create(txn, SLICE_LIT("beta"), &mark, id, &err));
    FAILS(suite, ERR_NOT_FOUND, store_call_mark_create(txn, SLICE_NONE, &mark, id, &err));
    FAILS(suite, ERR_NOT_FOUND, store_call_mark_delete(txn, SLICE_LIT("acme"), SLICE_LIT("01"), &err));
    commit(txn);
    mark.country = "SO";
    mark.note = "why";
    const char *made = add_mark(suite, mark);
    assert_string_equal(last_audit(suite).action, "call_mark.create");
    assert_string_equal(last_audit(suite).object, made);
    assert_non_null(strstr(last_audit(suite).after, "\"country\":\"SO\""));
    txn = begin_read(suite);
    OK(store_call_mark_list(txn, SLICE_LIT("acme"), ALL_ROWS, &suite->arena, &list, &count, &err));
    store_rollback(txn);
    assert_int_equal(count, 1);
    assert_string_equal(list[0].id, made);
    assert_string_equal(list[0].note, "why");
    assert_string_equal(list[0].made_by, "token:01TEST");
    assert_true(list[0].from_ms == noon_ms && list[0].to_ms == noon_ms + 1 && list[0].made_at_ms);
    delete_mark(suite, made);
    assert_string_equal(last_audit(suite).action, "call_mark.delete");
    assert_int_equal(revision(suite, "acme"), 1); /* no change of policy */
}

static void calls_added_in_the_same_moment_are_marked_in_the_end(void **state)
{
    struct suite *suite = *state;
    struct call_mark mark = blank;
    put_tenant(suite, "acme", NULL);
    state_terms(suite);
    mark.account = "1001";
    const char *id = add_mark(suite, mark);
    struct txn *txn = begin_write(suite); /* as if it had begun before the mark */
    OK(txn_scope_everybody(txn, &err));
    OK(txn_exec(txn,
                "INSERT INTO calls (tenant, at_ms, id, account, number, kind, country, "
                "is_overseas, seconds, disposition, source, context, call_id, mark) VALUES "
                "('acme', 5, 'x', '1001', '', '', '', 1, 0, '', '', '', '', '')",
                SQL_NO_VALUES, &err));
    commit(txn);
    assert_int_equal(marked_by(suite, id), 0);
    OK(store_call_marks_settle(suite->store, INT64_MAX, &err)); /* made too long ago */
    assert_int_equal(marked_by(suite, id), 0);
    OK(store_call_marks_settle(suite->store, 0, &err));
    assert_int_equal(marked_by(suite, id), 1);
}

/* --- removing --------------------------------------------------------------------------------- */

static void sums_stay_and_marks_hold_for_them(void **state)
{
    struct suite *suite = *state;
    struct call_mark mark = blank, wide = blank;
    put_tenant(suite, "acme", NULL);
    state_terms(suite);
    mark.account = "1001";
    mark.to_ms = noon_ms + hour_ms;
    add_call(suite, "1001", "SO", noon_ms, "");
    add_call(suite, "1001", "SO", noon_ms + 2 * hour_ms, "");
    add_call(suite, "1001", "SO", noon_ms + 9 * hour_ms, "");
    const char *id = add_mark(suite, mark);
    purge_calls(suite, noon_ms + 9 * hour_ms);
    assert_int_equal(number_of(suite, "SELECT COUNT(*) FROM calls"), 1);
    assert_int_equal(number_of(suite, "SELECT COUNT(*) FROM call_totals"), 2);
    assert_int_equal(marked_by(suite, id), 1);
    wide.country = "SO"; /* covers the whole of the other sum */
    const char *other = add_mark(suite, wide);
    assert_int_equal(marked_by(suite, other), 2);
    delete_mark(suite, id);
    assert_int_equal(marked_by(suite, other), 3);
    delete_mark(suite, other);
    assert_int_equal(number_of(suite, "SELECT COUNT(*) FROM call_totals"), 1);
    assert_int_equal(number_of(suite, "SELECT calls FROM call_totals WHERE mark = ''"), 2);
    assert_int_equal(number_of(suite, "SELECT answered FROM call_totals"), 2);
    assert_int_equal(number_of(suite, "SELECT seconds FROM call_totals"), 20);
    assert_true(number_of(suite, "SELECT first_at_ms FROM call_totals") == noon_ms);
    assert_true(number_of(suite, "SELECT last_at_ms FROM call_totals") == noon_ms + 2 * hour_ms);
}

static void *purge_alone(void *context)
{
    struct suite *suite = context;
    struct purge_position position = {""};
    unsigned removed = 1, failures = 0;
    while (removed && failures < 100) { /* the other one may be at the same rows */
        struct err err = {0};
        if (store_calls_purge(suite->store, &position, noon_ms + 5000, &removed, &err) < 0)
            failures++;
    }
    return failures < 100 ? suite : NULL;
}

static void two_at_once_count_nothing_twice(void **state)
{
    struct suite *suite = *state;
    enum { CALLS = 3500 };
    static struct call_record records[CALLS];
    struct random random = random_start("purge");
    unsigned added;
    state_terms(suite);
    for (int i = 0; i < CALLS; i++) {
        records[i] = (struct call_record){.at_ms = noon_ms + i, .number = "010", .seconds = 1};
        snprintf(records[i].id, sizeof records[i].id, "%d", i);
        snprintf(records[i].tenant, sizeof records[i].tenant, "t%u", random_below(&random, 3));
        snprintf(records[i].account, sizeof records[i].account, "%u", random_below(&random, 5));
        snprintf(records[i].country, sizeof records[i].country, "%s",
                 random_below(&random, 2) ? "US" : "SO");
    }
    struct txn *txn = begin_write(suite);
    OK(store_calls_add(txn, records, CALLS, &added, &err));
    commit(txn);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, purge_alone, suite), 0);
    for (int i = 0; i < 2; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_non_null(result);
    }
    assert_int_equal(number_of(suite, "SELECT COUNT(*) FROM calls"), 0);
    assert_int_equal(number_of(suite, "SELECT CAST(SUM(calls) AS BIGINT) FROM call_totals"), CALLS);
    assert_int_equal(number_of(suite, "SELECT CAST(SUM(seconds) AS BIGINT) FROM call_totals"), CALLS);
    assert_int_equal(number_of(suite, "SELECT COUNT(*) FROM call_totals"), 3 * 5 * 2);
}

static void a_round_leaves_what_is_young_enough(void **state)
{
    struct suite *suite = *state;
    state_terms(suite);
    put_tenant(suite, "acme", NULL);
    for (int i = 0; i < 10; i++)
        add_call(suite, "1001", i % 2 ? "US" : "", noon_ms + i, "");
    purge_calls(suite, noon_ms + 4);
    assert_int_equal(number_of(suite, "SELECT COUNT(*) FROM calls"), 6);
    assert_int_equal(number_of(suite, "SELECT MIN(at_ms) FROM calls"), noon_ms + 4);
    assert_int_equal(number_of(suite, "SELECT COUNT(*) FROM call_totals"), 2);
    purge_calls(suite, noon_ms + 2);
    struct call_terms terms = {.purpose = "longer", .retention_days = 3000};
    struct txn *txn = begin_write(suite);
    OK(store_call_terms_put(txn, &terms, &err));
    OK(store_call_terms_get(txn, &terms, &err));
    commit(txn);
    assert_true(terms.removed_before_ms == noon_ms + 4); /* imports begin there, for good */
}

static void attempts_go_oldest_first(void **state)
{
    struct suite *suite = *state;
    struct attempt attempts[3];
    struct attempt_count counts[] = {{"acme", "1", 60000, 3}, {"acme", "1", 120000, 3},
                                     {"beta", "1", 60000, 3}};
    struct purge_position position = {""};
    unsigned removed, all = 0;
    memset(attempts, 0, sizeof attempts);
    for (int i = 0; i < 3; i++) {
        attempts[i].at_ms = 100 + i;
        snprintf(attempts[i].tenant, sizeof attempts[i].tenant, "t%d", i);
        snprintf(attempts[i].decision_id, sizeof attempts[i].decision_id, "d%d", i);
    }
    OK(store_attempts_add(suite->store, attempts, 3, counts, 3, &err));
    OK(store_attempts_purge(suite->store, 102, &removed, &err));
    assert_int_equal(removed, 2);
    OK(store_attempts_purge(suite->store, 102, &removed, &err));
    assert_int_equal(removed, 0);
    assert_int_equal(number_of(suite, "SELECT at_ms FROM attempts"), 102);
    do {
        OK(store_attempt_counts_purge(suite->store, &position, 120000, &removed, &err));
        all += removed;
    } while (removed);
    assert_int_equal(all, 2);
    assert_int_equal(number_of(suite, "SELECT minute_ms FROM attempt_counts"), 120000);
}

static void unmapped_values_go_too(void **state)
{
    struct suite *suite = *state;
    unsigned removed;
    struct txn *txn = begin_write(suite);
    OK(txn_exec(txn,
                "INSERT INTO call_unmapped (source, reason, value, records, first_at_ms, last_at_ms) "
                "VALUES ('p', 'r', 'a', 1, 5, 9), ('p', 'r', 'b', 1, 5, 10)",
                SQL_NO_VALUES, &err));
    commit(txn);
    OK(store_unmapped_purge(suite->store, 10, &removed, &err));
    assert_int_equal(removed, 1);
    assert_int_equal(number_of(suite, "SELECT last_at_ms FROM call_unmapped"), 10);
}

static void one_has_the_lease(void **state)
{
    struct suite *suite = *state;
    bool is_ours = false;
    OK(store_lease_take(suite->store, "work", "a", 60000, &is_ours, &err));
    assert_true(is_ours);
    OK(store_lease_take(suite->store, "work", "b", 60000, &is_ours, &err));
    assert_false(is_ours);
    OK(store_lease_take(suite->store, "other", "b", 60000, &is_ours, &err));
    assert_true(is_ours);
    OK(store_lease_take(suite->store, "work", "a", 0, &is_ours, &err)); /* renewed, and over at once */
    assert_true(is_ours);
    OK(store_lease_take(suite->store, "work", "b", 60000, &is_ours, &err));
    assert_true(is_ours);
    OK(store_lease_give(suite->store, "work", "a", &err)); /* not its own any more */
    OK(store_lease_take(suite->store, "work", "a", 60000, &is_ours, &err));
    assert_false(is_ours);
    OK(store_lease_give(suite->store, "work", "b", &err));
    OK(store_lease_take(suite->store, "work", "a", 60000, &is_ours, &err));
    assert_true(is_ours);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(it_does_not_matter_which_came_first),
        STORE_TEST(the_next_mark_takes_over),
        STORE_TEST(a_mark_is_checked_listed_and_audited),
        STORE_TEST(calls_added_in_the_same_moment_are_marked_in_the_end),
        STORE_TEST(sums_stay_and_marks_hold_for_them),
        STORE_TEST(two_at_once_count_nothing_twice),
        STORE_TEST(a_round_leaves_what_is_young_enough),
        STORE_TEST(attempts_go_oldest_first),
        STORE_TEST(unmapped_values_go_too),
        STORE_TEST(one_has_the_lease),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
