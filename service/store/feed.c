/*
 * The change feed: for each tenant (and each revoked token) the place of its latest change in the
 * order of all commits. Only the latest is kept: a follower that asks for what came after `seq` is
 * told of each changed tenant once, and the table never grows beyond tenants and revocations.
 *
 * Numbers are taken from a row that stays locked until the commit, not from a database sequence:
 * those can commit out of order on PostgreSQL, and a follower that has seen 8 would never look for
 * 7.
 */
#include "store/txn.h"

static int take_seqs(struct txn *txn, size_t count, uint64_t *ret_first, struct err *err)
{
    int64_t last = 0;
    int r = txn_number(txn,
                       "UPDATE sequences SET value = value + $1 WHERE name = 'feed' "
                       "RETURNING value",
                       SQL_VALUES(sql_int((int64_t)count)), &last, err);
    if (r < 0)
        return r;
    *ret_first = (uint64_t)last - count + 1;
    return 0;
}

static int append(struct txn *txn, struct slice tenant, struct slice jti, uint64_t seq,
                  uint64_t revision, struct err *err)
{
    return txn_exec(txn,
                    "INSERT INTO feed (tenant, jti, seq, revision) VALUES ($1, $2, $3, $4) "
                    "ON CONFLICT (tenant, jti) DO UPDATE SET seq = excluded.seq, "
                    "revision = excluded.revision",
                    SQL_VALUES(sql_slice(tenant), sql_slice(jti), sql_int((int64_t)seq),
                               sql_int((int64_t)revision)),
                    err);
}

int feed_append_changes(struct txn *txn, uint64_t *ret_seq, struct err *err)
{
    size_t count = 0;
    uint64_t seq = 0;
    for (size_t i = 0; i < txn->touched_count; i++)
        count += txn->touched[i].changes != 0;
    if (count == 0) {
        *ret_seq = txn->revocation_seq;
        return 0;
    }
    int r = take_seqs(txn, count, &seq, err);
    for (size_t i = 0; i < txn->touched_count && r == 0; i++) {
        const struct touched *touched = &txn->touched[i];
        if (touched->changes)
            r = append(txn, slice_of(touched->tenant), SLICE_NONE, seq++, touched->revision, err);
    }
    if (r == 0)
        *ret_seq = seq - 1;
    return r;
}

int feed_append_revocation(struct txn *txn, struct slice jti, struct err *err)
{
    uint64_t seq = 0;
    int r = take_seqs(txn, 1, &seq, err);
    if (r == 0)
        r = append(txn, SLICE_NONE, jti, seq, 0, err);
    if (r == 0)
        txn->revocation_seq = seq;
    return r;
}

static int read_row(struct txn *txn, struct arena *arena, struct feed_row *ret, struct err *err)
{
    struct feed_row row = {
        .seq = (uint64_t)column_int(txn, 0),
        .tenant = column_copy(txn, 1, arena),
        .jti = column_copy(txn, 2, arena),
        .revision = (uint64_t)column_int(txn, 3),
    };
    if (!row.tenant || !row.jti)
        return txn_nomem(txn, err);
    row.kind = row.jti[0] ? FEED_REVOCATION : row.tenant[0] ? FEED_TENANT : FEED_PLATFORM;
    *ret = row;
    return 0;
}

static int read_since(struct txn *txn, uint64_t seq, unsigned limit, struct arena *arena,
                      struct feed_row *rows, unsigned *ret_count, struct err *err)
{
    unsigned count = 0;
    int r = txn_query(txn,
                      "SELECT seq, tenant, jti, revision FROM feed WHERE seq > $1 "
                      "ORDER BY seq LIMIT $2",
                      SQL_VALUES(sql_int((int64_t)seq), sql_int(limit)), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1)
        r = read_row(txn, arena, &rows[count++], err);
    txn_end(txn);
    *ret_count = count;
    return r;
}

int store_feed_since(struct store *store, uint64_t seq, unsigned limit, struct arena *arena,
                     struct feed_row **ret, unsigned *ret_count, struct err *err)
{
    struct txn *txn;
    unsigned count;
    struct feed_row *rows = arena_alloc(arena, limit * sizeof *rows);
    if (!rows)
        return err_set(err, ERR_NOMEM, "out of memory");
    int r = store_begin(store, NULL, &txn, err);
    if (r < 0)
        return r;
    r = read_since(txn, seq, limit, arena, rows, &count, err);
    store_rollback(txn);
    if (r < 0)
        return r;
    *ret = rows;
    *ret_count = count;
    return 0;
}

int store_revision(struct txn *txn, struct slice tenant, uint64_t *ret, struct err *err)
{
    int64_t revision = 0;
    if (tenant.n == 0 || tenant_id_is_valid(tenant)) {
        int r = txn_number(txn, "SELECT revision FROM policies WHERE tenant = $1",
                           SQL_VALUES(sql_slice(tenant)), &revision, err);
        if (r < 0)
            return r;
    }
    *ret = (uint64_t)revision;
    return 0;
}
