/* The table of tables against what the database really has, and the two databases against each other. */
#include "suite.h"

#include <unistd.h>

#include "base/buf.h"
#include "store/sql.h"
#include "store/tables.h"

static struct sql_conn *look_into(const char *url, struct sql **ret)
{
    struct sql_conn *conn;
    OK(sql_driver_of(url)->open(url, ret, &err));
    OK(sql_begin(*ret, SQL_READ, &conn, &err));
    OK(sql_scope(conn, SLICE_LIT(SQL_EVERYBODY), &err));
    return conn;
}

static void look_away(struct sql *sql, struct sql_conn *conn)
{
    sql_rollback(conn);
    sql->driver->close(sql);
}

static void close_store(struct suite *suite)
{
    store_close(suite->store);
    suite->store = NULL;
}

static const struct table *find(struct slice name)
{
    const struct table *table = tables;
    while (table->name && !slice_equals_text(name, table->name))
        table++;
    return table->name ? table : NULL;
}

static void every_table_of_the_database_is_known(void **state)
{
    struct suite *suite = *state;
    struct sql *sql;
    unsigned found = 0, expected = 0;
    int r;
    close_store(suite);
    struct sql_conn *conn = look_into(suite->url, &sql);
    bool is_sqlite = sql->driver == &sql_sqlite;
    OK(sql_query(conn, sql->driver->tables_text, SQL_NO_VALUES, &err));
    for (; (r = sql_next(conn, NULL)) == 1; found++) {
        struct slice name = sql_column_text(conn, 0);
        const struct table *table = find(name);
        if (!table || (is_sqlite && !table->is_everywhere))
            fail_msg("service/store/tables.c: what is to be done with table %.*s?", SLICE_ARG(name));
    }
    assert_int_equal(r, 0);
    sql_end(conn);
    for (const struct table *table = tables; table->name; table++)
        expected += table->is_everywhere || !is_sqlite;
    assert_int_equal(found, expected); /* no row is of a table that is gone */
    look_away(sql, conn);
}

/* Columns in order of their names, with their kinds: the order in the table may differ. */
static const char *sorted(struct suite *suite, const char *names, const char *kinds)
{
    char text[2048] = "";
    struct buf out = BUF_OVER(text);
    const char *list[TABLE_COLUMNS_MAX];
    unsigned count = 0;
    for (const char *word = names; *word; count++) {
        int n = (int)strcspn(word, ",");
        list[count] = arena_printf(&suite->arena, "%.*s:%c", n, word, kinds[count]);
        word += n + (int)strspn(word + n, ", ");
    }
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = i + 1; j < count; j++)
            if (strcmp(list[i], list[j]) > 0) {
                const char *kept = list[i];
                list[i] = list[j];
                list[j] = kept;
            }
    for (unsigned i = 0; i < count; i++)
        buf_printf(&out, "%s ", list[i]);
    return arena_printf(&suite->arena, "%s", text);
}

/* Where the suite's own database is SQLite this compares it with itself, and only shows that shapes are found. */
static void tables_are_the_same_in_every_database(void **state)
{
    struct suite *suite = *state;
    char path[64] = "/tmp/sekisho-tables-XXXXXX", url[128];
    struct sql *here, *there;
    assert_non_null(mkdtemp(path));
    snprintf(url, sizeof url, "sqlite:%s/store.db", path);
    OK(store_migrate(url, NULL, NULL, &err));
    close_store(suite);
    struct sql_conn *ours = look_into(suite->url, &here), *theirs = look_into(url, &there);
    for (const struct table *table = tables; table->name; table++) {
        struct table_shape a, b;
        if (!table->is_everywhere)
            continue;
        OK(table_shape(ours, table->name, NULL, &suite->arena, &a, &err));
        OK(table_shape(theirs, table->name, NULL, &suite->arena, &b, &err));
        assert_true(a.columns > 1 && a.key[0]);
        assert_string_equal(sorted(suite, a.names, a.kinds), sorted(suite, b.names, b.kinds));
    }
    look_away(here, ours);
    look_away(there, theirs);
    static const char *const ends[] = {"", "-wal", "-shm", "-lock"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(url, sizeof url, "%s/store.db%s", path, ends[i]);
        unlink(url);
    }
    rmdir(path);
}

static void a_shape_has_columns_and_key_in_order(void **state)
{
    static const char *const without[] = {"note", "version", NULL};
    struct suite *suite = *state;
    struct sql *sql;
    struct table_shape shape;
    close_store(suite);
    struct sql_conn *conn = look_into(suite->url, &sql);
    OK(table_shape(conn, "profile_rules", without, &suite->arena, &shape, &err));
    assert_string_equal(shape.names, "profile, position, target, is_exact, action, divert_to");
    assert_string_equal(shape.kinds, "tititt");
    assert_string_equal(shape.key, "profile, position");
    FAILS(suite, ERR_VERSION, table_shape(conn, "nowhere", NULL, &suite->arena, &shape, &err));
    look_away(sql, conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(every_table_of_the_database_is_known),
        STORE_TEST(tables_are_the_same_in_every_database),
        STORE_TEST(a_shape_has_columns_and_key_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
