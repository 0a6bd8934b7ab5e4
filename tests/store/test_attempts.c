/* Attempts in the store, and the recorder (engine/attempts.h) writing to a real one. */
#include "suite.h"

#include "base/ulid.h"
#include "engine/attempts.h"

static const int64_t noon_ms = INT64_C(1796040000000);

static struct attempt an_attempt(const char *tenant, const char *account, int64_t at_ms,
                                 const char *decision_id)
{
    struct attempt attempt = {
        .at_ms = at_ms,
        .number = "01012125550100",
        .kind = "international",
        .country = "US",
        .action = "deny",
        .reason = "rule",
        .rule_id = "01ARYZ6S41TSV4RRFFQ69G5FAV",
        .degraded = "stale",
        .origin = "forward",
        .call_id = "1700000000.42",
        .source_ip = "2001:db8::1",
        .revision = 7,
    };
    snprintf(attempt.tenant, sizeof attempt.tenant, "%s", tenant);
    snprintf(attempt.account, sizeof attempt.account, "%s", account);
    snprintf(attempt.decision_id, sizeof attempt.decision_id, "%s", decision_id);
    return attempt;
}

static void add(struct suite *suite, const struct attempt *attempts, unsigned count)
{
    OK(store_attempts_add(suite->store, attempts, count, NULL, 0, &err));
}

/* The decision ids of one page, as text: "c,b". *page moves on. */
static const char *page_text(struct suite *suite, struct attempt_page *page)
{
    struct attempt *list;
    unsigned count;
    char *text = arena_alloc(&suite->arena, 1024);
    struct txn *txn = begin_read(suite);
    assert_non_null(text);
    OK(store_attempt_list(txn, page, &suite->arena, &list, &count, &err));
    store_rollback(txn);
    for (unsigned i = 0, n = 0; i < count; i++)
        n += (unsigned)snprintf(text + n, 1024 - n, "%s%s", i ? "," : "", list[i].decision_id);
    if (count) {
        page->before_ms = list[count - 1].at_ms;
        page->before_id = slice_of(list[count - 1].decision_id);
    }
    return text;
}

static void an_attempt_comes_back_as_it_was(void **state)
{
    struct suite *suite = *state;
    struct attempt attempt = an_attempt("acme", "1001", noon_ms, "01A"), *list;
    unsigned count;
    struct attempt_page page = {.tenant = slice_of("acme"), .limit = 10};
    add(suite, &attempt, 1);
    struct txn *txn = begin_read(suite);
    OK(store_attempt_list(txn, &page, &suite->arena, &list, &count, &err));
    store_rollback(txn);
    assert_int_equal(count, 1);
    assert_true(list[0].at_ms == noon_ms);
    assert_string_equal(list[0].decision_id, "01A");
    assert_string_equal(list[0].tenant, "acme");
    assert_string_equal(list[0].account, "1001");
    assert_string_equal(list[0].number, "01012125550100");
    assert_string_equal(list[0].kind, "international");
    assert_string_equal(list[0].country, "US");
    assert_string_equal(list[0].action, "deny");
    assert_string_equal(list[0].reason, "rule");
    assert_string_equal(list[0].rule_id, "01ARYZ6S41TSV4RRFFQ69G5FAV");
    assert_string_equal(list[0].degraded, "stale");
    assert_string_equal(list[0].origin, "forward");
    assert_string_equal(list[0].call_id, "1700000000.42");
    assert_string_equal(list[0].source_ip, "2001:db8::1");
    assert_int_equal(list[0].revision, 7);
}

static void lists_are_newest_first_page_by_page(void **state)
{
    struct suite *suite = *state;
    struct attempt attempts[] = {
        an_attempt("acme", "1001", noon_ms, "a"),     an_attempt("acme", "1002", noon_ms, "b"),
        an_attempt("beta", "1001", noon_ms, "c"),     an_attempt("acme", "1001", noon_ms + 1, "d"),
        an_attempt("acme", "1001", noon_ms - 1, "e"), an_attempt("", "", noon_ms, "f"),
    };
    add(suite, attempts, 6);
    struct attempt_page all = {.limit = 4};
    assert_string_equal(page_text(suite, &all), "d,f,c,b");
    assert_string_equal(page_text(suite, &all), "a,e");
    assert_string_equal(page_text(suite, &all), "");
    struct attempt_page tenant = {.tenant = SLICE_LIT("acme"), .limit = 2};
    assert_string_equal(page_text(suite, &tenant), "d,b");
    assert_string_equal(page_text(suite, &tenant), "a,e");
    struct attempt_page account = {
        .tenant = SLICE_LIT("acme"), .account = SLICE_LIT("1001"), .limit = 2};
    assert_string_equal(page_text(suite, &account), "d,a");
    assert_string_equal(page_text(suite, &account), "e");
}

static void an_attempt_added_twice_is_there_once(void **state)
{
    struct suite *suite = *state;
    struct attempt attempt = an_attempt("acme", "1001", noon_ms, "01A");
    struct attempt_page page = {.limit = 10};
    add(suite, &attempt, 1);
    add(suite, &attempt, 1);
    assert_string_equal(page_text(suite, &page), "01A");
}

static uint64_t counted(struct suite *suite, const char *tenant, const char *account,
                        int64_t from_ms, int64_t to_ms)
{
    uint64_t count = 0;
    struct txn *txn = begin_read(suite);
    OK(store_attempt_counts(txn, slice_of(tenant), slice_of(account), from_ms, to_ms, &count,
                            &err));
    store_rollback(txn);
    return count;
}

static void counts_add_up(void **state)
{
    struct suite *suite = *state;
    struct attempt_count counts[] = {
        {"acme", "1001", noon_ms, 3}, {"acme", "1001", noon_ms + 60000, 4},
        {"acme", "1002", noon_ms, 5}, {"beta", "1001", noon_ms, 6}};
    for (int i = 0; i < 2; i++)
        OK(store_attempts_add(suite->store, NULL, 0, counts, 4, &err));
    assert_int_equal(counted(suite, "acme", "1001", noon_ms, noon_ms + 60000), 6);
    assert_int_equal(counted(suite, "acme", "1001", noon_ms, noon_ms + 60001), 14);
    assert_int_equal(counted(suite, "acme", "1001", noon_ms + 1, noon_ms + 60001), 8);
    assert_int_equal(counted(suite, "acme", "", 0, INT64_MAX), 24);
    assert_int_equal(counted(suite, "gamma", "", 0, INT64_MAX), 0);
}

static void a_batch_is_added_as_a_whole(void **state)
{
    struct suite *suite = *state;
    struct attempt attempts[] = {an_attempt("acme", "1001", noon_ms, "a"),
                                 an_attempt("acme", "1001", noon_ms, "b")};
    struct attempt_page page = {.limit = 10};
    memcpy(attempts[1].number, "\xff", 2);
    FAILS(suite, ERR_INVALID, store_attempts_add(suite->store, attempts, 2, NULL, 0, &err));
    assert_string_equal(page_text(suite, &page), "");
    assert_int_equal(audit_count(suite), 0);
}

static void attempts_and_revisions_are_strangers(void **state)
{
    struct suite *suite = *state;
    struct attempt attempt = an_attempt("acme", "1001", noon_ms, "a");
    struct attempt_page page = {.tenant = SLICE_LIT("acme"), .limit = 10};
    put_tenant(suite, "acme", NULL);
    add(suite, &attempt, 1);
    delete_tenant(suite, "acme");
    assert_string_equal(page_text(suite, &page), "a"); /* outlives the tenant */
    assert_int_equal(revision(suite, "acme"), 2);
    assert_int_equal(audit_count(suite), 2);
}

/* --- the recorder ----------------------------------------------------------------------------- */

static void the_recorder_writes_to_the_store(void **state)
{
    struct suite *suite = *state;
    struct attempts *attempts = NULL;
    struct call call = {.tenant = SLICE_LIT("acme"), .account = SLICE_LIT("1001")};
    struct verdict verdict = {.action = ACTION_DENY, .decided_at_ms = noon_ms + 1};
    struct reading *reading = &verdict.number.readings[0];
    verdict.number.readings_count = 1;
    OK(attempts_new(suite->store, &attempts, &err));
    for (int i = 0; i < 3000; i++) { /* more than one batch */
        bool is_allowed = i % 2 == 0;
        verdict.action = is_allowed ? ACTION_ALLOW : ACTION_DENY;
        reading->kind = is_allowed ? KIND_MOBILE : KIND_INTERNATIONAL;
        ulid_make(verdict.decided_at_ms, verdict.decision_id);
        attempts_record(attempts, &call, &verdict);
    }
    assert_int_equal(attempts_totals(attempts).dropped, 0);
    attempts_stop(attempts);
    struct attempt *list;
    unsigned count;
    struct attempt_page page = {.tenant = SLICE_LIT("acme"), .limit = 5000};
    struct txn *txn = begin_read(suite);
    OK(store_attempt_list(txn, &page, &suite->arena, &list, &count, &err));
    store_rollback(txn);
    assert_int_equal(count, 1500);
    assert_int_equal(counted(suite, "acme", "1001", noon_ms, noon_ms + 60000), 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(an_attempt_comes_back_as_it_was),
        STORE_TEST(lists_are_newest_first_page_by_page),
        STORE_TEST(an_attempt_added_twice_is_there_once),
        STORE_TEST(counts_add_up),
        STORE_TEST(a_batch_is_added_as_a_whole),
        STORE_TEST(attempts_and_revisions_are_strangers),
        STORE_TEST(the_recorder_writes_to_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
