#include "store/mark_rows.h"

struct mark_row {
    char tenant[TENANT_ID_BYTES], id[RULE_ID_BYTES], account[ACCOUNT_ID_BYTES];
    char country[4], call_id[CALL_ID_BYTES];
    int64_t from_ms, to_ms;
};

static void read_row(struct txn *txn, struct mark_row *ret)
{
    const struct {
        char *text;
        size_t cap;
    } texts[] = {
        {ret->tenant, sizeof ret->tenant},   {ret->id, sizeof ret->id},
        {ret->account, sizeof ret->account}, {ret->country, sizeof ret->country},
        {ret->call_id, sizeof ret->call_id},
    };
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        snprintf(texts[i].text, texts[i].cap, "%.*s", SLICE_ARG(column_text(txn, i)));
    ret->from_ms = column_int(txn, 5);
    ret->to_ms = column_int(txn, 6);
}

int call_marks_load(struct txn *txn, struct call_marks *ret, struct err *err)
{
    unsigned cap = 0;
    *ret = (struct call_marks){0};
    int r = txn_query(txn,
                      "SELECT tenant, id, account, country, call_id, from_ms, to_ms "
                      "FROM call_marks ORDER BY tenant, id",
                      SQL_NO_VALUES, err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        if (ret->count == cap) {
            unsigned more = cap ? cap * 2 : 16;
            struct mark_row *rows = realloc(ret->rows, more * sizeof *rows);
            if (!rows) {
                r = txn_nomem(txn, err);
                break;
            }
            ret->rows = rows;
            cap = more;
        }
        read_row(txn, &ret->rows[ret->count++]);
        r = 0;
    }
    txn_end(txn);
    return r;
}

void call_marks_release(struct call_marks *marks)
{
    free(marks->rows);
    *marks = (struct call_marks){0};
}

static bool is_same_if_named(const char *named, const char *value)
{
    return !named[0] || strcmp(named, value) == 0;
}

static bool covers(const struct mark_row *mark, const struct call_record *record)
{
    return record->at_ms >= mark->from_ms && (!mark->to_ms || record->at_ms < mark->to_ms) &&
           is_same_if_named(mark->account, record->account) &&
           is_same_if_named(mark->country, record->country) &&
           is_same_if_named(mark->call_id, record->call_id);
}

const char *call_marks_find(const struct call_marks *marks, const struct call_record *record)
{
    unsigned low = 0, high = marks->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (strcmp(marks->rows[middle].tenant, record->tenant) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < marks->count && strcmp(marks->rows[low].tenant, record->tenant) == 0; low++)
        if (covers(&marks->rows[low], record))
            return marks->rows[low].id;
    return "";
}
