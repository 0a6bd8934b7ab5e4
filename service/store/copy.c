#include "store/copy.h"

#include "base/arena.h"
#include "base/buf.h"
#include "store/migrations.h"
#include "store/sql.h"
#include "store/tables.h"

enum {
    PLANS_MAX = 64,
    VALUES_MAX = 960, /* parameters of one INSERT */
    TELL_EVERY = 5000,
    TEXTS_BYTES_MAX = 64 << 20, /* of the rows of one INSERT */
};

/* A table, as the source has it. */
struct plan {
    const struct table *table;
    struct table_shape shape;
    uint64_t rows;
};

struct copy {
    struct sql *from, *to;
    copy_progress_fn *fn;
    void *context;
    struct copy_progress progress;
    struct plan plans[PLANS_MAX];
    unsigned plans_count;
    struct arena statements; /* prepared by address: kept until both are closed */
};

static bool is_feed(const struct table *table)
{
    return strcmp(table->name, "feed") == 0;
}

/* --- statements ------------------------------------------------------------------------------ */

static const char *select_text(struct copy *copy, const struct plan *plan)
{
    return arena_printf(&copy->statements, "SELECT %s FROM %s ORDER BY %s", plan->shape.names,
                        plan->table->name, plan->shape.key);
}

/* Columns of one row as it is written. Rows of the feed get the number of this transaction and their
 * place in it. */
static unsigned width(const struct plan *plan)
{
    return plan->shape.columns + (is_feed(plan->table) ? 2 : 0);
}

static const char *insert_text(struct copy *copy, const struct plan *plan, unsigned rows)
{
    static _Thread_local char text[32768];
    struct buf out = BUF_OVER(text);
    unsigned columns = width(plan), n = 0;
    buf_printf(&out, "INSERT INTO %s (%s%s) VALUES ", plan->table->name, plan->shape.names,
               is_feed(plan->table) ? ", seq, place" : "");
    for (unsigned row = 0; row < rows; row++)
        for (unsigned i = 0; i < columns; i++)
            buf_printf(&out, "%s$%u%s", i ? ", " : row ? ", (" : "(", ++n,
                       i + 1 == columns ? ")" : "");
    return out.overflowed ? NULL : arena_copy(&copy->statements, buf_slice(&out));
}

/* A number from a statement's only row, also in a walk. */
static int ask(struct sql_conn *conn, const char *text, int64_t *ret, struct err *err)
{
    int r = sql_query(conn, text, SQL_NO_VALUES, err);
    while (r == 0 && (r = sql_next(conn, err)) == 1) {
        *ret = sql_column_int(conn, 0);
        r = 0;
    }
    sql_end(conn);
    return r;
}

static void tell(struct copy *copy)
{
    if (copy->fn)
        copy->fn(copy->context, &copy->progress);
}

/* --- before ---------------------------------------------------------------------------------- */

/* A source is never changed, so neither made nor brought up to date. */
static int open_one(const char *url, bool is_source, struct sql **ret, struct err *err)
{
    const struct sql_driver *driver = sql_driver_of(url);
    struct sql *sql;
    int r = driver ? driver->check_url(url, err)
                   : err_set(err, ERR_INVALID,
                             "expected sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE");
    if (r == 0 && is_source && driver->check_exists)
        r = driver->check_exists(url, err);
    if (r == 0)
        r = driver->open(url, &sql, err);
    if (r < 0)
        return r;
    r = is_source ? migrations_are_applied(sql, err) : migrate(sql, NULL, err);
    if (r < 0) {
        driver->close(sql);
        return r;
    }
    *ret = sql;
    return 0;
}

/* Drivers name the option of a daemon. */
static const char *without_option(const char *text)
{
    static const char option[] = "--store: ";
    return strncmp(text, option, sizeof option - 1) == 0 ? text + sizeof option - 1 : text;
}

static int open_both(struct copy *copy, const char *from, const char *to, struct err *err)
{
    struct err said = {0};
    int r = open_one(from, true, &copy->from, &said);
    if (r < 0)
        return err_set(err, r, "--from: %s", without_option(said.text));
    r = open_one(to, false, &copy->to, &said);
    return r < 0 ? err_set(err, r, "--to: %s", without_option(said.text)) : 0;
}

static int count_of(struct copy *copy, struct sql_conn *conn, const char *table, uint64_t *ret,
                    struct err *err)
{
    int64_t count = 0;
    const char *text = arena_printf(&copy->statements, "SELECT count(*) FROM %s", table);
    int r = text ? ask(conn, text, &count, err) : err_set(err, ERR_NOMEM, "out of memory");
    *ret = (uint64_t)count;
    return r;
}

/* What the migrations put there goes; anything else is somebody's. */
static int make_room(struct copy *copy, struct sql_conn *conn, struct err *err)
{
    uint64_t found = 0;
    int r = 0;
    for (const struct table *table = tables; table->name && r == 0; table++) {
        if (table->what == TABLE_COPIED)
            r = count_of(copy, conn, table->name, &found, err);
        if (r == 0 && found)
            r = err_set(err, ERR_EXISTS, "--to: %s is not empty: table %s has rows",
                        copy->to->name, table->name);
    }
    if (r == 0)
        r = sql_exec(conn, "DELETE FROM profiles", SQL_NO_VALUES, err);
    if (r == 0)
        r = sql_exec(conn, "DELETE FROM policies", SQL_NO_VALUES, err);
    return r;
}

static int make_plans(struct copy *copy, struct sql_conn *conn, struct err *err)
{
    static const char *const numbered_anew[] = {"seq", "place", NULL};
    int r = 0;
    for (const struct table *table = tables; table->name && r == 0; table++) {
        struct plan *plan = &copy->plans[copy->plans_count];
        if (table->what == TABLE_OF_HERE)
            continue;
        if (copy->plans_count == PLANS_MAX)
            return err_set(err, ERR_LIMIT, "more than %d tables", PLANS_MAX);
        plan->table = table;
        r = table_shape(conn, table->name, is_feed(table) ? numbered_anew : NULL,
                        &copy->statements, &plan->shape, err);
        if (r == 0)
            r = count_of(copy, conn, table->name, &plan->rows, err);
        if (r == 0)
            copy->progress.total += 2 * plan->rows;
        copy->plans_count++;
    }
    return r;
}

static void begin_table(struct copy *copy, unsigned at, bool is_checking)
{
    copy->progress.table = copy->plans[at].table->name;
    copy->progress.is_checking = is_checking;
    copy->progress.rows = 0;
    copy->progress.rows_total = copy->plans[at].rows;
    tell(copy);
}

static void row_done(struct copy *copy)
{
    copy->progress.rows++;
    copy->progress.done++;
    if (copy->progress.rows % TELL_EVERY == 0 && copy->progress.rows < copy->progress.rows_total)
        tell(copy);
}

static void end_table(struct copy *copy)
{
    if (copy->progress.rows)
        tell(copy);
}

/* --- copying --------------------------------------------------------------------------------- */

/* Rows gathered for one INSERT, and statements for a full one and for a single row. */
struct batch {
    const struct plan *plan;
    unsigned columns, rows, rows_max;
    uint64_t seq, place; /* of the feed */
    const char *full, *single;
    struct arena texts;
    struct sql_value values[VALUES_MAX];
};

static int batch_init(struct copy *copy, struct batch *batch, const struct plan *plan,
                      uint64_t seq, struct err *err)
{
    batch->plan = plan;
    batch->columns = width(plan);
    batch->rows = 0;
    batch->rows_max = VALUES_MAX / batch->columns;
    batch->seq = seq;
    batch->place = 0;
    batch->full = insert_text(copy, plan, batch->rows_max);
    batch->single = insert_text(copy, plan, 1);
    return batch->full && batch->single ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static int batch_write(struct batch *batch, struct sql_conn *to, struct err *err)
{
    int r = 0;
    if (batch->rows == batch->rows_max)
        r = sql_exec(to, batch->full,
                     (struct sql_values){batch->values, batch->rows * batch->columns}, err);
    else
        for (unsigned i = 0; i < batch->rows && r == 0; i++)
            r = sql_exec(to, batch->single,
                         (struct sql_values){&batch->values[i * batch->columns], batch->columns},
                         err);
    batch->rows = 0;
    arena_release(&batch->texts);
    arena_init(&batch->texts, TEXTS_BYTES_MAX);
    return r;
}

static int batch_add(struct batch *batch, struct sql_conn *from, struct err *err)
{
    struct sql_value *value = &batch->values[batch->rows * batch->columns];
    for (const char *kind = batch->plan->shape.kinds; *kind; kind++, value++) {
        unsigned column = (unsigned)(kind - batch->plan->shape.kinds);
        if (*kind == 'i') {
            *value = sql_int(sql_column_int(from, column));
            continue;
        }
        struct slice text = sql_column_text(from, column);
        const char *copy = arena_copy(&batch->texts, text);
        if (!copy)
            return err_set(err, ERR_NOMEM, "out of memory");
        *value = sql_slice((struct slice){copy, text.n});
    }
    if (is_feed(batch->plan->table)) {
        *value++ = sql_int((int64_t)batch->seq);
        *value++ = sql_int((int64_t)batch->place++);
    }
    batch->rows++;
    return 0;
}

static int copy_table(struct copy *copy, unsigned at, struct sql_conn *from, struct sql_conn *to,
                      struct batch *batch, uint64_t seq, struct err *err)
{
    const char *text = select_text(copy, &copy->plans[at]);
    int r = text ? batch_init(copy, batch, &copy->plans[at], seq, err)
                 : err_set(err, ERR_NOMEM, "out of memory");
    if (r < 0)
        return r;
    begin_table(copy, at, false);
    r = sql_query(from, text, SQL_NO_VALUES, err);
    while (r == 0 && (r = sql_next(from, err)) == 1) {
        r = batch_add(batch, from, err);
        if (r == 0 && batch->rows == batch->rows_max)
            r = batch_write(batch, to, err);
        row_done(copy);
    }
    sql_end(from);
    if (r == 0)
        r = batch_write(batch, to, err);
    end_table(copy);
    return r < 0 ? err_context(err, "table %s", copy->plans[at].table->name) : 0;
}

static int copy_tables(struct copy *copy, struct sql_conn *from, struct sql_conn *to,
                       struct err *err)
{
    uint64_t seq = 0;
    struct batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return err_set(err, ERR_NOMEM, "out of memory");
    arena_init(&batch->texts, TEXTS_BYTES_MAX);
    int r = sql_scope(to, SLICE_LIT(SQL_EVERYBODY), err);
    if (r == 0)
        r = make_room(copy, to, err);
    if (r == 0)
        r = to->driver->seq(to, &seq, err);
    for (unsigned i = 0; i < copy->plans_count && r == 0; i++)
        r = copy_table(copy, i, from, to, batch, seq, err);
    if (r == 0 && to->driver->copied)
        r = to->driver->copied(to, err);
    arena_release(&batch->texts);
    free(batch);
    return r;
}

static int copy_all(struct copy *copy, struct sql_conn *from, struct err *err)
{
    struct sql_conn *to;
    int r = sql_scope(from, SLICE_LIT(SQL_EVERYBODY), err);
    if (r == 0)
        r = make_plans(copy, from, err);
    if (r == 0)
        r = sql_begin(copy->to, SQL_ALONE, &to, err);
    if (r < 0)
        return r;
    r = copy_tables(copy, from, to, err);
    if (r == 0)
        return sql_commit(to, err);
    sql_rollback(to);
    return r;
}

/* --- comparing ------------------------------------------------------------------------------- */

static bool is_same_row(const struct plan *plan, struct sql_conn *a, struct sql_conn *b)
{
    for (const char *kind = plan->shape.kinds; *kind; kind++) {
        unsigned column = (unsigned)(kind - plan->shape.kinds);
        bool is_same = *kind == 'i' ? sql_column_int(a, column) == sql_column_int(b, column)
                                    : slice_equals(sql_column_text(a, column),
                                                   sql_column_text(b, column));
        if (!is_same)
            return false;
    }
    return true;
}

static int compare_table(struct copy *copy, unsigned at, struct sql_conn *from, struct sql_conn *to,
                         struct err *err)
{
    const char *text = select_text(copy, &copy->plans[at]);
    int a, b = 0;
    if (!text)
        return err_set(err, ERR_NOMEM, "out of memory");
    begin_table(copy, at, true);
    a = sql_query(from, text, SQL_NO_VALUES, err);
    if (a == 0)
        b = sql_query(to, text, SQL_NO_VALUES, err);
    bool is_same = true;
    while (a >= 0 && b >= 0 && is_same) {
        a = sql_next(from, err);
        if (a >= 0)
            b = sql_next(to, err);
        if (a < 0 || b < 0 || (a == 0 && b == 0))
            break;
        is_same = a == b && is_same_row(&copy->plans[at], from, to);
        row_done(copy);
    }
    sql_end(from);
    sql_end(to);
    end_table(copy);
    if (a < 0 || b < 0)
        return err_context(err, "table %s", copy->plans[at].table->name);
    return is_same ? 0
                   : err_set(err, ERR_IO, "row %llu of table %s is not the same in %s: do not use it",
                             (unsigned long long)copy->progress.rows, copy->plans[at].table->name,
                             copy->to->name);
}

static int compare_all(struct copy *copy, struct sql_conn *from, struct err *err)
{
    struct sql_conn *to;
    int r = sql_begin(copy->to, SQL_WALK, &to, err);
    if (r < 0)
        return r;
    r = sql_scope(to, SLICE_LIT(SQL_EVERYBODY), err);
    for (unsigned i = 0; i < copy->plans_count && r == 0; i++)
        r = compare_table(copy, i, from, to, err);
    sql_rollback(to);
    return r;
}

int store_copy(const char *from, const char *to, copy_progress_fn *fn, void *context,
               struct err *err)
{
    struct copy copy = {.fn = fn, .context = context};
    struct sql_conn *conn = NULL;
    arena_init(&copy.statements, 4 << 20);
    int r = open_both(&copy, from, to, err);
    if (r == 0)
        r = sql_begin(copy.from, SQL_WALK, &conn, err);
    if (r == 0)
        r = copy_all(&copy, conn, err);
    if (r == 0)
        r = compare_all(&copy, conn, err);
    if (conn)
        sql_rollback(conn);
    if (copy.to)
        copy.to->driver->close(copy.to);
    if (copy.from)
        copy.from->driver->close(copy.from);
    arena_release(&copy.statements);
    return r;
}
