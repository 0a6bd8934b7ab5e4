/*
 * A bounded number of connections, handed out one at a time. A broken one is thrown away, and with
 * it the idle ones, which broke by the same cause more likely than not.
 *
 * Nobody waits long: when all are taken, two seconds; and while no connection can be made one
 * thread at a time tries, the others are told at once, until somebody gets through on any connection.
 * So a server that hangs does not get a crowd
 * of connections the moment it wakes up, and who asks us does not wait behind those that hang.
 */
#ifndef SEKISHO_STORE_PG_POOL_H
#define SEKISHO_STORE_PG_POOL_H

#include "store/pg_connect.h"

struct pg_pool;

enum { PG_PREPARED_MAX = 256 };

struct pg_client {
    PGconn *pg;
    bool may_prepare;                      /* false through a pooler, where statements get lost */
    const char *prepared[PG_PREPARED_MAX]; /* by their addresses; the place is the statement's name */
    char writer[32];          /* its name in the table commits; unique in the world */
    uint64_t commits;         /* it has made so far */
    bool is_used;             /* before: the server may have gone since */
    struct pg_client *next;   /* the pool's */
};

int pg_pool_new(struct pg_target *target, struct pg_pool **ret, struct err *err) MUST_CHECK;
void pg_pool_free(struct pg_pool *pool); /* when all are given back */
/* How many there may be; more than that are closed as they come back. Any thread. */
void pg_pool_limit(struct pg_pool *pool, unsigned clients_max);
unsigned pg_pool_max(struct pg_pool *pool);

/* Waits (bounded) for an idle one or makes a new one. ERR_UNAVAILABLE: none can be made;
 * ERR_CROWDED: all are taken. */
int pg_pool_take(struct pg_pool *pool, struct pg_client **ret, struct err *err) MUST_CHECK;
/* Closes the client's connection, which is broken, and makes a new one in its place. When that
 * fails the client has none (pg is NULL); it is given back all the same. */
int pg_pool_renew(struct pg_pool *pool, struct pg_client *client, struct err *err) MUST_CHECK;
/* Takes client. */
void pg_pool_give(struct pg_pool *pool, struct pg_client *client, bool is_good);

#endif
