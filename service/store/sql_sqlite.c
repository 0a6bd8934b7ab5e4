/*
 * The SQLite driver: one connection that writes, and up to READERS_MAX that read.
 *
 *     begin(write) ──► wait for `writer` ──► BEGIN IMMEDIATE ──► … ──► COMMIT (and the checkpoint)
 *     begin(read)  ──► take an idle reader, or open one ──► BEGIN ──► … ──► COMMIT
 *
 * BEGIN IMMEDIATE because a transaction that reads first and writes later fails at once, whatever the
 * busy timeout. Read transactions should be short: while one is open the write-ahead log only grows.
 */
#include "store/sql.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "store/sqlite_file.h"

enum {
    READERS_MAX = 8,
    WAIT_S = 5,          /* for the writer, or for a reader */
    STATEMENTS_MAX = 256 /* prepared and kept, a connection; a power of two */
};

struct statement {
    const char *text;
    sqlite3_stmt *stmt;
};

struct connection {
    struct sql_conn base;
    struct database *database;
    sqlite3 *db;
    sqlite3_stmt *running;
    struct connection *next_idle;
    struct statement statements[STATEMENTS_MAX];
};

struct database {
    struct sql base;
    char *path;
    int lock_fd;
    struct connection *writer;
    pthread_mutex_t mutex; /* guards the fields below */
    pthread_cond_t writer_is_free, reader_is_free;
    bool is_writing;
    struct connection *idle; /* readers */
    unsigned readers_count;  /* idle or not */
};

/* --- statements --------------------------------------------------------------------------------- */

/* SQLite gives "$1" a number by where it stands; "?1" is the first parameter wherever it stands. */
static int prepare(struct connection *conn, const char *text, sqlite3_stmt **ret, struct err *err)
{
    char *own = strdup(text);
    if (!own)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (char *p = own; *p; p++)
        if (*p == '$')
            *p = '?';
    int rc = sqlite3_prepare_v3(conn->db, own, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
    free(own);
    return rc == SQLITE_OK ? 0 : sqlite_error(conn->db, rc, err);
}

/* Finds the statement, prepared now or earlier; a full neighbourhood gives up its first. */
static int find(struct connection *conn, const char *text, sqlite3_stmt **ret, struct err *err)
{
    enum { PROBES = 8 };
    size_t home = ((uintptr_t)text * 0x9e3779b97f4a7c15u) >> 56;
    struct statement *place = NULL;
    for (size_t i = 0; i < PROBES; i++) {
        struct statement *kept = &conn->statements[(home + i) % STATEMENTS_MAX];
        if (kept->text == text) {
            *ret = kept->stmt;
            return 0;
        }
        if (!place && !kept->text)
            place = kept;
    }
    sqlite3_stmt *stmt;
    int r = prepare(conn, text, &stmt, err);
    if (r < 0)
        return r;
    if (!place)
        place = &conn->statements[home % STATEMENTS_MAX];
    sqlite3_finalize(place->stmt);
    *place = (struct statement){text, stmt};
    *ret = stmt;
    return 0;
}

static int bind(sqlite3_stmt *stmt, struct sql_values values)
{
    int rc = SQLITE_OK;
    for (unsigned i = 0; i < values.count && rc == SQLITE_OK; i++) {
        const struct sql_value *value = &values.list[i];
        int at = (int)i + 1;
        if (value->type == SQL_INT)
            rc = sqlite3_bind_int64(stmt, at, value->number);
        else if (value->type == SQL_TEXT) /* a NULL address would bind NULL */
            rc = sqlite3_bind_text64(stmt, at, value->text.p ? value->text.p : "", value->text.n,
                                     SQLITE_STATIC, SQLITE_UTF8);
        else
            rc = sqlite3_bind_null(stmt, at);
    }
    return rc;
}

static int sqlite_query(struct sql_conn *base, const char *text, struct sql_values values,
                        struct err *err)
{
    struct connection *conn = (struct connection *)base;
    assert(!conn->running);
    if (sqlite3_get_autocommit(conn->db)) /* what follows would be committed piece by piece */
        return err_set(err, ERR_UNAVAILABLE, "store: the database gave up the transaction");
    sqlite3_stmt *stmt;
    int r = find(conn, text, &stmt, err);
    if (r < 0)
        return r;
    int rc = bind(stmt, values);
    if (rc != SQLITE_OK)
        return sqlite_error(conn->db, rc, err);
    conn->running = stmt;
    return 0;
}

static int sqlite_next(struct sql_conn *base, struct err *err)
{
    struct connection *conn = (struct connection *)base;
    int rc = sqlite3_step(conn->running);
    return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : sqlite_error(conn->db, rc, err);
}

static void sqlite_end(struct sql_conn *base)
{
    struct connection *conn = (struct connection *)base;
    if (!conn->running)
        return;
    sqlite3_reset(conn->running); /* its result repeats what next() already said */
    sqlite3_clear_bindings(conn->running);
    conn->running = NULL;
}

static bool sqlite_column_is_null(struct sql_conn *base, unsigned column)
{
    struct connection *conn = (struct connection *)base;
    return sqlite3_column_type(conn->running, (int)column) == SQLITE_NULL;
}

static int64_t sqlite_column_int(struct sql_conn *base, unsigned column)
{
    struct connection *conn = (struct connection *)base;
    return sqlite3_column_int64(conn->running, (int)column);
}

static struct slice sqlite_column_text(struct sql_conn *base, unsigned column)
{
    struct connection *conn = (struct connection *)base;
    const char *p = (const char *)sqlite3_column_text(conn->running, (int)column);
    return (struct slice){p, p ? (size_t)sqlite3_column_bytes(conn->running, (int)column) : 0};
}

static int sqlite_script(struct sql_conn *base, const char *text, struct err *err)
{
    struct connection *conn = (struct connection *)base;
    assert(!conn->running);
    int rc = sqlite3_exec(conn->db, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : sqlite_error(conn->db, rc, err);
}

static bool sqlite_is_open(struct sql_conn *base)
{
    return !sqlite3_get_autocommit(((struct connection *)base)->db);
}

/* --- connections ---------------------------------------------------------------------------------- */

static int connect(struct database *database, bool is_writer, struct connection **ret,
                   struct err *err)
{
    struct connection *conn = calloc(1, sizeof *conn);
    if (!conn)
        return err_set(err, ERR_NOMEM, "out of memory");
    conn->base.driver = &sql_sqlite;
    conn->database = database;
    int r = sqlite_file_connect(database->path, is_writer, &conn->db, err);
    if (r < 0) {
        free(conn);
        return r;
    }
    *ret = conn;
    return 0;
}

static void disconnect(struct connection *conn)
{
    if (!conn)
        return;
    for (size_t i = 0; i < STATEMENTS_MAX; i++)
        sqlite3_finalize(conn->statements[i].stmt);
    sqlite3_close(conn->db);
    free(conn);
}

static struct timespec wait_until(void)
{
    struct timespec when;
    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_sec += WAIT_S;
    return when;
}

static int take_writer(struct database *database, struct connection **ret, struct err *err)
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
        return err_set(err, ERR_UNAVAILABLE, "store: busy with other writes for %d s", WAIT_S);
    *ret = database->writer;
    return 0;
}

static int take_reader(struct database *database, struct connection **ret, struct err *err)
{
    struct timespec until = wait_until();
    int waited = 0;
    pthread_mutex_lock(&database->mutex);
    while (!database->idle && database->readers_count >= READERS_MAX && waited == 0)
        waited = pthread_cond_timedwait(&database->reader_is_free, &database->mutex, &until);
    struct connection *conn = database->idle;
    bool may_connect = !conn && database->readers_count < READERS_MAX;
    if (conn)
        database->idle = conn->next_idle;
    if (may_connect)
        database->readers_count++;
    pthread_mutex_unlock(&database->mutex);
    if (!conn && !may_connect)
        return err_set(err, ERR_UNAVAILABLE, "store: all %d readers busy for %d s", READERS_MAX,
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

static void give_back(struct connection *conn)
{
    struct database *database = conn->database;
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

/* --- transactions --------------------------------------------------------------------------------- */

static void sqlite_rollback(struct sql_conn *base)
{
    struct connection *conn = (struct connection *)base;
    sqlite_end(base);
    if (sqlite_is_open(base))
        sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL); /* cannot leave it open */
    give_back(conn);
}

static int sqlite_begin(struct sql *base, bool is_write, struct sql_conn **ret, struct err *err)
{
    struct database *database = (struct database *)base;
    struct connection *conn = NULL;
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
    struct connection *conn = (struct connection *)base;
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

/* --- open and close ------------------------------------------------------------------------------- */

static void sqlite_close(struct sql *base)
{
    struct database *database = (struct database *)base;
    for (struct connection *conn = database->idle, *next; conn; conn = next) {
        next = conn->next_idle;
        disconnect(conn);
    }
    disconnect(database->writer); /* last: it alone may checkpoint */
    pthread_cond_destroy(&database->reader_is_free);
    pthread_cond_destroy(&database->writer_is_free);
    pthread_mutex_destroy(&database->mutex);
    if (database->lock_fd >= 0)
        close(database->lock_fd);
    free(database->path);
    free(database);
}

static int sqlite_open(const char *address, struct sql **ret, struct err *err)
{
    if (address[0] == '\0' || address[0] == ':')
        return err_set(err, ERR_INVALID, "--store: sqlite:FILE needs the name of a file");
    struct database *database = calloc(1, sizeof *database);
    if (!database)
        return err_set(err, ERR_NOMEM, "out of memory");
    database->base.driver = &sql_sqlite;
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
    .scheme = "sqlite",
    .migrations = migrations_sqlite,
    .open = sqlite_open,
    .close = sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .query = sqlite_query,
    .next = sqlite_next,
    .end = sqlite_end,
    .column_is_null = sqlite_column_is_null,
    .column_int = sqlite_column_int,
    .column_text = sqlite_column_text,
    .script = sqlite_script,
    .is_open = sqlite_is_open,
};
