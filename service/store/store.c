/* Opening, asking whether it works, and the two ends of a transaction. */
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/migrations.h"
#include "store/txn.h"

int store_check_url(const char *url, struct err *err)
{
    const struct sql_driver *driver = sql_driver_of(url);
    return driver ? driver->check_url(url, err)
                  : err_set(err, ERR_INVALID,
                            "expected sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE");
}

/* Opens the database and brings it up to date. Messages name it without passwords. */
static int open_sql(const char *url, bool is_service, struct sql **ret, unsigned *ret_applied,
                    struct err *err)
{
    struct sql *sql;
    int r = store_check_url(url, err);
    if (r < 0)
        return err_context(err, "--store");
    const struct sql_driver *driver = sql_driver_of(url);
    r = driver->open(url, &sql, err);
    if (r < 0)
        return r;
    if (is_service && driver->check_user)
        r = driver->check_user(sql, err);
    if (r == 0)
        r = migrate(sql, ret_applied, err);
    if (r < 0) {
        err_context(err, "--store: %s", sql->name);
        driver->close(sql);
        return r;
    }
    *ret = sql;
    return 0;
}

int store_open(const char *url, struct store **ret, struct err *err)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return err_set(err, ERR_NOMEM, "out of memory");
    store->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = store->wake_fd < 0 ? err_set(err, ERR_IO, "eventfd: %s", strerror(errno))
                               : open_sql(url, true, &store->sql, NULL, err);
    if (r < 0) {
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
    if (store->sql)
        store->sql->driver->close(store->sql);
    if (store->wake_fd >= 0)
        close(store->wake_fd);
    free(store);
}

static int grant(struct sql *sql, const char *user, struct err *err)
{
    struct sql_conn *conn;
    if (!sql->driver->grant)
        return err_set(err, ERR_INVALID, "%s: this kind of database has no users", sql->name);
    int r = sql_begin(sql, SQL_ALONE, &conn, err);
    if (r < 0)
        return r;
    r = sql->driver->grant(conn, user, err);
    if (r == 0)
        return sql_commit(conn, err);
    sql_rollback(conn);
    return r;
}

int store_migrate(const char *url, const char *user, unsigned *ret_applied, struct err *err)
{
    struct sql *sql;
    int r = open_sql(url, false, &sql, ret_applied, err);
    if (r < 0)
        return r;
    if (user && user[0])
        r = grant(sql, user, err);
    sql->driver->close(sql);
    return r;
}

int store_ping(struct store *store, struct err *err)
{
    struct txn *txn;
    struct sql_horizon horizon;
    int r = store_begin(store, NULL, &txn, err);
    if (r < 0)
        return r;
    r = store->sql->driver->horizon(txn->conn, &horizon, err);
    store_rollback(txn);
    return r;
}

int txn_begin(struct store *store, enum sql_mode mode, struct txn **ret, struct err *err)
{
    struct txn *txn = calloc(1, sizeof *txn);
    if (!txn)
        return err_set(err, ERR_NOMEM, "out of memory");
    txn->store = store;
    txn->is_write = mode == SQL_WRITE;
    int r = sql_begin(store->sql, mode, &txn->conn, err);
    if (r < 0) {
        free(txn);
        return r;
    }
    txn->now_ms = clock_now_ms();
    *ret = txn;
    return 0;
}

int store_begin(struct store *store, const struct actor *actor, struct txn **ret, struct err *err)
{
    int r = txn_begin(store, actor ? SQL_WRITE : SQL_READ, ret, err);
    if (r == 0 && actor)
        (*ret)->actor = *actor;
    return r;
}

static void txn_free(struct txn *txn)
{
    touched_release(txn);
    free(txn);
}

/* Other nodes wait to hear of it; the thread in store_feed_wait() tells them. */
static void tell(struct store *store)
{
    atomic_store(&store->has_committed, true);
    store_feed_interrupt(store);
}

int store_commit(struct txn *txn, uint64_t *ret_feed_seq, struct err *err)
{
    struct store *store = txn->store;
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
    if (r == 0 && seq && store->sql->driver->wait)
        tell(store);
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
