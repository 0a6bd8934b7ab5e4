#include "store/audit.h"

int audit_add(struct txn *txn, const struct audit_entry *entry, struct err *err)
{
    const struct actor *actor = &txn->actor;
    if (!entry->before || !entry->after)
        return txn_nomem(txn, err);
    int r = txn_scope(txn, entry->tenant, err);
    if (r < 0)
        return r;
    return txn_exec(txn,
                    "INSERT INTO audit (tenant, at_ms, subject, role, request_id, address, action, "
                    "object, before, after) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                    SQL_VALUES(sql_slice(entry->tenant), sql_int(txn->now_ms),
                               sql_text(actor->subject), sql_text(actor->role),
                               sql_text(actor->request_id), sql_text(actor->address),
                               sql_text(entry->action), sql_text(entry->object),
                               sql_text(entry->before), sql_text(entry->after)),
                    err);
}

static int read_record(struct txn *txn, struct arena *arena, struct audit_record *ret,
                       struct err *err)
{
    const char *texts[9];
    for (unsigned i = 0; i < 9; i++)
        if (!(texts[i] = column_copy(txn, i + 2, arena)))
            return txn_nomem(txn, err);
    *ret = (struct audit_record){
        .seq = (uint64_t)column_int(txn, 0),
        .at_ms = column_int(txn, 1),
        .tenant = texts[0],
        .subject = texts[1],
        .role = texts[2],
        .request_id = texts[3],
        .address = texts[4],
        .action = texts[5],
        .object = texts[6],
        .before = texts[7],
        .after = texts[8],
    };
    return 0;
}

#define AUDIT_COLUMNS                                                                              \
    "seq, at_ms, tenant, subject, role, request_id, address, action, object, before, after"

int store_audit_list(struct txn *txn, struct slice tenant, uint64_t before_seq, unsigned limit,
                     struct arena *arena, struct audit_record **ret, unsigned *ret_count,
                     struct err *err)
{
    int64_t before = before_seq && before_seq < INT64_MAX ? (int64_t)before_seq : INT64_MAX;
    struct audit_record *records = arena_alloc(arena, limit * sizeof *records);
    unsigned count = 0;
    if (!records)
        return txn_nomem(txn, err);
    int r = tenant.n ? txn_scope(txn, tenant, err) : txn_scope_everybody(txn, err);
    if (r < 0)
        return r;
    r = tenant.n ? txn_query(txn,
                                 "SELECT " AUDIT_COLUMNS " FROM audit "
                                 "WHERE tenant = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3",
                                 SQL_VALUES(sql_slice(tenant), sql_int(before), sql_int(limit)),
                                 err)
                     : txn_query(txn,
                                 "SELECT " AUDIT_COLUMNS " FROM audit "
                                 "WHERE seq < $1 ORDER BY seq DESC LIMIT $2",
                                 SQL_VALUES(sql_int(before), sql_int(limit)), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1)
        r = read_record(txn, arena, &records[count++], err);
    txn_end(txn);
    if (r < 0)
        return r;
    *ret = records;
    *ret_count = count;
    return 0;
}

int store_audit_of(struct txn *txn, struct slice tenant, struct slice object, unsigned limit,
                   struct arena *arena, struct audit_record **ret, unsigned *ret_count,
                   struct err *err)
{
    struct audit_record *records = arena_alloc(arena, limit * sizeof *records);
    unsigned count = 0;
    if (!records)
        return txn_nomem(txn, err);
    int r = txn_scope(txn, tenant, err);
    if (r < 0)
        return r;
    r = txn_query(txn,
                  "SELECT " AUDIT_COLUMNS " FROM audit WHERE tenant = $1 AND object = $2 "
                  "ORDER BY seq LIMIT $3",
                  SQL_VALUES(sql_slice(tenant), sql_slice(object), sql_int(limit)), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1)
        r = read_record(txn, arena, &records[count++], err);
    txn_end(txn);
    if (r < 0)
        return r;
    *ret = records;
    *ret_count = count;
    return 0;
}
