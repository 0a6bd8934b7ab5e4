#include "store/call_rows.h"

const struct sql_insert call_insert = {
    .table = "calls",
    .columns = CALL_COLUMNS,
    .kinds = "tittttt" "iitttt" "t",
    .id = "id",
};

void call_row_values(const struct call_record *record, const char *mark,
                     struct sql_value values[CALL_COLUMNS_COUNT])
{
    const struct sql_value row[CALL_COLUMNS_COUNT] = {
        sql_text(record->tenant),
        sql_int(record->at_ms),
        sql_text(record->id),
        sql_text(record->account),
        sql_text(record->number),
        sql_text(record->kind),
        sql_text(record->country),
        sql_int(record->is_overseas),
        sql_int(record->seconds),
        sql_text(disposition_word(record->disposition)),
        sql_text(record->source),
        sql_text(record->context),
        sql_text(record->call_id),
        sql_text(mark),
    };
    memcpy(values, row, sizeof row);
}

static void read_text(struct txn *txn, unsigned column, char *to, size_t cap)
{
    struct slice text = column_text(txn, column);
    size_t n = text.n < cap ? text.n : cap - 1;
    memcpy(to, text.p ? text.p : "", n);
    to[n] = '\0';
}

void call_row_read(struct txn *txn, struct call_record *ret)
{
    read_text(txn, 0, ret->tenant, sizeof ret->tenant);
    ret->at_ms = column_int(txn, 1);
    read_text(txn, 2, ret->id, sizeof ret->id);
    read_text(txn, 3, ret->account, sizeof ret->account);
    read_text(txn, 4, ret->number, sizeof ret->number);
    read_text(txn, 5, ret->kind, sizeof ret->kind);
    read_text(txn, 6, ret->country, sizeof ret->country);
    ret->is_overseas = column_int(txn, 7) != 0;
    ret->seconds = column_int(txn, 8);
    ret->disposition = disposition_of(column_text(txn, 9));
    read_text(txn, 10, ret->source, sizeof ret->source);
    read_text(txn, 11, ret->context, sizeof ret->context);
    read_text(txn, 12, ret->call_id, sizeof ret->call_id);
    read_text(txn, 13, ret->mark, sizeof ret->mark);
}

/* --- sources ---------------------------------------------------------------------------------- */

struct day {
    const char *source;
    int64_t day;
    int64_t calls;
};

static int by_day(const void *left, const void *right)
{
    const struct day *a = left, *b = right;
    int c = strcmp(a->source, b->source);
    return c ? c : (a->day > b->day) - (a->day < b->day);
}

static int note_days(struct txn *txn, const struct day *days, unsigned count, struct err *err)
{
    int r = 0;
    for (unsigned i = 0; i < count && r == 0; i++)
        r = txn_exec(txn,
                     "INSERT INTO call_source_days (source, day, calls) VALUES ($1, $2, $3) "
                     "ON CONFLICT (source, day) DO UPDATE "
                     "SET calls = call_source_days.calls + excluded.calls",
                     SQL_VALUES(sql_text(days[i].source), sql_int(days[i].day),
                                sql_int(days[i].calls)),
                     err);
    return r;
}

/* Records that share source and day become one entry each; in order, so that two imports at once
 * wait for each other and do not lock each other out. */
static unsigned gather_days(const struct call_record *const *records, const bool *is_new,
                            unsigned count, struct day *days)
{
    unsigned n = 0, kept = 0;
    for (unsigned i = 0; i < count; i++)
        if (is_new[i])
            days[n++] = (struct day){records[i]->source, call_day(records[i]->at_ms), 1};
    qsort(days, n, sizeof *days, by_day);
    for (unsigned i = 0; i < n; i++)
        if (kept && by_day(&days[kept - 1], &days[i]) == 0)
            days[kept - 1].calls++;
        else
            days[kept++] = days[i];
    return kept;
}

static const struct sql_insert tenant_source = {
    .table = "call_tenant_sources",
    .columns = "tenant, source",
    .kinds = "tt",
    .id = "tenant",
};

static int note_tenants(struct txn *txn, const struct call_record *const *records,
                        const bool *is_new, unsigned count, struct err *err)
{
    struct sql_value *values = malloc(((size_t)count * 2 + 1) * sizeof *values);
    bool *is_added = malloc(count + 1);
    const struct call_record *last = NULL;
    unsigned rows = 0;
    if (!values || !is_added) {
        free(values);
        free(is_added);
        return txn_nomem(txn, err);
    }
    for (unsigned i = 0; i < count; i++) {
        if (!is_new[i] || (last && strcmp(last->tenant, records[i]->tenant) == 0 &&
                           strcmp(last->source, records[i]->source) == 0))
            continue;
        last = records[i];
        values[rows * 2] = sql_text(last->tenant);
        values[rows++ * 2 + 1] = sql_text(last->source);
    }
    int r = txn_insert(txn, &tenant_source, values, rows, is_added, err);
    free(values);
    free(is_added);
    return r;
}

int call_sources_note(struct txn *txn, const struct call_record *const *records, const bool *is_new,
                      unsigned count, struct err *err)
{
    struct day *days = malloc(((size_t)count + 1) * sizeof *days);
    if (!days)
        return txn_nomem(txn, err);
    int r = note_days(txn, days, gather_days(records, is_new, count, days), err);
    free(days);
    return r < 0 ? r : note_tenants(txn, records, is_new, count, err);
}
