#include "cli/table.h"

#include <ctype.h>
#include <sqlite3.h>

struct table {
    sqlite3 *db;
    sqlite3_stmt *rows;
    char name[2 * TABLE_NAME_BYTES];
    unsigned columns;
};

bool table_name_is_valid(const char *name)
{
    size_t n = strlen(name), dots = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_letter = isalpha((unsigned char)name[i]) || name[i] == '_';
        bool is_first = i == 0 || name[i - 1] == '.';
        dots += name[i] == '.';
        if (!is_letter && (is_first || (!isdigit((unsigned char)name[i]) && name[i] != '.')))
            return false;
    }
    return n > 0 && n < TABLE_NAME_BYTES && dots < 2 && name[n - 1] != '.';
}

static int trouble(struct table *table, struct err *err)
{
    return err_set(err, ERR_UNAVAILABLE, "%s", sqlite3_errmsg(table->db));
}

static void close_table(struct table *table)
{
    sqlite3_finalize(table->rows);
    sqlite3_close(table->db);
    free(table);
}

static int open_table(const char *url, const char *name, struct table **ret, struct err *err)
{
    struct table *table = calloc(1, sizeof *table);
    if (!table)
        return err_set(err, ERR_NOMEM, "out of memory");
    snprintf(table->name, sizeof table->name, "%s", name);
    if (sqlite3_open_v2(strchr(url, ':') + 1, &table->db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
        int r = trouble(table, err);
        close_table(table);
        return r;
    }
    sqlite3_busy_timeout(table->db, 5000); /* the PBX writes meanwhile */
    *ret = table;
    return 0;
}

static int prepare(struct table *table, const char *text, struct err *err)
{
    sqlite3_finalize(table->rows);
    table->rows = NULL;
    return sqlite3_prepare_v2(table->db, text, -1, &table->rows, NULL) == SQLITE_OK
               ? 0 : trouble(table, err);
}

/* rowid is what the table numbers its rows with by itself, unless it was made without. */
static int get_columns(struct table *table, struct table_columns *ret, struct err *err)
{
    char text[256];
    snprintf(text, sizeof text, "SELECT rowid, * FROM %s LIMIT 0", table->name);
    struct err ignored = {0};
    if (prepare(table, text, &ignored) < 0) {
        snprintf(text, sizeof text, "SELECT * FROM %s LIMIT 0", table->name);
        int r = prepare(table, text, err);
        if (r < 0)
            return r;
    }
    int count = sqlite3_column_count(table->rows);
    if (count > TABLE_COLUMNS_MAX)
        return err_set(err, ERR_INVALID, "more than %d columns", TABLE_COLUMNS_MAX);
    ret->count = (unsigned)count;
    for (int i = 0; i < count; i++)
        snprintf(ret->names[i], sizeof ret->names[i], "%s", sqlite3_column_name(table->rows, i));
    return 0;
}

static int begin(struct table *table, const struct table_columns *columns, const char *order,
                 const char *from, bool is_number, struct err *err)
{
    char text[TABLE_COLUMNS_MAX * (TABLE_NAME_BYTES + 4) + 512];
    int n = snprintf(text, sizeof text, "SELECT ");
    for (unsigned i = 0; i < columns->count; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s\"%s\"", i ? ", " : "", columns->names[i]);
    snprintf(text + n, sizeof text - (size_t)n, " FROM %s%s%s%s ORDER BY \"%s\"", table->name,
             from[0] ? " WHERE \"" : "", from[0] ? order : "",
             !from[0] ? "" : is_number ? "\" >= CAST(?1 AS INTEGER)" : "\" >= ?1", order);
    int r = prepare(table, text, err);
    if (r == 0 && from[0] && sqlite3_bind_text(table->rows, 1, from, -1, SQLITE_TRANSIENT) != SQLITE_OK)
        r = trouble(table, err);
    table->columns = columns->count;
    return r;
}

static int next(struct table *table, struct slice *values, struct err *err)
{
    int rc = sqlite3_step(table->rows);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? 0 : trouble(table, err);
    for (unsigned i = 0; i < table->columns; i++) {
        const char *text = (const char *)sqlite3_column_text(table->rows, (int)i);
        values[i] = (struct slice){text, text ? (size_t)sqlite3_column_bytes(table->rows, (int)i) : 0};
    }
    return 1;
}

const struct table_driver table_sqlite = {open_table, close_table, get_columns, begin, next};
