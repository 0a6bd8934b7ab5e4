/*
 * The schema's history, compiled in, and bringing a database up to its end.
 *
 * schema/<driver>/NNNN_name.sql are numbered from 1 without gaps, the same numbers and names for
 * every driver, and never change once released. Each is applied in a transaction of its own
 * together with its row in sekisho_migrations, so a stop in between loses nothing and repeats
 * nothing.
 */
#ifndef SEKISHO_STORE_MIGRATIONS_H
#define SEKISHO_STORE_MIGRATIONS_H

#include "store/sql.h"

/* *ret_applied (may be NULL): how many were. ERR_VERSION: the database has a version that this
 * program does not know. ERR_FORBIDDEN: its user may not; the text says who may, and how. */
int migrate(struct sql *sql, unsigned *ret_applied, struct err *err) MUST_CHECK;
/* Is it a store, and up to date? Changes nothing. ERR_NOT_FOUND: it is none; ERR_VERSION. */
int migrations_are_applied(struct sql *sql, struct err *err) MUST_CHECK;

#endif
