/*
 * One transaction on a connection of the pool: its start, its statements, its rows.
 *
 * BEGIN waits for the first statement, so that it shares a round trip with the settings; and when a
 * connection kept from earlier turns out dead there, another takes its place and nothing is lost.
 * Values travel in binary: texts as their bytes, numbers big-endian.
 */
#ifndef SEKISHO_STORE_PG_CONN_H
#define SEKISHO_STORE_PG_CONN_H

#include "store/pg_commit.h"
#include "store/pg_pool.h"
#include "store/pg_queue.h"
#include "store/sql.h"

enum { PG_SCOPE_BYTES = 128 };

struct pg_conn {
    struct sql_conn base;
    struct pg_pool *pool;
    struct pg_target *target;
    struct pg_queue *queue;
    struct pg_client *client;
    enum sql_mode mode;
    bool is_started, is_broken;
    struct pg_writing writing;  /* of this transaction, when it writes */
    char scope[PG_SCOPE_BYTES]; /* in force, or wanted before the start */
    const char *before;         /* to be asked before BEGIN, outside the transaction; NULL: nothing */
    PGresult *told;             /* its answer */
    PGresult *result;           /* of the statement, or one row of it */
    int row;
    bool is_streaming; /* more results are to be fetched */
};

/* How long the server may be silent. */
int pg_conn_silence_ms(const struct pg_conn *conn);
/* BEGIN, unless it was sent already. */
int pg_conn_start(struct pg_conn *conn, struct err *err) MUST_CHECK;
/* Notes whether the connection survived a failure; returns `code`. */
int pg_conn_failed(struct pg_conn *conn, int code);

/* The whole result of the statement that was sent, into conn->result. */
int pg_conn_gather(struct pg_conn *conn, struct err *err) MUST_CHECK;

/* These are the members of struct sql_driver of the same name. */
int postgres_query(struct sql_conn *base, const char *text, struct sql_values values,
                   struct err *err) MUST_CHECK;
int postgres_insert(struct sql_conn *base, const struct sql_insert *into,
                    const struct sql_value *values, unsigned rows, bool *is_new,
                    struct err *err) MUST_CHECK;
int postgres_next(struct sql_conn *base, struct err *err) MUST_CHECK;
void postgres_end(struct sql_conn *base);
bool postgres_column_is_null(struct sql_conn *base, unsigned column);
int64_t postgres_column_int(struct sql_conn *base, unsigned column);
struct slice postgres_column_text(struct sql_conn *base, unsigned column);
int postgres_script(struct sql_conn *base, const char *text, struct err *err) MUST_CHECK;
bool postgres_is_open(struct sql_conn *base);
int postgres_scope(struct sql_conn *base, struct slice who, struct err *err) MUST_CHECK;

#endif
