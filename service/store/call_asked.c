/* Calls, attempts and counts of attempts as one stream, merged and put into order by the database. */
#include "store/call_rows.h"
#include "store/call_imports.h"

#define ROWS(of_tenant)                                                                            \
    "SELECT tenant, at_ms, what, account, number, call_id, context, source, kind, country, "       \
    "is_overseas, seconds, disposition, amount FROM ("                                             \
    "SELECT tenant, at_ms, 0 AS what, account, number, call_id, '' AS context, '' AS source, "     \
    "kind, country, 0 AS is_overseas, 0 AS seconds, '' AS disposition, 1 AS amount "               \
    "FROM attempts WHERE " of_tenant "at_ms >= $1 - $3 AND at_ms < $2 + $3 "                       \
    "UNION ALL SELECT tenant, minute_ms, 1, account, '', '', '', '', '', '', 0, 0, '', count "     \
    "FROM attempt_counts WHERE " of_tenant "minute_ms >= $1 - $3 - 60000 AND minute_ms < $2 + $3 " \
    "UNION ALL SELECT tenant, at_ms, 2, account, number, call_id, context, source, kind, country, " \
    "is_overseas, seconds, disposition, 1 FROM calls WHERE " of_tenant                             \
    "at_ms >= $1 AND at_ms < $2) AS every ORDER BY tenant, at_ms, what"

static void text_of(struct txn *txn, unsigned column, char *to, size_t cap)
{
    snprintf(to, cap, "%.*s", SLICE_ARG(column_text(txn, column)));
}

static void read_row(struct txn *txn, struct asked_row *ret)
{
    struct call_record *call = &ret->call;
    text_of(txn, 0, call->tenant, sizeof call->tenant);
    ret->at_ms = call->at_ms = column_int(txn, 1);
    ret->what = (int)column_int(txn, 2);
    text_of(txn, 3, call->account, sizeof call->account);
    text_of(txn, 4, call->number, sizeof call->number);
    text_of(txn, 5, call->call_id, sizeof call->call_id);
    text_of(txn, 6, call->context, sizeof call->context);
    text_of(txn, 7, call->source, sizeof call->source);
    text_of(txn, 8, call->kind, sizeof call->kind);
    text_of(txn, 9, call->country, sizeof call->country);
    call->is_overseas = column_int(txn, 10) != 0;
    call->seconds = column_int(txn, 11);
    call->disposition = disposition_of(column_text(txn, 12));
    ret->count = (uint64_t)column_int(txn, 13);
}

int store_asked_each(struct store *store, const struct asked_span *span,
                        store_asked_fn *fn, void *context, struct err *err)
{
    struct txn *txn;
    struct asked_row row = {0};
    const struct sql_value values[] = {sql_int(span->from_ms), sql_int(span->to_ms),
                                       sql_int(span->tolerance_ms), sql_slice(span->tenant)};
    int r = txn_begin(store, SQL_WALK, &txn, err);
    if (r < 0)
        return r;
    r = span->tenant.n ? txn_scope(txn, span->tenant, err) : txn_scope_everybody(txn, err);
    if (r == 0) {
        r = span->tenant.n
                ? txn_query(txn, ROWS("tenant = $4 AND "), (struct sql_values){values, 4}, err)
                : txn_query(txn, ROWS(""), (struct sql_values){values, 3}, err);
        while (r == 0 && (r = txn_next(txn, err)) == 1) {
            read_row(txn, &row);
            r = fn(context, &row, err);
        }
        txn_end(txn);
    }
    store_rollback(txn);
    return r;
}
