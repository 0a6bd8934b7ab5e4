#include "store/txn.h"

#include <assert.h>

#include "base/utf8.h"

int txn_fail(struct txn *txn, int code)
{
    if (!txn->failed)
        txn->failed = code;
    return code;
}

int txn_nomem(struct txn *txn, struct err *err)
{
    return txn_fail(txn, err_set(err, ERR_NOMEM, "out of memory"));
}

/* SQLite would keep any bytes, PostgreSQL refuses them: here both refuse. */
static bool is_utf8(struct slice text)
{
    for (size_t i = 0; i < text.n;) {
        size_t len = text.p[i] ? utf8_len(text.p + i, text.n - i) : 0;
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

static int set_scope(struct txn *txn, struct slice who, struct err *err)
{
    if (txn->failed)
        return err_set(err, txn->failed, "store: an earlier statement of this transaction failed");
    if (!is_utf8(who))
        return txn_fail(txn, err_set(err, ERR_INVALID, "a text is not UTF-8"));
    int r = sql_scope(txn->conn, who, err);
    return r < 0 ? txn_fail(txn, r) : 0;
}

int txn_scope(struct txn *txn, struct slice tenant, struct err *err)
{
    char who[256];
    int n = snprintf(who, sizeof who, "%s%.*s", SQL_ONE, SLICE_ARG(tenant));
    if (n >= (int)sizeof who) /* nobody's: no tenant has such an id */
        return set_scope(txn, SLICE_NONE, err);
    return set_scope(txn, (struct slice){who, (size_t)n}, err);
}

int txn_scope_everybody(struct txn *txn, struct err *err)
{
    return set_scope(txn, SLICE_LIT(SQL_EVERYBODY), err);
}

/* May a statement with these values begin? */
static int check(struct txn *txn, struct sql_values values, struct err *err)
{
    if (txn->failed)
        return err_set(err, txn->failed, "store: an earlier statement of this transaction failed");
    for (unsigned i = 0; i < values.count; i++)
        if (values.list[i].type == SQL_TEXT && !is_utf8(values.list[i].text))
            return txn_fail(txn, err_set(err, ERR_INVALID, "a text is not UTF-8"));
    return 0;
}

int txn_insert(struct txn *txn, const struct sql_insert *into, const struct sql_value *values,
               unsigned rows, bool *is_new, struct err *err)
{
    unsigned columns = (unsigned)strlen(into->kinds);
    int r = check(txn, (struct sql_values){values, rows * columns}, err);
    if (r < 0 || rows == 0)
        return r;
    r = txn->conn->driver->insert(txn->conn, into, values, rows, is_new, err);
    return r < 0 ? txn_fail(txn, r) : 0;
}

int txn_query(struct txn *txn, const char *text, struct sql_values values, struct err *err)
{
    int r = check(txn, values, err);
    if (r < 0)
        return r;
    r = sql_query(txn->conn, text, values, err);
    return r < 0 ? txn_fail(txn, r) : 0;
}

int txn_next(struct txn *txn, struct err *err)
{
    int r = sql_next(txn->conn, err);
    return r < 0 ? txn_fail(txn, r) : r;
}

int txn_row(struct txn *txn, const char *text, struct sql_values values, struct err *err)
{
    int r = txn_query(txn, text, values, err);
    if (r == 0)
        r = txn_next(txn, err);
    if (r != 1)
        txn_end(txn);
    return r;
}

int txn_exec(struct txn *txn, const char *text, struct sql_values values, struct err *err)
{
    int r = txn_query(txn, text, values, err);
    while (r == 0 && (r = txn_next(txn, err)) == 1)
        r = 0; /* a row that nobody asked for */
    txn_end(txn);
    return r;
}

int txn_number(struct txn *txn, const char *text, struct sql_values values, int64_t *ret,
               struct err *err)
{
    int r = txn_row(txn, text, values, err);
    if (r == 1) {
        *ret = column_int(txn, 0);
        txn_end(txn);
    }
    return r;
}

int store_savepoint(struct txn *txn, struct err *err)
{
    assert(txn->is_write && !txn->in_savepoint);
    if (txn->failed)
        return err_set(err, txn->failed, "store: an earlier statement of this transaction failed");
    int r = txn->conn->driver->script(txn->conn, "SAVEPOINT line", err);
    if (r < 0)
        return txn_fail(txn, r);
    txn->in_savepoint = true;
    touched_mark(txn);
    return 0;
}

int store_savepoint_end(struct txn *txn, bool keep, struct err *err)
{
    const struct sql_driver *driver = txn->conn->driver;
    assert(txn->in_savepoint);
    txn->in_savepoint = false;
    if (keep && txn->failed)
        return err_set(err, txn->failed, "store: an earlier statement of this transaction failed");
    if (!driver->is_open(txn->conn))
        return txn_fail(txn, err_set(err, ERR_UNAVAILABLE,
                                     "store: the database gave up the transaction"));
    int r = driver->script(txn->conn,
                           keep ? "RELEASE SAVEPOINT line"
                                : "ROLLBACK TO SAVEPOINT line; RELEASE SAVEPOINT line",
                           err);
    if (r < 0)
        return txn_fail(txn, r);
    if (!keep) {
        txn->failed = 0;
        touched_undo(txn);
    }
    return 0;
}

int condition_check(const struct condition *condition, bool exists, uint64_t version,
                    struct err *err)
{
    if (!condition)
        return 0;
    switch (condition->kind) {
    case COND_NONE: return 0;
    case COND_ABSENT:
        return exists ? err_set(err, ERR_EXISTS, "it is there already") : 0;
    case COND_EXISTS:
        return exists ? 0 : err_set(err, ERR_STALE, "it is not there");
    case COND_VERSION:
        if (!exists)
            return err_set(err, ERR_STALE, "it is not there");
        return condition->version == version
                   ? 0
                   : err_set(err, ERR_STALE, "it was changed: its version is %llu, not %llu",
                             (unsigned long long)version, (unsigned long long)condition->version);
    }
    return err_set(err, ERR_INVALID, "unknown condition");
}
