#include "store/tables.h"

#include "base/buf.h"

enum { KEY_MAX = 8 };

const struct table tables[] = {
    {"policies", TABLE_STARTED, TABLE_ALL, true},
    {"profiles", TABLE_STARTED, TABLE_ALL, true},
    {"profile_rules", TABLE_STARTED, TABLE_ALL, true},
    {"tenants", TABLE_COPIED, TABLE_ALL, true},
    {"contacts", TABLE_COPIED, TABLE_ALL, true},
    {"accounts", TABLE_COPIED, TABLE_ALL, true},
    {"rules", TABLE_COPIED, TABLE_ALL, true},
    {"revocations", TABLE_COPIED, TABLE_ALL, true},
    {"feed", TABLE_COPIED, TABLE_ALL, true},
    {"audit", TABLE_COPIED, TABLE_APPENDED, true},
    {"idempotency", TABLE_COPIED, TABLE_ALL, true},
    {"attempts", TABLE_COPIED, TABLE_ALL, true},
    {"attempt_counts", TABLE_COPIED, TABLE_ALL, true},
    {"call_terms", TABLE_COPIED, TABLE_ALL, true},
    {"calls", TABLE_COPIED, TABLE_ALL, true},
    {"call_totals", TABLE_COPIED, TABLE_ALL, true},
    {"call_marks", TABLE_COPIED, TABLE_ALL, true},
    {"call_source_days", TABLE_COPIED, TABLE_ALL, true},
    {"call_tenant_sources", TABLE_COPIED, TABLE_ALL, true},
    {"call_unmapped", TABLE_COPIED, TABLE_ALL, true},
    {"call_follows", TABLE_COPIED, TABLE_ALL, true},
    {"campaigns", TABLE_COPIED, TABLE_ALL, true},
    {"campaign_accounts", TABLE_COPIED, TABLE_ALL, true},
    {"campaign_rules", TABLE_COPIED, TABLE_ALL, true},
    {"campaign_answers", TABLE_COPIED, TABLE_ALL, true},
    {"outbox", TABLE_COPIED, TABLE_ALL, true},
    {"leases", TABLE_OF_HERE, TABLE_ALL, true},
    {"nodes", TABLE_OF_HERE, TABLE_ALL, true},
    {"receipts", TABLE_OF_HERE, TABLE_ALL, true},
    {"sequences", TABLE_OF_HERE, TABLE_READ, true},
    {"commits", TABLE_OF_HERE, TABLE_ALL, false},
    {"sekisho_migrations", TABLE_OF_HERE, TABLE_READ, true},
    {0},
};

/* --- how a database has a table -------------------------------------------------------------- */

struct shaping {
    struct buf names;
    struct slice key[KEY_MAX]; /* in its order; copies */
    unsigned key_count;
};

static bool is_among(struct slice name, const char *const *list)
{
    for (; list && *list; list++)
        if (slice_equals_text(name, *list))
            return true;
    return false;
}

/* One row: the column's name, whether it is a number, its place in the primary key (0: none). */
static int add_column(struct sql_conn *conn, const char *const *without, struct arena *arena,
                      struct shaping *shaping, struct table_shape *shape, struct err *err)
{
    const char *copy = arena_copy(arena, sql_column_text(conn, 0));
    int64_t place = sql_column_int(conn, 2);
    if (!copy)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (is_among(slice_of(copy), without))
        return 0;
    if (shape->columns == TABLE_COLUMNS_MAX || place > KEY_MAX)
        return err_set(err, ERR_LIMIT, "more columns than are expected");
    buf_printf(&shaping->names, "%s%s", shape->columns ? ", " : "", copy);
    shape->kinds[shape->columns++] = sql_column_int(conn, 1) ? 'i' : 't';
    if (place > 0) {
        shaping->key[place - 1] = slice_of(copy);
        shaping->key_count++;
    }
    return 0;
}

static const char *join(const struct shaping *shaping, struct arena *arena)
{
    char text[512];
    struct buf key = BUF_OVER(text);
    for (unsigned i = 0; i < shaping->key_count; i++)
        buf_printf(&key, "%s%.*s", i ? ", " : "", SLICE_ARG(shaping->key[i]));
    return key.overflowed ? NULL : arena_copy(arena, buf_slice(&key));
}

int table_shape(struct sql_conn *conn, const char *table, const char *const *without,
                struct arena *arena, struct table_shape *ret, struct err *err)
{
    char text[2048];
    struct shaping shaping = {.names = BUF_OVER(text)};
    struct table_shape shape = {0};
    int r = sql_query(conn, conn->driver->columns_text, SQL_VALUES(sql_text(table)), err);
    int added = 0;
    while (r == 0 && (r = sql_next(conn, err)) == 1) { /* to the end: the rows may be streaming */
        if (added == 0)
            added = add_column(conn, without, arena, &shaping, &shape, err);
        r = 0;
    }
    sql_end(conn);
    if (r < 0 || added < 0)
        return r < 0 && added == 0 ? r : added;
    if (shape.columns == 0)
        return err_set(err, ERR_VERSION, "there is no table %s", table);
    shape.names = shaping.names.overflowed ? NULL : arena_copy(arena, buf_slice(&shaping.names));
    shape.key = join(&shaping, arena);
    if (!shape.names || !shape.key)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = shape;
    return 0;
}
