#include "store/marks.h"

#include "base/ulid.h"
#include "store/audit.h"
#include "store/audit_json.h"
#include "store/call_totals.h"
#include "store/rule_rows.h"

/* Does mark m cover what lies between these moments, of this account and country? */
#define M_COVERS(first, last, account, country)                                                    \
    "m.from_ms <= " first " AND (m.to_ms = 0 OR m.to_ms > " last ") "                               \
    "AND m.account IN ('', " account ") AND m.country IN ('', " country ")"

/* --- reading ---------------------------------------------------------------------------------- */

#define MARKS                                                                                      \
    "SELECT m.id, m.account, m.country, m.call_id, m.note, m.made_by, m.from_ms, m.to_ms, "        \
    "m.made_at_ms, (SELECT COUNT(*) FROM calls c WHERE c.tenant = m.tenant AND c.mark = m.id "     \
    "AND c.mark <> '') + CAST(COALESCE((SELECT SUM(t.calls) FROM call_totals t "                   \
    "WHERE t.tenant = m.tenant AND t.mark = m.id), 0) AS BIGINT) FROM call_marks m "               \
    "WHERE m.tenant = $1 AND "

static int read_mark(struct txn *txn, struct arena *arena, struct call_mark *ret, struct err *err)
{
    const char *texts[6];
    for (unsigned i = 0; i < 6; i++)
        if (!(texts[i] = column_copy(txn, i, arena)))
            return txn_nomem(txn, err);
    *ret = (struct call_mark){
        .id = texts[0],
        .account = texts[1],
        .country = texts[2],
        .call_id = texts[3],
        .note = texts[4],
        .made_by = texts[5],
        .from_ms = column_int(txn, 6),
        .to_ms = column_int(txn, 7),
        .made_at_ms = column_int(txn, 8),
        .calls = (uint64_t)column_int(txn, 9),
    };
    return 0;
}

int store_call_mark_get(struct txn *txn, struct slice tenant, struct slice id, struct arena *arena,
                        struct call_mark *ret, struct err *err)
{
    int r = txn_scope(txn, tenant, err);
    if (r == 0)
        r = txn_row(txn, MARKS "m.id = $2", SQL_VALUES(sql_slice(tenant), sql_slice(id)), err);
    if (r == 0)
        return err_set(err, ERR_NOT_FOUND, "no such mark");
    if (r < 0)
        return r;
    r = read_mark(txn, arena, ret, err);
    txn_end(txn);
    return r;
}

int store_call_mark_list(struct txn *txn, struct slice tenant, struct page page,
                         struct arena *arena, struct call_mark **ret, unsigned *ret_count,
                         struct err *err)
{
    struct call_mark *marks = arena_alloc(arena, page.limit * sizeof *marks);
    unsigned count = 0;
    if (!marks)
        return txn_nomem(txn, err);
    int r = rule_owner_check(txn, tenant, SLICE_NONE, err);
    if (r < 0)
        return r;
    r = txn_query(txn, MARKS "m.id > $2 ORDER BY m.id LIMIT $3",
                  SQL_VALUES(sql_slice(tenant), sql_slice(page.after), sql_int(page.limit)), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1)
        r = read_mark(txn, arena, &marks[count++], err);
    txn_end(txn);
    if (r < 0)
        return r;
    *ret = marks;
    *ret_count = count;
    return 0;
}

/* --- making ----------------------------------------------------------------------------------- */

static int check(const struct call_mark *mark, struct err *err)
{
    if (!mark->account[0] && !mark->country[0] && !mark->call_id[0] && !mark->from_ms &&
        !mark->to_ms)
        return err_set(err, ERR_INVALID,
                       "say which calls: account, country, call_id, from or to");
    if (mark->to_ms && mark->to_ms <= mark->from_ms)
        return err_field(err, ERR_INVALID, "/to", "ends before it begins");
    return 0;
}

static int check_room(struct txn *txn, struct slice tenant, struct err *err)
{
    int64_t count = 0;
    int r = txn_number(txn, "SELECT COUNT(*) FROM call_marks WHERE tenant = $1",
                       SQL_VALUES(sql_slice(tenant)), &count, err);
    if (r < 0)
        return r;
    return count < CALL_MARKS_PER_TENANT_MAX
               ? 0
               : err_set(err, ERR_LIMIT, "a tenant has at most %d marks", CALL_MARKS_PER_TENANT_MAX);
}

/* Gives the mark to calls, and sums of calls, that it covers and that have none. */
static int spread(struct txn *txn, struct slice tenant, const struct call_mark *mark,
                  struct err *err)
{
    const struct sql_values values = SQL_VALUES(
        sql_slice(tenant), sql_text(mark->id), sql_int(mark->from_ms),
        sql_int(mark->to_ms ? mark->to_ms : INT64_MAX), sql_text(mark->account),
        sql_text(mark->country), sql_text(mark->call_id));
    int r = mark->account[0]
                ? txn_exec(txn,
                           "UPDATE calls SET mark = $2 WHERE tenant = $1 AND account = $5 AND "
                           "at_ms >= $3 AND at_ms < $4 AND ($6 = '' OR country = $6) AND "
                           "($7 = '' OR call_id = $7) AND mark = ''",
                           values, err)
                : txn_exec(txn,
                           "UPDATE calls SET mark = $2 WHERE tenant = $1 AND $5 = '' AND "
                           "at_ms >= $3 AND at_ms < $4 AND ($6 = '' OR country = $6) AND "
                           "($7 = '' OR call_id = $7) AND mark = ''",
                           values, err);
    if (r < 0 || mark->call_id[0])
        return r;
    return txn_exec(txn,
                    "UPDATE call_totals SET mark = $2 WHERE tenant = $1 AND mark = '' "
                    "AND first_at_ms >= $3 AND last_at_ms < $4 AND ($5 = '' OR account = $5) "
                    "AND ($6 = '' OR country = $6)",
                    (struct sql_values){values.list, 6}, err);
}

static int insert(struct txn *txn, struct slice tenant, const struct call_mark *mark,
                  struct err *err)
{
    return txn_exec(txn,
                    "INSERT INTO call_marks (tenant, id, account, country, call_id, from_ms, "
                    "to_ms, note, made_by, made_at_ms) "
                    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                    SQL_VALUES(sql_slice(tenant), sql_text(mark->id), sql_text(mark->account),
                               sql_text(mark->country), sql_text(mark->call_id),
                               sql_int(mark->from_ms), sql_int(mark->to_ms), sql_text(mark->note),
                               sql_text(mark->made_by), sql_int(mark->made_at_ms)),
                    err);
}

static int note(struct txn *txn, struct slice tenant, const struct call_mark *before,
                const struct call_mark *after, struct err *err)
{
    struct arena scratch;
    arena_init(&scratch, 64 << 10);
    struct audit_entry entry = {
        .tenant = tenant,
        .action = after ? "call_mark.create" : "call_mark.delete",
        .object = after ? after->id : before->id,
        .before = before ? json_of_call_mark(&scratch, before) : "",
        .after = after ? json_of_call_mark(&scratch, after) : "",
    };
    int r = audit_add(txn, &entry, err);
    arena_release(&scratch);
    return r;
}

int store_call_mark_create(struct txn *txn, struct slice tenant, const struct call_mark *wanted,
                           char ret_id[RULE_ID_BYTES], struct err *err)
{
    struct touched *touched; /* two marks of one tenant are made one after the other */
    struct call_mark mark = *wanted;
    char id[ULID_BYTES];
    if (tenant.n == 0)
        return err_set(err, ERR_NOT_FOUND, "no such tenant");
    int r = check(&mark, err);
    if (r == 0)
        r = txn_lock(txn, tenant, &touched, err);
    if (r == 0)
        r = rule_owner_check(txn, tenant, SLICE_NONE, err);
    if (r == 0)
        r = check_room(txn, tenant, err);
    if (r < 0)
        return r;
    ulid_make(txn->now_ms, id);
    mark.id = id;
    mark.made_by = txn->actor.subject;
    mark.made_at_ms = txn->now_ms;
    r = insert(txn, tenant, &mark, err);
    if (r == 0)
        r = spread(txn, tenant, &mark, err);
    if (r == 0)
        r = note(txn, tenant, NULL, &mark, err);
    if (r == 0)
        snprintf(ret_id, RULE_ID_BYTES, "%s", id);
    return r;
}

/* --- taking back ------------------------------------------------------------------------------ */

/* What had the mark that is gone gets the next one that covers it, or none. */
static int hand_on(struct txn *txn, struct slice tenant, struct slice id, struct err *err)
{
    const struct sql_values values = SQL_VALUES(sql_slice(tenant), sql_slice(id));
    int r = txn_exec(txn,
                     "UPDATE calls SET mark = COALESCE((SELECT MIN(m.id) FROM call_marks m "
                     "WHERE m.tenant = calls.tenant AND m.call_id IN ('', calls.call_id) AND "
                     M_COVERS("calls.at_ms", "calls.at_ms", "calls.account", "calls.country")
                     "), '') WHERE tenant = $1 AND mark = $2 AND mark <> ''",
                     values, err);
    if (r == 0)
        r = txn_exec(
            txn,
            "INSERT INTO call_totals (tenant, account, country, is_overseas, mark, calls, "
            "answered, seconds, first_at_ms, last_at_ms) "
            "SELECT t.tenant, t.account, t.country, t.is_overseas, COALESCE((SELECT MIN(m.id) "
            "FROM call_marks m WHERE m.tenant = t.tenant AND m.call_id = '' AND "
            M_COVERS("t.first_at_ms", "t.last_at_ms", "t.account", "t.country")
            "), ''), t.calls, t.answered, t.seconds, t.first_at_ms, t.last_at_ms "
            "FROM call_totals t WHERE t.tenant = $1 AND t.mark = $2 "
            CALL_TOTALS_ADD,
            values, err);
    if (r == 0)
        r = txn_exec(txn, "DELETE FROM call_totals WHERE tenant = $1 AND mark = $2", values, err);
    return r;
}

int store_call_mark_delete(struct txn *txn, struct slice tenant, struct slice id, struct err *err)
{
    struct touched *touched;
    struct call_mark mark;
    struct arena scratch;
    arena_init(&scratch, 64 << 10);
    int r = tenant.n ? txn_lock(txn, tenant, &touched, err)
                     : err_set(err, ERR_NOT_FOUND, "no such tenant");
    if (r == 0)
        r = store_call_mark_get(txn, tenant, id, &scratch, &mark, err);
    if (r == 0)
        r = txn_exec(txn, "DELETE FROM call_marks WHERE tenant = $1 AND id = $2",
                     SQL_VALUES(sql_slice(tenant), sql_slice(id)), err);
    if (r == 0)
        r = hand_on(txn, tenant, id, err);
    if (r == 0)
        r = note(txn, tenant, &mark, NULL, err);
    arena_release(&scratch);
    return r;
}

/* --- once more -------------------------------------------------------------------------------- */

struct recent {
    const char *tenant;
    struct call_mark mark;
};

static int list_recent(struct txn *txn, int64_t since_ms, struct arena *arena,
                       struct recent ret[CALL_MARKS_PER_TENANT_MAX], unsigned *ret_count,
                       struct err *err)
{
    int r = txn_query(txn,
                      "SELECT m.id, m.account, m.country, m.call_id, m.note, m.made_by, "
                      "m.from_ms, m.to_ms, m.made_at_ms, CAST(0 AS BIGINT), m.tenant "
                      "FROM call_marks m WHERE m.made_at_ms >= $1 ORDER BY m.id LIMIT $2",
                      SQL_VALUES(sql_int(since_ms), sql_int(CALL_MARKS_PER_TENANT_MAX)), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        r = read_mark(txn, arena, &ret[*ret_count].mark, err);
        ret[*ret_count].tenant = column_copy(txn, 10, arena);
        if (r == 0 && !ret[(*ret_count)++].tenant)
            r = txn_nomem(txn, err);
    }
    txn_end(txn);
    return r;
}

/* One transaction a mark: a tenant's calls are not held longer than for making it. */
static int settle(struct store *store, const struct recent *recent, struct err *err)
{
    static const struct actor keeper = {"node", "node", "", ""};
    struct touched *touched;
    struct txn *txn;
    int64_t is_there = 0;
    int r = store_begin(store, &keeper, &txn, err);
    if (r < 0)
        return r;
    r = txn_lock(txn, slice_of(recent->tenant), &touched, err);
    if (r == 0)
        r = txn_number(txn, "SELECT 1 FROM call_marks WHERE tenant = $1 AND id = $2",
                       SQL_VALUES(sql_text(recent->tenant), sql_text(recent->mark.id)), &is_there,
                       err);
    if (r == 1)
        r = spread(txn, slice_of(recent->tenant), &recent->mark, err);
    if (r < 0) {
        store_rollback(txn);
        return r;
    }
    return store_commit(txn, NULL, err);
}

int store_call_marks_settle(struct store *store, int64_t made_since_ms, struct err *err)
{
    struct arena arena;
    struct txn *txn;
    unsigned count = 0;
    int r = store_begin(store, NULL, &txn, err);
    if (r < 0)
        return r;
    arena_init(&arena, 8 << 20);
    struct recent *recent = arena_alloc(&arena, CALL_MARKS_PER_TENANT_MAX * sizeof *recent);
    r = recent ? txn_scope_everybody(txn, err) : txn_nomem(txn, err);
    if (r == 0)
        r = list_recent(txn, made_since_ms, &arena, recent, &count, err);
    store_rollback(txn);
    for (unsigned i = 0; i < count && r == 0; i++)
        r = settle(store, &recent[i], err);
    arena_release(&arena);
    return r;
}
