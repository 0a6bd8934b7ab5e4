#include "store/purge.h"

#include <stdlib.h>

#include "store/call_totals.h"
#include "store/txn.h"

static const struct actor keeper = {"node", "node", "", ""}; /* makes no audit record */

static int begin(struct store *store, struct txn **ret, struct err *err)
{
    int r = store_begin(store, &keeper, ret, err);
    if (r == 0) {
        r = txn_scope_everybody(*ret, err);
        if (r < 0)
            store_rollback(*ret);
    }
    return r;
}

static int end(struct txn *txn, int r, struct err *err)
{
    if (r < 0) {
        store_rollback(txn);
        return r;
    }
    return store_commit(txn, NULL, err);
}

/* --- tenants ---------------------------------------------------------------------------------- */

/* The first tenant from $1 on with a row before $2: from tenant to tenant, whatever lies between. */
#define OLD_TENANT(table, moment)                                                                  \
    "WITH RECURSIVE t(tenant) AS (SELECT (SELECT MIN(c.tenant) FROM " table " c "                  \
    "WHERE c.tenant >= $1) UNION ALL SELECT (SELECT MIN(c.tenant) FROM " table " c "               \
    "WHERE c.tenant > t.tenant) FROM t WHERE t.tenant IS NOT NULL) "                               \
    "SELECT tenant FROM t WHERE EXISTS (SELECT 1 FROM " table " c "                                \
    "WHERE c.tenant = t.tenant AND c." moment " < $2) LIMIT 1"

static const char old_calls[] = OLD_TENANT("calls", "at_ms");
static const char old_counts[] = OLD_TENANT("attempt_counts", "minute_ms");

/* Moves the position: 1, or 0 when there is no such tenant. */
static int find_tenant(struct store *store, const char *text, struct purge_position *position,
                       int64_t before_ms, struct err *err)
{
    struct txn *txn;
    int r = store_begin(store, NULL, &txn, err);
    if (r < 0)
        return r;
    r = txn_scope_everybody(txn, err);
    if (r == 0)
        r = txn_row(txn, text, SQL_VALUES(sql_text(position->tenant), sql_int(before_ms)), err);
    if (r == 1) {
        snprintf(position->tenant, sizeof position->tenant, "%.*s", SLICE_ARG(column_text(txn, 0)));
        txn_end(txn);
    }
    store_rollback(txn);
    return r;
}

/* --- calls ------------------------------------------------------------------------------------ */

struct sum {
    char account[ACCOUNT_ID_BYTES], country[4], mark[RULE_ID_BYTES];
    bool is_overseas;
    int64_t calls, answered, seconds, first_at_ms, last_at_ms;
};

static int by_what(const void *left, const void *right)
{
    const struct sum *a = left, *b = right;
    int c = strcmp(a->account, b->account);
    c = c ? c : strcmp(a->country, b->country);
    c = c ? c : strcmp(a->mark, b->mark);
    return c ? c : a->is_overseas - b->is_overseas;
}

static void read_call(struct txn *txn, struct sum *ret)
{
    snprintf(ret->account, sizeof ret->account, "%.*s", SLICE_ARG(column_text(txn, 0)));
    snprintf(ret->country, sizeof ret->country, "%.*s", SLICE_ARG(column_text(txn, 1)));
    snprintf(ret->mark, sizeof ret->mark, "%.*s", SLICE_ARG(column_text(txn, 2)));
    ret->is_overseas = column_int(txn, 3) != 0;
    ret->calls = 1;
    ret->answered = slice_equals_text(column_text(txn, 4), "answered");
    ret->seconds = column_int(txn, 5);
    ret->first_at_ms = ret->last_at_ms = column_int(txn, 6);
}

/* Records from before then would count again if they came back. */
static int note_limit(struct txn *txn, int64_t before_ms, struct err *err)
{
    return txn_exec(txn,
                    "UPDATE call_terms SET removed_before_ms = $1 "
                    "WHERE id = 1 AND removed_before_ms < $1",
                    SQL_VALUES(sql_int(before_ms)), err);
}

/* Takes rows away; what came back of them is what this transaction alone removed. */
static int take_calls(struct txn *txn, const char *tenant, int64_t before_ms, struct sum *ret,
                      unsigned *ret_count, struct err *err)
{
    unsigned count = 0;
    int r = txn_query(txn,
                      "DELETE FROM calls WHERE tenant = $1 AND (at_ms, id) IN "
                      "(SELECT c.at_ms, c.id FROM calls c WHERE c.tenant = $1 AND c.at_ms < $2 "
                      "ORDER BY c.at_ms, c.id LIMIT $3) RETURNING account, country, mark, "
                      "is_overseas, disposition, seconds, at_ms",
                      SQL_VALUES(sql_text(tenant), sql_int(before_ms), sql_int(PURGE_ROWS_MAX)),
                      err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        read_call(txn, &ret[count++]);
        r = 0;
    }
    txn_end(txn);
    *ret_count = count;
    return r;
}

static unsigned merge(struct sum *sums, unsigned count)
{
    unsigned kept = 0;
    qsort(sums, count, sizeof *sums, by_what);
    for (unsigned i = 0; i < count; i++) {
        if (kept == 0 || by_what(&sums[kept - 1], &sums[i]) != 0) {
            sums[kept++] = sums[i];
            continue;
        }
        struct sum *to = &sums[kept - 1];
        to->calls++;
        to->answered += sums[i].answered;
        to->seconds += sums[i].seconds;
        if (sums[i].first_at_ms < to->first_at_ms)
            to->first_at_ms = sums[i].first_at_ms;
        if (sums[i].last_at_ms > to->last_at_ms)
            to->last_at_ms = sums[i].last_at_ms;
    }
    return kept;
}

static int add_sum(struct txn *txn, const char *tenant, const struct sum *sum, struct err *err)
{
    return txn_exec(txn,
                    "INSERT INTO call_totals (tenant, account, country, is_overseas, mark, calls, "
                    "answered, seconds, first_at_ms, last_at_ms) "
                    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) " CALL_TOTALS_ADD,
                    SQL_VALUES(sql_text(tenant), sql_text(sum->account), sql_text(sum->country),
                               sql_int(sum->is_overseas), sql_text(sum->mark), sql_int(sum->calls),
                               sql_int(sum->answered), sql_int(sum->seconds),
                               sql_int(sum->first_at_ms), sql_int(sum->last_at_ms)),
                    err);
}

int store_calls_purge(struct store *store, struct purge_position *position, int64_t before_ms,
                      unsigned *ret_removed, struct err *err)
{
    struct txn *txn;
    unsigned removed = 0;
    int r = find_tenant(store, old_calls, position, before_ms, err);
    *ret_removed = 0;
    if (r != 1)
        return r;
    struct sum *sums = calloc(PURGE_ROWS_MAX, sizeof *sums);
    if (!sums)
        return err_set(err, ERR_NOMEM, "out of memory");
    r = begin(store, &txn, err);
    if (r == 0) {
        r = note_limit(txn, before_ms, err);
        if (r == 0)
            r = take_calls(txn, position->tenant, before_ms, sums, &removed, err);
        unsigned count = r == 0 ? merge(sums, removed) : 0;
        for (unsigned i = 0; i < count && r == 0; i++)
            r = add_sum(txn, position->tenant, &sums[i], err);
        r = end(txn, r, err);
    }
    free(sums);
    if (r == 0)
        *ret_removed = removed;
    return r;
}

/* --- what leaves no sum ----------------------------------------------------------------------- */

static int purge(struct store *store, const char *text, struct sql_values values,
                 unsigned *ret_removed, struct err *err)
{
    struct txn *txn;
    unsigned removed = 0;
    int r = begin(store, &txn, err);
    if (r < 0)
        return r;
    r = txn_query(txn, text, values, err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        removed++;
        r = 0;
    }
    txn_end(txn);
    r = end(txn, r, err);
    if (r == 0)
        *ret_removed = removed;
    return r;
}

int store_unmapped_purge(struct store *store, int64_t before_ms, unsigned *ret_removed,
                         struct err *err)
{
    return purge(store,
                 "DELETE FROM call_unmapped WHERE (source, reason, value) IN (SELECT u.source, "
                 "u.reason, u.value FROM call_unmapped u WHERE u.last_at_ms < $1 LIMIT $2) "
                 "RETURNING 1",
                 SQL_VALUES(sql_int(before_ms), sql_int(PURGE_ROWS_MAX)), ret_removed, err);
}

int store_attempts_purge(struct store *store, int64_t before_ms, unsigned *ret_removed,
                         struct err *err)
{
    return purge(store,
                 "DELETE FROM attempts WHERE (tenant, at_ms, decision_id) IN (SELECT a.tenant, "
                 "a.at_ms, a.decision_id FROM attempts a WHERE a.at_ms < $1 "
                 "ORDER BY a.at_ms, a.decision_id LIMIT $2) RETURNING 1",
                 SQL_VALUES(sql_int(before_ms), sql_int(PURGE_ROWS_MAX)), ret_removed, err);
}

int store_attempt_counts_purge(struct store *store, struct purge_position *position,
                               int64_t before_ms, unsigned *ret_removed, struct err *err)
{
    int r = find_tenant(store, old_counts, position, before_ms, err);
    *ret_removed = 0;
    if (r != 1)
        return r;
    return purge(store,
                 "DELETE FROM attempt_counts WHERE tenant = $1 AND (account, minute_ms) IN "
                 "(SELECT c.account, c.minute_ms FROM attempt_counts c WHERE c.tenant = $1 "
                 "AND c.minute_ms < $2 LIMIT $3) RETURNING 1",
                 SQL_VALUES(sql_text(position->tenant), sql_int(before_ms),
                            sql_int(PURGE_ROWS_MAX)),
                 ret_removed, err);
}

/* --- leases ----------------------------------------------------------------------------------- */

int store_lease_take(struct store *store, const char *name, const char *holder, int64_t for_ms,
                     bool *ret_is_ours, struct err *err)
{
    struct txn *txn;
    int64_t one;
    int r = store_begin(store, &keeper, &txn, err);
    if (r < 0)
        return r;
    r = txn_number(txn,
                   "INSERT INTO leases (name, holder, until_ms) VALUES ($1, $2, $3) "
                   "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, "
                   "until_ms = excluded.until_ms "
                   "WHERE leases.holder = excluded.holder OR leases.until_ms <= $4 RETURNING 1",
                   SQL_VALUES(sql_text(name), sql_text(holder), sql_int(txn->now_ms + for_ms),
                              sql_int(txn->now_ms)),
                   &one, err);
    bool is_ours = r == 1;
    r = end(txn, r < 0 ? r : 0, err);
    if (r == 0)
        *ret_is_ours = is_ours;
    return r;
}

int store_lease_give(struct store *store, const char *name, const char *holder, struct err *err)
{
    struct txn *txn;
    int r = store_begin(store, &keeper, &txn, err);
    if (r < 0)
        return r;
    r = txn_exec(txn, "DELETE FROM leases WHERE name = $1 AND holder = $2",
                 SQL_VALUES(sql_text(name), sql_text(holder)), err);
    return end(txn, r, err);
}
