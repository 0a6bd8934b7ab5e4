/*
 * One connection of the SQLite driver: its prepared statements, and the one that is running.
 */
#ifndef SEKISHO_STORE_SQLITE_CONN_H
#define SEKISHO_STORE_SQLITE_CONN_H

#include <sqlite3.h>

#include "store/sql.h"

enum { STATEMENTS_MAX = 256 }; /* prepared and kept; a power of two */

struct sqlite_database;

struct sqlite_conn {
    struct sql_conn base;
    struct sqlite_database *database;
    sqlite3 *db;
    sqlite3_stmt *running;
    struct sqlite_conn *next_idle;
    struct sqlite_statement {
        const char *text;
        sqlite3_stmt *stmt;
    } statements[STATEMENTS_MAX];
};

/* Opens `path` as sqlite_file_connect() does. */
int sqlite_conn_new(const char *path, bool is_writer, struct sqlite_conn **ret,
                    struct err *err) MUST_CHECK;
void sqlite_conn_free(struct sqlite_conn *conn); /* NULL is fine */

/* These are the members of struct sql_driver of the same name. */
int sqlite_query(struct sql_conn *base, const char *text, struct sql_values values,
                 struct err *err) MUST_CHECK;
int sqlite_insert(struct sql_conn *base, const struct sql_insert *into,
                  const struct sql_value *values, unsigned rows, bool *is_new,
                  struct err *err) MUST_CHECK;
int sqlite_next(struct sql_conn *base, struct err *err) MUST_CHECK;
void sqlite_end(struct sql_conn *base);
bool sqlite_column_is_null(struct sql_conn *base, unsigned column);
int64_t sqlite_column_int(struct sql_conn *base, unsigned column);
struct slice sqlite_column_text(struct sql_conn *base, unsigned column);
int sqlite_script(struct sql_conn *base, const char *text, struct err *err) MUST_CHECK;
bool sqlite_is_open(struct sql_conn *base);

#endif
