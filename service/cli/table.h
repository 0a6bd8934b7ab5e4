/*
 * A table of call records in somebody's database: rows as texts, in the order of one column.
 *
 * The database is only read, row by row, in constant memory, and with whatever columns it has: asked for
 * their names, and each value as text. One file each for SQLite and PostgreSQL.
 */
#ifndef SEKISHO_CLI_TABLE_H
#define SEKISHO_CLI_TABLE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/slice.h"

enum { TABLE_COLUMNS_MAX = 64, TABLE_NAME_BYTES = 64 };

struct table_columns {
    unsigned count;
    char names[TABLE_COLUMNS_MAX][TABLE_NAME_BYTES];
};

struct table;

struct table_driver {
    /* `url` as it was given; messages repeat no password. ERR_INVALID, ERR_UNAVAILABLE, ERR_NOT_FOUND. */
    int (*open)(const char *url, const char *name, struct table **ret, struct err *err);
    void (*close)(struct table *table);
    int (*columns)(struct table *table, struct table_columns *ret, struct err *err);
    /* Begins to read rows whose column `order` is at least `from` ("" from the start), in its order. `is_number`:
     * as numbers, else as they compare. */
    int (*select)(struct table *table, const struct table_columns *columns, const char *order,
                  const char *from, bool is_number, struct err *err);
    /* 1: a row, its values borrowed until the next; 0: no more. */
    int (*next)(struct table *table, struct slice *values, struct err *err);
};

extern const struct table_driver table_sqlite, table_postgres;

/* Is it a plain name, perhaps with a schema before it, so that it can stand in a statement? */
bool table_name_is_valid(const char *name);

#endif
