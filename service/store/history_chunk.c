#include "store/history_chunk.h"

enum { CHUNK = 1000 };

/* Just behind an id: no id has a blank. */
#define JUST_BEHIND " "

/* --- where chunks begin and end --------------------------------------------------------------- */

bool history_start(const struct history_filter *filter, struct bound *ret)
{
    struct slice after = filter->after_tenant, tenant = filter->tenant;
    bool is_after = after.n != 0 && (tenant.n == 0 || slice_equals(after, tenant));
    *ret = (struct bound){"", ""};
    if (is_after && tenant.n && filter->whole_tenants)
        return false;
    snprintf(ret->tenant, sizeof ret->tenant, "%.*s%s", SLICE_ARG(is_after ? after : tenant),
             is_after && filter->whole_tenants ? JUST_BEHIND : "");
    if (is_after && !filter->whole_tenants)
        snprintf(ret->account, sizeof ret->account, "%.*s" JUST_BEHIND,
                 SLICE_ARG(filter->after_account));
    return true;
}

/* The account that is CHUNK - 1 behind `from`: 1, or 0 and *ret untouched when there are not so many. */
static int find_last(struct txn *txn, const struct bound *from, bool of_one, struct bound *ret,
                     struct err *err)
{
    struct sql_value tenant = sql_text(from->tenant), account = sql_text(from->account),
                     offset = sql_int(CHUNK - 1);
    bool is_found = false;
    int r = of_one ? txn_query(txn,
                               "SELECT tenant, id FROM accounts WHERE tenant = $1 AND id >= $2 "
                               "ORDER BY id LIMIT 1 OFFSET $3",
                               SQL_VALUES(tenant, account, offset), err)
                   : txn_query(txn,
                               "SELECT tenant, id FROM accounts WHERE tenant >= $1 "
                               "ORDER BY tenant, id LIMIT 1 OFFSET $2",
                               SQL_VALUES(tenant, offset), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) { /* a walk is read to its end */
        is_found = true;
        snprintf(ret->tenant, sizeof ret->tenant, "%.*s", SLICE_ARG(column_text(txn, 0)));
        snprintf(ret->account, sizeof ret->account, "%.*s", SLICE_ARG(column_text(txn, 1)));
        r = 0;
    }
    txn_end(txn);
    return r < 0 ? r : is_found;
}

int history_plan(struct txn *txn, bool only_one, const struct bound *from, struct chunk *ret,
                 struct bound *ret_next, struct err *err)
{
    bool in_middle = only_one || from->account[0];
    struct bound last;
    struct chunk chunk = {.from = *from, .is_of_one = in_middle};
    int found = find_last(txn, from, in_middle, &last, err);
    if (found < 0)
        return found;
    *ret_next = (struct bound){HISTORY_END, ""};
    if (found && strcmp(last.tenant, from->tenant) == 0) {
        chunk.is_of_one = true;
        chunk.to = *ret_next = last;
        snprintf(ret_next->account, sizeof ret_next->account, "%.*s" JUST_BEHIND, ACCOUNT_ID_BYTES,
                 last.account);
    } else if (chunk.is_of_one) { /* what is left of this tenant */
        chunk.to = (struct bound){"", HISTORY_END};
        if (!only_one)
            snprintf(ret_next->tenant, sizeof ret_next->tenant, "%.*s" JUST_BEHIND,
                     TENANT_ID_BYTES, from->tenant);
    } else { /* the tenant that would be too many begins the next one */
        snprintf(chunk.to.tenant, sizeof chunk.to.tenant, "%s", found ? last.tenant : HISTORY_END);
        snprintf(ret_next->tenant, sizeof ret_next->tenant, "%s", chunk.to.tenant);
    }
    *ret = chunk;
    return 0;
}

/* --- the rows --------------------------------------------------------------------------------- */

#define NONE "CAST(0 AS BIGINT)"
#define NO_TEXT "CAST('' AS TEXT)"
#define IN_PERIOD "at_ms >= $1 AND at_ms < $2"
/* Of a sum: within the period as a whole, or at least one of its calls. */
#define IS_WITHIN "first_at_ms >= $1 AND last_at_ms < $2"
#define TOUCHES "last_at_ms >= $1 AND first_at_ms < $2"
#define SUM(count, condition)                                                                      \
    "CAST(COALESCE(SUM(CASE WHEN " IS_WITHIN " THEN " count " ELSE 1 END) "                        \
    "FILTER (WHERE " TOUCHES " AND " condition "), 0) AS BIGINT)"
#define ABROAD "is_overseas = 1 AND mark = ''"

/* `tenants` and `accounts` say which: conditions on the columns of that name. */
#define ROWS(tenants, accounts)                                                                    \
    "SELECT id, " NO_TEXT ", " NONE ", profile, created_at_ms, " NONE ", " NONE ", " NONE ", "     \
    NONE ", " NONE ", " NONE " FROM tenants WHERE " tenants("id")                                  \
    " UNION ALL "                                                                                  \
    "SELECT tenant, " NO_TEXT ", CAST(1 AS BIGINT), source, " NONE ", " NONE ", " NONE ", " NONE   \
    ", " NONE ", " NONE ", " NONE " FROM call_tenant_sources WHERE " tenants("tenant")             \
    " UNION ALL "                                                                                  \
    "SELECT tenant, id, CAST(2 AS BIGINT), " NO_TEXT ", created_at_ms, " NONE ", " NONE ", "       \
    NONE ", " NONE ", " NONE ", " NONE " FROM accounts WHERE " accounts("id")                      \
    " UNION ALL "                                                                                  \
    "SELECT tenant, account, CAST(3 AS BIGINT), " NO_TEXT ", MIN(at_ms), "                         \
    "COUNT(*) FILTER (WHERE " IN_PERIOD "), " NONE ", " NONE ", " NONE ", " NONE ", " NONE         \
    " FROM calls WHERE " accounts("account") " GROUP BY tenant, account"                           \
    " UNION ALL "                                                                                  \
    "SELECT tenant, account, CAST(4 AS BIGINT), " NO_TEXT ", "                                     \
    "COUNT(*) FILTER (WHERE " IN_PERIOD " AND mark = ''), "                                        \
    "COUNT(*) FILTER (WHERE " IN_PERIOD " AND mark = '' AND disposition = 'answered'), "           \
    "COUNT(*) FILTER (WHERE " IN_PERIOD " AND mark <> ''), "                                       \
    "COALESCE(MIN(at_ms) FILTER (WHERE mark = ''), 0), "                                           \
    "COALESCE(MAX(at_ms) FILTER (WHERE mark = ''), 0), " NONE ", " NONE                            \
    " FROM calls WHERE is_overseas = 1 AND " accounts("account") " GROUP BY tenant, account"       \
    " UNION ALL "                                                                                  \
    "SELECT tenant, account, CAST(5 AS BIGINT), " NO_TEXT ", " SUM("calls", ABROAD) ", "           \
    "CAST(COALESCE(SUM(answered) FILTER (WHERE " IS_WITHIN " AND " ABROAD "), 0) AS BIGINT), "     \
    SUM("calls", "is_overseas = 1 AND mark <> ''") ", "                                            \
    "COALESCE(MIN(first_at_ms) FILTER (WHERE " ABROAD "), 0), "                                    \
    "COALESCE(MAX(last_at_ms) FILTER (WHERE " ABROAD "), 0), MIN(first_at_ms), "                   \
    SUM("calls", "calls > 0")                                                                      \
    " FROM call_totals WHERE " accounts("account") " GROUP BY tenant, account"                     \
    " ORDER BY 1, 2, 3"

/* Of many tenants all accounts, or some accounts of one: either is one range of each index, which both
 * databases see. (One range from an account of one tenant to an account of another they see only in
 * part, each in its own way.) */
#define OF_TENANTS(tenant) tenant " >= $3 AND " tenant " < $4"
#define OF_TENANTS_ACCOUNTS(account) "tenant >= $3 AND tenant < $4"
#define OF_TENANT(tenant) tenant " = $3"
#define OF_TENANT_ACCOUNTS(account) "tenant = $3 AND " account " >= $4 AND " account " <= $5"
static const char of_tenants_text[] = ROWS(OF_TENANTS, OF_TENANTS_ACCOUNTS);
static const char of_tenant_text[] = ROWS(OF_TENANT, OF_TENANT_ACCOUNTS);

int history_query(struct txn *txn, const struct chunk *chunk, int64_t since_ms, int64_t until_ms,
                  struct err *err)
{
    struct sql_value since = sql_int(since_ms), until = sql_int(until_ms),
                     tenant = sql_text(chunk->from.tenant);
    return chunk->is_of_one
               ? txn_query(txn, of_tenant_text,
                           SQL_VALUES(since, until, tenant, sql_text(chunk->from.account),
                                      sql_text(chunk->to.account)),
                           err)
               : txn_query(txn, of_tenants_text,
                           SQL_VALUES(since, until, tenant, sql_text(chunk->to.tenant)), err);
}
