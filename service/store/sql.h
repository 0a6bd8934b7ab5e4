/*
 * What the store asks of a database: connections in transactions, statements with parameters, rows.
 *
 *     store.c and its neighbours ──► txn.h ──► this ──► sql_sqlite.c, sql_postgres.c (a row in sql.c)
 *
 * The statements themselves are written once, in SQL that every driver understands alike:
 * parameters $1 … $n, ON CONFLICT, RETURNING; ids compare and sort by their bytes. What differs
 * (the schema, how to connect, what an error means) is the driver's.
 *
 * A connection is in the hands of one thread from sql_begin() to sql_commit() or sql_rollback(),
 * and has one statement running at a time. An error from sql_query() or sql_next() leaves the
 * transaction unfit for anything but sql_rollback(), or going back to a savepoint made before it.
 *
 * Errors, the same from every driver: ERR_UNAVAILABLE (too slow, disk full, connection gone,
 * damaged), ERR_CROWDED (others hold it for too long, or all connections are taken), ERR_NOMEM, ERR_EXISTS (a unique key is taken), ERR_NOT_FOUND (a foreign key has no
 * row), ERR_INVALID (another constraint), ERR_FORBIDDEN (the database's user may not), ERR_IO (the
 * statement itself is wrong: our bug).
 */
#ifndef SEKISHO_STORE_SQL_H
#define SEKISHO_STORE_SQL_H

#include <stdatomic.h>
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
    char name[192]; /* of the database, for messages: without passwords */
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

/*
 * SQL_READ   sees one state of the database from its first statement to its end
 * SQL_WALK   the same, for much: may take minutes, and its rows are not all in memory at once
 * SQL_WRITE  may write; waits (bounded) for others that are at the same rows, or at any
 * SQL_ALONE  changes the schema: waits until no other SQL_ALONE is under way, may take minutes
 */
enum sql_mode { SQL_READ, SQL_WRITE, SQL_WALK, SQL_ALONE };

enum { SQL_CONNECTIONS = 10 }; /* of one database to its server, unless limit() says otherwise */

/* Which numbers of commits a read transaction sees for sure (feed.c). */
struct sql_horizon {
    uint64_t complete; /* all commits below it are seen, and none of them is still on its way */
    uint64_t end;      /* the number that comes next */
    uint64_t history;  /* another one after the database was taken over by its replica */
};

/*
 * What calls a thread out of sql_driver.wait, and why. Two flags, not one: a thread that is told "we
 * committed" and "you are wanted" in the same moment must not take the second for the first.
 */
struct sql_bell {
    int fd;                    /* eventfd, readable since somebody rang */
    atomic_bool is_wanted;     /* the thread is to come back */
    atomic_bool has_committed; /* this process did; the others have not been told yet */
};

/* A table that takes many rows at once. Column `id` tells which of them are new. */
struct sql_insert {
    const char *table;
    const char *columns; /* "tenant, at_ms, id": `id` is one of them */
    const char *kinds;   /* of each column: i a number, t a text */
    const char *id;
};

struct sql_driver {
    const char *schemes[3]; /* "sqlite"; what a URL begins with */
    bool writes_alone;      /* one writer at a time: rows need no locks of their own */
    const struct migration *migrations;
    /* Names of all tables; and the columns of the table $1 in their order: name, whether it is a number, place in
     * the primary key (from 1; 0: none). */
    const char *tables_text, *columns_text;

    /* Is `url`, as the user gave it, one of ours? Looks at the text alone and never repeats it. */
    int (*check_url)(const char *url, struct err *err);
    /* Is there something at this URL? ERR_NOT_FOUND: opening it would make it. NULL: opening makes nothing. */
    int (*check_exists)(const char *url, struct err *err);
    /* Such a URL. Recognises a database that is not ours (ERR_VERSION). */
    int (*open)(const char *url, struct sql **ret, struct err *err);
    void (*close)(struct sql *sql);
    /* How many connections there may be at once. NULL: none are made to anybody. Any thread. */
    void (*limit)(struct sql *sql, unsigned connections);
    /* Does the database answer, and may it be written to? Never takes longer than `timeout_ms`, and needs none of
     * those connections. NULL: any read transaction tells. */
    int (*ping)(struct sql *sql, int timeout_ms, struct err *err);
    /* May this user run the service? (Any may migrate.) NULL: always. */
    int (*check_user)(struct sql *sql, struct err *err);
    /* Lets another user of the database run the service. NULL: there are no users. */
    int (*grant)(struct sql_conn *conn, const char *user, struct err *err);

    int (*begin)(struct sql *sql, enum sql_mode mode, struct sql_conn **ret, struct err *err);
    int (*commit)(struct sql_conn *conn, struct err *err); /* takes conn, also on failure */
    void (*rollback)(struct sql_conn *conn);               /* takes conn */

    /* Whose rows the statements that follow may see and write, as a second guard beside their
     * WHERE: SQL_EVERYBODY, or SQL_ONE followed by a tenant ("" is the platform). NULL: there is no
     * guard. */
    int (*scope)(struct sql_conn *conn, struct slice who, struct err *err);

    /* Around the statement that waits until no other transaction changes the tenant: sees to it that few of the
     * connections wait for one. `r` is what came of it. NULL: writers take turns anyway. */
    int (*queue)(struct sql_conn *conn, struct slice tenant, struct err *err);
    void (*queued)(struct sql_conn *conn, struct slice tenant, int r);

    /* Draws a number for this write transaction in the change feed: the last thing before its rows there, and its
     * commit. */
    int (*seq)(struct sql_conn *conn, uint64_t *ret, struct err *err);
    /* Before anything else in a read transaction but scope(). */
    int (*horizon)(struct sql_conn *conn, struct sql_horizon *ret, struct err *err);
    /* After rows came in with numbers of their own: what the database numbers goes on behind them.
     * NULL: it does so by itself. */
    int (*copied)(struct sql_conn *conn, struct err *err);
    /* Waits until anybody committed to the feed, the bell says that the thread is wanted, or time
     * is up (false); tells others of our commits. NULL: there are no others. */
    bool (*wait)(struct sql *sql, struct sql_bell *bell, int timeout_ms);

    /* `text` must be a literal: prepared statements are kept by its address. */
    int (*query)(struct sql_conn *conn, const char *text, struct sql_values values,
                 struct err *err);
    /* Inserts `rows` rows, row after row in `values`; those whose key is taken (by a row before them,
     * too) are left out. is_new[i]: row i was not. Rows in the order of the key go in quickest. */
    int (*insert)(struct sql_conn *conn, const struct sql_insert *into,
                  const struct sql_value *values, unsigned rows, bool *is_new, struct err *err);
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

#define SQL_ONE "="
#define SQL_EVERYBODY "*"

/* The driver of a URL; NULL when none has its scheme. */
const struct sql_driver *sql_driver_of(const char *url);

extern const struct sql_driver sql_sqlite, sql_postgres;
extern const struct migration migrations_sqlite[], migrations_postgres[];

static inline int sql_begin(struct sql *sql, enum sql_mode mode, struct sql_conn **ret,
                            struct err *err)
{
    return sql->driver->begin(sql, mode, ret, err);
}

static inline int sql_scope(struct sql_conn *conn, struct slice who, struct err *err)
{
    return conn->driver->scope ? conn->driver->scope(conn, who, err) : 0;
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
