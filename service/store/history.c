/* Adds up what history_chunk.c reads: a line an account, or a tenant. */
#include "store/coverage.h"

#include "base/clock.h"
#include "store/history_chunk.h"

struct walk {
    const struct history_filter *filter;
    store_history_fn *fn;
    void *context;
    struct txn *txn;
    int64_t since_ms, until_ms;
    int days_min;
    struct coverage coverage;
    struct account_history tenant, account; /* being added up */
    char tenant_id[BOUND_BYTES], account_id[BOUND_BYTES];
    bool has_tenant, has_account;
};

const char *overseas_word(enum overseas overseas)
{
    static const char *const words[] = {"called", "never", "unknown"};
    return words[overseas];
}

bool overseas_of(struct slice word, enum overseas *ret)
{
    for (enum overseas overseas = OVERSEAS_CALLED; overseas <= OVERSEAS_UNKNOWN; overseas++) {
        if (!slice_equals_text(word, overseas_word(overseas)))
            continue;
        *ret = overseas;
        return true;
    }
    return false;
}

const char *unknown_reason_word(enum unknown_reason reason)
{
    static const char *const words[] = {"", "too_young", "little_history"};
    return words[reason];
}

/* --- judging ---------------------------------------------------------------------------------- */

static void judge(const struct walk *walk, struct account_history *line)
{
    int32_t from = day_of_ms(line->known_since_ms);
    int days_possible = walk->coverage.last - from + 1;
    line->days_wanted = (int)walk->coverage.days;
    line->days_min = walk->days_min;
    line->days_covered = coverage_from(&walk->coverage, from);
    line->gaps = walk->coverage.gaps;
    line->gaps_count = walk->coverage.gaps_count;
    line->unknown_reason = UNKNOWN_NOT;
    line->overseas = OVERSEAS_NEVER;
    if (line->overseas_calls) {
        line->overseas = OVERSEAS_CALLED;
    } else if (line->days_covered < walk->days_min) {
        line->overseas = OVERSEAS_UNKNOWN;
        line->unknown_reason =
            days_possible < walk->days_min ? UNKNOWN_TOO_YOUNG : UNKNOWN_LITTLE_HISTORY;
    }
}

static int tell(struct walk *walk, const struct account_history *line, struct err *err)
{
    if (walk->filter->overseas >= 0 && (int)line->overseas != walk->filter->overseas)
        return 0;
    return walk->fn(walk->context, line, err);
}

static int end_account(struct walk *walk, struct err *err)
{
    struct account_history *account = &walk->account, *tenant = &walk->tenant;
    if (!walk->has_account)
        return 0;
    walk->has_account = false;
    judge(walk, account);
    tenant->accounts[account->overseas]++;
    if (account->unknown_reason > tenant->unknown_reason)
        tenant->unknown_reason = account->unknown_reason;
    return walk->filter->whole_tenants ? 0 : tell(walk, account, err);
}

static int end_tenant(struct walk *walk, struct err *err)
{
    struct account_history *tenant = &walk->tenant;
    int r = end_account(walk, err);
    if (r != 0 || !walk->has_tenant)
        return r;
    walk->has_tenant = false;
    if (!walk->filter->whole_tenants)
        return 0;
    enum unknown_reason of_accounts = tenant->unknown_reason;
    if (!walk->coverage.is_settled)
        coverage_settle(&walk->coverage);
    judge(walk, tenant);
    if (tenant->overseas == OVERSEAS_NEVER && of_accounts != UNKNOWN_NOT) {
        tenant->overseas = OVERSEAS_UNKNOWN;
        tenant->unknown_reason = of_accounts;
    }
    return tell(walk, tenant, err);
}

/* --- adding up -------------------------------------------------------------------------------- */

static struct account_history begin_line(const char *tenant, const char *account,
                                         int64_t created_at_ms)
{
    return (struct account_history){
        .tenant = slice_of(tenant),
        .account = slice_of(account),
        .known_since_ms = created_at_ms,
    };
}

static int begin_tenant(struct walk *walk, struct slice id, struct err *err)
{
    struct txn *txn = walk->txn;
    struct slice profile = walk->filter->profile;
    int r = end_tenant(walk, err);
    if (r != 0)
        return r;
    snprintf(walk->tenant_id, sizeof walk->tenant_id, "%.*s", SLICE_ARG(id));
    walk->has_tenant = profile.n == 0 || slice_equals(profile, column_text(txn, 3));
    walk->tenant = begin_line(walk->tenant_id, "", column_int(txn, 4));
    coverage_clear(&walk->coverage);
    return 0;
}

static void begin_account(struct walk *walk, struct slice id)
{
    snprintf(walk->account_id, sizeof walk->account_id, "%.*s", SLICE_ARG(id));
    walk->has_account = true;
    walk->account = begin_line(walk->tenant_id, walk->account_id, column_int(walk->txn, 4));
}

/* Earliest of two moments, where 0 is none. */
static void take_first(int64_t *first, int64_t ms)
{
    if (ms && (*first == 0 || ms < *first))
        *first = ms;
}

static void take_last(int64_t *last, int64_t ms)
{
    if (ms > *last)
        *last = ms;
}

static void add(struct account_history *line, struct txn *txn, int64_t what)
{
    switch (what) {
    case 3:
        take_first(&line->known_since_ms, column_int(txn, 4));
        line->calls += (uint64_t)column_int(txn, 5);
        return;
    case 5:
        take_first(&line->known_since_ms, column_int(txn, 9));
        line->calls += (uint64_t)column_int(txn, 10);
        break;
    default: break;
    }
    line->overseas_calls += (uint64_t)column_int(txn, 4);
    line->overseas_answered += (uint64_t)column_int(txn, 5);
    line->marked_calls += (uint64_t)column_int(txn, 6);
    take_first(&line->first_overseas_ms, column_int(txn, 7));
    take_last(&line->last_overseas_ms, column_int(txn, 8));
}

static int take_row(struct walk *walk, struct err *err)
{
    struct txn *txn = walk->txn;
    struct slice tenant = column_text(txn, 0), account = column_text(txn, 1);
    int64_t what = column_int(txn, 2);
    bool is_current = slice_equals_text(tenant, walk->tenant_id);
    if (what == 0) /* again, where a chunk began in the middle of a tenant */
        return is_current ? 0 : begin_tenant(walk, tenant, err);
    if (!is_current || !walk->has_tenant)
        return 0; /* records of a tenant that is not here, or not wanted */
    if (what == 1) {
        if (!walk->coverage.is_settled)
            coverage_take(&walk->coverage, column_text(txn, 3));
        return 0;
    }
    if (!walk->coverage.is_settled)
        coverage_settle(&walk->coverage);
    if (!walk->has_account || !slice_equals_text(account, walk->account_id)) {
        int r = end_account(walk, err);
        if (r != 0)
            return r;
    }
    if (what == 2) {
        begin_account(walk, account);
        return 0;
    }
    if (walk->has_account)
        add(&walk->account, txn, what);
    add(&walk->tenant, txn, what);
    return 0;
}

/* --- walking ---------------------------------------------------------------------------------- */

static int walk_chunk(struct walk *walk, const struct chunk *chunk, struct err *err)
{
    struct txn *txn = walk->txn;
    struct err ignored;
    int r = history_query(txn, chunk, walk->since_ms, walk->until_ms, err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        r = take_row(walk, err);
        if (r == 0)
            continue;
        while (!txn->failed && txn_next(txn, &ignored) == 1) /* or its connection would be lost */
            continue;
        break;
    }
    txn_end(txn);
    return r;
}

static int walk_all(struct walk *walk, struct bound from, struct err *err)
{
    while (strcmp(from.tenant, HISTORY_END) != 0) {
        struct chunk chunk;
        struct bound next;
        int r = history_plan(walk->txn, walk->filter->tenant.n != 0, &from, &chunk, &next, err);
        if (r == 0)
            r = walk_chunk(walk, &chunk, err);
        if (r != 0)
            return r;
        from = next;
    }
    return end_tenant(walk, err);
}

static int set_period(struct walk *walk, const struct history_period *period, int32_t *ret_first,
                      int32_t *ret_last, struct err *err)
{
    walk->days_min = period->days_min ? period->days_min : HISTORY_DAYS_MIN;
    walk->until_ms = period->until_ms ? period->until_ms : clock_now_ms();
    int32_t last = day_of_ms(walk->until_ms - 1);
    walk->since_ms = period->since_ms ? period->since_ms : day_begins_ms(last - HISTORY_DAYS_MAX + 1);
    if (walk->since_ms >= walk->until_ms)
        return err_set(err, ERR_INVALID, "the period ends before it begins");
    int32_t first = day_of_ms(walk->since_ms);
    if (last - first >= HISTORY_DAYS_MAX)
        return err_set(err, ERR_INVALID, "a period has at most %d days", HISTORY_DAYS_MAX);
    if (last - first + 1 < walk->days_min)
        return err_set(err, ERR_INVALID,
                       "the period has %d days, but \"never\" needs %d covered ones: begin earlier, "
                       "or be content with fewer (days_min)",
                       last - first + 1, walk->days_min);
    *ret_first = first;
    *ret_last = last;
    return 0;
}

int store_history_each(struct store *store, const struct history_filter *filter,
                       store_history_fn *fn, void *context, struct err *err)
{
    struct walk walk = {.filter = filter, .fn = fn, .context = context};
    struct bound from;
    int32_t first = 0, last = 0;
    int r = set_period(&walk, &filter->period, &first, &last, err);
    if (r < 0 || !history_start(filter, &from))
        return r;
    r = txn_begin(store, SQL_WALK, &walk.txn, err);
    if (r < 0)
        return r;
    r = filter->tenant.n ? txn_scope(walk.txn, filter->tenant, err)
                         : txn_scope_everybody(walk.txn, err);
    if (r == 0)
        r = coverage_init(&walk.coverage, first, last, walk.txn, err);
    if (r == 0)
        r = walk_all(&walk, from, err);
    coverage_release(&walk.coverage);
    store_rollback(walk.txn);
    return r;
}

int store_history_sources(struct store *store, const struct history_period *period,
                          store_source_fn *fn, void *context, struct err *err)
{
    struct walk walk = {0};
    struct coverage *coverage = &walk.coverage;
    int32_t first = 0, last = 0;
    int r = set_period(&walk, period, &first, &last, err);
    if (r == 0)
        r = store_begin(store, NULL, &walk.txn, err);
    if (r < 0)
        return r;
    r = coverage_init(coverage, first, last, walk.txn, err);
    store_rollback(walk.txn);
    for (unsigned i = 0; i < coverage->sources_count && r == 0; i++) {
        coverage_clear(coverage);
        coverage_take(coverage, slice_of(coverage->sources[i].name));
        coverage_settle(coverage);
        struct source_history source = {
            .source = coverage->sources[i].name,
            .days_covered = coverage_from(coverage, first),
            .days_wanted = (int)coverage->days,
            .gaps = coverage->gaps,
            .gaps_count = coverage->gaps_count,
        };
        r = fn(context, &source, err);
    }
    coverage_release(coverage);
    return r;
}
