/* Call history: its terms, adding records, and walking them. */
#include "store/calls.h"

#include "base/buf.h"
#include "store/audit.h"
#include "store/call_rows.h"
#include "store/mark_rows.h"

const char *disposition_word(enum disposition disposition)
{
    static const char *const words[] = {"answered", "no_answer", "busy", "failed", "other"};
    return words[disposition];
}

enum disposition disposition_of(struct slice word)
{
    for (int i = CALL_ANSWERED; i < CALL_OTHER; i++)
        if (slice_equals_text(word, disposition_word((enum disposition)i)))
            return (enum disposition)i;
    return CALL_OTHER;
}

/* --- terms ------------------------------------------------------------------------------------ */

/* 1: stated, 0: not yet. */
static int read_terms(struct txn *txn, struct call_terms *ret, struct err *err)
{
    int r = txn_row(txn,
                    "SELECT purpose, retention_days, stated_at_ms, stated_by, removed_before_ms "
                    "FROM call_terms "
                    "WHERE id = 1",
                    SQL_NO_VALUES, err);
    if (r != 1)
        return r;
    struct call_terms terms = {.retention_days = (int)column_int(txn, 1),
                               .stated_at_ms = column_int(txn, 2),
                               .removed_before_ms = column_int(txn, 4)};
    snprintf(terms.purpose, sizeof terms.purpose, "%.*s", SLICE_ARG(column_text(txn, 0)));
    snprintf(terms.stated_by, sizeof terms.stated_by, "%.*s", SLICE_ARG(column_text(txn, 3)));
    txn_end(txn);
    *ret = terms;
    return 1;
}

int store_call_terms_get(struct txn *txn, struct call_terms *ret, struct err *err)
{
    int r = read_terms(txn, ret, err);
    if (r == 0)
        return err_set(err, ERR_NOT_FOUND, "purpose and retention are not stated");
    return r < 0 ? r : 0;
}

static const char *json_of_terms(struct arena *arena, const struct call_terms *terms)
{
    char text[2 * CALL_PURPOSE_BYTES + 100];
    struct buf out = BUF_OVER(text);
    buf_add_text(&out, "{\"purpose\":");
    buf_add_json(&out, slice_of(terms->purpose));
    buf_printf(&out, ",\"retention_days\":%d}", terms->retention_days);
    return out.overflowed ? NULL : arena_copy(arena, buf_slice(&out));
}

static int check_terms(const struct call_terms *terms, struct err *err)
{
    if (!terms->purpose[0])
        return err_field(err, ERR_INVALID, "/purpose", "what are the records kept for?");
    if (terms->retention_days < 1 || terms->retention_days > CALL_RETENTION_DAYS_MAX)
        return err_field(err, ERR_INVALID, "/retention_days", "1 to %d days",
                         CALL_RETENTION_DAYS_MAX);
    return 0;
}

static int write_terms(struct txn *txn, const struct call_terms *terms, struct err *err)
{
    return txn_exec(txn,
                    "INSERT INTO call_terms (id, purpose, retention_days, stated_at_ms, stated_by, "
                    "removed_before_ms) VALUES (1, $1, $2, $3, $4, 0) ON CONFLICT (id) DO UPDATE SET "
                    "purpose = excluded.purpose, retention_days = excluded.retention_days, "
                    "stated_at_ms = excluded.stated_at_ms, stated_by = excluded.stated_by",
                    SQL_VALUES(sql_text(terms->purpose), sql_int(terms->retention_days),
                               sql_int(txn->now_ms), sql_text(txn->actor.subject)),
                    err);
}

int store_call_terms_put(struct txn *txn, const struct call_terms *terms, struct err *err)
{
    struct call_terms before;
    struct arena scratch;
    int r = check_terms(terms, err), found = 0;
    if (r == 0)
        r = found = read_terms(txn, &before, err);
    if (r < 0)
        return r;
    if (found && strcmp(before.purpose, terms->purpose) == 0 &&
        before.retention_days == terms->retention_days)
        return 0; /* what was said already */
    r = write_terms(txn, terms, err);
    if (r < 0)
        return r;
    arena_init(&scratch, 64 << 10);
    struct audit_entry entry = {
        .action = "calls.terms",
        .object = "calls",
        .before = found ? json_of_terms(&scratch, &before) : "",
        .after = json_of_terms(&scratch, terms),
    };
    r = audit_add(txn, &entry, err);
    arena_release(&scratch);
    return r;
}

/* --- adding ----------------------------------------------------------------------------------- */

/* In the order of the key: a table and its indexes are then written page by page. */
static int by_key(const void *left, const void *right)
{
    const struct call_record *a = *(const struct call_record *const *)left;
    const struct call_record *b = *(const struct call_record *const *)right;
    int c = strcmp(a->tenant, b->tenant);
    if (c == 0)
        c = (a->at_ms > b->at_ms) - (a->at_ms < b->at_ms);
    return c ? c : strcmp(a->id, b->id);
}

static int add_sorted(struct txn *txn, const struct call_record *const *sorted, unsigned count,
                      unsigned *ret_added, struct err *err)
{
    struct call_marks marks;
    unsigned added = 0;
    struct sql_value *values = calloc((size_t)count * CALL_COLUMNS_COUNT, sizeof *values);
    bool *is_new = calloc(count, sizeof *is_new);
    if (!values || !is_new) {
        free(values);
        free(is_new);
        return txn_nomem(txn, err);
    }
    int r = call_marks_load(txn, &marks, err);
    for (unsigned i = 0; i < count && r == 0; i++)
        call_row_values(sorted[i], call_marks_find(&marks, sorted[i]),
                        &values[(size_t)i * CALL_COLUMNS_COUNT]);
    if (r == 0)
        r = txn_insert(txn, &call_insert, values, count, is_new, err);
    if (r == 0)
        r = call_sources_note(txn, sorted, is_new, count, err);
    call_marks_release(&marks);
    for (unsigned i = 0; i < count; i++)
        added += is_new[i];
    free(values);
    free(is_new);
    if (r == 0)
        *ret_added = added;
    return r;
}

int store_calls_add(struct txn *txn, const struct call_record *records, unsigned count,
                    unsigned *ret_added, struct err *err)
{
    int64_t stated = 0;
    int r = txn_number(txn, "SELECT 1 FROM call_terms WHERE id = 1", SQL_NO_VALUES, &stated, err);
    if (r == 0)
        return err_set(err, ERR_FORBIDDEN, "purpose and retention of call records are not stated");
    if (r == 1)
        r = txn_scope_everybody(txn, err);
    if (r < 0)
        return r;
    *ret_added = 0;
    if (count == 0)
        return 0;
    const struct call_record **sorted = malloc(count * sizeof(struct call_record *));
    if (!sorted)
        return txn_nomem(txn, err);
    for (unsigned i = 0; i < count; i++)
        sorted[i] = &records[i];
    qsort(sorted, count, sizeof(struct call_record *), by_key);
    r = add_sorted(txn, sorted, count, ret_added, err);
    free(sorted);
    return r;
}

/* --- walking ---------------------------------------------------------------------------------- */

#define SELECT(where, order)                                                                       \
    "SELECT " CALL_COLUMNS " FROM calls WHERE at_ms >= $1 AND at_ms < $2 AND " where                \
    " ORDER BY " order

/* For each [which calls][only overseas], whose index is a partial one. */
static const char *const selects[3][2] = {
    {SELECT("true", "tenant, at_ms, id"), SELECT("is_overseas = 1", "tenant, at_ms, id")},
    {SELECT("tenant = $3", "at_ms, id"), SELECT("tenant = $3 AND is_overseas = 1", "at_ms, id")},
    {SELECT("tenant = $3 AND account = $4", "at_ms, id"),
     SELECT("tenant = $3 AND account = $4 AND is_overseas = 1", "at_ms, id")},
};

static int query(struct txn *txn, const struct call_filter *filter, struct err *err)
{
    const struct sql_value values[] = {
        sql_int(filter->from_ms),
        sql_int(filter->to_ms ? filter->to_ms : INT64_MAX),
        sql_slice(filter->tenant),
        sql_slice(filter->account),
    };
    unsigned which = filter->tenant.n == 0 ? 0 : filter->account.n == 0 ? 1 : 2;
    return txn_query(txn, selects[which][filter->only_overseas],
                     (struct sql_values){values, 2 + which}, err);
}

int store_calls_each(struct store *store, const struct call_filter *filter, store_call_fn *fn,
                     void *context, struct err *err)
{
    struct txn *txn;
    struct call_record record;
    int r = txn_begin(store, SQL_WALK, &txn, err);
    if (r < 0)
        return r;
    r = filter->tenant.n ? txn_scope(txn, filter->tenant, err) : txn_scope_everybody(txn, err);
    if (r == 0) {
        r = query(txn, filter, err);
        while (r == 0 && (r = txn_next(txn, err)) == 1) {
            call_row_read(txn, &record);
            r = fn(context, &record, err);
        }
        txn_end(txn);
    }
    store_rollback(txn);
    return r;
}
