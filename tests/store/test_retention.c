/* The job that removes what is too old (jobs/retention.h), on a real store. */
#include "suite.h"

#include <time.h>

#include "base/clock.h"
#include "jobs/retention.h"
#include "store/calls.h"
#include "store/history.h"
#include "store/purge.h"
#include "store/txn.h"

static const int64_t day_ms = INT64_C(86400000);

static void state_terms(struct suite *suite, int days)
{
    struct call_terms terms = {.purpose = "who calls abroad", .retention_days = days};
    struct txn *txn = begin_write(suite);
    OK(store_call_terms_put(txn, &terms, &err));
    commit(txn);
}

/* One call and one attempt of every day from `days` ago up to today. */
static void fill(struct suite *suite, int days)
{
    int64_t now_ms = clock_now_ms();
    unsigned added;
    struct txn *txn = begin_write(suite);
    for (int i = 0; i <= days; i++) {
        struct call_record call = {.at_ms = now_ms - i * day_ms, .tenant = "acme", .number = "010"};
        snprintf(call.id, sizeof call.id, "%d", i);
        OK(store_calls_add(txn, &call, 1, &added, &err));
    }
    commit(txn);
    for (int i = 0; i <= days; i++) {
        struct attempt attempt = {.at_ms = now_ms - i * day_ms, .tenant = "acme"};
        snprintf(attempt.decision_id, sizeof attempt.decision_id, "%d", i);
        OK(store_attempts_add(suite->store, &attempt, 1, NULL, 0, &err));
    }
}

static int64_t rows(struct suite *suite, const char *text)
{
    int64_t count = -1;
    struct txn *txn = begin_read(suite);
    OK(txn_scope_everybody(txn, &err));
    struct err err = {0};
    assert_int_equal(txn_number(txn, text, SQL_NO_VALUES, &count, &err), 1);
    store_rollback(txn);
    return count;
}

/* Polled; a loaded machine may take its time. */
static void until(struct suite *suite, const char *text, int64_t count)
{
    int64_t deadline_ms = clock_mono_ms() + 30000;
    while (rows(suite, text) != count && clock_mono_ms() < deadline_ms)
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    assert_int_equal(rows(suite, text), count);
}

static const char calls[] = "SELECT COUNT(*) FROM calls", attempts[] = "SELECT COUNT(*) FROM attempts";
static const char summed[] = "SELECT CAST(COALESCE(SUM(calls), 0) AS BIGINT) FROM call_totals";

static void what_is_too_old_goes_and_shorter_terms_act_soon(void **state)
{
    struct suite *suite = *state;
    struct retention *retention;
    struct retention_config config = {suite->store, 4, 20};
    state_terms(suite, 20);
    fill(suite, 30);
    OK(retention_start(&config, &retention, &err));
    until(suite, attempts, 5); /* today and four days before it */
    until(suite, calls, 21);
    until(suite, summed, 10);
    state_terms(suite, 7);
    until(suite, calls, 8);
    until(suite, summed, 23);
    state_terms(suite, 400); /* what is gone stays gone */
    struct retention_totals totals = retention_totals(retention);
    assert_int_equal(totals.calls, 23);
    assert_int_equal(totals.attempts, 26);
    assert_int_equal(totals.errors, 0);
    retention_stop(retention);
    assert_int_equal(rows(suite, calls), 8);
}

static void without_a_limit_nothing_goes(void **state)
{
    struct suite *suite = *state;
    struct retention *retention;
    struct retention_config config = {suite->store, 0, 20};
    state_terms(suite, 400);
    fill(suite, 30);
    struct txn *txn = begin_write(suite);
    OK(txn_exec(txn, "DELETE FROM call_terms", SQL_NO_VALUES, &err));
    commit(txn);
    OK(retention_start(&config, &retention, &err));
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    retention_stop(retention);
    assert_int_equal(rows(suite, calls), 31);
    assert_int_equal(rows(suite, attempts), 31);
}

static void the_one_without_the_lease_waits(void **state)
{
    struct suite *suite = *state;
    struct retention *retention;
    struct retention_config config = {suite->store, 0, 20};
    bool is_ours;
    state_terms(suite, 20);
    fill(suite, 30);
    OK(store_lease_take(suite->store, "retention", "another", 3600000, &is_ours, &err));
    OK(retention_start(&config, &retention, &err));
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    assert_int_equal(rows(suite, calls), 31);
    OK(store_lease_give(suite->store, "retention", "another", &err));
    until(suite, calls, 21);
    retention_stop(retention);
    OK(store_lease_take(suite->store, "retention", "another", 1000, &is_ours, &err));
    assert_true(is_ours); /* given back, not only over */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(what_is_too_old_goes_and_shorter_terms_act_soon),
        STORE_TEST(without_a_limit_nothing_goes),
        STORE_TEST(the_one_without_the_lease_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
