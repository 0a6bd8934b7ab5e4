/* Opening, asking whether it works, and the two ends of a transaction. */
#include "store/store.h"

#include <assert.h>

#include "base/clock.h"
#include "store/migrations.h"
#include "store/txn.h"

int store_open(const char *url, struct store **ret, struct err *err)
{
    struct slice scheme = {url, strcspn(url, ":")};
    const struct sql_driver *driver = url[scheme.n] == ':' ? sql_driver_of(scheme) : NULL;
    if (!driver)
        return err_set(err, ERR_INVALID, "--store: no database is called \"%.*s\"",
                       SLICE_ARG(scheme));
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return err_set(err, ERR_NOMEM, "out of memory");
    int r = driver->open(url + scheme.n + 1, &store->sql, err);
    if (r < 0) {
        free(store);
        return r;
    }
    r = migrate(store->sql, err);
    if (r < 0) {
        err_context(err, "--store: %s", url + scheme.n + 1);
        store_close(store);
        return r;
    }
    *ret = store;
    return 0;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    store->sql->driver->close(store->sql);
    free(store);
}

int store_ping(struct store *store, struct err *err)
{
    struct txn *txn;
    int64_t value;
    int r = store_begin(store, NULL, &txn, err);
    if (r < 0)
        return r;
    r = txn_number(txn, "SELECT value FROM sequences WHERE name = 'feed'", SQL_NO_VALUES, &value,
                   err);
    if (r == 0)
        r = err_set(err, ERR_UNAVAILABLE, "store: its sequence is gone");
    store_rollback(txn);
    return r < 0 ? r : 0;
}

int store_begin(struct store *store, const struct actor *actor, struct txn **ret, struct err *err)
{
    struct txn *txn = calloc(1, sizeof *txn);
    if (!txn)
        return err_set(err, ERR_NOMEM, "out of memory");
    txn->store = store;
    txn->is_write = actor != NULL;
    if (actor)
        txn->actor = *actor;
    int r = sql_begin(store->sql, txn->is_write, &txn->conn, err);
    if (r < 0) {
        free(txn);
        return r;
    }
    txn->now_ms = clock_now_ms();
    *ret = txn;
    return 0;
}

static void txn_free(struct txn *txn)
{
    touched_release(txn);
    free(txn);
}

int store_commit(struct txn *txn, uint64_t *ret_feed_seq, struct err *err)
{
    uint64_t seq = 0;
    int r = txn->failed;
    assert(!txn->in_savepoint);
    if (r < 0)
        err_set(err, r, "store: a statement of this transaction failed, nothing was changed");
    else if (txn->is_write)
        r = feed_append_changes(txn, &seq, err);
    if (r < 0)
        sql_rollback(txn->conn);
    else
        r = sql_commit(txn->conn, err);
    txn_free(txn);
    if (r == 0 && ret_feed_seq)
        *ret_feed_seq = seq;
    return r;
}

void store_rollback(struct txn *txn)
{
    if (!txn)
        return;
    sql_rollback(txn->conn);
    txn_free(txn);
}
