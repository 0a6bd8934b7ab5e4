/*
 * The PostgreSQL driver: each transaction has a connection of the pool to itself.
 *
 *     begin ──► take one ··· first statement ──► BEGIN, limits, scope ──► … ──► COMMIT ──► give back
 *
 * All settings end with the transaction, and statements are prepared only where the server itself is at
 * the other end: so it is the same whether a pooler in transaction mode stands between or not. BEGIN waits for the first statement, so that it shares a round trip with the
 * settings; and when a connection kept from earlier turns out dead there, another takes its place and
 * nothing is lost.
 *
 * Writers run in READ COMMITTED: what is read after a lock was waited for is what its last holder left.
 * Values travel in binary: texts as their bytes, numbers big-endian.
 */
#include "store/sql.h"

#include <assert.h>
#include <endian.h>

#include "store/pg_commit.h"
#include "store/pg_listen.h"
#include "store/pg_pool.h"

enum {
    PARAMETERS_MAX = 1024,
    SCOPE_BYTES = 128,
    STATEMENT_MS = 5000, /* the server gives up */
    SILENCE_MS = 7000,   /* we give up on the server */
    LONG_MS = 600000,    /* for walks and migrations */
    OID_INT8 = 20,
    OID_TEXT = 25,
};

struct database {
    struct sql base;
    struct pg_target *target;
    struct pg_pool *pool;
    struct pg_listener *listener;
};

struct connection {
    struct sql_conn base;
    struct database *database;
    struct pg_client *client;
    enum sql_mode mode;
    bool is_started, is_broken;
    struct pg_writing writing;   /* of this transaction, when it writes */
    char scope[SCOPE_BYTES];     /* in force, or wanted before the start */
    PGresult *result;            /* of the statement, or one row of it */
    int row;
    bool is_streaming;           /* more results are to be fetched */
};

static int silence_ms(const struct connection *conn)
{
    return conn->mode == SQL_WALK || conn->mode == SQL_ALONE ? LONG_MS : SILENCE_MS;
}

/* A failure that the connection does not survive is remembered; the rest is the statement's. */
static int failed(struct connection *conn, int code)
{
    PGconn *pg = conn->client->pg;
    PGTransactionStatusType status = PQtransactionStatus(pg);
    if (PQstatus(pg) == CONNECTION_BAD || status == PQTRANS_ACTIVE || status == PQTRANS_UNKNOWN)
        conn->is_broken = true;
    return code;
}

/* A privilege that is missing is for the operator to give, never the fault of who asks. */
static int refuse(struct connection *conn, const PGresult *result, struct err *err)
{
    struct err said = {0};
    int code = pg_error(conn->client->pg, result, &said);
    if (pg_state_is(result, "25006")) /* it writes no more: look for the one that does */
        conn->is_broken = true;
    if (code == ERR_FORBIDDEN && conn->mode != SQL_ALONE) {
        code = ERR_UNAVAILABLE;
        return failed(conn, err_set(err, code, "%s (sekisho store migrate --grant lets a user in)",
                                    said.text));
    }
    return failed(conn, err_set(err, code, "%s", said.text));
}

/* --- the start of a transaction ----------------------------------------------------------------------- */

static int start_once(struct connection *conn, struct err *err)
{
    static const char *const begins[] = {
        [SQL_READ] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        [SQL_WALK] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        [SQL_WRITE] = "BEGIN",
        [SQL_ALONE] = "BEGIN; SELECT pg_advisory_xact_lock(1936419955)", /* "skis" */
    };
    PGconn *pg = conn->client->pg;
    char text[1024];
    PGresult *result = NULL;
    int limit_ms = silence_ms(conn) == LONG_MS ? LONG_MS : STATEMENT_MS;
    char *scope = PQescapeLiteral(pg, conn->scope, strlen(conn->scope));
    if (!scope)
        return err_set(err, ERR_NOMEM, "out of memory");
    int n = snprintf(text, sizeof text,
                     "%s; SELECT set_config('sekisho.tenant', %s, true), "
                     "set_config('statement_timeout', '%d', true), "
                     "set_config('lock_timeout', '%d', true), "
                     "set_config('idle_in_transaction_session_timeout', '%d', true)%s",
                     begins[conn->mode], scope, limit_ms, limit_ms, LONG_MS,
                     conn->mode == SQL_WRITE || conn->mode == SQL_ALONE ? PG_WRITING_COLUMNS : "");
    PQfreemem(scope);
    assert(n < (int)sizeof text);
    int r = pg_run(pg, text, silence_ms(conn), &result, err);
    if (r == 0 && (conn->mode == SQL_WRITE || conn->mode == SQL_ALONE))
        pg_writing_read(&conn->writing, result, 4);
    PQclear(result);
    return r;
}

static int start(struct connection *conn, struct err *err)
{
    struct err first = {0};
    if (conn->is_started || conn->is_broken)
        return conn->is_broken ? err_set(err, ERR_UNAVAILABLE, "store: the connection broke") : 0;
    int r = start_once(conn, &first);
    if (r < 0 && conn->client->is_used && PQstatus(conn->client->pg) == CONNECTION_BAD) {
        first = (struct err){0};
        r = pg_pool_renew(conn->database->pool, conn->client, &first);
        if (r == 0)
            r = start_once(conn, &first);
    }
    if (r < 0) {
        conn->is_broken = true;
        return err_set(err, r == ERR_NOMEM ? r : ERR_UNAVAILABLE, "%s", first.text);
    }
    conn->is_started = true;
    return 0;
}

/* --- statements ------------------------------------------------------------------------------------------ */

/* The next result of a streamed statement: 1 a row, 0 the end. */
static int fetch(struct connection *conn, struct err *err)
{
    PGconn *pg = conn->client->pg;
    PQclear(conn->result);
    conn->result = NULL;
    conn->row = 0;
    int r = pg_result(pg, silence_ms(conn), &conn->result, err);
    if (r < 0)
        return failed(conn, r);
    if (conn->result && PQresultStatus(conn->result) == PGRES_SINGLE_TUPLE)
        return 1;
    conn->is_streaming = false;
    PGresult *last = NULL;
    r = conn->result && PQresultStatus(conn->result) != PGRES_TUPLES_OK
            ? refuse(conn, conn->result, err)
            : 0;
    while (pg_result(pg, silence_ms(conn), &last, NULL) == 0 && last)
        PQclear(last);
    return r;
}

/* The whole result of a statement. */
static int gather(struct connection *conn, struct err *err)
{
    PGresult *more = NULL;
    int r = pg_result(conn->client->pg, silence_ms(conn), &conn->result, err);
    if (r < 0)
        return failed(conn, r);
    while ((r = pg_result(conn->client->pg, silence_ms(conn), &more, err)) == 0 && more)
        PQclear(more);
    if (r < 0)
        return failed(conn, r);
    ExecStatusType status = PQresultStatus(conn->result);
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK
               ? 0
               : refuse(conn, conn->result, err);
}

/* The place of a statement among those prepared, or where it may go; -1: there is no room near by. */
static int find_place(const struct pg_client *client, const char *text)
{
    enum { PROBES = 8 };
    unsigned home = (unsigned)(((uintptr_t)text * 0x9e3779b97f4a7c15u) >> 56);
    for (unsigned i = 0; i < PROBES; i++) {
        unsigned at = (home + i) % PG_PREPARED_MAX;
        if (!client->prepared[at] || client->prepared[at] == text)
            return (int)at;
    }
    return -1;
}

/* Planning a short statement costs more than running it. `name` stays empty where it is to be sent whole. */
static int prepare(struct connection *conn, const char *text, struct sql_values values,
                   const Oid *types, char name[16], struct err *err)
{
    struct pg_client *client = conn->client;
    int at = client->may_prepare ? find_place(client, text) : -1;
    for (unsigned i = 0; i < values.count && at >= 0; i++)
        if (values.list[i].type == SQL_NULL) /* of which type, the statement alone knows */
            at = -1;
    if (at < 0)
        return 0;
    snprintf(name, 16, "s%d", at);
    if (client->prepared[at])
        return 0;
    if (!PQsendPrepare(client->pg, name, text, (int)values.count, types))
        return failed(conn, pg_error(client->pg, NULL, err));
    int r = gather(conn, err);
    PQclear(conn->result);
    conn->result = NULL;
    if (r == 0)
        client->prepared[at] = text;
    return r;
}

static int postgres_query(struct sql_conn *base, const char *text, struct sql_values values,
                          struct err *err)
{
    struct connection *conn = (struct connection *)base;
    const char *bytes[PARAMETERS_MAX];
    int lengths[PARAMETERS_MAX], formats[PARAMETERS_MAX];
    Oid types[PARAMETERS_MAX];
    uint64_t numbers[PARAMETERS_MAX];
    assert(!conn->result && values.count <= PARAMETERS_MAX);
    int r = start(conn, err);
    if (r < 0)
        return r;
    for (unsigned i = 0; i < values.count; i++) {
        const struct sql_value *value = &values.list[i];
        numbers[i] = htobe64((uint64_t)value->number);
        bytes[i] = value->type == SQL_NULL  ? NULL
                   : value->type == SQL_INT ? (const char *)&numbers[i]
                   : value->text.p          ? value->text.p
                                            : "";
        lengths[i] = value->type == SQL_INT ? (int)sizeof numbers[i] : (int)value->text.n;
        types[i] = value->type == SQL_INT ? OID_INT8 : OID_TEXT;
        formats[i] = 1;
    }
    PGconn *pg = conn->client->pg;
    char name[16] = "";
    r = prepare(conn, text, values, types, name, err);
    if (r < 0)
        return r;
    int sent = name[0] ? PQsendQueryPrepared(pg, name, (int)values.count, bytes, lengths, formats, 1)
                       : PQsendQueryParams(pg, text, (int)values.count, types, bytes, lengths,
                                           formats, 1);
    if (!sent)
        return failed(conn, pg_error(pg, NULL, err));
    conn->row = -1;
    conn->is_streaming = conn->mode == SQL_WALK && PQsetSingleRowMode(pg);
    return conn->is_streaming ? 0 : gather(conn, err);
}

static int postgres_next(struct sql_conn *base, struct err *err)
{
    struct connection *conn = (struct connection *)base;
    if (conn->is_streaming)
        return fetch(conn, err);
    if (!conn->result || conn->row + 1 >= PQntuples(conn->result))
        return 0;
    conn->row++;
    return 1;
}

static void postgres_end(struct sql_conn *base)
{
    struct connection *conn = (struct connection *)base;
    PQclear(conn->result);
    conn->result = NULL;
    if (conn->is_streaming) /* the rest may be millions of rows: quicker thrown away than read */
        conn->is_broken = true;
    conn->is_streaming = false;
}

static bool postgres_column_is_null(struct sql_conn *base, unsigned column)
{
    struct connection *conn = (struct connection *)base;
    return PQgetisnull(conn->result, conn->row, (int)column);
}

static int64_t postgres_column_int(struct sql_conn *base, unsigned column)
{
    struct connection *conn = (struct connection *)base;
    const char *p = PQgetvalue(conn->result, conn->row, (int)column);
    uint64_t wide;
    uint32_t narrow;
    switch (PQgetlength(conn->result, conn->row, (int)column)) {
    case sizeof wide: memcpy(&wide, p, sizeof wide); return (int64_t)be64toh(wide);
    case sizeof narrow: memcpy(&narrow, p, sizeof narrow); return (int32_t)be32toh(narrow);
    case 1: return *p; /* boolean */
    default: return 0; /* NULL */
    }
}

static struct slice postgres_column_text(struct sql_conn *base, unsigned column)
{
    struct connection *conn = (struct connection *)base;
    return (struct slice){PQgetvalue(conn->result, conn->row, (int)column),
                          (size_t)PQgetlength(conn->result, conn->row, (int)column)};
}

static int postgres_script(struct sql_conn *base, const char *text, struct err *err)
{
    struct connection *conn = (struct connection *)base;
    assert(!conn->result);
    int r = start(conn, err);
    if (r < 0)
        return r;
    PGresult *result = NULL;
    r = PQsendQuery(conn->client->pg, text) ? 0 : pg_error(conn->client->pg, NULL, err);
    while (r == 0 && (r = pg_result(conn->client->pg, silence_ms(conn), &result, err)) == 0 &&
           result) {
        PQclear(conn->result);
        conn->result = result;
    }
    if (r < 0)
        failed(conn, r);
    else if (conn->result && PQresultStatus(conn->result) == PGRES_FATAL_ERROR)
        r = refuse(conn, conn->result, err);
    PQclear(conn->result);
    conn->result = NULL;
    conn->scope[0] = '\0'; /* going back to a savepoint took it back, too */
    return r;
}

static bool postgres_is_open(struct sql_conn *base)
{
    return !((struct connection *)base)->is_broken;
}

static int postgres_scope(struct sql_conn *base, struct slice who, struct err *err)
{
    struct connection *conn = (struct connection *)base;
    char scope[SCOPE_BYTES]; /* an id too long to be one is cut, and sees nothing */
    snprintf(scope, sizeof scope, "%.*s", SLICE_ARG(who));
    if (strcmp(scope, conn->scope) == 0)
        return 0;
    if (conn->is_started) {
        bool was_streaming = conn->mode == SQL_WALK;
        assert(!was_streaming);
        int r = postgres_query(base, "SELECT set_config('sekisho.tenant', $1, true)",
                               SQL_VALUES(sql_text(scope)), err);
        postgres_end(base);
        if (r < 0)
            return r;
    }
    memcpy(conn->scope, scope, sizeof scope);
    return 0;
}

/* --- transactions ------------------------------------------------------------------------------------------ */

static int postgres_begin(struct sql *base, enum sql_mode mode, struct sql_conn **ret,
                          struct err *err)
{
    struct database *database = (struct database *)base;
    struct connection *conn = calloc(1, sizeof *conn);
    if (!conn)
        return err_set(err, ERR_NOMEM, "out of memory");
    int r = pg_pool_take(database->pool, &conn->client, err);
    if (r < 0) {
        free(conn);
        return r;
    }
    conn->base.driver = &sql_postgres;
    conn->database = database;
    conn->mode = mode;
    *ret = &conn->base;
    return 0;
}

static void give_back(struct connection *conn)
{
    PQclear(conn->result);
    pg_pool_give(conn->database->pool, conn->client, !conn->is_broken);
    free(conn);
}

static void postgres_rollback(struct sql_conn *base)
{
    struct connection *conn = (struct connection *)base;
    postgres_end(base);
    if (conn->is_started && !conn->is_broken &&
        pg_run(conn->client->pg, "ROLLBACK", SILENCE_MS, NULL, NULL) < 0)
        conn->is_broken = true;
    give_back(conn);
}

static int postgres_commit(struct sql_conn *base, struct err *err)
{
    struct connection *conn = (struct connection *)base;
    assert(!conn->result);
    int r = 0;
    if (conn->is_started)
        r = pg_commit(conn->client, conn->mode == SQL_WRITE ? &conn->writing : NULL,
                      silence_ms(conn), err);
    else if (conn->is_broken)
        r = err_set(err, ERR_UNAVAILABLE, "store: the connection broke");
    if (r == PG_COMMIT_LOST) {
        conn->is_broken = true;
        r = pg_commit_resolve(conn->database->target, conn->client, &conn->writing, err);
    } else if (r < 0) {
        failed(conn, r);
        postgres_rollback(base);
        return r;
    }
    give_back(conn);
    return r;
}

/* --- the change feed ------------------------------------------------------------------------------------ */

static int postgres_seq(struct sql_conn *base, uint64_t *ret, struct err *err)
{
    struct connection *conn = (struct connection *)base;
    int r = start(conn, err);
    if (r == 0)
        *ret = conn->writing.xid;
    return r;
}

/* Numbers of transactions are given out at their start, so they commit in any order: below xmin all of
 * them have ended, from xmax on none had when the snapshot was taken. */
static int postgres_horizon(struct sql_conn *base, struct sql_horizon *ret, struct err *err)
{
    int r = postgres_query(base,
                           "SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint, "
                           "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint "
                           "FROM pg_current_snapshot() s",
                           SQL_NO_VALUES, err);
    if (r == 0 && (r = postgres_next(base, err)) == 1)
        *ret = (struct sql_horizon){.complete = (uint64_t)postgres_column_int(base, 0),
                                    .end = (uint64_t)postgres_column_int(base, 1),
                                    .history = (uint64_t)postgres_column_int(base, 2)};
    while (r == 1)
        r = postgres_next(base, err); /* a walk reads to the end */
    postgres_end(base);
    return r;
}

static int postgres_copied(struct sql_conn *base, struct err *err)
{
    return postgres_script(base,
                           "SELECT set_config('sekisho.tenant', '*', true); "
                           "SELECT setval(pg_get_serial_sequence('audit', 'seq'), "
                           "(SELECT COALESCE(MAX(seq), 0) + 1 FROM audit), false)",
                           err);
}

static void postgres_wait(struct sql *base, int wake_fd, atomic_bool *has_committed, int timeout_ms)
{
    struct database *database = (struct database *)base;
    pg_listener_wait(database->listener, wake_fd, has_committed, timeout_ms);
}

/* --- users ------------------------------------------------------------------------------------------------ */

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
    struct connection *conn = (struct connection *)base;
    char text[1024];
    int r = start(conn, err);
    if (r < 0)
        return r;
    char *name = PQescapeIdentifier(conn->client->pg, user, strlen(user));
    if (!name)
        return err_set(err, ERR_INVALID, "not the name of a user");
    int n = snprintf(text, sizeof text,
                     "GRANT SELECT, INSERT, UPDATE, DELETE ON policies, tenants, contacts, "
                     "accounts, rules, profiles, profile_rules, feed, revocations, idempotency, "
                     "attempts, attempt_counts, commits, nodes, receipts TO %s; "
                     "GRANT SELECT, INSERT ON audit TO %s; "
                     "GRANT SELECT ON sekisho_migrations, sequences TO %s",
                     name, name, name);
    PQfreemem(name);
    if (n >= (int)sizeof text)
        return err_set(err, ERR_INVALID, "not the name of a user");
    return postgres_script(base, text, err);
}

/* --- open and close --------------------------------------------------------------------------------------- */

static void postgres_close(struct sql *base)
{
    struct database *database = (struct database *)base;
    pg_listener_free(database->listener);
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
        r = pg_listener_new(database->target, &database->listener, err);
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
    .check_url = postgres_check_url,
    .open = postgres_open,
    .close = postgres_close,
    .check_user = postgres_check_user,
    .grant = postgres_grant,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .scope = postgres_scope,
    .seq = postgres_seq,
    .horizon = postgres_horizon,
    .copied = postgres_copied,
    .wait = postgres_wait,
    .query = postgres_query,
    .next = postgres_next,
    .end = postgres_end,
    .column_is_null = postgres_column_is_null,
    .column_int = postgres_column_int,
    .column_text = postgres_column_text,
    .script = postgres_script,
    .is_open = postgres_is_open,
};
