#include "store/migrations.h"

#include "base/clock.h"
#include "base/embed.h"
#include "store/tables.h"

enum { TABLES_MAX = 64 };

EMBED(sqlite_0001, "schema/sqlite/0001_initial.sql");
EMBED(sqlite_0002, "schema/sqlite/0002_nodes.sql");
EMBED(sqlite_0003, "schema/sqlite/0003_call_history.sql");
EMBED(sqlite_0004, "schema/sqlite/0004_campaigns.sql");
EMBED(sqlite_0005, "schema/sqlite/0005_outbox.sql");
EMBED(sqlite_0006, "schema/sqlite/0006_feed_numbers.sql");
EMBED(postgres_0001, "schema/postgres/0001_initial.sql");
EMBED(postgres_0002, "schema/postgres/0002_nodes.sql");
EMBED(postgres_0003, "schema/postgres/0003_call_history.sql");
EMBED(postgres_0004, "schema/postgres/0004_campaigns.sql");
EMBED(postgres_0005, "schema/postgres/0005_outbox.sql");
EMBED(postgres_0006, "schema/postgres/0006_feed_numbers.sql");

const struct migration migrations_sqlite[] = {
    {1, "initial", embed_sqlite_0001},
    {2, "nodes", embed_sqlite_0002},
    {3, "call_history", embed_sqlite_0003},
    {4, "campaigns", embed_sqlite_0004},
    {5, "outbox", embed_sqlite_0005},
    {6, "feed_numbers", embed_sqlite_0006},
    {0, NULL, NULL},
};

const struct migration migrations_postgres[] = {
    {1, "initial", embed_postgres_0001},
    {2, "nodes", embed_postgres_0002},
    {3, "call_history", embed_postgres_0003},
    {4, "campaigns", embed_postgres_0004},
    {5, "outbox", embed_postgres_0005},
    {6, "feed_numbers", embed_postgres_0006},
    {0, NULL, NULL},
};

/* The latest version applied; 0 when not even the table is there. */
static int applied_version(struct sql_conn *conn, int64_t *ret, struct err *err)
{
    int r = sql_query(conn, "SELECT COALESCE(MAX(version), 0) FROM sekisho_migrations",
                      SQL_NO_VALUES, err);
    if (r == 0 && (r = sql_next(conn, err)) == 1)
        *ret = sql_column_int(conn, 0);
    sql_end(conn);
    return r < 0 ? r : 0;
}

/* Looks with no more rights than the service has. */
static int present_version(struct sql *sql, int64_t *ret, struct err *err)
{
    struct sql_conn *conn;
    struct err said = {0};
    int r = sql_begin(sql, SQL_READ, &conn, err);
    if (r < 0)
        return r;
    *ret = 0;
    r = applied_version(conn, ret, &said);
    sql_rollback(conn);
    return r < 0 && r != ERR_IO ? err_set(err, r, "%s", said.text) : 0;
}

static int make_table(struct sql_conn *conn, struct err *err)
{
    return conn->driver->script(conn,
                                "CREATE TABLE IF NOT EXISTS sekisho_migrations ("
                                "version INTEGER NOT NULL PRIMARY KEY, "
                                "name TEXT NOT NULL, "
                                "applied_at_ms BIGINT NOT NULL)",
                                err);
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

/* The one that comes after `version`; the list's end when none does. */
static const struct migration *next_after(const struct sql_driver *driver, int64_t version)
{
    const struct migration *next = driver->migrations;
    while (next->name && next->version <= version)
        next++;
    return next;
}

static int check_known(const struct sql_driver *driver, int64_t version, struct err *err)
{
    const struct migration *end = next_after(driver, version);
    unsigned known = end == driver->migrations ? 0 : end[-1].version;
    if (version <= (int64_t)known)
        return 0;
    return err_set(err, ERR_VERSION,
                   "its schema is version %lld, written by a newer program; this one knows %u",
                   (long long)version, known);
}

/* Applies what comes next, if anything does: 1 applied, 0 nothing left, or an error. */
static int migrate_once(struct sql *sql, struct err *err)
{
    struct sql_conn *conn;
    int64_t version = 0;
    int r = sql_begin(sql, SQL_ALONE, &conn, err);
    if (r < 0)
        return r;
    r = make_table(conn, err);
    if (r == 0)
        r = applied_version(conn, &version, err);
    const struct migration *next = next_after(sql->driver, version);
    if (r == 0)
        r = check_known(sql->driver, version, err);
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

/* A table that is gone though the history says that it was made: restored in part, or dropped by hand. */
static int check_tables(struct sql *sql, struct err *err)
{
    struct sql_conn *conn;
    bool is_there[TABLES_MAX] = {false};
    int r = sql_begin(sql, SQL_READ, &conn, err);
    if (r < 0)
        return r;
    r = sql_query(conn, sql->driver->tables_text, SQL_NO_VALUES, err);
    while (r == 0 && (r = sql_next(conn, err)) == 1) {
        for (unsigned i = 0; tables[i].name && i < TABLES_MAX; i++)
            is_there[i] |= slice_equals_text(sql_column_text(conn, 0), tables[i].name);
        r = 0;
    }
    sql_end(conn);
    sql_rollback(conn);
    for (unsigned i = 0; tables[i].name && r == 0; i++)
        if (!is_there[i] && (tables[i].is_everywhere || sql->driver->check_user))
            r = err_set(err, ERR_VERSION,
                        "its table %s is missing: restore the whole database from a backup",
                        tables[i].name);
    return r;
}

int migrate(struct sql *sql, unsigned *ret_applied, struct err *err)
{
    struct err said = {0};
    int64_t version = 0;
    unsigned applied = 0;
    /* there is mostly nothing to do, and where there are users ours may not even try */
    int r = sql->driver->check_user ? present_version(sql, &version, err) : 0;
    if (r == 0)
        r = check_known(sql->driver, version, err);
    if (r < 0)
        return r;
    if (next_after(sql->driver, version)->name)
        while ((r = migrate_once(sql, &said)) == 1)
            applied++;
    if (r == ERR_FORBIDDEN)
        return err_set(err, r,
                       "its schema is version %lld and this program needs a newer one, which its "
                       "user may not make: run sekisho store migrate --store URL as the owner",
                       (long long)version);
    if (r < 0)
        return err_set(err, r, "%s", said.text);
    r = check_tables(sql, err);
    if (r == 0 && ret_applied)
        *ret_applied = applied;
    return r;
}

int migrations_are_applied(struct sql *sql, struct err *err)
{
    int64_t version = 0;
    int r = present_version(sql, &version, err);
    if (r == 0)
        r = check_known(sql->driver, version, err);
    if (r < 0)
        return r;
    if (version == 0)
        return err_set(err, ERR_NOT_FOUND, "%s: there is no store in it", sql->name);
    if (next_after(sql->driver, version)->name)
        return err_set(err, ERR_VERSION,
                       "%s: its schema is version %lld and this program needs a newer one: run sekisho "
                       "store migrate first",
                       sql->name, (long long)version);
    return 0;
}
