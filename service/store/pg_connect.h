/*
 * Where PostgreSQL is, and how to get a connection that is known to work within a known time.
 *
 *     postgres://user:password@host1:5432,host2/database?sslmode=verify-full
 *
 * libpq's own time limit is coarse (one second waits two) and counts for each address, and its
 * asynchronous calls have none, and look names up in between; so connections are made with those,
 * addresses that pg_resolve.h found, and a deadline of ours, host by host, the last good one first. Only a server that takes writes will do: of a primary and its
 * standbys the primary is found, also after they changed places.
 *
 * Nothing here repeats a URL, which may hold a password: messages use the name.
 */
#ifndef SEKISHO_STORE_PG_CONNECT_H
#define SEKISHO_STORE_PG_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "base/err.h"
#include "base/slice.h"

struct pg_target;

/* ERR_INVALID: not a URL that libpq understands. Returns new. */
int pg_target_new(const char *url, struct pg_target **ret, struct err *err) MUST_CHECK;
void pg_target_free(struct pg_target *target);
/* "postgres://user@host1:5432,host2:5432/database" */
const char *pg_target_name(const struct pg_target *target);

/* Tries every address of every host once, each with its share of the time. ERR_UNAVAILABLE: none
 * answered (in time), or none takes writes; ERR_VERSION: too old, or not in UTF-8. Any thread.
 * Returns new, non-blocking. */
int pg_connect(struct pg_target *target, int timeout_ms, PGconn **ret, struct err *err) MUST_CHECK;

/* When the server was last known to be well, on whatever connection (clock_mono_ms(); 0: never):
 * failures of attempts that began before say nothing about it any more. Any thread. */
int64_t pg_target_well_ms(const struct pg_target *target);
void pg_target_is_well(struct pg_target *target);

/* Waits for the answer to what was sent: *ret is the next result, NULL when there are no more.
 * Flushes what is not sent yet. ERR_UNAVAILABLE: the connection broke or was silent for
 * `silence_ms`; it is good for nothing but PQfinish(). */
int pg_result(PGconn *pg, int silence_ms, PGresult **ret, struct err *err) MUST_CHECK;
/* Runs statements without parameters; *ret (may be NULL) is the last one's result. Returns new.
 * Errors as pg_result() and pg_error(). */
int pg_run(PGconn *pg, const char *text, int silence_ms, PGresult **ret, struct err *err) MUST_CHECK;

/* Is it the server itself, not a pooler, at the other end? Asks it (the process id that a pooler
 * tells is its own invention). */
bool pg_is_direct(PGconn *pg);

/* What the server or libpq said last, as one of the errors of sql.h; `result` may be NULL. */
int pg_error(PGconn *pg, const PGresult *result, struct err *err);
/* SQLSTATE is this one? */
bool pg_state_is(const PGresult *result, const char *state);

#endif
