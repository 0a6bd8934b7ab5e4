/* What was decided: single attempts, and counts of the allowed domestic calls. */
#include "store/txn.h"

#define ATTEMPT_COLUMNS                                                                            \
    "at_ms, decision_id, tenant, account, number, kind, country, action, reason, rule_id, "        \
    "degraded, origin, call_id, source_ip, revision"

/* --- adding ----------------------------------------------------------------------------------- */

static int add_attempt(struct txn *txn, const struct attempt *attempt, struct err *err)
{
    return txn_exec(
        txn,
        "INSERT INTO attempts (" ATTEMPT_COLUMNS ") "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) "
        "ON CONFLICT DO NOTHING", /* sent again after a commit of unknown end */
        SQL_VALUES(sql_int(attempt->at_ms), sql_text(attempt->decision_id),
                   sql_text(attempt->tenant), sql_text(attempt->account),
                   sql_text(attempt->number), sql_text(attempt->kind), sql_text(attempt->country),
                   sql_text(attempt->action), sql_text(attempt->reason),
                   sql_text(attempt->rule_id), sql_text(attempt->degraded),
                   sql_text(attempt->origin), sql_text(attempt->call_id),
                   sql_text(attempt->source_ip), sql_int((int64_t)attempt->revision)),
        err);
}

static int add_count(struct txn *txn, const struct attempt_count *count, struct err *err)
{
    return txn_exec(txn,
                    "INSERT INTO attempt_counts (tenant, account, minute_ms, count) "
                    "VALUES ($1, $2, $3, $4) ON CONFLICT (tenant, account, minute_ms) "
                    "DO UPDATE SET count = attempt_counts.count + excluded.count",
                    SQL_VALUES(sql_text(count->tenant), sql_text(count->account),
                               sql_int(count->minute_ms), sql_int((int64_t)count->count)),
                    err);
}

int store_attempts_add(struct store *store, const struct attempt *attempts, unsigned attempts_count,
                       const struct attempt_count *counts, unsigned counts_count, struct err *err)
{
    static const struct actor recorder = {"node", "node", "", ""}; /* makes no audit record */
    struct txn *txn;
    int r = store_begin(store, &recorder, &txn, err);
    if (r < 0)
        return r;
    r = txn_scope_everybody(txn, err);
    for (unsigned i = 0; i < attempts_count && r == 0; i++)
        r = add_attempt(txn, &attempts[i], err);
    for (unsigned i = 0; i < counts_count && r == 0; i++)
        r = add_count(txn, &counts[i], err);
    if (r < 0) {
        store_rollback(txn);
        return r;
    }
    return store_commit(txn, NULL, err);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Columns of one attempt and where they go. */
static const struct {
    size_t offset, size;
} texts[] = {
#define FIELD(name) {offsetof(struct attempt, name), sizeof((struct attempt *)0)->name}
    FIELD(decision_id), FIELD(tenant),  FIELD(account),  FIELD(number),  FIELD(kind),
    FIELD(country),     FIELD(action),  FIELD(reason),   FIELD(rule_id), FIELD(degraded),
    FIELD(origin),      FIELD(call_id), FIELD(source_ip),
#undef FIELD
};
enum { TEXTS = sizeof texts / sizeof *texts };

static void read_attempt(struct txn *txn, struct attempt *ret)
{
    ret->at_ms = column_int(txn, 0);
    for (unsigned i = 0; i < TEXTS; i++)
        snprintf((char *)ret + texts[i].offset, texts[i].size, "%.*s",
                 SLICE_ARG(column_text(txn, i + 1)));
    ret->revision = (uint64_t)column_int(txn, TEXTS + 1);
}

#define BEFORE(at, id) "(at_ms < " at " OR (at_ms = " at " AND decision_id < " id "))"
#define NEWEST " ORDER BY at_ms DESC, decision_id DESC LIMIT "

static int query_page(struct txn *txn, const struct attempt_page *page, struct err *err)
{
    struct sql_value at = sql_int(page->before_ms ? page->before_ms : INT64_MAX);
    struct sql_value id = sql_slice(page->before_id), limit = sql_int(page->limit);
    if (page->tenant.n == 0)
        return txn_query(txn,
                         "SELECT " ATTEMPT_COLUMNS " FROM attempts WHERE at_ms <= $1 AND "
                         BEFORE("$1", "$2") NEWEST "$3",
                         SQL_VALUES(at, id, limit), err);
    if (page->account.n == 0)
        return txn_query(txn,
                         "SELECT " ATTEMPT_COLUMNS " FROM attempts WHERE tenant = $4 "
                         "AND at_ms <= $1 AND " BEFORE("$1", "$2") NEWEST "$3",
                         SQL_VALUES(at, id, limit, sql_slice(page->tenant)), err);
    return txn_query(txn,
                     "SELECT " ATTEMPT_COLUMNS " FROM attempts WHERE tenant = $4 AND account = $5 "
                     "AND at_ms <= $1 AND " BEFORE("$1", "$2") NEWEST "$3",
                     SQL_VALUES(at, id, limit, sql_slice(page->tenant), sql_slice(page->account)),
                     err);
}

int store_attempt_list(struct txn *txn, const struct attempt_page *page, struct arena *arena,
                       struct attempt **ret, unsigned *ret_count, struct err *err)
{
    struct attempt *attempts = arena_alloc(arena, page->limit * sizeof *attempts);
    unsigned count = 0;
    if (!attempts)
        return txn_nomem(txn, err);
    int r = page->tenant.n ? txn_scope(txn, page->tenant, err) : txn_scope_everybody(txn, err);
    if (r == 0)
        r = query_page(txn, page, err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        read_attempt(txn, &attempts[count++]);
        r = 0;
    }
    txn_end(txn);
    if (r < 0)
        return r;
    *ret = attempts;
    *ret_count = count;
    return 0;
}

int store_attempt_counts(struct txn *txn, struct slice tenant, struct slice account,
                         int64_t from_ms, int64_t to_ms, uint64_t *ret, struct err *err)
{
    int64_t sum = 0;
    int r = txn_scope(txn, tenant, err);
    if (r < 0)
        return r;
    r = account.n == 0
                ? txn_number(txn,
                             "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM attempt_counts "
                             "WHERE tenant = $1 AND minute_ms >= $2 AND minute_ms < $3",
                             SQL_VALUES(sql_slice(tenant), sql_int(from_ms), sql_int(to_ms)), &sum,
                             err)
                : txn_number(txn,
                             "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM attempt_counts "
                             "WHERE tenant = $1 AND account = $4 "
                             "AND minute_ms >= $2 AND minute_ms < $3",
                             SQL_VALUES(sql_slice(tenant), sql_int(from_ms), sql_int(to_ms),
                                        sql_slice(account)),
                             &sum, err);
    if (r < 0)
        return r;
    *ret = (uint64_t)sum;
    return 0;
}
