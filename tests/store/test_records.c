/* What is kept about changes and requests: audit, answers for Idempotency-Keys, revoked tokens. */
#include "suite.h"

#include "store/txn.h" /* to let a transaction happen on another day */

static const struct slice acme = {"acme", 4};
static const int64_t hour_ms = INT64_C(3600000);

/* --- audit ------------------------------------------------------------------------------------ */

static void a_record_says_who_when_and_in_which_request(void **state)
{
    struct suite *suite = *state;
    put_tenant(suite, "acme", NULL);
    struct audit_record record = last_audit(suite);
    assert_string_equal(record.subject, "token:01TEST");
    assert_string_equal(record.role, "operator");
    assert_string_equal(record.request_id, "req-1");
    assert_string_equal(record.address, "192.0.2.7");
    assert_true(record.at_ms == get_tenant(suite, "acme").created_at_ms);
    assert_true(record.seq > 0);
}

static void records_are_newest_first_page_by_page(void **state)
{
    struct suite *suite = *state;
    struct audit_record *records;
    unsigned count;
    uint64_t before = 0;
    char id[8];
    for (int i = 0; i < 5; i++) {
        snprintf(id, sizeof id, "t%d", i);
        put_tenant(suite, id, NULL);
    }
    struct txn *txn = begin_read(suite);
    for (int i = 4; i >= 0; i -= 2) {
        OK(store_audit_list(txn, SLICE_NONE, before, 2, &suite->arena, &records, &count, &err));
        assert_int_equal(count, i > 0 ? 2 : 1);
        snprintf(id, sizeof id, "t%d", i);
        assert_string_equal(records[0].object, id);
        assert_true(before == 0 || records[0].seq < before);
        before = records[count - 1].seq;
    }
    OK(store_audit_list(txn, SLICE_NONE, before, 2, &suite->arena, &records, &count, &err));
    assert_int_equal(count, 0);
    store_rollback(txn);
}

static void a_tenants_records_are_its_own_and_outlive_it(void **state)
{
    struct suite *suite = *state;
    struct audit_record *records;
    struct rule rule = a_rule("deny 010");
    unsigned count;
    put_tenant(suite, "acme", NULL);
    put_tenant(suite, "beta", NULL);
    put_account(suite, "acme", "1001");
    add_rule(suite, "", &rule);
    delete_tenant(suite, "acme");
    struct txn *txn = begin_read(suite);
    OK(store_audit_list(txn, acme, 0, 100, &suite->arena, &records, &count, &err));
    assert_int_equal(count, 3);
    assert_string_equal(records[0].action, "tenant.delete");
    assert_string_equal(records[1].action, "account.create");
    assert_string_equal(records[2].action, "tenant.create");
    OK(store_audit_list(txn, acme, records[1].seq, 100, &suite->arena, &records, &count, &err));
    assert_int_equal(count, 1);
    store_rollback(txn);
    assert_int_equal(audit_count(suite), 5);
}

/* --- idempotency ------------------------------------------------------------------------------ */

static void keep(struct suite *suite, const char *key, uint64_t fingerprint, int64_t later_ms)
{
    struct kept_answer answer = {201, "ETag: \"3\"\nLocation: /v1/x", "{\"ok\":true}"};
    struct txn *txn = begin_write(suite);
    txn->now_ms += later_ms;
    OK(store_idempotency_put(txn, acme, slice_of(key), fingerprint, &answer, &err));
    commit(txn);
}

static int find(struct suite *suite, struct slice scope, const char *key, uint64_t fingerprint,
                struct kept_answer *ret)
{
    struct txn *txn = begin_read(suite);
    int rc = store_idempotency_get(txn, scope, slice_of(key), fingerprint, &suite->arena, ret,
                                   &suite->err);
    store_rollback(txn);
    return rc;
}

static void an_answer_is_kept_for_its_key(void **state)
{
    struct suite *suite = *state;
    struct kept_answer answer;
    assert_int_equal(find(suite, acme, "k1", UINT64_MAX, &answer), ERR_NOT_FOUND);
    keep(suite, "k1", UINT64_MAX, 0);
    suite_reopen(suite);
    assert_int_equal(find(suite, acme, "k1", UINT64_MAX, &answer), 0);
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer.headers, "ETag: \"3\"\nLocation: /v1/x");
    assert_string_equal(answer.body, "{\"ok\":true}");
    assert_int_equal(find(suite, acme, "k1", 7, &answer), ERR_MISMATCH);
    assert_int_equal(find(suite, acme, "k2", UINT64_MAX, &answer), ERR_NOT_FOUND);
    assert_int_equal(find(suite, SLICE_LIT("beta"), "k1", UINT64_MAX, &answer), ERR_NOT_FOUND);
}

static void the_same_key_a_second_time_is_busy(void **state)
{
    struct suite *suite = *state;
    struct kept_answer answer = {200, "", ""};
    struct tenant tenant = a_tenant("acme", NULL);
    keep(suite, "k1", 1, 0);
    struct txn *txn = begin_write(suite);
    OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
    FAILS(suite, ERR_BUSY,
          store_idempotency_put(txn, acme, SLICE_LIT("k1"), 1, &answer, &err));
    FAILS(suite, ERR_BUSY, store_commit(txn, NULL, &err)); /* nor is what it did */
    assert_int_equal(revision(suite, "acme"), 0);
}

static void keys_have_a_limit(void **state)
{
    struct suite *suite = *state;
    struct kept_answer answer = {200, "", ""};
    char key[257];
    memset(key, 'k', sizeof key);
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_INVALID,
          store_idempotency_put(txn, acme, (struct slice){key, 256}, 1, &answer, &err));
    FAILS(suite, ERR_INVALID, store_idempotency_put(txn, acme, SLICE_NONE, 1, &answer, &err));
    OK(store_idempotency_put(txn, acme, (struct slice){key, 255}, 1, &answer, &err));
    commit(txn);
}

static void answers_go_after_a_day_not_before(void **state)
{
    struct suite *suite = *state;
    struct kept_answer answer;
    keep(suite, "old", 1, -25 * hour_ms);
    keep(suite, "young", 1, -23 * hour_ms);
    assert_int_equal(find(suite, acme, "young", 1, &answer), 0);
    keep(suite, "new", 1, 0);
    assert_int_equal(find(suite, acme, "old", 1, &answer), ERR_NOT_FOUND);
    assert_int_equal(find(suite, acme, "young", 1, &answer), 0);
    assert_int_equal(find(suite, acme, "new", 1, &answer), 0);
}

/* --- revocations ------------------------------------------------------------------------------ */

static bool revoke(struct suite *suite, const char *jti, int64_t expires_at_ms)
{
    struct revocation revocation = {.jti = jti, .note = "lost", .expires_at_ms = expires_at_ms};
    bool created = false;
    struct txn *txn = begin_write(suite);
    OK(store_revocation_put(txn, &revocation, &created, &err));
    commit(txn);
    return created;
}

static unsigned list_revocations(struct suite *suite, struct page page, struct revocation **ret)
{
    unsigned count = 0;
    struct txn *txn = begin_read(suite);
    OK(store_revocation_list(txn, page, &suite->arena, ret, &count, &err));
    store_rollback(txn);
    return count;
}

static void a_revocation_is_kept_listed_and_audited(void **state)
{
    struct suite *suite = *state;
    struct revocation *list;
    int64_t expires_at_ms = INT64_C(4102444800000);
    assert_true(revoke(suite, "01B", 0));
    assert_true(revoke(suite, "01A", expires_at_ms));
    assert_int_equal(list_revocations(suite, ALL_ROWS, &list), 2);
    assert_string_equal(list[0].jti, "01A");
    assert_string_equal(list[0].note, "lost");
    assert_true(list[0].expires_at_ms == expires_at_ms);
    assert_true(list[0].revoked_at_ms > INT64_C(1600000000000));
    assert_string_equal(list[1].jti, "01B");
    assert_int_equal(list_revocations(suite, (struct page){SLICE_LIT("01A"), 9}, &list), 1);
    assert_int_equal(list_revocations(suite, (struct page){SLICE_NONE, 1}, &list), 1);
    struct audit_record record = last_audit(suite);
    assert_string_equal(record.action, "token.revoke");
    assert_string_equal(record.object, "01A");
    assert_string_equal(record.tenant, "");
    assert_string_equal(record.after, "{\"jti\":\"01A\",\"note\":\"lost\","
                                      "\"expires_at\":\"2100-01-01T00:00:00Z\"}");
    assert_int_equal(revision(suite, ""), 1); /* no rule changed */
}

static void revoking_twice_is_once(void **state)
{
    struct suite *suite = *state;
    struct revocation *list;
    assert_true(revoke(suite, "01A", 0));
    assert_false(revoke(suite, "01A", 0));
    assert_int_equal(list_revocations(suite, ALL_ROWS, &list), 1);
    assert_int_equal(audit_count(suite), 1);
}

static void a_token_that_ended_long_ago_is_forgotten(void **state)
{
    struct suite *suite = *state;
    struct revocation *list;
    struct feed_row *rows;
    unsigned count;
    revoke(suite, "ended", 1);
    revoke(suite, "endless", 0);
    assert_int_equal(list_revocations(suite, ALL_ROWS, &list), 1);
    assert_string_equal(list[0].jti, "endless");
    OK(store_feed_since(suite->store, &(struct feed_position){0}, 10, &suite->arena, &rows, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].jti, "endless");
}

static void what_is_no_token_id_is_refused(void **state)
{
    struct suite *suite = *state;
    char jti[130];
    memset(jti, 'j', sizeof jti);
    jti[129] = '\0';
    struct revocation bad[] = {{.jti = "", .note = ""},
                               {.jti = "a\nb", .note = ""},
                               {.jti = jti, .note = ""},
                               {.jti = "01A", .note = "\x01"}};
    struct txn *txn = begin_write(suite);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        FAILS(suite, ERR_INVALID, store_revocation_put(txn, &bad[i], NULL, &err));
    assert_string_equal(suite->err.field, "/note");
    assert_int_equal(commit(txn), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_record_says_who_when_and_in_which_request),
        STORE_TEST(records_are_newest_first_page_by_page),
        STORE_TEST(a_tenants_records_are_its_own_and_outlive_it),
        STORE_TEST(an_answer_is_kept_for_its_key),
        STORE_TEST(the_same_key_a_second_time_is_busy),
        STORE_TEST(keys_have_a_limit),
        STORE_TEST(answers_go_after_a_day_not_before),
        STORE_TEST(a_revocation_is_kept_listed_and_audited),
        STORE_TEST(revoking_twice_is_once),
        STORE_TEST(a_token_that_ended_long_ago_is_forgotten),
        STORE_TEST(what_is_no_token_id_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
