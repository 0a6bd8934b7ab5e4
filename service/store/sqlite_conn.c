#include "store/sqlite_conn.h"

#include <assert.h>

#include "store/sqlite_file.h"

int sqlite_conn_new(const char *path, bool is_writer, struct sqlite_conn **ret, struct err *err)
{
    struct sqlite_conn *conn = calloc(1, sizeof *conn);
    if (!conn)
        return err_set(err, ERR_NOMEM, "out of memory");
    conn->base.driver = &sql_sqlite;
    int r = sqlite_file_connect(path, is_writer, &conn->db, err);
    if (r < 0) {
        free(conn);
        return r;
    }
    *ret = conn;
    return 0;
}

void sqlite_conn_free(struct sqlite_conn *conn)
{
    if (!conn)
        return;
    for (size_t i = 0; i < STATEMENTS_MAX; i++)
        sqlite3_finalize(conn->statements[i].stmt);
    sqlite3_close(conn->db);
    free(conn);
}

/* SQLite gives "$1" a number by where it stands; "?1" is the first parameter wherever it stands. */
static int prepare(struct sqlite_conn *conn, const char *text, sqlite3_stmt **ret, struct err *err)
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
static int find(struct sqlite_conn *conn, const char *text, sqlite3_stmt **ret, struct err *err)
{
    enum { PROBES = 8 };
    size_t home = ((uintptr_t)text * 0x9e3779b97f4a7c15u) >> 56;
    struct sqlite_statement *place = NULL;
    for (size_t i = 0; i < PROBES; i++) {
        struct sqlite_statement *kept = &conn->statements[(home + i) % STATEMENTS_MAX];
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
    *place = (struct sqlite_statement){text, stmt};
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

int sqlite_query(struct sql_conn *base, const char *text, struct sql_values values,
                        struct err *err)
{
    struct sqlite_conn *conn = (struct sqlite_conn *)base;
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

static int prepare_insert(struct sqlite_conn *conn, const struct sql_insert *into,
                          sqlite3_stmt **ret, struct err *err)
{
    char text[1024];
    int n = snprintf(text, sizeof text, "INSERT INTO %s (%s) VALUES (", into->table, into->columns);
    for (unsigned i = 0; into->kinds[i]; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s$%u", i ? ", " : "", i + 1);
    n += snprintf(text + n, sizeof text - (size_t)n, ") ON CONFLICT DO NOTHING");
    assert(n < (int)sizeof text);
    return prepare(conn, text, ret, err);
}

int sqlite_insert(struct sql_conn *base, const struct sql_insert *into,
                  const struct sql_value *values, unsigned rows, bool *is_new, struct err *err)
{
    struct sqlite_conn *conn = (struct sqlite_conn *)base;
    unsigned columns = (unsigned)strlen(into->kinds);
    sqlite3_stmt *stmt = NULL;
    assert(!conn->running);
    if (sqlite3_get_autocommit(conn->db))
        return err_set(err, ERR_UNAVAILABLE, "store: the database gave up the transaction");
    int r = prepare_insert(conn, into, &stmt, err);
    for (unsigned i = 0; i < rows && r == 0; i++) {
        int rc = bind(stmt, (struct sql_values){values + i * columns, columns});
        if (rc == SQLITE_OK)
            rc = sqlite3_step(stmt);
        if (rc == SQLITE_DONE)
            is_new[i] = sqlite3_changes(conn->db) > 0;
        else
            r = sqlite_error(conn->db, rc, err);
        sqlite3_reset(stmt); /* its result repeats what step already said */
    }
    sqlite3_finalize(stmt);
    return r;
}

int sqlite_next(struct sql_conn *base, struct err *err)
{
    struct sqlite_conn *conn = (struct sqlite_conn *)base;
    int rc = sqlite3_step(conn->running);
    return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : sqlite_error(conn->db, rc, err);
}

void sqlite_end(struct sql_conn *base)
{
    struct sqlite_conn *conn = (struct sqlite_conn *)base;
    if (!conn->running)
        return;
    sqlite3_reset(conn->running); /* its result repeats what next() already said */
    sqlite3_clear_bindings(conn->running);
    conn->running = NULL;
}

bool sqlite_column_is_null(struct sql_conn *base, unsigned column)
{
    struct sqlite_conn *conn = (struct sqlite_conn *)base;
    return sqlite3_column_type(conn->running, (int)column) == SQLITE_NULL;
}

int64_t sqlite_column_int(struct sql_conn *base, unsigned column)
{
    struct sqlite_conn *conn = (struct sqlite_conn *)base;
    return sqlite3_column_int64(conn->running, (int)column);
}

struct slice sqlite_column_text(struct sql_conn *base, unsigned column)
{
    struct sqlite_conn *conn = (struct sqlite_conn *)base;
    const char *p = (const char *)sqlite3_column_text(conn->running, (int)column);
    return (struct slice){p, p ? (size_t)sqlite3_column_bytes(conn->running, (int)column) : 0};
}

int sqlite_script(struct sql_conn *base, const char *text, struct err *err)
{
    struct sqlite_conn *conn = (struct sqlite_conn *)base;
    assert(!conn->running);
    int rc = sqlite3_exec(conn->db, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : sqlite_error(conn->db, rc, err);
}

bool sqlite_is_open(struct sql_conn *base)
{
    return !sqlite3_get_autocommit(((struct sqlite_conn *)base)->db);
}
