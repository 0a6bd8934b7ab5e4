/*
 * What the store asks of a database: connections in transactions, statements with parameters, rows.
 *
 *     store.c and its neighbours ──► txn.h ──► this ──► sql_sqlite.c (a driver: a row in sql.c)
 *
 * The statements themselves are written once, in SQL that every driver understands alike:
 * parameters $1 … $n, ON CONFLICT, RETURNING; ids compare and sort by their bytes. What differs
 * (the schema, how to connect, what an error means) is the driver's.
 *
 * A connection is in the hands of one thread from sql_begin() to sql_commit() or sql_rollback(),
 * and has one statement running at a time. An error from sql_query() or sql_next() leaves the
 * transaction unfit for anything but sql_rollback(), or going back to a savepoint made before it.
 *
 * Errors, the same from every driver: ERR_UNAVAILABLE (busy too long, disk full, connection gone,
 * damaged), ERR_NOMEM, ERR_EXISTS (a unique key is taken), ERR_NOT_FOUND (a foreign key has no
 * row), ERR_INVALID (another constraint), ERR_IO (the statement itself is wrong: our bug).
 */
#ifndef SEKISHO_STORE_SQL_H
#define SEKISHO_STORE_SQL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct sql_value {
    enum sql_type { SQL_NULL, SQL_INT, SQL_TEXT } type;
    int64_t number;    /* SQL_INT: always 64 bits wide */
    struct slice text; /* SQL_TEXT: UTF-8 without NUL; borrowed until the statement has ended */
};

static inline struct sql_value sql_int(int64_t number)
{
    return (struct sql_value){.type = SQL_INT, .number = number};
}

static inline struct sql_value sql_slice(struct slice text)
{
    return (struct sql_value){.type = SQL_TEXT, .text = text};
}

static inline struct sql_value sql_text(const char *text)
{
    return sql_slice(slice_of(text));
}

/* The parameters of a statement, in order, and their number. */
struct sql_values {
    const struct sql_value *list;
    unsigned count;
};

#define SQL_VALUES(...)                                                                            \
    ((struct sql_values){                                                                          \
        (const struct sql_value[]){__VA_ARGS__},                                                   \
        sizeof((const struct sql_value[]){__VA_ARGS__}) / sizeof(struct sql_value)})
#define SQL_NO_VALUES ((struct sql_values){NULL, 0})

/* A database with its connections, and a connection inside a transaction. Drivers put these first
 * in structures of their own. */
struct sql {
    const struct sql_driver *driver;
};
struct sql_conn {
    const struct sql_driver *driver;
};

/* A file of schema/<driver>/, compiled in. The list ends with a NULL name. */
struct migration {
    unsigned version;
    const char *name;
    const char *text; /* statements, each ended by ; */
};

struct sql_driver {
    const char *scheme; /* "sqlite" */
    const struct migration *migrations;

    /* `address` is what follows "scheme:". Recognises a database that is not ours (ERR_VERSION). */
    int (*open)(const char *address, struct sql **ret, struct err *err);
    void (*close)(struct sql *sql);

    /* A write transaction waits (bounded) until it alone may write; a read transaction sees one
     * state of the database from its first statement to its end. */
    int (*begin)(struct sql *sql, bool is_write, struct sql_conn **ret, struct err *err);
    int (*commit)(struct sql_conn *conn, struct err *err); /* takes conn, also on failure */
    void (*rollback)(struct sql_conn *conn);               /* takes conn */

    /* `text` must be a literal: prepared statements are kept by its address. */
    int (*query)(struct sql_conn *conn, const char *text, struct sql_values values,
                 struct err *err);
    int (*next)(struct sql_conn *conn, struct err *err); /* 1: a row, 0: no more, or an error */
    void (*end)(struct sql_conn *conn);                  /* of the statement; after 0 too */
    bool (*column_is_null)(struct sql_conn *conn, unsigned column);
    int64_t (*column_int)(struct sql_conn *conn, unsigned column);
    struct slice (*column_text)(struct sql_conn *conn, unsigned column); /* until next or end */

    /* Several statements without parameters or rows: a migration, a savepoint. */
    int (*script)(struct sql_conn *conn, const char *text, struct err *err);
    /* After an error: is the transaction still there, so that going back to a savepoint helps? */
    bool (*is_open)(struct sql_conn *conn);
};

/* NULL when no driver has that scheme. */
const struct sql_driver *sql_driver_of(struct slice scheme);

extern const struct sql_driver sql_sqlite;
extern const struct migration migrations_sqlite[];

static inline int sql_begin(struct sql *sql, bool is_write, struct sql_conn **ret, struct err *err)
{
    return sql->driver->begin(sql, is_write, ret, err);
}

static inline int sql_commit(struct sql_conn *conn, struct err *err)
{
    return conn->driver->commit(conn, err);
}

static inline void sql_rollback(struct sql_conn *conn)
{
    conn->driver->rollback(conn);
}

static inline int sql_query(struct sql_conn *conn, const char *text, struct sql_values values,
                            struct err *err)
{
    return conn->driver->query(conn, text, values, err);
}

static inline int sql_next(struct sql_conn *conn, struct err *err)
{
    return conn->driver->next(conn, err);
}

static inline void sql_end(struct sql_conn *conn)
{
    conn->driver->end(conn);
}

static inline bool sql_column_is_null(struct sql_conn *conn, unsigned column)
{
    return conn->driver->column_is_null(conn, column);
}

static inline int64_t sql_column_int(struct sql_conn *conn, unsigned column)
{
    return conn->driver->column_int(conn, column);
}

static inline struct slice sql_column_text(struct sql_conn *conn, unsigned column)
{
    return conn->driver->column_text(conn, column);
}

/* Runs a statement to its end, whatever rows it gives. */
static inline int sql_exec(struct sql_conn *conn, const char *text, struct sql_values values,
                           struct err *err)
{
    int r = sql_query(conn, text, values, err);
    while (r == 0 && (r = sql_next(conn, err)) == 1)
        r = 0; /* the next row */
    sql_end(conn);
    return r;
}

#endif
