/*
 * Every table of the schema, and what is to be done with it: the one place that a new table must be told
 * of. tests/store/test_tables.c compares it with the real catalogue of each database.
 *
 * The columns are not here: they are asked of the database, so that a new one cannot be forgotten.
 */
#ifndef SEKISHO_STORE_TABLES_H
#define SEKISHO_STORE_TABLES_H

#include "base/arena.h"
#include "store/sql.h"

struct table {
    const char *name;
    enum {
        TABLE_COPIED,  /* goes along when a store is copied; empty in a new one */
        TABLE_STARTED, /* the same, but migrations put rows there that the copy's replace */
        TABLE_OF_HERE, /* belongs to this database and the nodes that run on it */
    } what;
    enum { TABLE_ALL, TABLE_APPENDED, TABLE_READ } rights; /* of the user that runs the service */
    bool is_everywhere; /* false: only PostgreSQL has it */
};

/* In an order that foreign keys allow; ends with a NULL name. */
extern const struct table tables[];
enum { TABLE_COLUMNS_MAX = 60 };

/* A table as the database has it. */
struct table_shape {
    unsigned columns;
    char kinds[TABLE_COLUMNS_MAX + 1]; /* of each: i a number, t a text */
    const char *names;                 /* "tenant, id, …" */
    const char *key;                   /* its primary key, the same way */
};

/* Columns named in `without` (a list that ends with NULL; NULL: none) are left out. Texts are in `arena`.
 * ERR_VERSION: there is no such table. `conn` may be walking. */
int table_shape(struct sql_conn *conn, const char *table, const char *const *without,
                struct arena *arena, struct table_shape *ret, struct err *err) MUST_CHECK;

#endif
