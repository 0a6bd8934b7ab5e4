#include "store/migrations.h"

#include "base/clock.h"
#include "base/embed.h"

EMBED(sqlite_0001, "schema/sqlite/0001_initial.sql");
EMBED(sqlite_0002, "schema/sqlite/0002_nodes.sql");

const struct migration migrations_sqlite[] = {
    {1, "initial", embed_sqlite_0001},
    {2, "nodes", embed_sqlite_0002},
    {0, NULL, NULL},
};

/* The latest version applied; 0 for a new database. */
static int applied_version(struct sql_conn *conn, int64_t *ret, struct err *err)
{
    int r = conn->driver->script(conn,
                                 "CREATE TABLE IF NOT EXISTS sekisho_migrations ("
                                 "version INTEGER NOT NULL PRIMARY KEY, "
                                 "name TEXT NOT NULL, "
                                 "applied_at_ms BIGINT NOT NULL)",
                                 err);
    if (r < 0)
        return r;
    r = sql_query(conn, "SELECT COALESCE(MAX(version), 0) FROM sekisho_migrations", SQL_NO_VALUES,
                  err);
    if (r == 0)
        r = sql_next(conn, err);
    if (r == 1)
        *ret = sql_column_int(conn, 0);
    sql_end(conn);
    return r < 0 ? r : 0;
}

static int apply(struct sql_conn *conn, const struct migration *migration, struct err *err)
{
    int r = conn->driver->script(conn, migration->text, err);
    if (r < 0)
        return r;
    return sql_exec(conn,
                    "INSERT INTO sekisho_migrations (version, name, applied_at_ms) "
                    "VALUES ($1, $2, $3)",
                    SQL_VALUES(sql_int(migration->version), sql_text(migration->name),
                               sql_int(clock_now_ms())),
                    err);
}

/* Applies what comes next, if anything does: 1 applied, 0 nothing left, or an error. */
static int migrate_once(struct sql *sql, struct err *err)
{
    struct sql_conn *conn;
    int64_t version = 0;
    int r = sql_begin(sql, true, &conn, err);
    if (r < 0)
        return r;
    r = applied_version(conn, &version, err);
    const struct migration *next = sql->driver->migrations;
    unsigned known = 0;
    for (; next->name && next->version <= version; next++)
        known = next->version;
    if (r == 0 && (int64_t)known < version)
        r = err_set(err, ERR_VERSION,
                    "its schema is version %lld, written by a newer program; this one knows %u",
                    (long long)version, known);
    if (r == 0 && next->name) {
        r = apply(conn, next, err);
        if (r < 0)
            err_context(err, "schema %04u_%s", next->version, next->name);
    }
    if (r < 0) {
        sql_rollback(conn);
        return r;
    }
    r = sql_commit(conn, err);
    return r < 0 ? r : next->name != NULL;
}

int migrate(struct sql *sql, struct err *err)
{
    int r;
    do
        r = migrate_once(sql, err);
    while (r == 1);
    return r;
}
