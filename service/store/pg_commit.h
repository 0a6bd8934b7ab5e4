/*
 * A commit whose answer never comes, and finding out what became of it.
 *
 * The server may have committed before the connection broke, or not. Guessing would either lose an
 * edit that is in force or report one that is not there; so each writing transaction leaves a mark,
 * in one round trip with its COMMIT: its connection's name and how many it has made (table commits,
 * one row a connection). Another connection then looks for the mark. The number of a transaction
 * alone would not do: after a crash the server may give it out again.
 */
#ifndef SEKISHO_STORE_PG_COMMIT_H
#define SEKISHO_STORE_PG_COMMIT_H

#include "store/pg_pool.h"

struct pg_writing {
    uint64_t xid;     /* the server's number of this transaction, for pg_xact_status() */
    char timeline[9]; /* which history of the server it belongs to */
};

/* To be selected at the start of a transaction; their first column is then `at`. */
#define PG_WRITING_COLUMNS                                                                         \
    ", pg_current_xact_id()::text, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
void pg_writing_read(struct pg_writing *writing, const PGresult *result, int at);

/* `writing` NULL: nothing to find out about. PG_COMMIT_LOST: no answer came. Else as
 * sql_commit(). */
enum { PG_COMMIT_LOST = 1 };
int pg_commit(struct pg_client *client, const struct pg_writing *writing, int silence_ms,
              struct err *err) MUST_CHECK;
/* 0: it is committed. ERR_UNAVAILABLE: it is not. ERR_UNDECIDED: nobody can tell. */
int pg_commit_resolve(struct pg_target *target, const struct pg_client *client,
                      const struct pg_writing *writing, struct err *err) MUST_CHECK;

#endif
