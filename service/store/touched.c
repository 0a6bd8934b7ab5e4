/*
 * The tenants a write transaction has locked, found by hash, with a journal for the savepoint.
 *
 * Locking a tenant also makes it the one whose rows the next statements are about (txn_scope).
 *
 * The lock is the row of `policies`: taking it makes the row if it is missing (revision 0: never
 * changed). On SQLite the writer is alone anyway; on PostgreSQL the row makes writers of one tenant
 * queue up and those of different tenants not.
 */
#include "store/txn.h"

#include "base/hash.h"

static size_t index_place(const struct txn *txn, struct slice tenant)
{
    size_t at = hash_slice(tenant) & (txn->index_cap - 1);
    while (txn->index[at] &&
           !slice_equals_text(tenant, txn->touched[txn->index[at] - 1].tenant))
        at = (at + 1) & (txn->index_cap - 1);
    return at;
}

/* Room for one more entry; the index stays at most half full. */
static int grow(struct txn *txn)
{
    if (txn->touched_count < txn->touched_cap)
        return 0;
    size_t cap = txn->touched_cap ? txn->touched_cap * 2 : 8;
    struct touched *touched = realloc(txn->touched, cap * sizeof *touched);
    if (!touched)
        return ERR_NOMEM;
    txn->touched = touched;
    uint32_t *index = calloc(cap * 2, sizeof *index);
    if (!index)
        return ERR_NOMEM;
    free(txn->index);
    txn->index = index;
    txn->index_cap = cap * 2;
    txn->touched_cap = cap;
    for (size_t i = 0; i < txn->touched_count; i++)
        index[index_place(txn, slice_of(touched[i].tenant))] = (uint32_t)i + 1;
    return 0;
}

/* Waits for the tenant's row, and reads its revision. 1, or an error. */
static int lock_row(struct txn *txn, struct slice tenant, int64_t *ret_revision, struct err *err)
{
    const struct sql_driver *driver = txn->conn->driver;
    int r = driver->queue ? driver->queue(txn->conn, tenant, err) : 0;
    if (r < 0)
        return txn_fail(txn, r);
    r = txn_number(txn,
                   "INSERT INTO policies (tenant, revision, rules_version, own_rules_version) "
                   "VALUES ($1, 0, 0, 0) "
                   "ON CONFLICT (tenant) DO UPDATE SET revision = policies.revision "
                   "RETURNING revision",
                   SQL_VALUES(sql_slice(tenant)), ret_revision, err);
    if (driver->queued)
        driver->queued(txn->conn, tenant, r);
    return r;
}

int txn_lock(struct txn *txn, struct slice tenant, struct touched **ret, struct err *err)
{
    if (tenant.n && !tenant_id_is_valid(tenant))
        return err_set(err, ERR_NOT_FOUND, "no such tenant");
    int r = txn_scope(txn, tenant, err);
    if (r < 0)
        return r;
    if (txn->index_cap) {
        uint32_t at = txn->index[index_place(txn, tenant)];
        if (at) {
            *ret = &txn->touched[at - 1];
            return 0;
        }
    }
    if (grow(txn) < 0)
        return txn_nomem(txn, err);
    int64_t revision = 0;
    r = lock_row(txn, tenant, &revision, err);
    if (r < 0)
        return r;
    struct touched *touched = &txn->touched[txn->touched_count];
    *touched = (struct touched){.revision = (uint64_t)revision + 1, .rules_count = -1};
    memcpy(touched->tenant, tenant.p ? tenant.p : "", tenant.n);
    txn->index[index_place(txn, tenant)] = (uint32_t)++txn->touched_count;
    *ret = touched;
    return 0;
}

/* Keeps how an entry looked at the savepoint, if it was there then. */
static int remember(struct txn *txn, const struct touched *touched)
{
    size_t at = (size_t)(touched - txn->touched);
    if (!txn->in_savepoint || at >= txn->touched_before)
        return 0;
    if (txn->undo_count == txn->undo_cap) {
        size_t cap = txn->undo_cap ? txn->undo_cap * 2 : 8;
        struct undo *undo = realloc(txn->undo, cap * sizeof *undo);
        if (!undo)
            return ERR_NOMEM;
        txn->undo = undo;
        txn->undo_cap = cap;
    }
    txn->undo[txn->undo_count++] = (struct undo){at, *touched};
    return 0;
}

int txn_change(struct txn *txn, struct touched *touched, unsigned changes, struct err *err)
{
    changes |= CHANGE_POLICY;
    if ((touched->changes & changes) == changes)
        return 0;
    if (remember(txn, touched) < 0)
        return txn_nomem(txn, err);
    touched->changes |= changes;
    return txn_exec(txn,
                    "UPDATE policies SET revision = $2, "
                    "rules_version = CASE WHEN $3 <> 0 THEN $2 ELSE rules_version END, "
                    "own_rules_version = CASE WHEN $4 <> 0 THEN $2 ELSE own_rules_version END "
                    "WHERE tenant = $1",
                    SQL_VALUES(sql_text(touched->tenant), sql_int((int64_t)touched->revision),
                               sql_int(changes & (CHANGE_RULES | CHANGE_OWN_RULES)),
                               sql_int(changes & CHANGE_OWN_RULES)),
                    err);
}

int txn_rules_count(struct txn *txn, struct touched *touched, struct err *err)
{
    if (touched->rules_count < 0) {
        int64_t count = 0;
        int r = txn_number(txn, "SELECT count(*) FROM rules WHERE tenant = $1",
                           SQL_VALUES(sql_text(touched->tenant)), &count, err);
        if (r < 0)
            return r;
        touched->rules_count = (int)count;
    }
    return touched->rules_count;
}

int txn_rules_counted(struct txn *txn, struct touched *touched, int more, struct err *err)
{
    if (remember(txn, touched) < 0)
        return txn_nomem(txn, err);
    if (touched->rules_count >= 0)
        touched->rules_count += more;
    return 0;
}

void touched_mark(struct txn *txn)
{
    txn->touched_before = txn->touched_count;
    txn->undo_count = 0;
    txn->feed_seq_before = txn->feed_seq;
    txn->feed_rows_before = txn->feed_rows;
}

void touched_undo(struct txn *txn)
{
    txn->feed_seq = txn->feed_seq_before;
    txn->feed_rows = txn->feed_rows_before;
    while (txn->undo_count) {
        const struct undo *undo = &txn->undo[--txn->undo_count];
        txn->touched[undo->at] = undo->before;
    }
    /* taken out newest first, so that no other entry's probes led past them */
    while (txn->touched_count > txn->touched_before) {
        struct slice tenant = slice_of(txn->touched[txn->touched_count - 1].tenant);
        txn->index[index_place(txn, tenant)] = 0;
        txn->touched_count--;
    }
}

void touched_release(struct txn *txn)
{
    free(txn->touched);
    free(txn->index);
    free(txn->undo);
}
