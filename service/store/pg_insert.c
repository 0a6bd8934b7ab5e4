/*
 * Many rows in one statement: each column travels as one array, in binary.
 *
 *     INSERT INTO t (a, b) SELECT unnest($1), unnest($2) … RETURNING id
 *
 * Side by side in the SELECT they go in lockstep, a row at a time; in the FROM each would be written to a
 * table of its own first, which costs a third of the whole.
 *
 * COPY would be a little faster, but can neither leave out rows whose key is taken nor go into a table
 * with row-level security; by way of a temporary table it could, at the price of one a transaction.
 */
#include "store/pg_conn.h"

#include <assert.h>
#include <endian.h>

enum {
    COLUMNS_MAX = 24,
    ROWS_MAX = 4000, /* a statement */
    OID_INT8 = 20,
    OID_INT8_ARRAY = 1016,
    OID_TEXT = 25,
    OID_TEXT_ARRAY = 1009,
};

static char *put32(char *p, uint32_t value)
{
    value = htobe32(value);
    memcpy(p, &value, sizeof value);
    return p + sizeof value;
}

static char *put64(char *p, uint64_t value)
{
    value = htobe64(value);
    memcpy(p, &value, sizeof value);
    return p + sizeof value;
}

/* One column as an array of one dimension: its header, then each element after its length. */
static char *array_of(const struct sql_value *values, unsigned columns, unsigned rows, char kind,
                      int *ret_bytes)
{
    enum { HEADER = 20 };
    size_t bytes = HEADER + (size_t)rows * 4;
    for (unsigned i = 0; i < rows; i++)
        bytes += kind == 'i' ? 8 : values[i * columns].text.n;
    char *array = bytes < INT32_MAX ? malloc(bytes) : NULL;
    if (!array)
        return NULL;
    char *p = put32(array, 1);                          /* dimensions */
    p = put32(p, 0);                                    /* no NULL in it */
    p = put32(p, kind == 'i' ? OID_INT8 : OID_TEXT);
    p = put32(put32(p, rows), 1);                       /* elements, counted from 1 */
    for (unsigned i = 0; i < rows; i++) {
        const struct sql_value *value = &values[i * columns];
        if (kind == 'i') {
            p = put64(put32(p, 8), (uint64_t)value->number);
            continue;
        }
        p = put32(p, (uint32_t)value->text.n);
        if (value->text.n)
            memcpy(p, value->text.p, value->text.n);
        p += value->text.n;
    }
    *ret_bytes = (int)bytes;
    return array;
}

static void statement(const struct sql_insert *into, char *text, size_t cap)
{
    int n = snprintf(text, cap, "INSERT INTO %s (%s) SELECT ", into->table,
                     into->columns);
    for (unsigned i = 0; into->kinds[i]; i++)
        n += snprintf(text + n, cap - (size_t)n, "%sunnest($%u)", i ? ", " : "", i + 1);
    n += snprintf(text + n, cap - (size_t)n, " ON CONFLICT DO NOTHING RETURNING %s", into->id);
    assert(n < (int)cap);
}

static int send(struct pg_conn *conn, const struct sql_insert *into, const struct sql_value *values,
                unsigned rows, struct err *err)
{
    char text[1024], *arrays[COLUMNS_MAX] = {NULL};
    int lengths[COLUMNS_MAX], formats[COLUMNS_MAX];
    Oid types[COLUMNS_MAX];
    unsigned columns = (unsigned)strlen(into->kinds), made = 0;
    statement(into, text, sizeof text);
    for (; made < columns; made++) {
        char kind = into->kinds[made];
        types[made] = kind == 'i' ? OID_INT8_ARRAY : OID_TEXT_ARRAY;
        formats[made] = 1;
        arrays[made] = array_of(values + made, columns, rows, kind, &lengths[made]);
        if (!arrays[made])
            break;
    }
    PGconn *pg = conn->client->pg;
    int r = made < columns ? err_set(err, ERR_NOMEM, "out of memory")
            : PQsendQueryParams(pg, text, (int)columns, types, (const char *const *)arrays, lengths,
                                formats, 1)
                ? 0
                : pg_conn_failed(conn, pg_error(pg, NULL, err));
    for (unsigned i = 0; i < made; i++)
        free(arrays[i]);
    return r;
}

/* Rows went in one after another, and those that did came back in that order. */
static void mark_new(const struct sql_value *values, unsigned columns, unsigned id, unsigned rows,
                     const PGresult *result, bool *is_new)
{
    int at = 0, count = PQntuples(result);
    for (unsigned i = 0; i < rows; i++) {
        struct slice came = {NULL, 0};
        if (at < count)
            came = (struct slice){PQgetvalue(result, at, 0), (size_t)PQgetlength(result, at, 0)};
        is_new[i] = at < count && slice_equals(came, values[i * columns + id].text);
        at += is_new[i];
    }
    assert(at == count);
}

/* The place of a name in "a, b, c". */
static unsigned place_of(const char *columns, const char *name)
{
    size_t n = strlen(name);
    unsigned at = 0;
    for (const char *p = columns; *p; at++) {
        size_t len = strcspn(p, ",");
        if (len == n && memcmp(p, name, n) == 0)
            return at;
        p += len;
        p += strspn(p, ", ");
    }
    assert(!"no such column");
    return 0;
}

int postgres_insert(struct sql_conn *base, const struct sql_insert *into,
                    const struct sql_value *values, unsigned rows, bool *is_new, struct err *err)
{
    struct pg_conn *conn = (struct pg_conn *)base;
    unsigned columns = (unsigned)strlen(into->kinds), id = place_of(into->columns, into->id);
    assert(!conn->result && columns <= COLUMNS_MAX && into->kinds[id] == 't');
    int r = pg_conn_start(conn, err);
    for (unsigned done = 0, some; done < rows && r == 0; done += some) {
        some = rows - done < ROWS_MAX ? rows - done : ROWS_MAX;
        r = send(conn, into, values + done * columns, some, err);
        if (r == 0)
            r = pg_conn_gather(conn, err);
        if (r == 0)
            mark_new(values + done * columns, columns, id, some, conn->result, is_new + done);
        PQclear(conn->result);
        conn->result = NULL;
    }
    return r;
}
