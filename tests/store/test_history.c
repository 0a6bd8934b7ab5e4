/* Who called abroad: what is found in a store against a slow look at all that was put in. */
#include "suite.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "store/history.h"
#include "store/txn.h"
#include "../unit/random.h"

static const int64_t day_ms = INT64_C(86400000);

/* --- putting in ------------------------------------------------------------------------------- */

static void put_call(struct txn *txn, const struct call_record *call)
{
    static unsigned id;
    char text[CALL_KEY_BYTES];
    snprintf(text, sizeof text, "%032u", ++id);
    OK(txn_exec(txn,
                "INSERT INTO calls (tenant, at_ms, id, account, number, kind, country, "
                "is_overseas, seconds, disposition, source, context, call_id, mark) "
                "VALUES ($1, $2, $3, $4, '010', 'international', 'US', $5, 7, $6, 'pbx1', '', '', $7)",
                SQL_VALUES(sql_text(call->tenant), sql_int(call->at_ms), sql_text(text),
                           sql_text(call->account), sql_int(call->is_overseas),
                           sql_text(call->disposition == CALL_ANSWERED ? "answered" : "busy"),
                           sql_text(call->mark)),
                &err));
}

static void put_day(struct txn *txn, const char *source, int32_t day)
{
    OK(txn_exec(txn,
                "INSERT INTO call_source_days (source, day, calls) VALUES ($1, $2, 1) "
                "ON CONFLICT DO NOTHING",
                SQL_VALUES(sql_text(source), sql_int(day)), &err));
}

static void put_days(struct suite *suite, const char *source, int32_t first, int32_t last)
{
    struct txn *txn = begin_write(suite);
    for (int32_t day = first; day <= last; day++)
        put_day(txn, source, day);
    commit(txn);
}

static void put_source(struct suite *suite, const char *tenant, const char *source)
{
    struct txn *txn = begin_write(suite);
    OK(txn_scope_everybody(txn, &err));
    OK(txn_exec(txn, "INSERT INTO call_tenant_sources (tenant, source) VALUES ($1, $2)",
                SQL_VALUES(sql_text(tenant), sql_text(source)), &err));
    commit(txn);
}

struct total {
    const char *tenant, *account;
    bool is_overseas, is_marked;
    unsigned calls, answered;
    int64_t first_ms, last_ms;
};

static void put_total(struct txn *txn, const struct total *total)
{
    OK(txn_exec(txn,
                "INSERT INTO call_totals (tenant, account, country, is_overseas, mark, calls, "
                "answered, seconds, first_at_ms, last_at_ms) "
                "VALUES ($1, $2, 'US', $3, $4, $5, $6, 1, $7, $8)",
                SQL_VALUES(sql_text(total->tenant), sql_text(total->account),
                           sql_int(total->is_overseas), sql_text(total->is_marked ? "m" : ""),
                           sql_int(total->calls), sql_int(total->answered),
                           sql_int(total->first_ms), sql_int(total->last_ms)),
                &err));
}

static void made_at(struct suite *suite, const char *tenant, int64_t at_ms)
{
    struct txn *txn = begin_write(suite);
    OK(txn_scope_everybody(txn, &err));
    OK(txn_exec(txn, "UPDATE tenants SET created_at_ms = $2 WHERE id = $1",
                SQL_VALUES(sql_text(tenant), sql_int(at_ms)), &err));
    OK(txn_exec(txn, "UPDATE accounts SET created_at_ms = $2 WHERE tenant = $1",
                SQL_VALUES(sql_text(tenant), sql_int(at_ms)), &err));
    commit(txn);
}

static void call_abroad(struct suite *suite, const char *account, int64_t at_ms, const char *mark)
{
    struct call_record call = {.at_ms = at_ms, .tenant = "acme", .is_overseas = true};
    snprintf(call.account, sizeof call.account, "%s", account);
    snprintf(call.mark, sizeof call.mark, "%s", mark);
    struct txn *txn = begin_write(suite);
    OK(txn_scope_everybody(txn, &err));
    put_call(txn, &call);
    commit(txn);
}

/* --- looking ---------------------------------------------------------------------------------- */

/* "acme/1001 never 91/91 -" for each line. */
static int note(void *context, const struct account_history *history, struct err *err)
{
    struct buf *out = context;
    (void)err;
    buf_printf(out, "%s%.*s/%.*s %s%s%s %d/%d", out->n ? ", " : "", SLICE_ARG(history->tenant),
               SLICE_ARG(history->account), overseas_word(history->overseas),
               history->unknown_reason ? " " : "", unknown_reason_word(history->unknown_reason),
               history->days_covered, history->days_wanted);
    return 0;
}

static const char *history_text(struct suite *suite, const struct history_filter *filter)
{
    char text[4096] = "";
    struct buf out = BUF_OVER(text);
    OK(store_history_each(suite->store, filter, note, &out, &err));
    const char *copy = arena_copy(&suite->arena, buf_slice(&out));
    assert_non_null(copy);
    return copy;
}

/* A tenant with one account, both made long ago, and every day of the last year covered. */
static struct history_filter a_world(struct suite *suite, int32_t *ret_today)
{
    int32_t today = day_of_ms(clock_now_ms());
    put_tenant(suite, "acme", NULL);
    put_account(suite, "acme", "1001");
    made_at(suite, "acme", day_begins_ms(today - 400));
    put_days(suite, "pbx1", today - 364, today);
    *ret_today = today;
    return (struct history_filter){
        .overseas = -1,
        .period = {.since_ms = day_begins_ms(today - 99), .until_ms = day_begins_ms(today + 1)},
    };
}

/* --- one case each ---------------------------------------------------------------------------- */

static void without_any_call_and_all_days_it_is_never(void **state)
{
    struct suite *suite = *state;
    int32_t today;
    struct history_filter filter = a_world(suite, &today);
    assert_string_equal(history_text(suite, &filter), "acme/1001 never 100/100");
    filter.whole_tenants = true;
    assert_string_equal(history_text(suite, &filter), "acme/ never 100/100");
}

static void calls_before_the_period_are_none_within(void **state)
{
    struct suite *suite = *state;
    int32_t today;
    struct history_filter filter = a_world(suite, &today);
    call_abroad(suite, "1001", filter.period.since_ms - 1, "");
    assert_string_equal(history_text(suite, &filter), "acme/1001 never 100/100");
    call_abroad(suite, "1001", filter.period.until_ms, "");
    assert_string_equal(history_text(suite, &filter), "acme/1001 never 100/100");
    call_abroad(suite, "1001", filter.period.since_ms, "");
    assert_string_equal(history_text(suite, &filter), "acme/1001 called 100/100");
}

static void calls_marked_as_fraud_are_no_history(void **state)
{
    struct suite *suite = *state;
    int32_t today;
    struct history_filter filter = a_world(suite, &today);
    call_abroad(suite, "1001", day_begins_ms(today - 5), "01MARK");
    assert_string_equal(history_text(suite, &filter), "acme/1001 never 100/100");
    struct txn *txn = begin_write(suite);
    OK(txn_scope_everybody(txn, &err));
    put_total(txn, &(struct total){"acme", "1001", true, true, 5, 5, day_begins_ms(today - 20),
                                   day_begins_ms(today - 19)});
    commit(txn);
    assert_string_equal(history_text(suite, &filter), "acme/1001 never 100/100");
}

static void who_is_not_an_account_here_counts_for_the_tenant(void **state)
{
    struct suite *suite = *state;
    int32_t today;
    struct history_filter filter = a_world(suite, &today);
    call_abroad(suite, "1000", day_begins_ms(today - 5), "");
    assert_string_equal(history_text(suite, &filter), "acme/1001 never 100/100");
    filter.whole_tenants = true;
    assert_string_equal(history_text(suite, &filter), "acme/ called 100/100");
}

static void one_made_again_has_the_calls_of_both(void **state)
{
    struct suite *suite = *state;
    int32_t today;
    struct history_filter filter = a_world(suite, &today);
    call_abroad(suite, "1001", day_begins_ms(today - 50), "");
    struct txn *txn = begin_write(suite);
    OK(store_account_delete(txn, SLICE_LIT("acme"), SLICE_LIT("1001"), NULL, &err));
    commit(txn);
    assert_string_equal(history_text(suite, &filter), "");
    put_account(suite, "acme", "1001");
    assert_string_equal(history_text(suite, &filter), "acme/1001 called 51/100");
    filter.period.since_ms = day_begins_ms(today - 49);
    filter.period.days_min = 50;
    assert_string_equal(history_text(suite, &filter), "acme/1001 never 50/50");
}

static void the_young_are_a_category_of_their_own(void **state)
{
    struct suite *suite = *state;
    int32_t today;
    struct history_filter filter = a_world(suite, &today);
    put_account(suite, "acme", "1002");
    assert_string_equal(history_text(suite, &filter),
                        "acme/1001 never 100/100, acme/1002 unknown too_young 1/100");
    filter.whole_tenants = true; /* as its worst account */
    assert_string_equal(history_text(suite, &filter), "acme/ unknown too_young 100/100");
    filter.whole_tenants = false;
    filter.overseas = OVERSEAS_NEVER;
    assert_string_equal(history_text(suite, &filter), "acme/1001 never 100/100");
}

static int32_t gap_first, gap_last;
static unsigned gaps;
static int see_gaps(void *context, const struct account_history *history, struct err *err)
{
    (void)context, (void)err;
    gaps = history->gaps_count;
    gap_first = gaps ? history->gaps[0].first : 0;
    gap_last = gaps ? history->gaps[gaps - 1].last : 0;
    return 7;
}

static void a_day_counts_when_every_source_sent_records(void **state)
{
    struct suite *suite = *state;
    int32_t today;
    struct history_filter filter = a_world(suite, &today);
    put_days(suite, "pbx2", today - 364, today - 30);
    put_days(suite, "pbx2", today - 18, today);
    assert_string_equal(history_text(suite, &filter),
                        "acme/1001 unknown little_history 89/100"); /* of all sources */
    put_source(suite, "acme", "pbx1");
    assert_string_equal(history_text(suite, &filter), "acme/1001 never 100/100");
    put_source(suite, "acme", "pbx2");
    assert_string_equal(history_text(suite, &filter), "acme/1001 unknown little_history 89/100");
    struct err err = {0};
    assert_int_equal(store_history_each(suite->store, &filter, see_gaps, NULL, &err), 7);
    assert_int_equal(gaps, 1);
    assert_int_equal(gap_first, today - 29);
    assert_int_equal(gap_last, today - 19);
    put_source(suite, "acme", "pbx3"); /* sent nothing */
    assert_string_equal(history_text(suite, &filter), "acme/1001 unknown little_history 0/100");
}

static void days_are_those_of_japan(void **state)
{
    (void)state;
    int64_t midnight_ms;
    assert_true(clock_parse(SLICE_LIT("2026-09-01T00:00:00+09:00"), &midnight_ms));
    assert_int_equal(day_of_ms(midnight_ms), 20697);
    assert_int_equal(day_of_ms(midnight_ms - 1), 20696);
    assert_true(day_begins_ms(20697) == midnight_ms);
    assert_int_equal(day_of_ms(0), 0);
    assert_int_equal(day_of_ms(-9 * 3600 * 1000 - 1), -1);
}

static void a_period_that_cannot_be_is_refused(void **state)
{
    struct suite *suite = *state;
    int32_t today;
    struct history_filter filter = a_world(suite, &today);
    filter.period.since_ms = filter.period.until_ms;
    FAILS(suite, ERR_INVALID, store_history_each(suite->store, &filter, note, NULL, &err));
    filter.period.since_ms = filter.period.until_ms - 89 * day_ms;
    FAILS(suite, ERR_INVALID, store_history_each(suite->store, &filter, note, NULL, &err));
    assert_non_null(strstr(suite->err.text, "89 days"));
    filter.period.since_ms = filter.period.until_ms - 4000 * day_ms;
    FAILS(suite, ERR_INVALID, store_history_each(suite->store, &filter, note, NULL, &err));
    filter.period.since_ms = 0;
    assert_string_equal(history_text(suite, &filter), "acme/1001 never 365/3660");
}

/* --- the slow twin ---------------------------------------------------------------------------- */

enum { TENANTS = 9, ACCOUNTS = 7, SOURCES = 3, DAYS = 40, CALLS = 900, MANY = 2300 };

static struct twin {
    int32_t first; /* day */
    struct call_record calls[CALLS];
    struct total totals[60];
    unsigned totals_count;
    bool days[SOURCES][DAYS], seen[TENANTS][SOURCES], is_here[TENANTS][ACCOUNTS];
    int64_t made_ms[TENANTS];
    char tenants[TENANTS][8], accounts[ACCOUNTS][8];
} twin;

/* The line that `account` of a tenant (NULL: the whole tenant) should get. */
static struct account_history slow(int t, const char *account, const struct history_filter *filter)
{
    const struct history_period *period = &filter->period;
    struct account_history line = {.known_since_ms = twin.made_ms[t],
                                   .days_min = period->days_min};
    for (int i = 0; i < CALLS; i++) {
        const struct call_record *call = &twin.calls[i];
        if (strcmp(call->tenant, twin.tenants[t]) != 0 ||
            (account && strcmp(call->account, account) != 0))
            continue;
        bool is_within = call->at_ms >= period->since_ms && call->at_ms < period->until_ms;
        if (call->at_ms < line.known_since_ms)
            line.known_since_ms = call->at_ms;
        line.calls += is_within;
        if (!call->is_overseas)
            continue;
        line.marked_calls += is_within && call->mark[0];
        if (call->mark[0])
            continue;
        line.overseas_calls += is_within;
        line.overseas_answered += is_within && call->disposition == CALL_ANSWERED;
        if (!line.first_overseas_ms || call->at_ms < line.first_overseas_ms)
            line.first_overseas_ms = call->at_ms;
        if (call->at_ms > line.last_overseas_ms)
            line.last_overseas_ms = call->at_ms;
    }
    for (unsigned i = 0; i < twin.totals_count; i++) {
        const struct total *total = &twin.totals[i];
        if (strcmp(total->tenant, twin.tenants[t]) != 0 ||
            (account && strcmp(total->account, account) != 0))
            continue;
        bool touches = total->first_ms < period->until_ms && total->last_ms >= period->since_ms;
        bool is_within = total->first_ms >= period->since_ms && total->last_ms < period->until_ms;
        unsigned calls = is_within ? total->calls : touches;
        if (total->first_ms < line.known_since_ms)
            line.known_since_ms = total->first_ms;
        line.calls += calls;
        if (total->is_overseas && total->is_marked)
            line.marked_calls += calls;
        if (!total->is_overseas || total->is_marked)
            continue;
        line.overseas_calls += calls;
        line.overseas_answered += is_within ? total->answered : 0;
        if (!line.first_overseas_ms || total->first_ms < line.first_overseas_ms)
            line.first_overseas_ms = total->first_ms;
        if (total->last_ms > line.last_overseas_ms)
            line.last_overseas_ms = total->last_ms;
    }
    return line;
}

static void slow_days(int t, struct account_history *line, const struct history_filter *filter)
{
    int32_t first = day_of_ms(filter->period.since_ms), last = day_of_ms(filter->period.until_ms - 1);
    int32_t from = day_of_ms(line->known_since_ms);
    bool any = twin.seen[t][0] || twin.seen[t][1] || twin.seen[t][2];
    line->days_wanted = last - first + 1;
    for (int32_t day = first > from ? first : from; day <= last; day++) {
        bool is_covered = day >= twin.first && day < twin.first + DAYS;
        for (int s = 0; s < SOURCES && is_covered; s++)
            if (twin.seen[t][s] || !any)
                is_covered = twin.days[s][day - twin.first];
        line->days_covered += is_covered;
    }
    bool is_enough = line->days_covered >= line->days_min;
    line->overseas = line->overseas_calls ? OVERSEAS_CALLED : is_enough ? OVERSEAS_NEVER : OVERSEAS_UNKNOWN;
    if (line->overseas == OVERSEAS_UNKNOWN)
        line->unknown_reason = last - from + 1 < line->days_min ? UNKNOWN_TOO_YOUNG : UNKNOWN_LITTLE_HISTORY;
}

static void slow_tenant(int t, struct account_history *line, const struct history_filter *filter)
{
    enum unknown_reason worst = UNKNOWN_NOT;
    for (int a = 0; a < ACCOUNTS; a++) {
        if (!twin.is_here[t][a])
            continue;
        struct account_history account = slow(t, twin.accounts[a], filter);
        slow_days(t, &account, filter);
        line->accounts[account.overseas]++;
        if (account.unknown_reason > worst)
            worst = account.unknown_reason;
    }
    if (line->overseas == OVERSEAS_NEVER && worst) {
        line->overseas = OVERSEAS_UNKNOWN;
        line->unknown_reason = worst;
    }
}

struct expected {
    const struct history_filter *filter;
    struct account_history lines[TENANTS * ACCOUNTS];
    char names[TENANTS * ACCOUNTS][2][8];
    unsigned count, at, stop_at;
};

static void expect_lines(struct expected *expected, const struct history_filter *filter)
{
    *expected = (struct expected){.filter = filter};
    for (int t = 0; t < TENANTS; t++)
        for (int a = 0; a < (filter->whole_tenants ? 1 : ACCOUNTS); a++) {
            if (filter->tenant.n && !slice_equals_text(filter->tenant, twin.tenants[t]))
                continue;
            if (!filter->whole_tenants && !twin.is_here[t][a])
                continue;
            const char *account = filter->whole_tenants ? NULL : twin.accounts[a];
            struct account_history line = slow(t, account, filter);
            slow_days(t, &line, filter);
            if (filter->whole_tenants)
                slow_tenant(t, &line, filter);
            if (filter->overseas >= 0 && (int)line.overseas != filter->overseas)
                continue;
            expected->lines[expected->count] = line;
            snprintf(expected->names[expected->count][0], 8, "%s", twin.tenants[t]);
            snprintf(expected->names[expected->count++][1], 8, "%s", account ? account : "");
        }
}

#define SAME(member) assert_true(one->member == other->member)
static int compare_line(void *context, const struct account_history *one, struct err *err)
{
    struct expected *expected = context;
    (void)err;
    if (slice_equals_text(one->tenant, "big"))
        return 0;
    assert_true(expected->at < expected->count);
    const struct account_history *other = &expected->lines[expected->at];
    assert_true(slice_equals_text(one->tenant, expected->names[expected->at][0]));
    assert_true(slice_equals_text(one->account, expected->names[expected->at][1]));
    SAME(overseas);
    SAME(unknown_reason);
    SAME(known_since_ms);
    SAME(days_covered);
    SAME(days_wanted);
    SAME(calls);
    SAME(overseas_calls);
    SAME(overseas_answered);
    SAME(marked_calls);
    SAME(first_overseas_ms);
    SAME(last_overseas_ms);
    for (int i = 0; i < 3; i++)
        SAME(accounts[i]);
    int covered = one->days_wanted;
    for (unsigned i = 0; i < one->gaps_count; i++)
        covered -= one->gaps[i].last - one->gaps[i].first + 1;
    assert_true(covered >= one->days_covered);
    expected->at++;
    return expected->at == expected->stop_at ? 1 : 0;
}

static void fill_calls(struct txn *txn, struct random *random)
{
    for (int i = 0; i < CALLS; i++) {
        struct call_record *call = &twin.calls[i];
        unsigned t = random_below(random, TENANTS + 1), a = random_below(random, ACCOUNTS + 1);
        /* of a tenant that is not here, and without an account, too */
        snprintf(call->tenant, sizeof call->tenant, "%s", t < TENANTS ? twin.tenants[t] : "t0gone");
        snprintf(call->account, sizeof call->account, "%s", a < ACCOUNTS ? twin.accounts[a] : "");
        call->at_ms = day_begins_ms(twin.first - 10) + (int64_t)random_below(random, DAYS + 20) * day_ms +
                      random_below(random, 86400) * INT64_C(1000);
        call->is_overseas = random_below(random, 12) == 0;
        call->disposition = random_below(random, 2) ? CALL_ANSWERED : CALL_BUSY;
        if (random_below(random, 3) == 0)
            snprintf(call->mark, sizeof call->mark, "01MARK");
        put_call(txn, call);
    }
    for (int t = 0; t < TENANTS; t++)
        for (int a = 0; a < ACCOUNTS; a++) {
            struct total *total = &twin.totals[twin.totals_count];
            if (random_below(random, 3) || twin.totals_count == 60)
                continue;
            int64_t from = day_begins_ms(twin.first - 10 + (int32_t)random_below(random, DAYS));
            *total = (struct total){twin.tenants[t], twin.accounts[a], random_below(random, 3) == 0,
                                    random_below(random, 3) == 0, 5, 3, from,
                                    from + random_below(random, DAYS) * day_ms};
            put_total(txn, total);
            twin.totals_count++;
        }
}

static void fill_days(struct suite *suite, struct random *random)
{
    struct txn *txn = begin_write(suite);
    for (int s = 0; s < SOURCES; s++)
        for (int d = 0; d < DAYS; d++) {
            char name[8];
            snprintf(name, sizeof name, "pbx%d", s);
            twin.days[s][d] = random_below(random, 8) != 0;
            if (twin.days[s][d])
                put_day(txn, name, twin.first + d);
        }
    commit(txn);
    for (int t = 0; t < TENANTS; t++)
        for (int s = 0; s < SOURCES; s++) {
            char name[8];
            snprintf(name, sizeof name, "pbx%d", s);
            twin.seen[t][s] = random_below(random, 3) == 0;
            if (twin.seen[t][s])
                put_source(suite, twin.tenants[t], name);
        }
}

static void fill_tenants(struct suite *suite, struct random *random)
{
    for (int a = 0; a < ACCOUNTS; a++)
        snprintf(twin.accounts[a], sizeof twin.accounts[a], a % 2 ? "%d-a" : "%d", 100 + a / 2);
    for (int t = 0; t < TENANTS; t++) {
        snprintf(twin.tenants[t], sizeof twin.tenants[t], t % 2 ? "t%d-b" : "t%d", t / 2);
        put_tenant(suite, twin.tenants[t], NULL);
        for (int a = 0; a < ACCOUNTS; a++) {
            twin.is_here[t][a] = random_below(random, 4) != 0;
            if (twin.is_here[t][a])
                put_account(suite, twin.tenants[t], twin.accounts[a]);
        }
        twin.made_ms[t] = day_begins_ms(twin.first - 5 + (int32_t)random_below(random, DAYS));
        made_at(suite, twin.tenants[t], twin.made_ms[t]);
    }
}

/* More accounts than are read at a time. */
static void fill_many(struct suite *suite)
{
    put_tenant(suite, "big", NULL);
    struct txn *txn = begin_write(suite);
    OK(txn_scope_everybody(txn, &err));
    for (int i = 0; i < MANY; i++) {
        char id[16];
        snprintf(id, sizeof id, "%05d", i);
        OK(txn_exec(txn,
                    "INSERT INTO accounts (tenant, id, display_name, profile, created_at_ms, "
                    "updated_at_ms, version, rules_version) VALUES ('big', $1, '', '', 1, 1, 1, 1)",
                    SQL_VALUES(sql_text(id)), &err));
        if (i % 10 == 0)
            put_call(txn, &(struct call_record){.tenant = "big", .at_ms = day_begins_ms(twin.first),
                                                .is_overseas = true});
    }
    commit(txn);
}

struct counted {
    uint64_t lines, accounts, calls;
    char last[16];
};

static int count_line(void *context, const struct account_history *history, struct err *err)
{
    struct counted *counted = context;
    char id[16];
    (void)err;
    snprintf(id, sizeof id, "%.*s", SLICE_ARG(history->account));
    assert_true(strcmp(id, counted->last) > 0 || !id[0]);
    memcpy(counted->last, id, sizeof id);
    counted->lines++;
    counted->accounts += history->accounts[0] + history->accounts[1] + history->accounts[2];
    counted->calls += history->overseas_calls;
    return 0;
}

static void check_many(struct suite *suite, struct history_filter filter)
{
    struct counted counted = {0};
    filter.tenant = SLICE_LIT("big");
    filter.whole_tenants = false;
    filter.period.since_ms = day_begins_ms(twin.first);
    filter.period.until_ms = day_begins_ms(twin.first + DAYS);
    filter.overseas = -1;
    OK(store_history_each(suite->store, &filter, count_line, &counted, &err));
    assert_int_equal(counted.lines, MANY);
    counted = (struct counted){0};
    filter.after_tenant = SLICE_LIT("big");
    filter.after_account = SLICE_LIT("00499");
    OK(store_history_each(suite->store, &filter, count_line, &counted, &err));
    assert_int_equal(counted.lines, MANY - 500);
    counted = (struct counted){0};
    filter.after_tenant = SLICE_NONE;
    filter.whole_tenants = true;
    OK(store_history_each(suite->store, &filter, count_line, &counted, &err));
    assert_int_equal(counted.lines, 1);
    assert_int_equal(counted.accounts, MANY);
    assert_int_equal(counted.calls, MANY / 10);
}

/* The same in pieces: each goes on where the one before was stopped. */
static void check_in_pieces(struct suite *suite, struct history_filter filter, struct random *random)
{
    static struct expected expected;
    struct history_filter whole = filter;
    expect_lines(&expected, &whole);
    int r;
    do {
        struct err err = {0};
        expected.stop_at = expected.at + 1 + random_below(random, 9);
        r = store_history_each(suite->store, &filter, compare_line, &expected, &err);
        if (r < 0)
            fail_msg("%s", err.text);
        filter.after_tenant = slice_of(expected.names[expected.at - 1][0]);
        filter.after_account = slice_of(expected.names[expected.at - 1][1]);
    } while (r && expected.at < expected.count);
    assert_int_equal(expected.at, expected.count);
}

static void as_a_slow_look_at_everything(void **state)
{
    struct suite *suite = *state;
    struct random random = random_start("history");
    memset(&twin, 0, sizeof twin);
    twin.first = day_of_ms(clock_now_ms()) - 200;
    fill_tenants(suite, &random);
    fill_days(suite, &random);
    fill_many(suite);
    struct txn *txn = begin_write(suite);
    OK(txn_scope_everybody(txn, &err));
    fill_calls(txn, &random);
    commit(txn);
    static struct expected expected;
    for (int i = 0; i < 24; i++) {
        int64_t since_ms = day_begins_ms(twin.first - 6) + random_below(&random, 20 * 86400) * INT64_C(1000);
        unsigned t = random_below(&random, TENANTS * 3);
        struct history_filter filter = {
            .tenant = t < TENANTS ? slice_of(twin.tenants[t]) : SLICE_NONE,
            .whole_tenants = random_below(&random, 2),
            .overseas = (int)random_below(&random, 4) - 1,
            .period = {since_ms, since_ms + (5 + random_below(&random, DAYS)) * day_ms,
                       1 + (int)random_below(&random, 5)},
        };
        expect_lines(&expected, &filter);
        OK(store_history_each(suite->store, &filter, compare_line, &expected, &err));
        assert_int_equal(expected.at, expected.count);
        if (expected.count)
            check_in_pieces(suite, filter, &random);
        if (i == 0)
            check_many(suite, filter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(without_any_call_and_all_days_it_is_never),
        STORE_TEST(calls_before_the_period_are_none_within),
        STORE_TEST(calls_marked_as_fraud_are_no_history),
        STORE_TEST(who_is_not_an_account_here_counts_for_the_tenant),
        STORE_TEST(one_made_again_has_the_calls_of_both),
        STORE_TEST(the_young_are_a_category_of_their_own),
        STORE_TEST(a_day_counts_when_every_source_sent_records),
        STORE_TEST(a_period_that_cannot_be_is_refused),
        STORE_TEST(as_a_slow_look_at_everything),
        cmocka_unit_test(days_are_those_of_japan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
