/*
 * The SQLite driver: one connection that writes, and up to READERS_MAX that read.
 *
 *     begin(write) ──► wait for `writer` ──► BEGIN IMMEDIATE ──► … ──► COMMIT (and the checkpoint)
 *     begin(read)  ──► take an idle reader, or open one ──► BEGIN ──► … ──► COMMIT
 *
 * BEGIN IMMEDIATE because a transaction that reads first and writes later fails at once, whatever
 * the busy timeout. Read transactions should be short: while one is open the write-ahead log only
 * grows.
 */
#include "store/sql.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite_conn.h"
#include "store/sqlite_file.h"

enum {
    READERS_MAX = 8,
    WAIT_S = 5, /* for the writer, or for a reader */
};

struct sqlite_database {
    struct sql base;
    char *path;
    int lock_fd;
    struct sqlite_conn *writer;
    pthread_mutex_t mutex; /* guards the fields below */
    pthread_cond_t writer_is_free, reader_is_free;
    bool is_writing;
    struct sqlite_conn *idle; /* readers */
    unsigned readers_count;  /* idle or not */
};

/* --- connections ------------------------------------------------------------------------------ */

static int connect(struct sqlite_database *database, bool is_writer, struct sqlite_conn **ret,
                   struct err *err)
{
    int r = sqlite_conn_new(database->path, is_writer, ret, err);
    if (r == 0)
        (*ret)->database = database;
    return r;
}

static struct timespec wait_until(void)
{
    struct timespec when;
    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_sec += WAIT_S;
    return when;
}

static int take_writer(struct sqlite_database *database, struct sqlite_conn **ret, struct err *err)
{
    struct timespec until = wait_until();
    int waited = 0;
    pthread_mutex_lock(&database->mutex);
    while (database->is_writing && waited == 0)
        waited = pthread_cond_timedwait(&database->writer_is_free, &database->mutex, &until);
    bool is_ours = !database->is_writing;
    if (is_ours)
        database->is_writing = true;
    pthread_mutex_unlock(&database->mutex);
    if (!is_ours)
        return err_set(err, ERR_CROWDED, "store: busy with other writes for %d s", WAIT_S);
    *ret = database->writer;
    return 0;
}

static int take_reader(struct sqlite_database *database, struct sqlite_conn **ret, struct err *err)
{
    struct timespec until = wait_until();
    int waited = 0;
    pthread_mutex_lock(&database->mutex);
    while (!database->idle && database->readers_count >= READERS_MAX && waited == 0)
        waited = pthread_cond_timedwait(&database->reader_is_free, &database->mutex, &until);
    struct sqlite_conn *conn = database->idle;
    bool may_connect = !conn && database->readers_count < READERS_MAX;
    if (conn)
        database->idle = conn->next_idle;
    if (may_connect)
        database->readers_count++;
    pthread_mutex_unlock(&database->mutex);
    if (!conn && !may_connect)
        return err_set(err, ERR_CROWDED, "store: all %d readers busy for %d s", READERS_MAX,
                       WAIT_S);
    int r = conn ? 0 : connect(database, false, &conn, err);
    if (r < 0) {
        pthread_mutex_lock(&database->mutex);
        database->readers_count--;
        pthread_cond_signal(&database->reader_is_free);
        pthread_mutex_unlock(&database->mutex);
        return r;
    }
    *ret = conn;
    return 0;
}

static void give_back(struct sqlite_conn *conn)
{
    struct sqlite_database *database = conn->database;
    pthread_mutex_lock(&database->mutex);
    if (conn == database->writer) {
        database->is_writing = false;
        pthread_cond_signal(&database->writer_is_free);
    } else {
        conn->next_idle = database->idle;
        database->idle = conn;
        pthread_cond_signal(&database->reader_is_free);
    }
    pthread_mutex_unlock(&database->mutex);
}

/* --- transactions ----------------------------------------------------------------------------- */

static void sqlite_rollback(struct sql_conn *base)
{
    struct sqlite_conn *conn = (struct sqlite_conn *)base;
    sqlite_end(base);
    if (sqlite_is_open(base))
        sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL); /* cannot leave it open */
    give_back(conn);
}

static int sqlite_begin(struct sql *base, enum sql_mode mode, struct sql_conn **ret,
                        struct err *err)
{
    bool is_write = mode == SQL_WRITE || mode == SQL_ALONE;
    struct sqlite_database *database = (struct sqlite_database *)base;
    struct sqlite_conn *conn = NULL;
    int r = is_write ? take_writer(database, &conn, err) : take_reader(database, &conn, err);
    if (r < 0)
        return r;
    r = sqlite_script(&conn->base, is_write ? "BEGIN IMMEDIATE" : "BEGIN", err);
    if (r == 0)
        r = sqlite_file_check(conn->db, database->path, err);
    if (r < 0) {
        sqlite_rollback(&conn->base);
        return r;
    }
    *ret = &conn->base;
    return 0;
}

static int sqlite_commit(struct sql_conn *base, struct err *err)
{
    struct sqlite_conn *conn = (struct sqlite_conn *)base;
    assert(!conn->running);
    int r = sqlite_is_open(base) ? sqlite_script(base, "COMMIT", err)
                                 : err_set(err, ERR_UNAVAILABLE,
                                           "store: the database gave up the transaction");
    if (r < 0)
        sqlite_rollback(base);
    else
        give_back(conn);
    return r;
}

/* --- the change feed -------------------------------------------------------------------------- */

/* The writer is alone, so numbers are given out in the order of commits. */
static int sqlite_seq(struct sql_conn *base, uint64_t *ret, struct err *err)
{
    int r = sqlite_query(base,
                         "UPDATE sequences SET value = value + 1 WHERE name = 'feed' "
                         "RETURNING value",
                         SQL_NO_VALUES, err);
    if (r == 0 && (r = sqlite_next(base, err)) == 1)
        *ret = (uint64_t)sqlite_column_int(base, 0);
    sqlite_end(base);
    return r == 0 ? err_set(err, ERR_UNAVAILABLE, "store: its sequence is gone") : r < 0 ? r : 0;
}

static int sqlite_horizon(struct sql_conn *base, struct sql_horizon *ret, struct err *err)
{
    int r = sqlite_query(base, "SELECT value FROM sequences WHERE name = 'feed'", SQL_NO_VALUES,
                         err);
    if (r == 0 && (r = sqlite_next(base, err)) == 1) {
        uint64_t end = (uint64_t)sqlite_column_int(base, 0) + 1;
        *ret = (struct sql_horizon){.complete = end, .end = end};
    }
    sqlite_end(base);
    return r == 0 ? err_set(err, ERR_UNAVAILABLE, "store: its sequence is gone") : r < 0 ? r : 0;
}

/* --- open and close --------------------------------------------------------------------------- */

static void sqlite_close(struct sql *base)
{
    struct sqlite_database *database = (struct sqlite_database *)base;
    for (struct sqlite_conn *conn = database->idle, *next; conn; conn = next) {
        next = conn->next_idle;
        sqlite_conn_free(conn);
    }
    sqlite_conn_free(database->writer); /* last: it alone may checkpoint */
    pthread_cond_destroy(&database->reader_is_free);
    pthread_cond_destroy(&database->writer_is_free);
    pthread_mutex_destroy(&database->mutex);
    if (database->lock_fd >= 0)
        close(database->lock_fd);
    free(database->path);
    free(database);
}

static int sqlite_check_url(const char *url, struct err *err)
{
    const char *file = url + strcspn(url, ":") + 1;
    if (file[0] == '\0' || file[0] == ':') /* ":memory:" and its like would forget everything */
        return err_set(err, ERR_INVALID, "sqlite:FILE needs the name of a file");
    return 0;
}

static int sqlite_check_exists(const char *url, struct err *err)
{
    const char *file = url + strcspn(url, ":") + 1;
    struct stat of;
    if (stat(file, &of) != 0)
        return err_set(err, ERR_NOT_FOUND, "%s: %s", file, strerror(errno));
    return of.st_size ? 0 : err_set(err, ERR_NOT_FOUND, "%s: there is no store in it", file);
}

static int sqlite_open(const char *url, struct sql **ret, struct err *err)
{
    const char *address = url + strcspn(url, ":") + 1;
    struct sqlite_database *database = calloc(1, sizeof *database);
    if (!database)
        return err_set(err, ERR_NOMEM, "out of memory");
    database->base.driver = &sql_sqlite;
    snprintf(database->base.name, sizeof database->base.name, "%s", address);
    database->lock_fd = -1;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&database->mutex, NULL);
    pthread_cond_init(&database->writer_is_free, &monotonic);
    pthread_cond_init(&database->reader_is_free, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int r = sqlite_file_claim(address, &database->path, &database->lock_fd, err);
    if (r == 0) {
        r = connect(database, true, &database->writer, err);
        if (r < 0)
            err_context(err, "--store: %s", address);
    }
    if (r < 0) {
        sqlite_close(&database->base);
        return r;
    }
    *ret = &database->base;
    return 0;
}

const struct sql_driver sql_sqlite = {
    .schemes = {"sqlite"},
    .writes_alone = true,
    .migrations = migrations_sqlite,
    .tables_text = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
                   "ESCAPE '\\' ORDER BY name",
    .columns_text = "SELECT name, type IN ('INTEGER', 'BIGINT'), pk FROM pragma_table_info($1) ORDER BY cid",
    .check_url = sqlite_check_url,
    .check_exists = sqlite_check_exists,
    .open = sqlite_open,
    .close = sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .seq = sqlite_seq,
    .horizon = sqlite_horizon,
    .query = sqlite_query,
    .insert = sqlite_insert,
    .next = sqlite_next,
    .end = sqlite_end,
    .column_is_null = sqlite_column_is_null,
    .column_int = sqlite_column_int,
    .column_text = sqlite_column_text,
    .script = sqlite_script,
    .is_open = sqlite_is_open,
};
