#include "store/copy.h"

#include "base/arena.h"
#include "base/buf.h"
#include "store/migrations.h"
#include "store/sql.h"

enum {
    COLUMNS_MAX = 16,
    VALUES_MAX = 960, /* parameters of one INSERT */
    TELL_EVERY = 5000,
    TEXTS_BYTES_MAX = 64 << 20, /* of the rows of one INSERT */
};

/* In an order that foreign keys allow. */
static const struct table {
    const char *name;
    const char *columns;
    const char *kinds; /* of each column: i a number, t a text */
    const char *key;   /* orders the rows, alike in every database */
} tables[] = {
    {"policies", "tenant, revision, rules_version, own_rules_version", "tiii", "tenant"},
    {"profiles", "id, name, is_default, is_builtin, created_at_ms, updated_at_ms, version", "ttiiiii",
     "id"},
    {"profile_rules", "profile, position, target, is_exact, action, divert_to, note", "tititt" "t",
     "profile, position"},
    {"tenants",
     "id, name, profile, outside_line, locale, time_zone, status, created_at_ms, updated_at_ms, "
     "version",
     "tttttttiii", "id"},
    {"contacts", "tenant, position, name, email, phone, webhook", "titt" "tt", "tenant, position"},
    {"accounts",
     "tenant, id, display_name, profile, created_at_ms, updated_at_ms, version, rules_version",
     "ttttiiii", "tenant, id"},
    {"rules",
     "tenant, id, account, target, is_exact, is_locked, action, divert_to, note, source, "
     "starts_at_ms, expires_at_ms, created_at_ms, updated_at_ms, version",
     "ttttiittttiiiii", "tenant, id"},
    {"revocations", "jti, note, revoked_at_ms, expires_at_ms", "ttii", "jti"},
    {"feed", "tenant, jti, revision", "tti", "tenant, jti"},
    {"audit",
     "seq, tenant, at_ms, subject, role, request_id, address, action, object, before, after",
     "ititttttttt", "seq"},
    {"idempotency", "scope, key, fingerprint, status, headers, body, created_at_ms", "ttiitti",
     "scope, key"},
    {"attempts",
     "tenant, at_ms, decision_id, account, number, kind, country, action, reason, rule_id, "
     "degraded, origin, call_id, source_ip, revision",
     "titttttttttttti", "tenant, at_ms, decision_id"},
    {"attempt_counts", "tenant, account, minute_ms, count", "ttii", "tenant, account, minute_ms"},
    {"outbox",
     "tenant, id, key, channel, address, locale, subject, body, about, state, attempts, due_at_ms, "
     "claimed_by, last_error, created_at_ms, updated_at_ms",
     "ttttttttttiittii", "tenant, id"},
    {"call_terms", "id, purpose, retention_days, stated_at_ms, stated_by", "itiit", "id"},
    {"calls",
     "tenant, at_ms, id, account, number, kind, country, is_overseas, seconds, disposition, source, "
     "context, call_id, mark",
     "tittttt" "iitttt" "t", "tenant, at_ms, id"},
    {"call_totals",
     "tenant, account, country, is_overseas, mark, calls, answered, seconds, first_at_ms, "
     "last_at_ms",
     "tttitiiiii", "tenant, account, is_overseas, country, mark"},
    {"call_marks",
     "tenant, id, account, country, call_id, from_ms, to_ms, note, made_by, made_at_ms",
     "tttttiitti", "tenant, id"},
    {"call_source_days", "source, day, calls", "tii", "source, day"},
    {"call_tenant_sources", "tenant, source", "tt", "tenant, source"},
    {"call_unmapped", "source, reason, value, records, first_at_ms, last_at_ms", "tttiii",
     "source, reason, value"},
    {"call_follows", "source, file, mark, position, version, updated_at_ms", "tttiii",
     "source, file"},
    {"campaigns",
     "id, name, state, is_paused, selection, level, target, action, divert_to, note, "
     "since_ms, apply_at_ms, grace_ms, rate, last_error, after_tenant, after_account, done, "
     "total, run, run_until_ms, subject, role, request_id, address, count_out, count_planned, "
     "count_notified, count_answered, count_skipped, count_failed, count_applied, "
     "count_undone, count_kept, created_by, created_at_ms, planned_at_ms, notified_at_ms, "
     "started_at_ms, applied_at_ms, undone_at_ms, updated_at_ms",
     "tttittttttiiiitttiitittttiiiiiiiiitiiiiiii", "id"},
    {"campaign_accounts",
     "tenant, campaign, account, state, reason, made_at_ms, days_covered, days_wanted, calls, "
     "overseas_calls, last_overseas_ms, rule, replaced, notified_at_ms, applied_at_ms, "
     "revision, undone_at_ms, undone_revision",
     "tttttiiiiiittiiiii", "tenant, campaign, account"},
    {"campaign_rules",
     "tenant, campaign, account, id, target, is_exact, is_locked, action, divert_to, note, "
     "source, starts_at_ms, expires_at_ms, created_at_ms, updated_at_ms, json",
     "tttttiittttiiiit", "tenant, campaign, account"},
    {"campaign_answers",
     "tenant, campaign, account, answer, said_by, via, address, said_at_ms",
     "ttttttti", "tenant, campaign, account"},
};
enum { TABLES = sizeof tables / sizeof *tables };

struct copy {
    struct sql *from, *to;
    copy_progress_fn *fn;
    void *context;
    struct copy_progress progress;
    uint64_t rows[TABLES];
    struct arena statements; /* prepared by address: kept until both are closed */
};

static bool is_feed(const struct table *table)
{
    return strcmp(table->name, "feed") == 0;
}

/* --- statements ------------------------------------------------------------------------------ */

static const char *select_text(struct copy *copy, const struct table *table)
{
    return arena_printf(&copy->statements, "SELECT %s FROM %s ORDER BY %s", table->columns,
                        table->name, table->key);
}

/* INSERT of `rows` rows. Rows of the feed get the number of this transaction and their place in
 * it. */
static const char *insert_text(struct copy *copy, const struct table *table, unsigned rows)
{
    static _Thread_local char text[32768];
    struct buf out = BUF_OVER(text);
    unsigned columns = (unsigned)strlen(table->kinds) + (is_feed(table) ? 2 : 0), n = 0;
    buf_printf(&out, "INSERT INTO %s (%s%s) VALUES ", table->name, table->columns,
               is_feed(table) ? ", seq, place" : "");
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

static int open_both(struct copy *copy, const char *from, const char *to, struct err *err)
{
    static const char *const names[] = {"--from", "--to"};
    const char *urls[] = {from, to};
    struct sql **sqls[] = {&copy->from, &copy->to};
    for (int i = 0; i < 2; i++) {
        const struct sql_driver *driver = sql_driver_of(urls[i]);
        struct err said = {0};
        int r = driver ? driver->check_url(urls[i], &said)
                       : err_set(&said, ERR_INVALID,
                                 "expected sqlite:FILE or "
                                 "postgres://USER:PASSWORD@HOST:PORT/DATABASE");
        if (r == 0)
            r = driver->open(urls[i], sqls[i], &said);
        if (r == 0)
            r = migrate(*sqls[i], NULL, &said);
        if (r < 0)
            return err_set(err, r, "%s: %s", names[i], said.text);
    }
    return 0;
}

/* What the migrations put there goes; anything else is somebody's. */
static int make_room(struct copy *copy, struct sql_conn *conn, struct err *err)
{
    int64_t found = 0;
    int r = ask(conn,
                "SELECT (SELECT count(*) FROM tenants) + (SELECT count(*) FROM audit) + "
                "(SELECT count(*) FROM feed) + (SELECT count(*) FROM revocations) + "
                "(SELECT count(*) FROM attempts) + (SELECT count(*) FROM attempt_counts) + "
                "(SELECT count(*) FROM outbox) + "
                "(SELECT count(*) FROM idempotency) + (SELECT count(*) FROM rules) + "
                "(SELECT count(*) FROM call_terms)",
                &found, err);
    if (r == 0 && found)
        r = err_set(err, ERR_EXISTS, "--to: %s is not empty", copy->to->name);
    if (r == 0)
        r = sql_exec(conn, "DELETE FROM profiles", SQL_NO_VALUES, err);
    if (r == 0)
        r = sql_exec(conn, "DELETE FROM policies", SQL_NO_VALUES, err);
    return r;
}

static int count_rows(struct copy *copy, struct sql_conn *conn, struct err *err)
{
    int r = 0;
    for (unsigned i = 0; i < TABLES && r == 0; i++) {
        int64_t count = 0;
        const char *text =
            arena_printf(&copy->statements, "SELECT count(*) FROM %s", tables[i].name);
        r = text ? ask(conn, text, &count, err) : err_set(err, ERR_NOMEM, "out of memory");
        copy->rows[i] = (uint64_t)count;
        copy->progress.total += 2 * (uint64_t)count;
    }
    return r;
}

static void begin_table(struct copy *copy, unsigned at, bool is_checking)
{
    copy->progress.table = tables[at].name;
    copy->progress.is_checking = is_checking;
    copy->progress.rows = 0;
    copy->progress.rows_total = copy->rows[at];
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
    const struct table *table;
    unsigned columns, rows, rows_max;
    uint64_t seq, place; /* of the feed */
    const char *full, *single;
    struct arena texts;
    struct sql_value values[VALUES_MAX];
};

static int batch_init(struct copy *copy, struct batch *batch, const struct table *table,
                      uint64_t seq, struct err *err)
{
    batch->table = table;
    batch->columns = (unsigned)strlen(table->kinds) + (is_feed(table) ? 2 : 0);
    batch->rows = 0;
    batch->rows_max = VALUES_MAX / batch->columns;
    batch->seq = seq;
    batch->place = 0;
    batch->full = insert_text(copy, table, batch->rows_max);
    batch->single = insert_text(copy, table, 1);
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
    for (const char *kind = batch->table->kinds; *kind; kind++, value++) {
        unsigned column = (unsigned)(kind - batch->table->kinds);
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
    if (is_feed(batch->table)) {
        *value++ = sql_int((int64_t)batch->seq);
        *value++ = sql_int((int64_t)batch->place++);
    }
    batch->rows++;
    return 0;
}

static int copy_table(struct copy *copy, unsigned at, struct sql_conn *from, struct sql_conn *to,
                      struct batch *batch, uint64_t seq, struct err *err)
{
    const char *text = select_text(copy, &tables[at]);
    int r = text ? batch_init(copy, batch, &tables[at], seq, err)
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
    return r < 0 ? err_context(err, "table %s", tables[at].name) : 0;
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
    for (unsigned i = 0; i < TABLES && r == 0; i++)
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
        r = count_rows(copy, from, err);
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

static bool is_same_row(const struct table *table, struct sql_conn *a, struct sql_conn *b)
{
    for (const char *kind = table->kinds; *kind; kind++) {
        unsigned column = (unsigned)(kind - table->kinds);
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
    const char *text = select_text(copy, &tables[at]);
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
        is_same = a == b && is_same_row(&tables[at], from, to);
        row_done(copy);
    }
    sql_end(from);
    sql_end(to);
    end_table(copy);
    if (a < 0 || b < 0)
        return err_context(err, "table %s", tables[at].name);
    return is_same ? 0
                   : err_set(err, ERR_IO, "row %llu of table %s is not the same in %s: do not use it",
                             (unsigned long long)copy->progress.rows, tables[at].name,
                             copy->to->name);
}

static int compare_all(struct copy *copy, struct sql_conn *from, struct err *err)
{
    struct sql_conn *to;
    int r = sql_begin(copy->to, SQL_WALK, &to, err);
    if (r < 0)
        return r;
    r = sql_scope(to, SLICE_LIT(SQL_EVERYBODY), err);
    for (unsigned i = 0; i < TABLES && r == 0; i++)
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
