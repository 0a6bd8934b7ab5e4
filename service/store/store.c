/* Opening, asking whether it works, and the two ends of a transaction. */
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/migrations.h"
#include "store/txn.h"

enum { PING_MS = 1000 }; /* who asks for readiness gives up after some seconds */

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

static int store_new(const char *url, unsigned connections, struct store **ret, struct err *err)
{
    struct store *store = calloc(1, sizeof *store);
    char *copy = strdup(url);
    int bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!store || !copy || bell_fd < 0) {
        free(store);
        free(copy);
        if (bell_fd >= 0)
            close(bell_fd);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    store->url = copy;
    store->bell.fd = bell_fd;
    store->connections = connections;
    pthread_mutex_init(&store->opening, NULL);
    *ret = store;
    return 0;
}

/* Opens its database. */
static int open_its(struct store *store, struct err *err)
{
    struct sql *sql;
    int r = open_sql(store->url, true, &sql, NULL, err);
    if (r < 0)
        return r;
    if (sql->driver->limit && store->connections)
        sql->driver->limit(sql, store->connections);
    atomic_store(&store->sql, sql);
    return 0;
}

static int open_store(const char *url, unsigned connections, bool may_be_away, struct store **ret,
                      struct err *err)
{
    struct store *store = NULL;
    int r = store_new(url, connections, &store, err);
    if (r < 0)
        return r;
    r = open_its(store, err);
    /* a file that is in use stays so; a server comes back */
    bool is_away = (r == ERR_UNAVAILABLE || r == ERR_CROWDED) && may_be_away &&
                   sql_driver_of(url)->check_user;
    if (r < 0 && !is_away) {
        store_close(store);
        return r;
    }
    *ret = store;
    return 0;
}

int store_open(const char *url, struct store **ret, struct err *err)
{
    return open_store(url, 0, false, ret, err);
}

int store_open_later(const char *url, unsigned connections, struct store **ret, struct err *err)
{
    struct err said = {0};
    int r = open_store(url, connections, true, ret, &said);
    return r < 0 ? err_set(err, r, "%s", said.text) : 0;
}

/* The database, opened now if it was not there before. One tries at a time; the others are told. */
static int sql_of(struct store *store, struct sql **ret, struct err *err)
{
    struct sql *sql = atomic_load(&store->sql);
    int r = 0;
    if (!sql) {
        if (pthread_mutex_trylock(&store->opening))
            return err_set(err, ERR_UNAVAILABLE, "store: no server has answered yet");
        sql = atomic_load(&store->sql);
        if (!sql)
            r = open_its(store, err);
        sql = atomic_load(&store->sql);
        pthread_mutex_unlock(&store->opening);
    }
    if (r == 0)
        *ret = sql;
    return r;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    struct sql *sql = atomic_load(&store->sql);
    if (sql)
        sql->driver->close(sql);
    close(store->bell.fd);
    pthread_mutex_destroy(&store->opening);
    explicit_bzero(store->url, strlen(store->url));
    free(store->url);
    free(store);
}

static int grant(struct sql *sql, const char *user, struct err *err)
{
    struct sql_conn *conn;
    if (!sql->driver->grant)
        return err_set(err, ERR_INVALID, "--grant: %s: this kind of database has no users",
                       sql->name);
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
    struct sql *sql = atomic_load(&store->sql);
    if (!sql) /* the change feed tries to open it, again and again */
        return err_set(err, ERR_UNAVAILABLE, "store: no server has answered yet");
    if (sql->driver->ping)
        return sql->driver->ping(sql, PING_MS, err);
    int r = store_begin(store, NULL, &txn, err);
    if (r < 0)
        return r;
    r = txn->conn->driver->horizon(txn->conn, &horizon, err);
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
    struct sql *sql = NULL;
    int r = sql_of(store, &sql, err);
    if (r == 0)
        r = sql_begin(sql, mode, &txn->conn, err);
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
    atomic_store(&store->bell.has_committed, true);
    store_feed_ring(store);
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
    if (r < 0) {
        sql_rollback(txn->conn);
    } else {
        if (seq)
            own_commits_note(&store->own, seq);
        r = sql_commit(txn->conn, err);
    }
    txn_free(txn);
    if (r == 0 && seq)
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
