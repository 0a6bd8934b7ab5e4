#include "store/call_imports.h"

#include "store/txn.h"

static void text_of(struct txn *txn, unsigned column, char *to, size_t cap)
{
    snprintf(to, cap, "%.*s", SLICE_ARG(column_text(txn, column)));
}

/* --- how far a file was read -------------------------------------------------------------------- */

#define FOLLOW_COLUMNS "source, file, mark, position, version, updated_at_ms"

static void read_follow(struct txn *txn, struct call_follow *ret)
{
    text_of(txn, 0, ret->source, sizeof ret->source);
    text_of(txn, 1, ret->file, sizeof ret->file);
    text_of(txn, 2, ret->mark, sizeof ret->mark);
    ret->position = column_int(txn, 3);
    ret->version = (uint64_t)column_int(txn, 4);
    ret->updated_at_ms = column_int(txn, 5);
}

int store_follow_get(struct txn *txn, struct slice source, struct slice file,
                     struct call_follow *ret, struct err *err)
{
    int r = txn_row(txn,
                    "SELECT " FOLLOW_COLUMNS " FROM call_follows WHERE source = $1 AND file = $2",
                    SQL_VALUES(sql_slice(source), sql_slice(file)), err);
    if (r == 0)
        return err_set(err, ERR_NOT_FOUND, "nothing of this file has been read");
    if (r == 1) {
        read_follow(txn, ret);
        txn_end(txn);
    }
    return r < 0 ? r : 0;
}

int store_follow_put(struct txn *txn, struct call_follow *follow, struct err *err)
{
    int64_t version = -1;
    const struct sql_values values = SQL_VALUES(
        sql_text(follow->source), sql_text(follow->file), sql_text(follow->mark),
        sql_int(follow->position), sql_int(txn->now_ms), sql_int((int64_t)follow->version));
    int r = follow->version == 0
                ? txn_number(txn,
                             "INSERT INTO call_follows (" FOLLOW_COLUMNS ") "
                             "VALUES ($1, $2, $3, $4, $6 + 1, $5) "
                             "ON CONFLICT DO NOTHING RETURNING version",
                             values, &version, err)
                : txn_number(txn,
                             "UPDATE call_follows SET mark = $3, position = $4, "
                             "version = version + 1, updated_at_ms = $5 "
                             "WHERE source = $1 AND file = $2 AND version = $6 RETURNING version",
                             values, &version, err);
    if (r == 0)
        return err_set(err, ERR_STALE, "another reader went on with this file meanwhile");
    if (r < 0)
        return r;
    follow->version = (uint64_t)version;
    follow->updated_at_ms = txn->now_ms;
    return 0;
}

int store_follow_list(struct txn *txn, struct slice source, struct slice file, unsigned limit,
                      struct arena *arena, struct call_follow **ret, unsigned *ret_count,
                      struct err *err)
{
    struct call_follow *follows = arena_alloc(arena, limit * sizeof *follows);
    unsigned count = 0;
    if (!follows)
        return txn_nomem(txn, err);
    int r = txn_query(txn,
                      "SELECT " FOLLOW_COLUMNS " FROM call_follows WHERE source > $1 "
                      "OR (source = $1 AND file > $2) ORDER BY source, file LIMIT $3",
                      SQL_VALUES(sql_slice(source), sql_slice(file), sql_int(limit)), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        read_follow(txn, &follows[count++]);
        r = 0;
    }
    txn_end(txn);
    if (r < 0)
        return r;
    *ret = follows;
    *ret_count = count;
    return 0;
}

/* --- what could not be mapped ------------------------------------------------------------------- */

static int is_there(struct txn *txn, const struct call_unmapped *row, struct err *err)
{
    int64_t found;
    return txn_number(txn,
                      "SELECT 1 FROM call_unmapped WHERE source = $1 AND reason = $2 AND value = $3",
                      SQL_VALUES(sql_text(row->source), sql_text(row->reason), sql_text(row->value)),
                      &found, err);
}

static int add(struct txn *txn, const struct call_unmapped *row, const char *value, struct err *err)
{
    return txn_exec(txn,
                    "INSERT INTO call_unmapped (source, reason, value, records, first_at_ms, "
                    "last_at_ms) VALUES ($1, $2, $3, $4, $5, $6) "
                    "ON CONFLICT (source, reason, value) DO UPDATE SET "
                    "records = call_unmapped.records + excluded.records, "
                    "first_at_ms = CASE WHEN excluded.first_at_ms < call_unmapped.first_at_ms "
                    "THEN excluded.first_at_ms ELSE call_unmapped.first_at_ms END, "
                    "last_at_ms = CASE WHEN excluded.last_at_ms > call_unmapped.last_at_ms "
                    "THEN excluded.last_at_ms ELSE call_unmapped.last_at_ms END",
                    SQL_VALUES(sql_text(row->source), sql_text(row->reason), sql_text(value),
                               sql_int((int64_t)row->records), sql_int(row->first_at_ms),
                               sql_int(row->last_at_ms)),
                    err);
}

int store_unmapped_add(struct txn *txn, const struct call_unmapped *unmapped, unsigned count,
                       struct err *err)
{
    int64_t rows = 0;
    int r = 0;
    if (count)
        r = txn_number(txn, "SELECT count(*) FROM call_unmapped WHERE source = $1",
                       SQL_VALUES(sql_text(unmapped->source)), &rows, err);
    for (unsigned i = 0; i < count && r >= 0; i++) {
        const struct call_unmapped *row = &unmapped[i];
        r = row->value[0] ? is_there(txn, row, err) : 1;
        if (r < 0)
            break;
        bool has_room = r == 1 || rows < CALL_UNMAPPED_MAX;
        rows += r == 0 && has_room;
        r = add(txn, row, has_room ? row->value : "", err);
    }
    return r < 0 ? r : 0;
}

int store_unmapped_list(struct txn *txn, struct slice source, const struct call_unmapped *after,
                        unsigned limit, struct arena *arena, struct call_unmapped **ret,
                        unsigned *ret_count, struct err *err)
{
    struct call_unmapped *rows = arena_alloc(arena, limit * sizeof *rows);
    unsigned count = 0;
    if (!rows)
        return txn_nomem(txn, err);
    int r = txn_query(
        txn,
        "SELECT source, reason, value, records, first_at_ms, last_at_ms FROM call_unmapped "
        "WHERE ($1 = '' OR source = $1) AND (source > $2 OR (source = $2 AND (reason > $3 "
        "OR (reason = $3 AND value > $4)))) ORDER BY source, reason, value LIMIT $5",
        SQL_VALUES(sql_slice(source), sql_text(after ? after->source : ""),
                   sql_text(after ? after->reason : ""), sql_text(after ? after->value : ""),
                   sql_int(limit)),
        err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        struct call_unmapped *row = &rows[count++];
        text_of(txn, 0, row->source, sizeof row->source);
        text_of(txn, 1, row->reason, sizeof row->reason);
        text_of(txn, 2, row->value, sizeof row->value);
        row->records = (uint64_t)column_int(txn, 3);
        row->first_at_ms = column_int(txn, 4);
        row->last_at_ms = column_int(txn, 5);
        r = 0;
    }
    txn_end(txn);
    if (r < 0)
        return r;
    *ret = rows;
    *ret_count = count;
    return 0;
}

int store_unmapped_clear(struct txn *txn, struct slice source, uint64_t *ret_removed,
                         struct err *err)
{
    uint64_t removed = 0;
    int r = txn_query(txn,
                      "DELETE FROM call_unmapped WHERE $1 = '' OR source = $1 RETURNING reason",
                      SQL_VALUES(sql_slice(source)), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        removed++;
        r = 0;
    }
    txn_end(txn);
    if (r == 0)
        *ret_removed = removed;
    return r;
}

/* --- tenants, many at once ---------------------------------------------------------------------- */

enum { IDS_MAX = 64 }; /* of one statement; the last id fills the places that are left */

static struct tenant_line *find(struct tenant_line *lines, unsigned count, struct slice tenant)
{
    for (unsigned i = 0; i < count; i++)
        if (slice_equals_text(tenant, lines[i].tenant))
            return &lines[i];
    return NULL;
}

static int ask_some(struct txn *txn, struct tenant_line *lines, unsigned count, struct err *err)
{
    struct sql_value ids[IDS_MAX];
    for (unsigned i = 0; i < IDS_MAX; i++)
        ids[i] = sql_text(lines[i < count ? i : count - 1].tenant);
    int r = txn_query(txn,
                      "SELECT id, outside_line FROM tenants WHERE id IN ($1, $2, $3, $4, $5, $6, $7, "
                      "$8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, "
                      "$24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, "
                      "$39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, "
                      "$54, $55, $56, $57, $58, $59, $60, $61, $62, $63, $64)",
                      (struct sql_values){ids, IDS_MAX}, err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        struct tenant_line *line = find(lines, count, column_text(txn, 0));
        if (line) {
            line->is_known = true;
            text_of(txn, 1, line->outside_line, sizeof line->outside_line);
        }
        r = 0;
    }
    txn_end(txn);
    return r;
}

int store_outside_lines(struct txn *txn, struct tenant_line *lines, unsigned count,
                        struct err *err)
{
    int r = count ? txn_scope_everybody(txn, err) : 0;
    for (unsigned i = 0; i < count; i++) {
        lines[i].is_known = false;
        lines[i].outside_line[0] = '\0';
    }
    for (unsigned i = 0; i < count && r == 0; i += IDS_MAX)
        r = ask_some(txn, lines + i, count - i < IDS_MAX ? count - i : IDS_MAX, err);
    return r;
}
