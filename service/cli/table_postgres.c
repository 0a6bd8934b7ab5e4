#include "cli/table.h"

#include <libpq-fe.h>

struct table {
    PGconn *pg;
    PGresult *row;
    char name[2 * TABLE_NAME_BYTES];
};

/* libpq's first line: it names host and user, never the password. */
static int trouble(const char *said, struct err *err)
{
    return err_set(err, ERR_UNAVAILABLE, "%.*s", (int)strcspn(said, "\n"), said);
}

static void close_table(struct table *table)
{
    PQclear(table->row);
    PQfinish(table->pg);
    free(table);
}

static int open_table(const char *url, const char *name, struct table **ret, struct err *err)
{
    struct table *table = calloc(1, sizeof *table);
    if (!table)
        return err_set(err, ERR_NOMEM, "out of memory");
    snprintf(table->name, sizeof table->name, "%s", name);
    table->pg = PQconnectdb(url);
    PGresult *result = PQstatus(table->pg) == CONNECTION_OK
                           ? PQexec(table->pg, "SET default_transaction_read_only = on; SET datestyle = 'ISO'; "
                                               "SET client_encoding = 'UTF8'")
                           : NULL;
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        int r = trouble(PQerrorMessage(table->pg), err);
        PQclear(result);
        close_table(table);
        return r;
    }
    PQclear(result);
    *ret = table;
    return 0;
}

static int get_columns(struct table *table, struct table_columns *ret, struct err *err)
{
    char text[256];
    snprintf(text, sizeof text, "SELECT * FROM %s LIMIT 0", table->name);
    PGresult *result = PQexec(table->pg, text);
    int r = 0;
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        r = trouble(PQerrorMessage(table->pg), err);
    else if (PQnfields(result) > TABLE_COLUMNS_MAX)
        r = err_set(err, ERR_INVALID, "more than %d columns", TABLE_COLUMNS_MAX);
    for (int i = 0; r == 0 && i < PQnfields(result); i++)
        snprintf(ret->names[i], sizeof ret->names[i], "%s", PQfname(result, i));
    ret->count = r == 0 ? (unsigned)PQnfields(result) : 0;
    PQclear(result);
    return r;
}

static int begin(struct table *table, const struct table_columns *columns, const char *order,
                 const char *from, bool is_number, struct err *err)
{
    char text[TABLE_COLUMNS_MAX * (TABLE_NAME_BYTES + 4) + 512];
    const char *values[] = {from};
    (void)is_number; /* the column's own type decides */
    int n = snprintf(text, sizeof text, "SELECT ");
    for (unsigned i = 0; i < columns->count; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s\"%s\"", i ? ", " : "", columns->names[i]);
    snprintf(text + n, sizeof text - (size_t)n, " FROM %s%s%s%s ORDER BY \"%s\"", table->name,
             from[0] ? " WHERE \"" : "", from[0] ? order : "", from[0] ? "\" >= $1" : "", order);
    if (!PQsendQueryParams(table->pg, text, from[0] ? 1 : 0, NULL, values, NULL, NULL, 0) ||
        !PQsetSingleRowMode(table->pg))
        return trouble(PQerrorMessage(table->pg), err);
    return 0;
}

static int next(struct table *table, struct slice *values, struct err *err)
{
    PQclear(table->row);
    table->row = PQgetResult(table->pg);
    ExecStatusType status = PQresultStatus(table->row);
    if (!table->row || status == PGRES_TUPLES_OK)
        return 0;
    if (status != PGRES_SINGLE_TUPLE)
        return trouble(PQerrorMessage(table->pg), err);
    for (int i = 0; i < PQnfields(table->row); i++)
        values[i] = (struct slice){PQgetvalue(table->row, 0, i), (size_t)PQgetlength(table->row, 0, i)};
    return 1;
}

const struct table_driver table_postgres = {open_table, close_table, get_columns, begin, next};
