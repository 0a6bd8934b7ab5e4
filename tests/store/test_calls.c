/* Call history in the store: its terms, adding records, walking them. */
#include "suite.h"

#include "base/buf.h"
#include "store/calls.h"
#include "store/txn.h"

static const int64_t noon_ms = INT64_C(1796040000000); /* 2026-11-30 12:00 UTC, 21:00 in Japan */
static const int64_t hour_ms = INT64_C(3600000);

static void state_terms(struct suite *suite)
{
    struct call_terms terms = {.purpose = "finding lines without overseas use",
                               .retention_days = 400};
    struct txn *txn = begin_write(suite);
    OK(store_call_terms_put(txn, &terms, &err));
    commit(txn);
}

static struct call_record a_call(const char *tenant, const char *account, int64_t at_ms,
                                 const char *id)
{
    struct call_record record = {
        .at_ms = at_ms,
        .number = "01012125550100",
        .kind = "international",
        .country = "US",
        .is_overseas = true,
        .seconds = 61,
        .disposition = CALL_ANSWERED,
        .source = "pbx1",
        .context = "from-internal",
        .call_id = "1796040000.42",
    };
    snprintf(record.tenant, sizeof record.tenant, "%s", tenant);
    snprintf(record.account, sizeof record.account, "%s", account);
    snprintf(record.id, sizeof record.id, "%s", id);
    return record;
}

static unsigned add(struct suite *suite, const struct call_record *records, unsigned count)
{
    unsigned added = 0;
    struct txn *txn = begin_write(suite);
    OK(store_calls_add(txn, records, count, &added, &err));
    commit(txn);
    return added;
}

/* Ids of the calls that a filter gives, in its order: "c,b". */
struct ids {
    char text[4096];
    struct buf out;
    unsigned stop_after;
    struct call_record last;
};

static int add_id(void *context, const struct call_record *record, struct err *err)
{
    struct ids *ids = context;
    (void)err;
    buf_printf(&ids->out, "%s%s", ids->out.n ? "," : "", record->id);
    ids->last = *record;
    return ids->stop_after && --ids->stop_after == 0 ? 7 : 0;
}

static const char *walked(struct suite *suite, struct call_filter filter)
{
    static struct ids ids;
    ids = (struct ids){.out = {.p = ids.text, .cap = sizeof ids.text}};
    OK(store_calls_each(suite->store, &filter, add_id, &ids, &err));
    return ids.text;
}

/* --- terms ------------------------------------------------------------------------------------ */

static void nothing_is_kept_before_the_terms_are_stated(void **state)
{
    struct suite *suite = *state;
    struct call_record record = a_call("acme", "1001", noon_ms, "a");
    struct call_terms terms;
    unsigned added = 9;
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_NOT_FOUND, store_call_terms_get(txn, &terms, &err));
    FAILS(suite, ERR_FORBIDDEN, store_calls_add(txn, &record, 1, &added, &err));
    commit(txn);
    assert_int_equal(added, 9);
    assert_string_equal(walked(suite, (struct call_filter){0}), "");
    state_terms(suite);
    assert_int_equal(add(suite, &record, 1), 1);
}

static void terms_are_checked_and_audited(void **state)
{
    struct suite *suite = *state;
    struct call_terms terms = {.retention_days = 30}, read;
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_INVALID, store_call_terms_put(txn, &terms, &err));
    assert_string_equal(suite->err.field, "/purpose");
    snprintf(terms.purpose, sizeof terms.purpose, "%s", "海外発信の有無の確認");
    static const int wrong[] = {0, -1, CALL_RETENTION_DAYS_MAX + 1};
    for (int i = 0; i < 3; i++) {
        terms.retention_days = wrong[i];
        FAILS(suite, ERR_INVALID, store_call_terms_put(txn, &terms, &err));
        assert_string_equal(suite->err.field, "/retention_days");
    }
    terms.retention_days = 30;
    OK(store_call_terms_put(txn, &terms, &err));
    OK(store_call_terms_put(txn, &terms, &err)); /* says the same: no change */
    commit(txn);
    assert_int_equal(audit_count(suite), 1);
    assert_string_equal(last_audit(suite).action, "calls.terms");
    assert_string_equal(last_audit(suite).after,
                        "{\"purpose\":\"海外発信の有無の確認\",\"retention_days\":30}");
    txn = begin_write(suite);
    terms.retention_days = 60;
    OK(store_call_terms_put(txn, &terms, &err));
    commit(txn);
    assert_string_equal(last_audit(suite).before,
                        "{\"purpose\":\"海外発信の有無の確認\",\"retention_days\":30}");
    txn = begin_read(suite);
    OK(store_call_terms_get(txn, &read, &err));
    store_rollback(txn);
    assert_string_equal(read.purpose, "海外発信の有無の確認");
    assert_int_equal(read.retention_days, 60);
    assert_string_equal(read.stated_by, "token:01TEST");
    assert_true(read.stated_at_ms > 0);
}

/* --- adding ----------------------------------------------------------------------------------- */

static void a_record_comes_back_as_it_was(void **state)
{
    struct suite *suite = *state;
    struct call_record record = a_call("acme", "1001", noon_ms, "0123456789abcdef0123456789abcdef");
    struct call_filter filter = {.tenant = SLICE_LIT("acme")};
    struct ids ids = {.out = {.p = ids.text, .cap = sizeof ids.text}};
    record.disposition = CALL_BUSY;
    state_terms(suite);
    assert_int_equal(add(suite, &record, 1), 1);
    OK(store_calls_each(suite->store, &filter, add_id, &ids, &err));
    const struct call_record *read = &ids.last;
    assert_true(read->at_ms == noon_ms);
    assert_string_equal(read->id, record.id);
    assert_string_equal(read->tenant, "acme");
    assert_string_equal(read->account, "1001");
    assert_string_equal(read->number, "01012125550100");
    assert_string_equal(read->kind, "international");
    assert_string_equal(read->country, "US");
    assert_true(read->is_overseas);
    assert_int_equal(read->seconds, 61);
    assert_int_equal(read->disposition, CALL_BUSY);
    assert_string_equal(read->source, "pbx1");
    assert_string_equal(read->context, "from-internal");
    assert_string_equal(read->call_id, "1796040000.42");
    assert_string_equal(read->mark, "");
}

static void the_same_record_twice_counts_once(void **state)
{
    struct suite *suite = *state;
    struct call_record records[] = {
        a_call("beta", "1", noon_ms, "d"),     a_call("acme", "1", noon_ms + 1, "b"),
        a_call("acme", "1", noon_ms, "a"),     a_call("acme", "1", noon_ms + 1, "b"),
        a_call("acme", "1", noon_ms + 1, "c"),
    };
    state_terms(suite);
    assert_int_equal(add(suite, records, 5), 4);
    assert_string_equal(walked(suite, (struct call_filter){0}), "a,b,c,d");
    assert_int_equal(add(suite, records, 5), 0);
    records[2].at_ms = noon_ms - 1;
    assert_int_equal(add(suite, records, 5), 1);
    assert_string_equal(walked(suite, (struct call_filter){0}), "a,a,b,c,d");
    assert_int_equal(add(suite, records, 0), 0);
}

static void many_records_go_in_at_once(void **state)
{
    enum { MANY = 9000 }; /* more than one statement where there is a limit */
    struct suite *suite = *state;
    struct call_record *records = calloc(MANY, sizeof *records);
    assert_non_null(records);
    for (int i = 0; i < MANY; i++) {
        char tenant[16], id[CALL_KEY_BYTES];
        snprintf(tenant, sizeof tenant, "t%d", i % 97);
        snprintf(id, sizeof id, "%08x", i);
        records[i] = a_call(tenant, "1001", noon_ms + i, id);
    }
    state_terms(suite);
    assert_int_equal(add(suite, records, MANY / 2), MANY / 2);
    assert_int_equal(add(suite, records, MANY), MANY / 2);
    unsigned seen = 0, commas = 0;
    for (int t = 0; t < 97; t++) {
        char tenant[16];
        snprintf(tenant, sizeof tenant, "t%d", t);
        const char *ids = walked(suite, (struct call_filter){.tenant = slice_of(tenant)});
        for (commas = 0; *ids; ids++)
            commas += *ids == ',';
        seen += commas + 1;
    }
    assert_int_equal(seen, MANY);
    free(records);
}

static void a_batch_goes_in_as_a_whole(void **state)
{
    struct suite *suite = *state;
    unsigned added = 9;
    struct call_record records[] = {a_call("acme", "1", noon_ms, "a"),
                                    a_call("acme", "1", noon_ms, "b")};
    memcpy(records[1].context, "\xff", 2);
    state_terms(suite);
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_INVALID, store_calls_add(txn, records, 2, &added, &err));
    FAILS(suite, ERR_INVALID, store_commit(txn, NULL, &err));
    assert_string_equal(walked(suite, (struct call_filter){0}), "");
}

/* --- sources ---------------------------------------------------------------------------------- */

static int64_t number(struct suite *suite, const char *text)
{
    int64_t value = -1;
    struct txn *txn = begin_read(suite);
    OK(txn_scope_everybody(txn, &err));
    struct err err = {0};
    assert_int_equal(txn_number(txn, text, SQL_NO_VALUES, &value, &err), 1);
    store_rollback(txn);
    return value;
}

static void days_and_tenants_of_sources_are_noted(void **state)
{
    struct suite *suite = *state;
    struct call_record records[] = {
        a_call("acme", "1", noon_ms, "a"),
        a_call("acme", "1", noon_ms + 2 * hour_ms, "b"), /* 23:00 in Japan */
        a_call("beta", "1", noon_ms + 3 * hour_ms, "c"), /* the next day there */
        a_call("acme", "1", noon_ms, "d"),
        a_call("acme", "1", noon_ms + 1, "e"),
    };
    snprintf(records[3].source, sizeof records[3].source, "pbx2");
    state_terms(suite);
    for (int i = 0; i < 2; i++) /* what is there already is not counted again */
        add(suite, records, 5);
    assert_int_equal(number(suite, "SELECT count(*) FROM call_source_days"), 3);
    assert_int_equal(number(suite, "SELECT calls FROM call_source_days WHERE source = 'pbx1' "
                                   "AND day = 20787"),
                     3);
    assert_int_equal(number(suite, "SELECT calls FROM call_source_days WHERE source = 'pbx1' "
                                   "AND day = 20788"),
                     1);
    assert_int_equal(number(suite, "SELECT calls FROM call_source_days WHERE source = 'pbx2'"), 1);
    assert_int_equal(number(suite, "SELECT count(*) FROM call_tenant_sources"), 3);
    assert_int_equal(number(suite, "SELECT count(*) FROM call_tenant_sources "
                                   "WHERE tenant = 'acme' AND source = 'pbx2'"),
                     1);
}

/* --- marks ------------------------------------------------------------------------------------ */

static void mark(struct suite *suite, const char *id, const char *account, const char *country,
                 const char *call_id, int64_t from_ms, int64_t to_ms)
{
    struct txn *txn = begin_write(suite);
    OK(txn_scope(txn, SLICE_LIT("acme"), &err));
    OK(txn_exec(txn,
                "INSERT INTO call_marks (tenant, id, account, country, call_id, from_ms, to_ms, "
                "note, made_by, made_at_ms) VALUES ('acme', $1, $2, $3, $4, $5, $6, '', '', 0)",
                SQL_VALUES(sql_text(id), sql_text(account), sql_text(country), sql_text(call_id),
                           sql_int(from_ms), sql_int(to_ms)),
                &err));
    commit(txn);
}

static void calls_get_the_mark_that_covers_them(void **state)
{
    struct suite *suite = *state;
    struct call_record records[] = {
        a_call("acme", "1001", noon_ms, "a"),     a_call("acme", "1002", noon_ms, "b"),
        a_call("acme", "1003", noon_ms, "c"),     a_call("acme", "1004", noon_ms + 1, "d"),
        a_call("beta", "1001", noon_ms, "e"),     a_call("acme", "1001", noon_ms - 1, "f"),
        a_call("acme", "1001", noon_ms + 9, "g"),
    };
    static const char *const wanted[] = {"m1", "m2", "", "m3", "", "", ""};
    snprintf(records[1].country, sizeof records[1].country, "SO");
    snprintf(records[3].call_id, sizeof records[3].call_id, "x.1");
    state_terms(suite);
    mark(suite, "m1", "1001", "", "", noon_ms, noon_ms + 9);
    mark(suite, "m2", "", "SO", "", noon_ms, noon_ms + 9);
    mark(suite, "m3", "", "", "x.1", noon_ms, 0);
    add(suite, records, 7);
    for (int i = 0; i < 7; i++) {
        struct ids ids = {.out = {.p = ids.text, .cap = sizeof ids.text}};
        struct call_filter filter = {slice_of(records[i].tenant), slice_of(records[i].account),
                                     records[i].at_ms, records[i].at_ms + 1, false};
        OK(store_calls_each(suite->store, &filter, add_id, &ids, &err));
        assert_string_equal(ids.last.id, records[i].id);
        assert_string_equal(ids.last.mark, wanted[i]);
    }
}

/* --- walking ---------------------------------------------------------------------------------- */

static void a_walk_goes_by_tenant_account_and_time(void **state)
{
    struct suite *suite = *state;
    struct call_record records[] = {
        a_call("acme", "1002", noon_ms + 1, "b"), a_call("acme", "1001", noon_ms, "a"),
        a_call("beta", "1001", noon_ms, "e"),     a_call("acme", "1001", noon_ms + 2, "c"),
        a_call("acme", "", noon_ms + 3, "d"),
    };
    struct slice acme = SLICE_LIT("acme"), desk = SLICE_LIT("1001");
    records[0].is_overseas = records[3].is_overseas = false;
    state_terms(suite);
    add(suite, records, 5);
    struct call_filter all = {0};
    assert_string_equal(walked(suite, all), "a,b,c,d,e");
    all.only_overseas = true;
    assert_string_equal(walked(suite, all), "a,d,e");
    all.to_ms = noon_ms + 3;
    assert_string_equal(walked(suite, all), "a,e");
    struct call_filter tenant = {.tenant = acme, .from_ms = noon_ms + 1, .to_ms = noon_ms + 3};
    assert_string_equal(walked(suite, tenant), "b,c");
    tenant = (struct call_filter){.tenant = acme, .only_overseas = true};
    assert_string_equal(walked(suite, tenant), "a,d");
    struct call_filter account = {.tenant = acme, .account = desk};
    assert_string_equal(walked(suite, account), "a,c");
    account.only_overseas = true;
    assert_string_equal(walked(suite, account), "a");
    assert_string_equal(walked(suite, (struct call_filter){.tenant = SLICE_LIT("acm")}), "");
}

static void a_walk_ends_when_told(void **state)
{
    struct suite *suite = *state;
    struct call_record records[] = {a_call("acme", "1", noon_ms, "a"),
                                    a_call("acme", "1", noon_ms, "b"),
                                    a_call("acme", "1", noon_ms, "c")};
    struct ids ids = {.out = {.p = ids.text, .cap = sizeof ids.text}, .stop_after = 2};
    struct call_filter all = {0};
    struct err err = {0};
    state_terms(suite);
    add(suite, records, 3);
    assert_int_equal(store_calls_each(suite->store, &all, add_id, &ids, &err), 7);
    assert_string_equal(ids.text, "a,b");
    assert_string_equal(walked(suite, all), "a,b,c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(nothing_is_kept_before_the_terms_are_stated),
        STORE_TEST(terms_are_checked_and_audited),
        STORE_TEST(a_record_comes_back_as_it_was),
        STORE_TEST(the_same_record_twice_counts_once),
        STORE_TEST(many_records_go_in_at_once),
        STORE_TEST(a_batch_goes_in_as_a_whole),
        STORE_TEST(days_and_tenants_of_sources_are_noted),
        STORE_TEST(calls_get_the_mark_that_covers_them),
        STORE_TEST(a_walk_goes_by_tenant_account_and_time),
        STORE_TEST(a_walk_ends_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
