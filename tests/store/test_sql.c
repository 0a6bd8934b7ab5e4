/* What sql.h promises of every driver, asked of the driver itself. */
#include "suite.h"

#include "store/txn.h"

static void query(struct txn *txn, const char *text, struct sql_values values)
{
    OK(sql_query(txn->conn, text, values, &err));
    struct err err = {0};
    int rc = sql_next(txn->conn, &err);
    if (rc != 1)
        fail_msg("%s: %d %s", text, rc, err.text);
}

static void parameters_are_numbered_not_placed(void **state)
{
    struct txn *txn = begin_read(*state);
    query(txn, "SELECT $2 || $1 || $2, $3 + 1",
          SQL_VALUES(sql_text("a"), sql_text("b"), sql_int(41)));
    assert_true(slice_equals_text(sql_column_text(txn->conn, 0), "bab"));
    assert_int_equal(sql_column_int(txn->conn, 1), 42);
    sql_end(txn->conn);
    store_rollback(txn);
}

static void values_come_back_as_they_went(void **state)
{
    static const int64_t numbers[] = {0, 1, -1, INT64_MAX, INT64_MIN, INT64_C(1) << 53, 4294967296};
    static const char *const texts[] = {"", "a", "'", "\"\\%_", "☎ 😀", "0101", "NULL"};
    struct txn *txn = begin_read(*state);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        query(txn, "SELECT CAST($1 AS BIGINT)", SQL_VALUES(sql_int(numbers[i])));
        assert_true(sql_column_int(txn->conn, 0) == numbers[i]);
        assert_false(sql_column_is_null(txn->conn, 0));
        sql_end(txn->conn);
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        query(txn, "SELECT CAST($1 AS TEXT)", SQL_VALUES(sql_text(texts[i])));
        assert_true(slice_equals_text(sql_column_text(txn->conn, 0), texts[i]));
        assert_false(sql_column_is_null(txn->conn, 0));
        sql_end(txn->conn);
    }
    query(txn, "SELECT CAST($1 AS TEXT)", SQL_VALUES((struct sql_value){.type = SQL_NULL}));
    assert_true(sql_column_is_null(txn->conn, 0));
    assert_int_equal(sql_column_text(txn->conn, 0).n, 0);
    sql_end(txn->conn);
    query(txn, "SELECT CAST($1 AS TEXT)", SQL_VALUES(sql_slice(SLICE_NONE)));
    assert_false(sql_column_is_null(txn->conn, 0)); /* an empty text is none, not NULL */
    sql_end(txn->conn);
    store_rollback(txn);
}

static void rows_come_one_by_one_and_may_be_left(void **state)
{
    static const char text[] = "SELECT id FROM profiles ORDER BY id";
    struct txn *txn = begin_read(*state);
    query(txn, text, SQL_NO_VALUES);
    assert_true(slice_equals_text(sql_column_text(txn->conn, 0), "open"));
    sql_end(txn->conn);
    sql_end(txn->conn); /* harmless */
    query(txn, text, SQL_NO_VALUES); /* from the start again */
    assert_true(slice_equals_text(sql_column_text(txn->conn, 0), "open"));
    assert_int_equal(sql_next(txn->conn, NULL), 1);
    assert_true(slice_equals_text(sql_column_text(txn->conn, 0), "standard"));
    assert_int_equal(sql_next(txn->conn, NULL), 0);
    sql_end(txn->conn);
    store_rollback(txn);
}

static void more_statements_than_are_kept_prepared(void **state)
{
    struct txn *txn = begin_read(*state);
    char(*texts)[32] = calloc(2000, sizeof *texts); /* each text has an address of its own */
    assert_non_null(texts);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 2000; i++) {
            snprintf(texts[i], sizeof texts[i], "SELECT %d", i);
            query(txn, texts[i], SQL_NO_VALUES);
            assert_int_equal(sql_column_int(txn->conn, 0), i);
            sql_end(txn->conn);
        }
    store_rollback(txn);
    store_close(((struct suite *)*state)->store); /* before their texts go */
    ((struct suite *)*state)->store = NULL;
    free(texts);
}

static int exec(struct txn *txn, const char *text)
{
    struct err err = {0};
    int rc = sql_exec(txn->conn, text, SQL_NO_VALUES, &err);
    assert_int_equal(err.code, rc);
    return rc;
}

static void errors_mean_the_same_everywhere(void **state)
{
    static const struct {
        int code;
        const char *text;
    } cases[] = {
        {ERR_EXISTS, "INSERT INTO sequences (name, value) VALUES ('feed', 1)"},
        {ERR_EXISTS, "UPDATE profiles SET is_default = 1"},
        {ERR_NOT_FOUND, "INSERT INTO contacts (tenant, position, name, email, phone) VALUES ('nosuch', 0, '', '', '')"},
        {ERR_INVALID, "INSERT INTO sequences (name, value) VALUES ('x', NULL)"},
        {ERR_INVALID, "UPDATE profile_rules SET action = 'perhaps'"},
        {ERR_IO, "SELEC 1"},
        {ERR_IO, "SELECT nosuch FROM tenants"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct txn *txn = begin_write(*state);
        OK(txn_scope_everybody(txn, &err));
        assert_int_equal(exec(txn, "INSERT INTO sequences (name, value) VALUES ('y', 1)"), 0);
        assert_int_equal(exec(txn, cases[i].text), cases[i].code);
        store_rollback(txn);
        txn = begin_read(*state); /* nothing of it is left, and the connection is good */
        int64_t value;
        OK(txn_number(txn, "SELECT 1 FROM sequences WHERE name = 'y'", SQL_NO_VALUES, &value,
                      &err));
        store_rollback(txn);
    }
}

static void an_error_can_be_undone_by_a_savepoint(void **state)
{
    struct txn *txn = begin_write(*state);
    const struct sql_driver *driver = txn->conn->driver;
    assert_int_equal(exec(txn, "INSERT INTO sequences (name, value) VALUES ('y', 1)"), 0);
    OK(driver->script(txn->conn, "SAVEPOINT one", &err));
    assert_int_equal(exec(txn, "INSERT INTO sequences (name, value) VALUES ('y', 2)"), ERR_EXISTS);
    assert_true(driver->is_open(txn->conn));
    OK(driver->script(txn->conn, "ROLLBACK TO SAVEPOINT one; RELEASE SAVEPOINT one", &err));
    commit(txn);
    txn = begin_read(*state);
    query(txn, "SELECT value FROM sequences WHERE name = 'y'", SQL_NO_VALUES);
    assert_int_equal(sql_column_int(txn->conn, 0), 1);
    sql_end(txn->conn);
    store_rollback(txn);
}

static void a_read_transaction_cannot_write(void **state)
{
    struct txn *txn = begin_read(*state);
    assert_int_not_equal(exec(txn, "DELETE FROM profiles"), 0);
    store_rollback(txn);
    txn = begin_read(*state);
    query(txn, "SELECT count(*) FROM profiles", SQL_NO_VALUES);
    assert_int_equal(sql_column_int(txn->conn, 0), 2);
    sql_end(txn->conn);
    store_rollback(txn);
}

static void texts_compare_by_their_bytes(void **state)
{
    struct txn *txn = begin_write(*state);
    static const char *const names[] = {"a", "B", "_", "ä", "a b", "-", "Z", "1"};
    char text[64] = "";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        OK(sql_exec(txn->conn, "INSERT INTO sequences (name, value) VALUES ($1, 0)",
                    SQL_VALUES(sql_text(names[i])), &err));
    OK(sql_query(txn->conn, "SELECT name FROM sequences ORDER BY name", SQL_NO_VALUES, &err));
    for (size_t n = 0; sql_next(txn->conn, NULL) == 1;)
        n += (size_t)snprintf(text + n, sizeof text - n, "%.*s",
                              SLICE_ARG(sql_column_text(txn->conn, 0)));
    sql_end(txn->conn);
    store_rollback(txn);
    assert_string_equal(text, "-1BZ_aa bfeedä");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(parameters_are_numbered_not_placed),
        STORE_TEST(values_come_back_as_they_went),
        STORE_TEST(rows_come_one_by_one_and_may_be_left),
        STORE_TEST(more_statements_than_are_kept_prepared),
        STORE_TEST(errors_mean_the_same_everywhere),
        STORE_TEST(an_error_can_be_undone_by_a_savepoint),
        STORE_TEST(a_read_transaction_cannot_write),
        STORE_TEST(texts_compare_by_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
