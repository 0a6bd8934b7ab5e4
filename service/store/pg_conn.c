#include "store/pg_conn.h"

#include <assert.h>
#include <endian.h>

enum {
    PARAMETERS_MAX = 1024,
    LOCK_MS = 2000,      /* the server gives up waiting for others */
    STATEMENT_MS = 5000, /* the server gives up */
    SILENCE_MS = 7000,   /* we give up on the server */
    IDLE_MS = 30000,     /* the server gives up on us: locks of a hung node do not last */
    WALK_MS = 60000,     /* for the first row of a walk, and silence between its rows */
    LONG_MS = 600000,    /* for walks as a whole, and for migrations */
    OID_INT8 = 20,
    OID_TEXT = 25,
};

int pg_conn_silence_ms(const struct pg_conn *conn)
{
    return conn->mode == SQL_ALONE ? LONG_MS : conn->mode == SQL_WALK ? WALK_MS : SILENCE_MS;
}

/* A failure that the connection does not survive is remembered; the rest is the statement's. */
int pg_conn_failed(struct pg_conn *conn, int code)
{
    PGconn *pg = conn->client->pg;
    PGTransactionStatusType status = PQtransactionStatus(pg);
    if (PQstatus(pg) == CONNECTION_BAD || status == PQTRANS_ACTIVE || status == PQTRANS_UNKNOWN)
        conn->is_broken = true;
    return code;
}

/* A privilege that is missing is for the operator to give, never the fault of who asks. */
static int refuse(struct pg_conn *conn, const PGresult *result, struct err *err)
{
    struct err said = {0};
    int code = pg_error(conn->client->pg, result, &said);
    if (pg_state_is(result, "25006")) /* it writes no more: look for the one that does */
        conn->is_broken = true;
    if (code == ERR_FORBIDDEN && conn->mode != SQL_ALONE) {
        code = ERR_UNAVAILABLE;
        return pg_conn_failed(
            conn, err_set(err, code, "not let in by sekisho store migrate --grant? %s", said.text));
    }
    return pg_conn_failed(conn, err_set(err, code, "%s", said.text));
}

/* --- the start of a transaction -------------------------------------------------------------- */

static bool writes(const struct pg_conn *conn)
{
    return conn->mode == SQL_WRITE || conn->mode == SQL_ALONE;
}

static int start_once(struct pg_conn *conn, struct err *err)
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
    bool is_long = conn->mode == SQL_WALK || conn->mode == SQL_ALONE;
    int lock_ms = is_long ? LONG_MS : LOCK_MS;
    int limit_ms = is_long ? LONG_MS : STATEMENT_MS, idle_ms = is_long ? LONG_MS : IDLE_MS;
    PQclear(conn->told);
    conn->told = NULL;
    if (conn->before) {
        int r = pg_run(pg, conn->before, pg_conn_silence_ms(conn), &conn->told, err);
        if (r < 0)
            return r;
    }
    char *scope = PQescapeLiteral(pg, conn->scope, strlen(conn->scope));
    if (!scope)
        return err_set(err, ERR_NOMEM, "out of memory");
    int n = snprintf(text, sizeof text,
                     "%s; SELECT set_config('sekisho.tenant', %s, true), "
                     "set_config('statement_timeout', '%d', true), "
                     "set_config('lock_timeout', '%d', true), "
                     "set_config('idle_in_transaction_session_timeout', '%d', true)%s",
                     begins[conn->mode], scope, limit_ms, lock_ms, idle_ms,
                     writes(conn) ? PG_WRITING_COLUMNS : "");
    PQfreemem(scope);
    assert(n < (int)sizeof text);
    int r = pg_run(pg, text, pg_conn_silence_ms(conn), &result, err);
    if (r == 0 && writes(conn))
        pg_writing_read(&conn->writing, result, 4);
    PQclear(result);
    return r;
}

int pg_conn_start(struct pg_conn *conn, struct err *err)
{
    struct err first = {0};
    if (conn->is_started || conn->is_broken)
        return conn->is_broken ? err_set(err, ERR_UNAVAILABLE, "store: the connection broke") : 0;
    int r = start_once(conn, &first);
    if (r < 0 && conn->client->is_used && PQstatus(conn->client->pg) == CONNECTION_BAD) {
        first = (struct err){0};
        r = pg_pool_renew(conn->pool, conn->client, &first);
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

/* --- statements ------------------------------------------------------------------------------ */

/* The next result of a streamed statement: 1 a row, 0 the end. */
static int fetch(struct pg_conn *conn, struct err *err)
{
    PGconn *pg = conn->client->pg;
    PQclear(conn->result);
    conn->result = NULL;
    conn->row = 0;
    int r = pg_result(pg, pg_conn_silence_ms(conn), &conn->result, err);
    if (r < 0)
        return pg_conn_failed(conn, r);
    if (conn->result && PQresultStatus(conn->result) == PGRES_SINGLE_TUPLE)
        return 1;
    conn->is_streaming = false;
    PGresult *last = NULL;
    r = conn->result && PQresultStatus(conn->result) != PGRES_TUPLES_OK
            ? refuse(conn, conn->result, err)
            : 0;
    while (pg_result(pg, pg_conn_silence_ms(conn), &last, NULL) == 0 && last)
        PQclear(last);
    return r;
}

int pg_conn_gather(struct pg_conn *conn, struct err *err)
{
    PGresult *more = NULL;
    int r = pg_result(conn->client->pg, pg_conn_silence_ms(conn), &conn->result, err);
    if (r < 0)
        return pg_conn_failed(conn, r);
    while ((r = pg_result(conn->client->pg, pg_conn_silence_ms(conn), &more, err)) == 0 && more)
        PQclear(more);
    if (r < 0)
        return pg_conn_failed(conn, r);
    ExecStatusType status = PQresultStatus(conn->result);
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK
               ? 0
               : refuse(conn, conn->result, err);
}

/* The place of a statement among those prepared, or where it may go; -1: there is no room near
 * by. */
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

/* Planning a short statement costs more than running it. `name` stays empty where it is to be sent
 * whole. */
static int prepare(struct pg_conn *conn, const char *text, struct sql_values values,
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
        return pg_conn_failed(conn, pg_error(client->pg, NULL, err));
    int r = pg_conn_gather(conn, err);
    PQclear(conn->result);
    conn->result = NULL;
    if (r == 0)
        client->prepared[at] = text;
    return r;
}

int postgres_query(struct sql_conn *base, const char *text, struct sql_values values,
                          struct err *err)
{
    struct pg_conn *conn = (struct pg_conn *)base;
    const char *bytes[PARAMETERS_MAX];
    int lengths[PARAMETERS_MAX], formats[PARAMETERS_MAX];
    Oid types[PARAMETERS_MAX];
    uint64_t numbers[PARAMETERS_MAX];
    assert(!conn->result && values.count <= PARAMETERS_MAX);
    int r = pg_conn_start(conn, err);
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
        return pg_conn_failed(conn, pg_error(pg, NULL, err));
    conn->row = -1;
    conn->is_streaming = conn->mode == SQL_WALK && PQsetSingleRowMode(pg);
    return conn->is_streaming ? 0 : pg_conn_gather(conn, err);
}

int postgres_next(struct sql_conn *base, struct err *err)
{
    struct pg_conn *conn = (struct pg_conn *)base;
    if (conn->is_streaming)
        return fetch(conn, err);
    if (!conn->result || conn->row + 1 >= PQntuples(conn->result))
        return 0;
    conn->row++;
    return 1;
}

void postgres_end(struct sql_conn *base)
{
    struct pg_conn *conn = (struct pg_conn *)base;
    PQclear(conn->result);
    conn->result = NULL;
    if (conn->is_streaming) /* the rest may be millions of rows: quicker thrown away than read */
        conn->is_broken = true;
    conn->is_streaming = false;
}

bool postgres_column_is_null(struct sql_conn *base, unsigned column)
{
    struct pg_conn *conn = (struct pg_conn *)base;
    return PQgetisnull(conn->result, conn->row, (int)column);
}

int64_t postgres_column_int(struct sql_conn *base, unsigned column)
{
    struct pg_conn *conn = (struct pg_conn *)base;
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

struct slice postgres_column_text(struct sql_conn *base, unsigned column)
{
    struct pg_conn *conn = (struct pg_conn *)base;
    return (struct slice){PQgetvalue(conn->result, conn->row, (int)column),
                          (size_t)PQgetlength(conn->result, conn->row, (int)column)};
}

int postgres_script(struct sql_conn *base, const char *text, struct err *err)
{
    struct pg_conn *conn = (struct pg_conn *)base;
    assert(!conn->result);
    int r = pg_conn_start(conn, err);
    if (r < 0)
        return r;
    PGresult *result = NULL;
    r = PQsendQuery(conn->client->pg, text) ? 0 : pg_error(conn->client->pg, NULL, err);
    while (r == 0 && (r = pg_result(conn->client->pg, pg_conn_silence_ms(conn), &result, err)) == 0 &&
           result) {
        PQclear(conn->result);
        conn->result = result;
    }
    if (r < 0)
        pg_conn_failed(conn, r);
    else if (conn->result && PQresultStatus(conn->result) == PGRES_FATAL_ERROR)
        r = refuse(conn, conn->result, err);
    PQclear(conn->result);
    conn->result = NULL;
    conn->scope[0] = '\0'; /* going back to a savepoint took it back, too */
    return r;
}

bool postgres_is_open(struct sql_conn *base)
{
    return !((struct pg_conn *)base)->is_broken;
}

int postgres_scope(struct sql_conn *base, struct slice who, struct err *err)
{
    struct pg_conn *conn = (struct pg_conn *)base;
    char scope[PG_SCOPE_BYTES]; /* an id too long to be one is cut, and sees nothing */
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
