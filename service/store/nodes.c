/*
 * Nodes and their receipts: who follows the change feed, and since when how far.
 *
 *     feed      tenant ─► number of its latest change
 *     receipts  node, number ─► when every change below it was in force there; so a change is in force
 *               on a node since its first receipt beyond the number of the change
 *
 * One receipt a step of a node, not one a tenant and change: a bulk change of a million tenants
 * costs a node a few rows. The price: while a commit with a lower number is under way, the change has no
 * receipt though nodes enforce it already. Late by as long as a commit takes, never wrong.
 */
#include "store/txn.h"

enum { REMOVED_AT_ONCE = 8 };

static const int64_t receipts_kept_ms = INT64_C(5) * 60 * 1000;

static const struct actor keeper = {"node", "node", "", ""}; /* makes no audit record */

/* --- writing ---------------------------------------------------------------------------------- */

static int forget_reach(struct txn *txn, const struct node_row *node, struct err *err)
{
    return txn_exec(txn, "DELETE FROM receipts WHERE node = $1", SQL_VALUES(sql_text(node->name)),
                    err);
}

/*
 * Makes the row this run's, whosoever it was. What an earlier run had reached says nothing of this
 * one.
 */
static int take_name(struct txn *txn, const struct node_row *node, struct err *err)
{
    int r = forget_reach(txn, node, err);
    if (r < 0)
        return r;
    return txn_exec(
        txn,
        "INSERT INTO nodes (name, run, address, version, key_fingerprint, keys_agree, numbering, "
        "numbering_data, behind, feed_complete, platform_revision, started_at_ms, heartbeat_at_ms) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (name) DO UPDATE SET "
        "run = excluded.run, address = excluded.address, version = excluded.version, "
        "key_fingerprint = excluded.key_fingerprint, keys_agree = excluded.keys_agree, "
        "numbering = excluded.numbering, feed_complete = excluded.feed_complete, "
        "platform_revision = excluded.platform_revision, started_at_ms = excluded.started_at_ms, "
        "heartbeat_at_ms = excluded.heartbeat_at_ms",
        SQL_VALUES(sql_text(node->name), sql_text(node->run), sql_text(node->address),
                   sql_text(node->version), sql_text(node->key_fingerprint),
                   sql_int(node->keys_agree), sql_text(node->numbering),
                   sql_text(node->numbering_data), sql_text(node->behind),
                   sql_int((int64_t)node->feed_complete), sql_int((int64_t)node->platform_revision),
                   sql_int(node->started_at_ms), sql_int(txn->now_ms)),
        err);
}

/* What changes while a run lives. 1, or 0 when the row is not (or no longer) this run's. */
static int refresh(struct txn *txn, const struct node_row *node, struct err *err)
{
    int r = txn_row(txn,
                    "UPDATE nodes SET keys_agree = $3, numbering = $4, feed_complete = $5, "
                    "platform_revision = $6, heartbeat_at_ms = $7, numbering_data = $8, "
                    "behind = $9 "
                    "WHERE name = $1 AND run = $2 RETURNING 1",
                    SQL_VALUES(sql_text(node->name), sql_text(node->run), sql_int(node->keys_agree),
                               sql_text(node->numbering), sql_int((int64_t)node->feed_complete),
                               sql_int((int64_t)node->platform_revision), sql_int(txn->now_ms),
                               sql_text(node->numbering_data), sql_text(node->behind)),
                    err);
    if (r == 1)
        txn_end(txn);
    return r;
}

static int is_taken(struct txn *txn, const struct node_row *node, struct err *err)
{
    int64_t one;
    return txn_number(txn, "SELECT 1 FROM nodes WHERE name = $1", SQL_VALUES(sql_text(node->name)),
                      &one, err);
}

static int write_row(struct txn *txn, const struct node_row *node, bool is_first, struct err *err)
{
    int r = is_first ? 0 : refresh(txn, node, err);
    if (r == 0 && !is_first)
        r = is_taken(txn, node, err) == 1
                ? err_set(err, ERR_EXISTS, "another process calls itself %s", node->name)
                : 0;
    if (r == 0) /* the first time, or the row went because nobody refreshed it for a day */
        r = take_name(txn, node, err);
    return r < 0 ? r : 0;
}

/* Old receipts go a few with each new one: more than come in, so they cannot pile up. */
static int write_receipt(struct txn *txn, const struct node_row *node, struct err *err)
{
    struct sql_value name = sql_text(node->name);
    struct sql_value complete = sql_int((int64_t)node->feed_complete);
    int r = txn_exec(txn,
                     "INSERT INTO receipts (node, feed_complete, at_ms) VALUES ($1, $2, $3) "
                     "ON CONFLICT (node, feed_complete) DO NOTHING",
                     SQL_VALUES(name, complete, sql_int(txn->now_ms)), err);
    if (r < 0)
        return r;
    return txn_exec(txn,
                    "DELETE FROM receipts WHERE node = $1 AND at_ms < $3 AND feed_complete IN "
                    "(SELECT feed_complete FROM receipts WHERE node = $1 AND feed_complete < $2 "
                    "ORDER BY feed_complete LIMIT $4)",
                    SQL_VALUES(name, complete, sql_int(txn->now_ms - receipts_kept_ms),
                               sql_int(REMOVED_AT_ONCE)),
                    err);
}

/* How far the node is, in the numbers of the database as it is now. */
static int judge_reach(struct txn *txn, struct node_row *node, struct err *err)
{
    struct sql_horizon horizon;
    if (!node->feed_history)
        return 0;
    int r = txn->conn->driver->horizon(txn->conn, &horizon, err);
    if (r < 0)
        return txn_fail(txn, r);
    if (horizon.history == node->feed_history)
        return 0;
    node->feed_complete = 0;
    return forget_reach(txn, node, err);
}

int store_node_beat(struct store *store, const struct node_row *given, bool is_first,
                    struct err *err)
{
    struct txn *txn;
    struct node_row row = *given, *node = &row;
    int r = store_begin(store, &keeper, &txn, err);
    if (r < 0)
        return r;
    r = judge_reach(txn, node, err);
    if (r == 0)
        r = write_row(txn, node, is_first, err);
    if (r == 0 && node->feed_complete)
        r = write_receipt(txn, node, err);
    if (r < 0) {
        store_rollback(txn);
        return r;
    }
    return store_commit(txn, NULL, err);
}

int store_node_leave(struct store *store, struct slice name, struct slice run, struct err *err)
{
    struct txn *txn;
    int r = store_begin(store, &keeper, &txn, err);
    if (r < 0)
        return r;
    r = txn_exec(txn, "DELETE FROM nodes WHERE name = $1 AND run = $2",
                 SQL_VALUES(sql_slice(name), sql_slice(run)), err);
    if (r < 0) {
        store_rollback(txn);
        return r;
    }
    return store_commit(txn, NULL, err);
}

int store_node_forget(struct store *store, const struct node_row *row, struct err *err)
{
    struct txn *txn;
    int r = store_begin(store, &keeper, &txn, err);
    if (r < 0)
        return r;
    r = txn_exec(txn, "DELETE FROM nodes WHERE name = $1 AND run = $2 AND heartbeat_at_ms = $3",
                 SQL_VALUES(sql_text(row->name), sql_text(row->run), sql_int(row->heartbeat_at_ms)),
                 err);
    if (r < 0) {
        store_rollback(txn);
        return r;
    }
    return store_commit(txn, NULL, err);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int read_node(struct txn *txn, struct arena *arena, struct node_row *ret, struct err *err)
{
    *ret = (struct node_row){
        .name = column_copy(txn, 0, arena),
        .run = column_copy(txn, 1, arena),
        .address = column_copy(txn, 2, arena),
        .version = column_copy(txn, 3, arena),
        .key_fingerprint = column_copy(txn, 4, arena),
        .keys_agree = column_int(txn, 5) != 0,
        .numbering = column_copy(txn, 6, arena),
        .numbering_data = column_copy(txn, 7, arena),
        .behind = column_copy(txn, 8, arena),
        .feed_complete = (uint64_t)column_int(txn, 9),
        .platform_revision = (uint64_t)column_int(txn, 10),
        .started_at_ms = column_int(txn, 11),
        .heartbeat_at_ms = column_int(txn, 12),
        .since_ms = column_int(txn, 13),
    };
    bool is_whole = ret->name && ret->run && ret->address && ret->version &&
                    ret->key_fingerprint && ret->numbering && ret->numbering_data && ret->behind;
    return is_whole ? 0 : txn_nomem(txn, err);
}

int store_node_list(struct txn *txn, uint64_t number, struct arena *arena, struct node_row **ret,
                    unsigned *ret_count, struct err *err)
{
    struct node_row *rows = arena_alloc(arena, NODES_MAX * sizeof *rows);
    unsigned count = 0;
    if (!rows)
        return txn_nomem(txn, err);
    int r = txn_query(txn,
                      "SELECT name, run, address, version, key_fingerprint, keys_agree, "
                      "numbering, numbering_data, behind, feed_complete, platform_revision, "
                      "started_at_ms, heartbeat_at_ms, COALESCE((SELECT r.at_ms FROM receipts r "
                      "WHERE r.node = nodes.name AND r.feed_complete > $1 "
                      "ORDER BY r.feed_complete LIMIT 1), 0) "
                      "FROM nodes ORDER BY name LIMIT $2",
                      SQL_VALUES(sql_int((int64_t)number), sql_int(NODES_MAX + 1)), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1)
        r = count < NODES_MAX ? read_node(txn, arena, &rows[count++], err)
                              : err_set(err, ERR_LIMIT, "more than %d nodes", NODES_MAX);
    txn_end(txn);
    if (r < 0)
        return r;
    *ret = rows;
    *ret_count = count;
    return 0;
}

int store_latest_change(struct txn *txn, struct slice tenant, uint64_t *ret_revision,
                        uint64_t *ret_number, struct err *err)
{
    if (tenant.n && !tenant_id_is_valid(tenant))
        return err_set(err, ERR_NOT_FOUND, "no such tenant");
    int r = txn_scope(txn, tenant, err);
    if (r < 0)
        return r;
    r = txn_row(txn,
                "SELECT p.revision, COALESCE(f.seq, 0) FROM policies p "
                "LEFT JOIN feed f ON f.tenant = p.tenant AND f.jti = '' WHERE p.tenant = $1",
                SQL_VALUES(sql_slice(tenant)), err);
    if (r == 0)
        return err_set(err, ERR_NOT_FOUND, "no such tenant");
    if (r < 0)
        return r;
    *ret_revision = (uint64_t)column_int(txn, 0);
    *ret_number = (uint64_t)column_int(txn, 1);
    txn_end(txn);
    return 0;
}
