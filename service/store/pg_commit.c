#include "store/pg_commit.h"

#include <inttypes.h>
#include <time.h>

#include "base/clock.h"

enum {
    RESOLVE_MS = 5000, /* for finding out */
    ASK_MS = 2000,     /* for one answer */
    PAUSE_MS = 50,
};

void pg_writing_read(struct pg_writing *writing, const PGresult *result, int at)
{
    writing->xid = strtoull(PQgetvalue(result, 0, at), NULL, 10);
    snprintf(writing->timeline, sizeof writing->timeline, "%s", PQgetvalue(result, 0, at + 1));
}

/* Marks of connections that ended long ago; once in a connection's life. */
static void forget_old(struct pg_client *client)
{
    char text[160];
    snprintf(text, sizeof text, "DELETE FROM commits WHERE at_ms < %" PRId64,
             clock_now_ms() - INT64_C(24) * 3600 * 1000);
    if (pg_run(client->pg, text, ASK_MS, NULL, NULL) < 0)
        return; /* the next connection's first commit does it */
}

int pg_commit(struct pg_client *client, const struct pg_writing *writing, int silence_ms,
              struct err *err)
{
    char text[320] = "COMMIT";
    PGresult *result = NULL;
    struct err said = {0};
    if (writing)
        snprintf(text, sizeof text,
                 "INSERT INTO commits (writer, number, at_ms) VALUES ('%s', %" PRIu64 ", %" PRId64
                 ") ON CONFLICT (writer) DO UPDATE SET number = excluded.number, "
                 "at_ms = excluded.at_ms; COMMIT",
                 client->writer, ++client->commits, clock_now_ms());
    int r = pg_run(client->pg, text, silence_ms, &result, &said);
    PGTransactionStatusType status = PQtransactionStatus(client->pg);
    bool is_answered = PQstatus(client->pg) == CONNECTION_OK &&
                       (status == PQTRANS_IDLE || status == PQTRANS_INERROR);
    if (r == 0 && strcmp(PQcmdStatus(result), "COMMIT") != 0) /* it was unfit: rolled back */
        r = err_set(&said, ERR_UNAVAILABLE, "store: the database gave up the transaction");
    PQclear(result);
    if (r == 0 && writing && client->commits == 1)
        forget_old(client);
    if (r == 0)
        return 0;
    if (writing && !is_answered)
        return PG_COMMIT_LOST;
    return err_set(err, r, "%s", said.text);
}

/* --- what became of it ----------------------------------------------------------------------- */

enum fate { FATE_UNKNOWN, FATE_COMMITTED, FATE_UNDER_WAY, FATE_NO_MARK, FATE_GONE };

/*
 * The transaction's state counts only on the server, and in the history, that it ran in: after a
 * replica took over it is gone unless its mark came along. A state "committed" without a mark is
 * seen when it committed between the two looks, or when its number was given out again after a
 * crash.
 */
static enum fate ask(PGconn *pg, const struct pg_client *client, const struct pg_writing *writing)
{
    char text[640];
    PGresult *result = NULL;
    enum fate fate = FATE_UNKNOWN;
    snprintf(text, sizeof text,
             "SELECT EXISTS (SELECT 1 FROM commits WHERE writer = '%s' AND number = %" PRIu64 "), "
             "CASE WHEN substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) <> '%s' THEN 'elsewhere' "
             "WHEN '%" PRIu64 "'::xid8 >= pg_snapshot_xmax(pg_current_snapshot()) THEN 'never' "
             "ELSE pg_xact_status('%" PRIu64 "'::xid8) END",
             client->writer, client->commits, writing->timeline, writing->xid, writing->xid);
    if (pg_run(pg, text, ASK_MS, &result, NULL) < 0)
        return FATE_UNKNOWN;
    const char *state = PQgetvalue(result, 0, 1);
    if (*PQgetvalue(result, 0, 0) == 't')
        fate = FATE_COMMITTED;
    else if (strcmp(state, "in progress") == 0)
        fate = FATE_UNDER_WAY;
    else if (strcmp(state, "committed") == 0)
        fate = FATE_NO_MARK;
    else if (*state)
        fate = FATE_GONE;
    PQclear(result);
    return fate;
}

int pg_commit_resolve(struct pg_target *target, const struct pg_client *client,
                      const struct pg_writing *writing, struct err *err)
{
    int64_t deadline_ms = clock_mono_ms() + RESOLVE_MS;
    unsigned no_mark = 0;
    PGconn *pg = NULL;
    enum fate fate = FATE_UNKNOWN;
    do {
        if (!pg && pg_connect(target, ASK_MS, &pg, NULL) < 0)
            pg = NULL;
        fate = pg ? ask(pg, client, writing) : FATE_UNKNOWN;
        if (fate == FATE_NO_MARK && ++no_mark == 2)
            fate = FATE_GONE;
        if (fate == FATE_COMMITTED || fate == FATE_GONE)
            break;
        if (fate == FATE_UNKNOWN && pg) {
            PQfinish(pg);
            pg = NULL;
        }
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
    } while (clock_mono_ms() < deadline_ms);
    PQfinish(pg);
    if (fate == FATE_COMMITTED)
        return 0;
    if (fate == FATE_GONE)
        return err_set(err, ERR_UNAVAILABLE,
                       "store: the connection broke before the commit, nothing was changed");
    return err_set(err, ERR_UNDECIDED,
                   "store: the connection broke during the commit; its outcome is unknown: look "
                   "before trying again");
}
