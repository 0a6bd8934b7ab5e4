/*
 * Numbers of commits in the change feed, and up to where none is missing (feed.c).
 *
 * A writer draws its number as the last thing before it commits, and holds an advisory lock from
 * before it draws until it has committed or not. The lock's key is how far the numbers were then:
 *
 *     lock(last number) ─► draw the next ─► feed rows ─► COMMIT ─► the lock is gone
 *
 * A follower looks at the last number, then at the locks, and only then takes its view of the
 * database. A number up to the last one is either in that view, or somebody holds a lock that is
 * lower; in between there is nothing, because PostgreSQL shows a commit before it lets its locks go.
 *
 * Numbers of transactions would need no lock, but they are given out at the start and to everybody:
 * one long write, of ours or of another program on the same server, would hold back the receipts of
 * all tenants until it ended.
 */
#ifndef SEKISHO_STORE_PG_FEED_H
#define SEKISHO_STORE_PG_FEED_H

#include "store/pg_conn.h"

/* These are the members seq and horizon of struct sql_driver. */
int postgres_seq(struct sql_conn *base, uint64_t *ret, struct err *err) MUST_CHECK;
int postgres_horizon(struct sql_conn *base, struct sql_horizon *ret, struct err *err) MUST_CHECK;

#endif
