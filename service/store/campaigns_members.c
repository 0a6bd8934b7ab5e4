/* The accounts of a campaign as people look at them. */
#include "store/campaigns_rows.h"

static int check_there(struct txn *txn, struct slice id, struct err *err)
{
    int64_t one = 0;
    if (!ulid_is_valid(id))
        return err_set(err, ERR_NOT_FOUND, "no such campaign");
    int r = txn_number(txn, "SELECT 1 FROM campaigns WHERE id = $1", SQL_VALUES(sql_slice(id)),
                       &one, err);
    if (r == 0)
        return err_set(err, ERR_NOT_FOUND, "no such campaign");
    return r < 0 ? r : txn_scope_everybody(txn, err);
}

static int read_state(struct txn *txn, unsigned column, enum member_state *ret_state,
                      enum member_reason *ret_reason, struct err *err)
{
    int state = 0, reason = 0;
    int r = campaign_word(column_text(txn, column), member_state_words, &state, err);
    if (r == 0)
        r = campaign_word(column_text(txn, column + 1), member_reason_words, &reason, err);
    *ret_state = (enum member_state)state;
    *ret_reason = (enum member_reason)reason;
    return r;
}

/* The answer at `column` (answer, by, via, address, when), copied; false: there is none. */
static bool read_answer(struct txn *txn, unsigned column, struct arena *arena,
                        struct campaign_member *ret)
{
    if (sql_column_is_null(txn->conn, column))
        return false;
    ret->answer = column_copy(txn, column, arena);
    ret->answer_by = column_copy(txn, column + 1, arena);
    ret->answer_via = column_copy(txn, column + 2, arena);
    ret->answer_address = column_copy(txn, column + 3, arena);
    ret->answered_at_ms = column_int(txn, column + 4);
    return true;
}

/* One that says "leave it open" counts, whether for the account or for all of the tenant. */
static void read_answers(struct txn *txn, struct arena *arena, struct campaign_member *ret)
{
    enum { OWN = 15, OF_TENANT = 20 };
    bool is_own_open = slice_equals_text(column_text(txn, OWN), "leave_open");
    if (is_own_open || !read_answer(txn, OF_TENANT, arena, ret))
        (void)read_answer(txn, OWN, arena, ret);
}

static int read_member(struct txn *txn, struct arena *arena, struct campaign_member *ret,
                       struct err *err)
{
    *ret = (struct campaign_member){
        .tenant = column_copy(txn, 0, arena),
        .account = column_copy(txn, 1, arena),
        .days_covered = column_int(txn, 4),
        .days_wanted = column_int(txn, 5),
        .calls = column_int(txn, 6),
        .overseas_calls = column_int(txn, 7),
        .last_overseas_ms = column_int(txn, 8),
        .rule = column_copy(txn, 9, arena),
        .replaced = column_copy(txn, 10, arena),
        .notified_at_ms = column_int(txn, 11),
        .applied_at_ms = column_int(txn, 12),
        .revision = (uint64_t)column_int(txn, 13),
        .undone_at_ms = column_int(txn, 14),
        .undone_revision = (uint64_t)column_int(txn, 25),
        .answer = "", .answer_by = "", .answer_via = "", .answer_address = "",
    };
    read_answers(txn, arena, ret);
    if (!ret->tenant || !ret->account || !ret->rule || !ret->replaced || !ret->answer ||
        !ret->answer_by || !ret->answer_via || !ret->answer_address)
        return txn_nomem(txn, err);
    return read_state(txn, 2, &ret->state, &ret->reason, err);
}

static int query(struct txn *txn, struct slice id, const struct member_filter *filter,
                 struct err *err)
{
    const char *state = filter->state < 0 ? "" : member_state_words[filter->state];
    const char *reason = filter->reason < 0 ? "" : member_reason_words[filter->reason];
    return txn_query(
        txn,
        "SELECT c.tenant, c.account, c.state, c.reason, c.days_covered, c.days_wanted, c.calls, "
        "c.overseas_calls, c.last_overseas_ms, c.rule, c.replaced, c.notified_at_ms, "
        "c.applied_at_ms, c.revision, c.undone_at_ms, w.answer, w.said_by, w.via, w.address, "
        "w.said_at_ms, v.answer, v.said_by, v.via, v.address, v.said_at_ms, c.undone_revision "
        "FROM campaign_accounts c LEFT JOIN campaign_answers w ON w.tenant = c.tenant AND "
        "w.campaign = c.campaign AND w.account = c.account LEFT JOIN campaign_answers v ON "
        "v.tenant = c.tenant AND v.campaign = c.campaign AND v.account = '' AND c.account <> '' "
        "WHERE c.campaign = $1 AND c.tenant >= $2 AND (c.tenant > $2 OR c.account > $3) "
        "AND ($4 = '' OR c.state = $4) AND ($5 = '' OR c.reason = $5) "
        "AND ($6 = '' OR c.tenant = $6) ORDER BY c.tenant, c.account LIMIT $7",
        SQL_VALUES(sql_slice(id), sql_slice(filter->after_tenant), sql_slice(filter->after_account),
                   sql_text(state), sql_text(reason), sql_slice(filter->tenant),
                   sql_int(filter->limit)),
        err);
}

int store_campaign_members(struct txn *txn, struct slice id, const struct member_filter *filter,
                           struct arena *arena, struct campaign_member **ret, unsigned *ret_count,
                           struct err *err)
{
    struct campaign_member *members = arena_alloc(arena, filter->limit * sizeof *members);
    unsigned count = 0;
    if (!members)
        return txn_nomem(txn, err);
    int r = check_there(txn, id, err);
    if (r == 0)
        r = query(txn, id, filter, err);
    else
        return r;
    while (r == 0 && (r = txn_next(txn, err)) == 1)
        r = read_member(txn, arena, &members[count++], err);
    txn_end(txn);
    if (r < 0)
        return r;
    *ret = members;
    *ret_count = count;
    return 0;
}

int store_campaign_reasons(struct txn *txn, struct slice id, struct arena *arena,
                           struct member_count **ret, unsigned *ret_count, struct err *err)
{
    enum { COUNTS_MAX = MEMBER_STATES * MEMBER_REASONS };
    struct member_count *counts = arena_alloc(arena, COUNTS_MAX * sizeof *counts);
    unsigned count = 0;
    if (!counts)
        return txn_nomem(txn, err);
    int r = check_there(txn, id, err);
    if (r < 0)
        return r;
    r = txn_query(txn,
                  "SELECT state, reason, count(*) FROM campaign_accounts WHERE campaign = $1 "
                  "GROUP BY state, reason ORDER BY state, reason",
                  SQL_VALUES(sql_slice(id)), err);
    while (r == 0 && count < COUNTS_MAX && (r = txn_next(txn, err)) == 1) {
        struct member_count *it = &counts[count++];
        it->accounts = (uint64_t)column_int(txn, 2);
        r = read_state(txn, 0, &it->state, &it->reason, err);
    }
    txn_end(txn);
    if (r < 0)
        return r;
    *ret = counts;
    *ret_count = count;
    return 0;
}
