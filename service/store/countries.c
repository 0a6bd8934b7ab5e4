/* Where to, and how often: calls abroad by country. */
#include "store/history.h"

#include "store/txn.h"

enum { COUNTRIES_MAX = 300 };

#define COUNTRIES(which)                                                                           \
    "SELECT country, CAST(SUM(calls) AS BIGINT) AS n, CAST(SUM(answered) AS BIGINT), "             \
    "CAST(SUM(seconds) AS BIGINT), MIN(first_ms), MAX(last_ms) FROM ("                             \
    "SELECT country, COUNT(*) AS calls, COUNT(*) FILTER (WHERE disposition = 'answered') "         \
    "AS answered, SUM(seconds) AS seconds, MIN(at_ms) AS first_ms, MAX(at_ms) AS last_ms "         \
    "FROM calls WHERE " which " AND is_overseas = 1 AND mark = '' GROUP BY country "               \
    "UNION ALL SELECT country, calls, answered, seconds, first_at_ms, last_at_ms "                 \
    "FROM call_totals WHERE " which " AND is_overseas = 1 AND mark = '') sums "                    \
    "GROUP BY country ORDER BY n DESC, country LIMIT $2"

static void read_country(struct txn *txn, struct country_calls *ret)
{
    snprintf(ret->country, sizeof ret->country, "%.*s", SLICE_ARG(column_text(txn, 0)));
    ret->calls = (uint64_t)column_int(txn, 1);
    ret->answered = (uint64_t)column_int(txn, 2);
    ret->seconds = (uint64_t)column_int(txn, 3);
    ret->first_at_ms = column_int(txn, 4);
    ret->last_at_ms = column_int(txn, 5);
}

int store_call_countries(struct txn *txn, struct slice tenant, struct slice account,
                         struct arena *arena, struct country_calls **ret, unsigned *ret_count,
                         struct err *err)
{
    struct country_calls *countries = arena_alloc(arena, COUNTRIES_MAX * sizeof *countries);
    struct sql_value of = sql_slice(tenant), limit = sql_int(COUNTRIES_MAX);
    unsigned count = 0;
    if (!countries)
        return txn_nomem(txn, err);
    int r = txn_scope(txn, tenant, err);
    if (r == 0)
        r = account.p ? txn_query(txn, COUNTRIES("tenant = $1 AND account = $3"),
                                  SQL_VALUES(of, limit, sql_slice(account)), err)
                      : txn_query(txn, COUNTRIES("tenant = $1"), SQL_VALUES(of, limit), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        read_country(txn, &countries[count++]);
        r = 0;
    }
    txn_end(txn);
    if (r < 0)
        return r;
    *ret = countries;
    *ret_count = count;
    return 0;
}
