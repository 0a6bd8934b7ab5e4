/*
 * A whole store copied into another, from any kind of database to any: how one grows from SQLite to
 * PostgreSQL, or goes back.
 *
 * The source is read in one view. The target must be new: what a migration leaves, and nothing
 * else; it is written in one transaction, so that a copy that is interrupted leaves it new. At the
 * end both are read again and compared row by row. What belongs to running nodes (nodes, receipts)
 * is not copied, and the change feed gets numbers of its own.
 */
#ifndef SEKISHO_STORE_COPY_H
#define SEKISHO_STORE_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct copy_progress {
    const char *table;
    bool is_checking;     /* comparing, after everything was copied */
    uint64_t rows;        /* of the table done so far */
    uint64_t rows_total;  /* of the table */
    uint64_t done, total; /* rows copied and rows compared, of all tables */
};
/* Called for each table at its start and end, and some hundred times between. */
typedef void copy_progress_fn(void *context, const struct copy_progress *progress);

/* ERR_EXISTS: the target is not new. Others as store_open(). `progress` is of the end. */
int store_copy(const char *from, const char *to, copy_progress_fn *fn, void *context,
               struct err *err) MUST_CHECK;

#endif
