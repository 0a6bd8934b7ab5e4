/*
 * The PostgreSQL driver: each transaction has a connection of the pool to itself.
 *
 *     begin ──► take one ··· first statement ──► BEGIN, limits, scope ──► … ──► COMMIT ──► give back
 *
 * All settings end with the transaction, and statements are prepared only where the server itself
 * is at the other end: so it is the same whether a pooler in transaction mode stands between or
 * not.
 *
 * Writers run in READ COMMITTED: what is read after a lock was waited for is what its last holder
 * left.
 */
#include "store/sql.h"

#include <assert.h>

#include "base/buf.h"
#include "store/pg_conn.h"
#include "store/pg_feed.h"
#include "store/pg_listen.h"
#include "store/pg_ping.h"
#include "store/pg_queue.h"
#include "store/tables.h"

struct database {
    struct sql base;
    struct pg_target *target;
    struct pg_pool *pool;
    struct pg_queue *queue;
    struct pg_listener *listener;
    struct pg_ping *ping;
};

enum { STUCK_MS = 100 }; /* to wait for a tenant that somebody waited for in vain */

/* --- transactions ---------------------------------------------------------------------------- */

static int postgres_begin(struct sql *base, enum sql_mode mode, struct sql_conn **ret,
                          struct err *err)
{
    struct database *database = (struct database *)base;
    struct pg_conn *conn = calloc(1, sizeof *conn);
    if (!conn)
        return err_set(err, ERR_NOMEM, "out of memory");
    int r = pg_pool_take(database->pool, &conn->client, err);
    if (r < 0) {
        free(conn);
        return r;
    }
    conn->base.driver = &sql_postgres;
    conn->pool = database->pool;
    conn->target = database->target;
    conn->queue = database->queue;
    conn->mode = mode;
    *ret = &conn->base;
    return 0;
}

static void give_back(struct pg_conn *conn)
{
    PQclear(conn->result);
    PQclear(conn->told);
    pg_pool_give(conn->pool, conn->client, !conn->is_broken);
    free(conn);
}

static void postgres_rollback(struct sql_conn *base)
{
    struct pg_conn *conn = (struct pg_conn *)base;
    postgres_end(base);
    if (conn->is_started && !conn->is_broken &&
        pg_run(conn->client->pg, "ROLLBACK", pg_conn_silence_ms(conn), NULL, NULL) < 0)
        conn->is_broken = true;
    give_back(conn);
}

static int postgres_commit(struct sql_conn *base, struct err *err)
{
    struct pg_conn *conn = (struct pg_conn *)base;
    assert(!conn->result);
    int r = 0;
    if (conn->is_started)
        r = pg_commit(conn->client, conn->mode == SQL_WRITE ? &conn->writing : NULL,
                      pg_conn_silence_ms(conn), err);
    else if (conn->is_broken)
        r = err_set(err, ERR_UNAVAILABLE, "store: the connection broke");
    if (r == PG_COMMIT_LOST) {
        conn->is_broken = true;
        r = pg_commit_resolve(conn->target, conn->client, &conn->writing, err);
    } else if (r < 0) {
        pg_conn_failed(conn, r);
        postgres_rollback(base);
        return r;
    }
    give_back(conn);
    return r;
}

/* --- waiting for a tenant -------------------------------------------------------------------- */

static int postgres_queue(struct sql_conn *base, struct slice tenant, struct err *err)
{
    struct pg_conn *conn = (struct pg_conn *)base;
    unsigned max = pg_pool_max(conn->pool), share = max - (max + 2) / 3; /* the rest is for others */
    bool is_stuck;
    char text[64];
    int r = pg_conn_start(conn, err);
    if (r == 0)
        r = pg_queue_enter(conn->queue, tenant, share ? share : 1, &is_stuck, err);
    if (r < 0 || !is_stuck)
        return r;
    snprintf(text, sizeof text, "SET LOCAL lock_timeout = %d", STUCK_MS);
    r = pg_run(conn->client->pg, text, pg_conn_silence_ms(conn), NULL, err);
    if (r < 0) {
        pg_queue_leave(conn->queue, tenant, true);
        return pg_conn_failed(conn, r);
    }
    return 0;
}

static void postgres_queued(struct sql_conn *base, struct slice tenant, int r)
{
    pg_queue_leave(((struct pg_conn *)base)->queue, tenant, r == ERR_CROWDED);
}

/* --- the change feed ------------------------------------------------------------------------- */

static int postgres_copied(struct sql_conn *base, struct err *err)
{
    return postgres_script(base,
                           "SELECT set_config('sekisho.tenant', '*', true); "
                           "SELECT setval(pg_get_serial_sequence('audit', 'seq'), "
                           "(SELECT COALESCE(MAX(seq), 0) + 1 FROM audit), false)",
                           err);
}

static bool postgres_wait(struct sql *base, struct sql_bell *bell, int timeout_ms)
{
    struct database *database = (struct database *)base;
    return pg_listener_wait(database->listener, bell, timeout_ms);
}

/* --- users ----------------------------------------------------------------------------------- */

static int postgres_check_user(struct sql *base, struct err *err)
{
    struct sql_conn *conn;
    int r = postgres_begin(base, SQL_READ, &conn, err);
    if (r < 0)
        return r;
    r = postgres_query(conn,
                       "SELECT rolsuper OR rolbypassrls, rolname FROM pg_roles "
                       "WHERE rolname = current_user",
                       SQL_NO_VALUES, err);
    if (r == 0 && (r = postgres_next(conn, err)) == 1) {
        struct slice user = postgres_column_text(conn, 1);
        r = postgres_column_int(conn, 0)
                ? err_set(err, ERR_INVALID,
                          "row-level security does not bind user %.*s: run as one that is neither "
                          "superuser nor BYPASSRLS, let in by sekisho store migrate --grant",
                          SLICE_ARG(user))
                : 0;
    }
    postgres_end(conn);
    postgres_rollback(conn);
    return r;
}

/* What the service does, and no more: the audit trail cannot be changed, nor the schema. */
static int postgres_grant(struct sql_conn *base, const char *user, struct err *err)
{
    static const char *const rights[] = {[TABLE_ALL] = "SELECT, INSERT, UPDATE, DELETE",
                                         [TABLE_APPENDED] = "SELECT, INSERT",
                                         [TABLE_READ] = "SELECT"};
    struct pg_conn *conn = (struct pg_conn *)base;
    char text[16384];
    struct buf grants = BUF_OVER(text);
    int r = pg_conn_start(conn, err);
    if (r < 0)
        return r;
    char *name = PQescapeIdentifier(conn->client->pg, user, strlen(user));
    if (!name)
        return err_set(err, ERR_INVALID, "not the name of a user");
    for (const struct table *table = tables; table->name; table++)
        buf_printf(&grants, "GRANT %s ON %s TO %s; ", rights[table->rights], table->name, name);
    buf_printf(&grants, "GRANT SELECT, USAGE ON SEQUENCE feed_numbers TO %s", name);
    PQfreemem(name);
    if (grants.overflowed)
        return err_set(err, ERR_INVALID, "not the name of a user");
    return postgres_script(base, text, err);
}

/* --- open and close -------------------------------------------------------------------------- */

static void postgres_close(struct sql *base)
{
    struct database *database = (struct database *)base;
    pg_ping_free(database->ping);
    pg_listener_free(database->listener);
    pg_queue_free(database->queue);
    pg_pool_free(database->pool);
    pg_target_free(database->target);
    free(database);
}

/* Tables that extensions bring are nobody's. */
static int recognise(struct sql *base, struct err *err)
{
    struct sql_conn *conn;
    int r = postgres_begin(base, SQL_READ, &conn, err);
    if (r < 0)
        return r;
    r = postgres_query(conn,
                       "SELECT to_regclass('sekisho_migrations') IS NULL AND EXISTS (SELECT 1 "
                       "FROM pg_class c WHERE c.relnamespace = to_regnamespace(current_schema()) "
                       "AND c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT 1 FROM pg_depend d "
                       "WHERE d.objid = c.oid AND d.deptype = 'e')), "
                       "COALESCE(current_schema(), '')",
                       SQL_NO_VALUES, err);
    if (r == 0 && (r = postgres_next(conn, err)) == 1) {
        struct slice schema = postgres_column_text(conn, 1);
        r = schema.n == 0 ? err_set(err, ERR_INVALID, "its search_path names no schema that exists")
            : postgres_column_int(conn, 0)
                ? err_set(err, ERR_VERSION, "schema %.*s has tables of another program",
                          SLICE_ARG(schema))
                : 0;
    }
    postgres_end(conn);
    postgres_rollback(conn);
    return r;
}

static void postgres_limit(struct sql *base, unsigned connections)
{
    pg_pool_limit(((struct database *)base)->pool, connections);
}

static int postgres_ping(struct sql *base, int timeout_ms, struct err *err)
{
    return pg_ping(((struct database *)base)->ping, timeout_ms, err);
}

static int postgres_check_url(const char *url, struct err *err)
{
    struct pg_target *target;
    int r = pg_target_new(url, &target, err);
    if (r == 0)
        pg_target_free(target);
    return r;
}

static int postgres_open(const char *url, struct sql **ret, struct err *err)
{
    struct database *database = calloc(1, sizeof *database);
    if (!database)
        return err_set(err, ERR_NOMEM, "out of memory");
    database->base.driver = &sql_postgres;
    int r = pg_target_new(url, &database->target, err);
    if (r < 0) {
        free(database);
        return r;
    }
    snprintf(database->base.name, sizeof database->base.name, "%s",
             pg_target_name(database->target));
    r = pg_pool_new(database->target, &database->pool, err);
    if (r == 0)
        r = pg_queue_new(&database->queue, err);
    if (r == 0)
        r = pg_listener_new(database->target, &database->listener, err);
    if (r == 0)
        r = pg_ping_new(database->target, &database->ping, err);
    if (r == 0) {
        r = recognise(&database->base, err);
        if (r < 0)
            err_context(err, "--store: %s", database->base.name);
    }
    if (r < 0) {
        postgres_close(&database->base);
        return r;
    }
    *ret = &database->base;
    return 0;
}

const struct sql_driver sql_postgres = {
    .schemes = {"postgres", "postgresql"},
    .migrations = migrations_postgres,
    .tables_text = "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') "
                   "AND relnamespace = to_regnamespace(current_schema()) ORDER BY relname",
    .columns_text =
        "SELECT a.attname::text, a.atttypid IN ('int4'::regtype, 'int8'::regtype), "
        "COALESCE(array_position(string_to_array(i.indkey::text, ' '), a.attnum::text), 0) "
        "FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary "
        "WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
    .check_url = postgres_check_url,
    .open = postgres_open,
    .close = postgres_close,
    .limit = postgres_limit,
    .ping = postgres_ping,
    .check_user = postgres_check_user,
    .grant = postgres_grant,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .scope = postgres_scope,
    .queue = postgres_queue,
    .queued = postgres_queued,
    .seq = postgres_seq,
    .horizon = postgres_horizon,
    .copied = postgres_copied,
    .wait = postgres_wait,
    .query = postgres_query,
    .insert = postgres_insert,
    .next = postgres_next,
    .end = postgres_end,
    .column_is_null = postgres_column_is_null,
    .column_int = postgres_column_int,
    .column_text = postgres_column_text,
    .script = postgres_script,
    .is_open = postgres_is_open,
};
