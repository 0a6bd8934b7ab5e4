/*
 * The recorder of attempts: what is recorded and what is counted, a full ring, a store that is
 * away. The store is a double that takes, refuses or blocks as a test wants.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/attempt_ring.h"
#include "engine/attempts.h"

/* --- the double ------------------------------------------------------------------------------- */

enum { KEPT_MAX = 100000 };

static struct store_double {
    pthread_mutex_t mutex; /* guards all but fails_with */
    atomic_int fails_with; /* 0: takes them */
    unsigned calls, failures;
    struct attempt *attempts;
    unsigned attempts_count;
    struct attempt_count *counts;
    unsigned counts_count;
} kept = {.mutex = PTHREAD_MUTEX_INITIALIZER};

int store_attempts_add(struct store *store, const struct attempt *attempts, unsigned attempts_count,
                       const struct attempt_count *counts, unsigned counts_count, struct err *err)
{
    (void)store;
    pthread_mutex_lock(&kept.mutex);
    int rc = atomic_load(&kept.fails_with);
    kept.calls++;
    kept.failures += rc != 0;
    for (unsigned i = 0; !rc && i < attempts_count && kept.attempts_count < KEPT_MAX; i++)
        kept.attempts[kept.attempts_count++] = attempts[i];
    for (unsigned i = 0; !rc && i < counts_count && kept.counts_count < KEPT_MAX; i++)
        kept.counts[kept.counts_count++] = counts[i];
    pthread_mutex_unlock(&kept.mutex);
    return rc ? err_set(err, rc, "the double was told to") : 0;
}

static struct attempts *start(int fails_with)
{
    struct attempts *attempts = NULL;
    kept.attempts = calloc(KEPT_MAX, sizeof *kept.attempts);
    kept.counts = calloc(KEPT_MAX, sizeof *kept.counts);
    assert_true(kept.attempts && kept.counts);
    kept.attempts_count = kept.counts_count = kept.calls = kept.failures = 0;
    atomic_store(&kept.fails_with, fails_with);
    assert_int_equal(attempts_new(NULL, &attempts, NULL), 0);
    return attempts;
}

static void release(void)
{
    free(kept.attempts);
    free(kept.counts);
}

static uint64_t kept_calls(void)
{
    uint64_t calls = kept.attempts_count;
    for (unsigned i = 0; i < kept.counts_count; i++)
        calls += kept.counts[i].count;
    return calls;
}

static unsigned failures(void)
{
    pthread_mutex_lock(&kept.mutex);
    unsigned n = kept.failures;
    pthread_mutex_unlock(&kept.mutex);
    return n;
}

static void wait_ms(int ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

/* --- calls ------------------------------------------------------------------------------------ */

static const struct call a_call = {
    .tenant = {"acme", 4},
    .account = {"1001", 4},
    .number = {"010-1-212", 9},
    .origin = ORIGIN_FORWARD,
    .call_id = {"1700000000.42", 13},
    .source_ip = {"192.0.2.9", 9},
};

static struct verdict a_verdict(enum action action, enum number_kind kind, const char *number)
{
    struct verdict verdict = {
        .action = action,
        .reason = REASON_RULE,
        .has_rule = true,
        .number = {.readings_count = 1},
        .revision = 7,
        .decision_id = "01KAKM3Z5Q8H4V0XJ6S2M9C7RT",
        .decided_at_ms = INT64_C(1763755200000) + 61234,
    };
    struct reading *reading = &verdict.number.readings[0];
    reading->kind = kind;
    reading->len = (uint8_t)snprintf(reading->number, sizeof reading->number, "%s", number);
    snprintf(verdict.rule.id, sizeof verdict.rule.id, "%s", "01KAKM0000000000000000RULE");
    return verdict;
}

/* --- what is kept ----------------------------------------------------------------------------- */

static void a_denied_call_is_a_record_with_everything(void **unused)
{
    (void)unused;
    struct attempts *attempts = start(0);
    struct verdict verdict = a_verdict(ACTION_DENY, KIND_INTERNATIONAL, "0101212");
    memcpy(verdict.number.readings[0].country, "US", 3);
    verdict.degraded = DEGRADED_STALE;
    attempts_record(attempts, &a_call, &verdict);
    attempts_stop(attempts);
    assert_int_equal(kept.attempts_count, 1);
    assert_int_equal(kept.counts_count, 0);
    const struct attempt *it = &kept.attempts[0];
    assert_true(it->at_ms == verdict.decided_at_ms);
    assert_string_equal(it->decision_id, "01KAKM3Z5Q8H4V0XJ6S2M9C7RT");
    assert_string_equal(it->tenant, "acme");
    assert_string_equal(it->account, "1001");
    assert_string_equal(it->number, "0101212");
    assert_string_equal(it->kind, "international");
    assert_string_equal(it->country, "US");
    assert_string_equal(it->action, "deny");
    assert_string_equal(it->reason, "rule");
    assert_string_equal(it->rule_id, "01KAKM0000000000000000RULE");
    assert_string_equal(it->degraded, "stale");
    assert_string_equal(it->origin, "forward");
    assert_string_equal(it->call_id, "1700000000.42");
    assert_string_equal(it->source_ip, "192.0.2.9");
    assert_int_equal(it->revision, 7);
    release();
}

static void which_calls_are_records_and_which_are_counted(void **unused)
{
    (void)unused;
    static const struct {
        enum action action;
        enum number_kind kind;
        bool is_counted;
    } cases[] = {
        {ACTION_ALLOW, KIND_GEOGRAPHIC, true},     {ACTION_ALLOW, KIND_MOBILE, true},
        {ACTION_ALLOW, KIND_PREMIUM, true},        {ACTION_ALLOW, KIND_INTERNATIONAL, false},
        {ACTION_ALLOW, KIND_UNKNOWN, false},       {ACTION_ALLOW, KIND_UNKNOWN00, false},
        {ACTION_ALLOW, KIND_INVALID, false},       {ACTION_DENY, KIND_GEOGRAPHIC, false},
        {ACTION_DIVERT, KIND_MOBILE, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct attempts *attempts = start(0);
        struct verdict verdict = a_verdict(cases[i].action, cases[i].kind, "0312345678");
        attempts_record(attempts, &a_call, &verdict);
        attempts_stop(attempts);
        assert_int_equal(kept.counts_count, cases[i].is_counted);
        assert_int_equal(kept.attempts_count, !cases[i].is_counted);
        release();
    }
}

static void two_readings_of_which_one_is_foreign_are_a_record(void **unused)
{
    (void)unused;
    struct attempts *attempts = start(0);
    struct verdict verdict = a_verdict(ACTION_ALLOW, KIND_FREEPHONE, "00777");
    verdict.number.readings_count = 2;
    verdict.number.readings[1].kind = KIND_INTERNATIONAL;
    attempts_record(attempts, &a_call, &verdict);
    attempts_stop(attempts);
    assert_int_equal(kept.attempts_count, 1);
    release();
}

static void an_emergency_call_is_neither(void **unused)
{
    (void)unused;
    struct attempts *attempts = start(0);
    struct verdict verdict = a_verdict(ACTION_ALLOW, KIND_EMERGENCY, "110");
    verdict.reason = REASON_EMERGENCY;
    attempts_record(attempts, &a_call, &verdict);
    assert_int_equal(attempts_totals(attempts).recorded, 0);
    attempts_stop(attempts);
    assert_int_equal(kept.calls, 0);
    release();
}

static void an_invalid_number_is_kept_as_dialed_made_harmless(void **unused)
{
    (void)unused;
    struct attempts *attempts = start(0);
    struct verdict verdict = a_verdict(ACTION_DENY, KIND_INVALID, "");
    struct call call = a_call;
    call.number = (struct slice){"01\n\xff\x00é☎", 10};
    call.tenant = SLICE_LIT("\x1b[2J");
    verdict.has_rule = false;
    verdict.reason = REASON_INVALID_NUMBER;
    attempts_record(attempts, &call, &verdict);
    attempts_stop(attempts);
    assert_string_equal(kept.attempts[0].number, "01???é☎");
    assert_string_equal(kept.attempts[0].tenant, "?[2J");
    assert_string_equal(kept.attempts[0].rule_id, "");
    assert_string_equal(kept.attempts[0].kind, number_kind_word(KIND_INVALID));
    release();
}

static void texts_that_are_too_long_are_cut(void **unused)
{
    (void)unused;
    char text[300];
    memset(text, 'x', sizeof text);
    struct slice too_long = {text, sizeof text};
    struct attempts *attempts = start(0);
    struct verdict verdict = a_verdict(ACTION_DENY, KIND_INVALID, "");
    struct call call = {too_long, false, too_long, too_long, ORIGIN_DIAL, too_long, too_long, 0};
    attempts_record(attempts, &call, &verdict);
    attempts_stop(attempts);
    const struct attempt *it = &kept.attempts[0];
    assert_int_equal(strlen(it->tenant), TENANT_ID_BYTES - 1);
    assert_int_equal(strlen(it->account), ACCOUNT_ID_BYTES - 1);
    assert_int_equal(strlen(it->number), NUMBER_CHARS_MAX);
    assert_int_equal(strlen(it->call_id), sizeof it->call_id - 1);
    assert_int_equal(strlen(it->source_ip), sizeof it->source_ip - 1);
    release();
}

static void allowed_calls_are_counted_by_account_and_minute(void **unused)
{
    (void)unused;
    struct attempts *attempts = start(0);
    struct verdict verdict = a_verdict(ACTION_ALLOW, KIND_MOBILE, "09012345678");
    struct call other = a_call;
    other.account = SLICE_LIT("1002");
    int64_t minute_ms = verdict.decided_at_ms - verdict.decided_at_ms % 60000;
    for (int i = 0; i < 10; i++)
        attempts_record(attempts, &a_call, &verdict);
    for (int i = 0; i < 3; i++)
        attempts_record(attempts, &other, &verdict);
    verdict.decided_at_ms = minute_ms + 60000;
    attempts_record(attempts, &a_call, &verdict);
    attempts_stop(attempts);
    assert_int_equal(kept.counts_count, 3);
    assert_string_equal(kept.counts[0].tenant, "acme");
    assert_string_equal(kept.counts[0].account, "1001");
    assert_true(kept.counts[0].minute_ms == minute_ms);
    assert_int_equal(kept.counts[0].count, 10);
    assert_string_equal(kept.counts[1].account, "1002");
    assert_int_equal(kept.counts[1].count, 3);
    assert_true(kept.counts[2].minute_ms == minute_ms + 60000);
    assert_int_equal(kept.counts[2].count, 1);
    release();
}

static void minutes_that_share_a_place_in_the_index_are_kept_apart(void **unused)
{
    (void)unused;
    enum { MINUTES = 1500 }; /* of a batch's 2048, in 4096 places: some must meet */
    struct attempts *attempts = start(0);
    struct verdict verdict = a_verdict(ACTION_ALLOW, KIND_MOBILE, "09012345678");
    const int64_t first_ms = INT64_C(1763755200000);
    uint64_t of_first = 0;
    for (int i = 0; i < 2 * MINUTES; i++) {
        verdict.decided_at_ms = first_ms + i % MINUTES * 60000;
        attempts_record(attempts, &a_call, &verdict);
    }
    attempts_stop(attempts);
    assert_int_equal(kept_calls(), 2 * MINUTES);
    for (unsigned i = 0; i < kept.counts_count; i++) {
        assert_true(kept.counts[i].count <= 2);
        of_first += kept.counts[i].minute_ms == first_ms ? kept.counts[i].count : 0;
    }
    assert_int_equal(of_first, 2);
    release();
}

/* --- bounds and failures ---------------------------------------------------------------------- */

static void records_reach_the_store_without_a_stop(void **unused)
{
    (void)unused;
    struct attempts *attempts = start(0);
    struct verdict verdict = a_verdict(ACTION_DENY, KIND_INTERNATIONAL, "0101212");
    int64_t since_ms = clock_mono_ms();
    attempts_record(attempts, &a_call, &verdict);
    while (attempts_totals(attempts).written == 0 && clock_mono_ms() - since_ms < 5000)
        wait_ms(5);
    assert_int_equal(attempts_totals(attempts).written, 1);
    attempts_stop(attempts);
    release();
}

static void a_full_ring_drops_and_counts(void **unused)
{
    (void)unused;
    struct attempt_ring ring;
    struct verdict verdict = a_verdict(ACTION_DENY, KIND_INTERNATIONAL, "0101212");
    struct attempt attempt;
    bool is_counted;
    assert_int_equal(attempt_ring_init(&ring), 0);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < RING_SLOTS; i++) {
            verdict.revision = (uint64_t)i;
            assert_true(attempt_ring_push(&ring, &a_call, &verdict));
        }
        assert_false(attempt_ring_push(&ring, &a_call, &verdict));
        for (int i = 0; i < RING_SLOTS; i++) {
            assert_true(attempt_ring_pop(&ring, &attempt, &is_counted));
            assert_int_equal(attempt.revision, i);
        }
        assert_false(attempt_ring_pop(&ring, &attempt, &is_counted));
    }
    attempt_ring_release(&ring);
}

static void a_store_that_is_away_costs_only_what_does_not_fit(void **unused)
{
    (void)unused;
    struct attempts *attempts = start(ERR_UNAVAILABLE);
    struct verdict verdict = a_verdict(ACTION_DENY, KIND_INTERNATIONAL, "0101212");
    enum { MORE_THAN_FITS = RING_SLOTS * 2 };
    for (int i = 0; i < MORE_THAN_FITS; i++)
        attempts_record(attempts, &a_call, &verdict);
    int64_t since_ms = clock_mono_ms();
    while (failures() < 2 && clock_mono_ms() - since_ms < 5000)
        wait_ms(5);
    assert_true(failures() >= 2); /* it keeps trying */
    struct attempts_totals away = attempts_totals(attempts);
    assert_true(away.dropped > 0);
    assert_int_equal(away.recorded + away.dropped, MORE_THAN_FITS);
    assert_int_equal(away.written, 0);
    atomic_store(&kept.fails_with, 0);
    attempts_stop(attempts);
    assert_int_equal(kept.attempts_count, away.recorded);
    release();
}

static void a_batch_that_is_refused_does_not_stop_the_next(void **unused)
{
    (void)unused;
    struct attempts *attempts = start(ERR_INVALID);
    struct verdict verdict = a_verdict(ACTION_DENY, KIND_INTERNATIONAL, "0101212");
    int64_t since_ms = clock_mono_ms();
    attempts_record(attempts, &a_call, &verdict);
    while (attempts_totals(attempts).dropped == 0 && clock_mono_ms() - since_ms < 5000)
        wait_ms(5);
    assert_int_equal(attempts_totals(attempts).dropped, 1);
    atomic_store(&kept.fails_with, 0);
    attempts_record(attempts, &a_call, &verdict);
    attempts_stop(attempts);
    assert_int_equal(kept.attempts_count, 1);
    release();
}

static void stopping_does_not_wait_for_ever(void **unused)
{
    (void)unused;
    struct attempts *attempts = start(ERR_UNAVAILABLE);
    struct verdict verdict = a_verdict(ACTION_DENY, KIND_INTERNATIONAL, "0101212");
    attempts_record(attempts, &a_call, &verdict);
    int64_t since_ms = clock_mono_ms();
    attempts_stop(attempts);
    assert_true(clock_mono_ms() - since_ms < 10000);
    assert_true(failures() >= 2);
    assert_int_equal(kept.attempts_count, 0);
    release();
}

/* --- many threads ----------------------------------------------------------------------------- */

enum { THREADS = 4, CALLS_EACH = 20000 };

static void *record_many(void *context)
{
    struct attempts *attempts = context;
    struct verdict denied = a_verdict(ACTION_DENY, KIND_INTERNATIONAL, "0101212");
    struct verdict allowed = a_verdict(ACTION_ALLOW, KIND_MOBILE, "09012345678");
    for (int i = 0; i < CALLS_EACH; i++)
        attempts_record(attempts, &a_call, i % 4 == 0 ? &denied : &allowed);
    return NULL;
}

static void nothing_is_lost_or_doubled_between_threads(void **unused)
{
    (void)unused;
    struct attempts *attempts = start(0);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, record_many, attempts), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    struct attempts_totals totals = attempts_totals(attempts);
    attempts_stop(attempts);
    assert_int_equal(totals.recorded + totals.dropped, THREADS * CALLS_EACH);
    assert_int_equal(kept_calls(), totals.recorded);
    for (unsigned i = 0; i < kept.attempts_count; i++) {
        assert_string_equal(kept.attempts[i].tenant, "acme");
        assert_string_equal(kept.attempts[i].number, "0101212");
    }
    release();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_denied_call_is_a_record_with_everything),
        cmocka_unit_test(which_calls_are_records_and_which_are_counted),
        cmocka_unit_test(two_readings_of_which_one_is_foreign_are_a_record),
        cmocka_unit_test(an_emergency_call_is_neither),
        cmocka_unit_test(an_invalid_number_is_kept_as_dialed_made_harmless),
        cmocka_unit_test(texts_that_are_too_long_are_cut),
        cmocka_unit_test(allowed_calls_are_counted_by_account_and_minute),
        cmocka_unit_test(minutes_that_share_a_place_in_the_index_are_kept_apart),
        cmocka_unit_test(records_reach_the_store_without_a_stop),
        cmocka_unit_test(a_full_ring_drops_and_counts),
        cmocka_unit_test(a_store_that_is_away_costs_only_what_does_not_fit),
        cmocka_unit_test(a_batch_that_is_refused_does_not_stop_the_next),
        cmocka_unit_test(stopping_does_not_wait_for_ever),
        cmocka_unit_test(nothing_is_lost_or_doubled_between_threads),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
