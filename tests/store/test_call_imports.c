/* What importing call records leaves beside the calls: places in files, what could not be mapped. */
#include "suite.h"

#include "base/buf.h"
#include "store/call_imports.h"

/* --- places in files ---------------------------------------------------------------------------- */

static struct call_follow a_place(const char *file, const char *mark, int64_t position,
                                  uint64_t version)
{
    struct call_follow follow = {.source = "pbx1", .position = position, .version = version};
    snprintf(follow.file, sizeof follow.file, "%s", file);
    snprintf(follow.mark, sizeof follow.mark, "%s", mark);
    return follow;
}

static void put(struct suite *suite, struct call_follow follow, uint64_t version)
{
    struct txn *txn = begin_write(suite);
    OK(store_follow_put(txn, &follow, &err));
    commit(txn);
    assert_int_equal(follow.version, version);
}

static void a_place_moves_on_for_who_saw_the_last_one(void **state)
{
    struct suite *suite = *state;
    struct slice pbx1 = SLICE_LIT("pbx1"), master = SLICE_LIT("/log/Master.csv");
    struct call_follow read, late = a_place("/log/Master.csv", "i7", 50, 1);
    struct txn *txn = begin_write(suite);
    FAILS(suite, ERR_NOT_FOUND, store_follow_get(txn, pbx1, master, &read, &err));
    FAILS(suite, ERR_STALE, store_follow_put(txn, &late, &err));
    commit(txn);
    put(suite, a_place("/log/Master.csv", "i7", 100, 0), 1);
    put(suite, a_place("/log/Master.csv", "i8", 0, 1), 2);
    txn = begin_write(suite);
    FAILS(suite, ERR_STALE, store_follow_put(txn, &late, &err));
    late.version = 0;
    FAILS(suite, ERR_STALE, store_follow_put(txn, &late, &err));
    OK(store_follow_get(txn, pbx1, master, &read, &err));
    store_rollback(txn);
    assert_string_equal(read.mark, "i8");
    assert_int_equal(read.position, 0);
    assert_int_equal(read.version, 2);
    assert_true(read.updated_at_ms > 0);
}

static void places_are_listed_page_by_page(void **state)
{
    struct suite *suite = *state;
    struct call_follow *list, other = a_place("a", "m", 1, 0);
    unsigned count;
    snprintf(other.source, sizeof other.source, "pbx0");
    put(suite, a_place("b", "m", 1, 0), 1);
    put(suite, a_place("a", "m", 1, 0), 1);
    put(suite, other, 1);
    struct txn *txn = begin_read(suite);
    OK(store_follow_list(txn, SLICE_NONE, SLICE_NONE, 2, &suite->arena, &list, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(list[0].source, "pbx0");
    assert_string_equal(list[1].file, "a");
    OK(store_follow_list(txn, slice_of(list[1].source), slice_of(list[1].file), 2, &suite->arena, &list,
                         &count, &err));
    store_rollback(txn);
    assert_int_equal(count, 1);
    assert_string_equal(list[0].file, "b");
}

/* --- what could not be mapped ------------------------------------------------------------------- */

static struct call_unmapped a_value(const char *source, const char *value, int64_t at_ms)
{
    struct call_unmapped row = {.reason = "unknown_tenant", .records = 2, .first_at_ms = at_ms,
                                .last_at_ms = at_ms + 5};
    snprintf(row.source, sizeof row.source, "%s", source);
    snprintf(row.value, sizeof row.value, "%s", value);
    return row;
}

static void add(struct suite *suite, const struct call_unmapped *rows, unsigned count)
{
    struct txn *txn = begin_write(suite);
    OK(store_unmapped_add(txn, rows, count, &err));
    commit(txn);
}

static unsigned list(struct suite *suite, const char *source, const struct call_unmapped *after,
                     unsigned limit, struct call_unmapped **ret)
{
    unsigned count;
    struct txn *txn = begin_read(suite);
    OK(store_unmapped_list(txn, slice_of(source), after, limit, &suite->arena, ret, &count, &err));
    store_rollback(txn);
    return count;
}

static void what_is_unmapped_adds_up(void **state)
{
    struct suite *suite = *state;
    struct call_unmapped *rows, first[] = {a_value("a", "x", 100), a_value("a", "w", 100)},
                                again[] = {a_value("a", "x", 50), a_value("a", "x", 103)};
    add(suite, first, 2);
    add(suite, again, 2);
    struct call_unmapped other = a_value("b", "x", 7);
    add(suite, &other, 1);
    assert_int_equal(list(suite, "a", NULL, 10, &rows), 2);
    assert_string_equal(rows[1].value, "x");
    assert_int_equal(rows[1].records, 6);
    assert_int_equal(rows[1].first_at_ms, 50);
    assert_int_equal(rows[1].last_at_ms, 108);
    assert_int_equal(list(suite, "", NULL, 2, &rows), 2);
    assert_int_equal(list(suite, "", &rows[1], 2, &rows), 1);
    assert_string_equal(rows[0].source, "b");
    uint64_t removed = 0;
    struct txn *txn = begin_write(suite);
    OK(store_unmapped_clear(txn, SLICE_LIT("a"), &removed, &err));
    commit(txn);
    assert_int_equal(removed, 2);
    assert_int_equal(list(suite, "", NULL, 10, &rows), 1);
}

static void too_many_values_count_together(void **state)
{
    struct suite *suite = *state;
    struct call_unmapped *rows;
    struct call_unmapped *many = calloc(CALL_UNMAPPED_MAX + 3, sizeof *many);
    assert_non_null(many);
    for (int i = 0; i < CALL_UNMAPPED_MAX + 3; i++) {
        char value[16];
        snprintf(value, sizeof value, "v%05d", i);
        many[i] = a_value("a", value, 1);
    }
    add(suite, many, CALL_UNMAPPED_MAX + 3);
    add(suite, many, 5); /* known ones still count by themselves */
    free(many);
    assert_int_equal(list(suite, "a", NULL, 2000, &rows), CALL_UNMAPPED_MAX + 1);
    assert_string_equal(rows[0].value, "");
    assert_int_equal(rows[0].records, 6);
    assert_int_equal(rows[1].records, 4);
}

/* --- tenants ------------------------------------------------------------------------------------ */

static void outside_lines_of_many_tenants(void **state)
{
    enum { MANY = 150 };
    struct suite *suite = *state;
    struct tenant_line lines[MANY] = {0};
    struct txn *txn = begin_write(suite);
    for (int i = 0; i < MANY; i++) {
        snprintf(lines[i].tenant, sizeof lines[i].tenant, "t%d", i);
        if (i % 3 == 0)
            continue;
        struct tenant tenant = a_tenant(lines[i].tenant, NULL);
        tenant.outside_line = i % 3 == 1 ? "0" : "";
        OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
    }
    commit(txn);
    txn = begin_read(suite);
    OK(store_outside_lines(txn, lines, MANY, &err));
    OK(store_outside_lines(txn, lines, 0, &err));
    store_rollback(txn);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(lines[i].is_known, i % 3 != 0);
        assert_string_equal(lines[i].outside_line, i % 3 == 1 ? "0" : "");
    }
}

/* --- calls beside what was asked ----------------------------------------------------------------- */

static int add_row(void *context, const struct asked_row *row, struct err *err)
{
    struct buf *out = context;
    (void)err;
    buf_printf(out, "%s%s/%s:%d:%d:%s", out->n ? " " : "", row->call.tenant, row->call.account,
               (int)row->at_ms, (int)row->what, row->what == ASKED_COUNT ? "" : row->call.number);
    return 0;
}

static const char *rows_of(struct suite *suite, const char *tenant, int from, int to, int tolerance)
{
    static char text[2000];
    struct buf out = BUF_OVER(text);
    struct asked_span span = {slice_of(tenant), from, to, tolerance};
    text[0] = '\0';
    OK(store_asked_each(suite->store, &span, add_row, &out, &err));
    return text;
}

static void calls_and_attempts_come_as_one_stream(void **state)
{
    struct suite *suite = *state;
    struct attempt attempts[] = {
        {.at_ms = 199000, .decision_id = "a", .tenant = "b", .account = "1", .number = "03"},
        {.at_ms = 200000, .decision_id = "b", .tenant = "a", .account = "1", .number = "010"},
        {.at_ms = 100000, .decision_id = "c", .tenant = "a", .account = "2", .number = "06"},
    };
    struct attempt_count counts[] = {{"a", "1", 180000, 2}, {"b", "1", 0, 1}};
    struct call_record calls[] = {
        {.at_ms = 199500, .id = "x", .tenant = "a", .account = "1", .number = "010"},
        {.at_ms = 250000, .id = "y", .tenant = "b", .account = "1", .number = "09"},
    };
    struct call_terms terms = {.purpose = "tests", .retention_days = 7};
    unsigned added;
    OK(store_attempts_add(suite->store, attempts, 3, counts, 2, &err));
    struct txn *txn = begin_write(suite);
    OK(store_call_terms_put(txn, &terms, &err));
    OK(store_calls_add(txn, calls, 2, &added, &err));
    commit(txn);
    assert_string_equal(rows_of(suite, "", 190000, 260000, 9000),
                        "a/1:180000:1: a/1:199500:2:010 a/1:200000:0:010 b/1:199000:0:03 b/1:250000:2:09");
    assert_string_equal(rows_of(suite, "b", 190000, 250000, 0), "b/1:199000:0:03");
    assert_string_equal(rows_of(suite, "c", 0, 900000, 0), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_place_moves_on_for_who_saw_the_last_one),
        STORE_TEST(places_are_listed_page_by_page),
        STORE_TEST(what_is_unmapped_adds_up),
        STORE_TEST(too_many_values_count_together),
        STORE_TEST(outside_lines_of_many_tenants),
        STORE_TEST(calls_and_attempts_come_as_one_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
