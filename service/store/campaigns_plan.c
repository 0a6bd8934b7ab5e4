/* Planning: which accounts of the history are in, with what the other rules say. */
#include "store/campaigns_judge.h"

/* What is there of the range now: accounts, or whole tenants. */
struct present {
    const char *tenant, *account, *profile;
    int64_t made_at_ms;
};

struct plan {
    struct batch batch;
    const struct planned *planned;
    unsigned count;
    struct present *present;
    struct seen_rules rules;
};

static int ask_present(struct plan *plan, struct err *err)
{
    const struct planned *first = plan->planned, *last = &plan->planned[plan->count - 1];
    if (plan->batch.campaign.level == CAMPAIGN_OF_TENANTS)
        return txn_query(plan->batch.txn,
                         "SELECT id, '', profile, created_at_ms FROM tenants "
                         "WHERE id >= $1 AND id <= $2 ORDER BY id",
                         SQL_VALUES(sql_text(first->tenant), sql_text(last->tenant)),
                         err);
    return txn_query(plan->batch.txn,
                     "SELECT a.tenant, a.id, t.profile, a.created_at_ms FROM accounts a "
                     "JOIN tenants t ON t.id = a.tenant WHERE a.tenant >= $1 AND a.tenant <= $3 "
                     "AND (a.tenant > $1 OR a.id >= $2) AND (a.tenant < $3 OR a.id <= $4) "
                     "ORDER BY a.tenant, a.id",
                     SQL_VALUES(sql_text(first->tenant), sql_text(first->account),
                                sql_text(last->tenant), sql_text(last->account)),
                     err);
}

static int compare(const char *tenant, const char *account, const struct planned *planned)
{
    int order = strcmp(tenant, planned->tenant);
    return order ? order : strcmp(account, planned->account);
}

/* Keeps the present ones at the places of the planned; those between them are not asked for. */
static int read_present(struct plan *plan, struct err *err)
{
    struct arena *arena = &plan->batch.arena;
    struct txn *txn = plan->batch.txn;
    unsigned at = 0;
    plan->present = arena_alloc(arena, plan->count * sizeof *plan->present);
    if (!plan->present)
        return txn_nomem(txn, err);
    int r = ask_present(plan, err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        struct present it = {column_copy(txn, 0, arena), column_copy(txn, 1, arena),
                             column_copy(txn, 2, arena), column_int(txn, 3)};
        r = it.tenant && it.account && it.profile ? 0 : txn_nomem(txn, err);
        while (r == 0 && at < plan->count &&
               compare(it.tenant, it.account, &plan->planned[at]) > 0)
            at++;
        if (r == 0 && at < plan->count && compare(it.tenant, it.account, &plan->planned[at]) == 0)
            plan->present[at] = it;
    }
    txn_end(txn);
    return r;
}

/* --- rows ----------------------------------------------------------------------------------------- */

static bool is_among(const char *profile, const char *const *profiles)
{
    for (; profiles && *profiles; profiles++)
        if (strcmp(profile, *profiles) == 0)
            return true;
    return !profiles;
}

static enum member_reason judge(struct plan *plan, const struct planned *planned, bool *ret_is_in)
{
    const struct batch *batch = &plan->batch;
    const struct seen_rule *ignored;
    enum member_reason reason = judge_rules(&batch->campaign, &plan->rules, planned->tenant,
                                            planned->account, batch->txn->now_ms, &ignored);
    *ret_is_in = !planned->is_excluded && reason == MEMBER_NEVER && planned->is_in;
    return planned->is_excluded      ? MEMBER_EXCLUDED
           : reason != MEMBER_NEVER ? reason
                                    : planned->reason;
}

enum { COLUMNS = 18 };
static const struct sql_insert member_insert = {
    .table = "campaign_accounts",
    .columns = "tenant, campaign, account, state, reason, made_at_ms, days_covered, days_wanted, "
               "calls, overseas_calls, last_overseas_ms, rule, replaced, notified_at_ms, "
               "applied_at_ms, revision, undone_at_ms, undone_revision",
    .kinds = "tttttiiiiiittiiiii",
    .id = "account",
};

static int add_row(struct plan *plan, unsigned at, struct sql_value *values, struct err *err)
{
    struct batch *batch = &plan->batch;
    const struct planned *planned = &plan->planned[at];
    bool is_in;
    enum member_reason reason = judge(plan, planned, &is_in);
    enum member_state state = is_in ? MEMBER_PLANNED : MEMBER_OUT;
    char id[ULID_BYTES] = "";
    if (is_in)
        ulid_make(batch->txn->now_ms, id);
    const char *rule = arena_copy(&batch->arena, slice_of(id));
    if (!rule)
        return txn_nomem(batch->txn, err);
    const struct sql_value row[COLUMNS] = {
        sql_text(planned->tenant), sql_text(batch->campaign.id), sql_text(planned->account),
        sql_text(member_state_words[state]), sql_text(member_reason_words[reason]),
        sql_int(plan->present[at].made_at_ms), sql_int(planned->days_covered),
        sql_int(planned->days_wanted), sql_int(planned->calls), sql_int(planned->overseas_calls),
        sql_int(planned->last_overseas_ms), sql_text(rule), sql_text(""), sql_int(0), sql_int(0),
        sql_int(0), sql_int(0), sql_int(0)};
    memcpy(values, row, sizeof row);
    batch->deltas[state]++;
    batch->done += is_in;
    return 0;
}

static int add_rows(struct plan *plan, const char *const *profiles, struct err *err)
{
    struct batch *batch = &plan->batch;
    struct sql_value *values =
        arena_alloc(&batch->arena, (size_t)plan->count * COLUMNS * sizeof *values);
    bool *is_new = arena_alloc(&batch->arena, plan->count);
    unsigned rows = 0;
    int r = values && is_new ? 0 : txn_nomem(batch->txn, err);
    for (unsigned i = 0; i < plan->count && r == 0; i++) {
        const struct present *present = &plan->present[i];
        if (present->tenant && is_among(present->profile, profiles))
            r = add_row(plan, i, &values[rows++ * COLUMNS], err);
    }
    return r == 0 && rows ? txn_insert(batch->txn, &member_insert, values, rows, is_new, err) : r;
}

static int add(struct plan *plan, const char *const *profiles, struct err *err)
{
    struct batch *batch = &plan->batch;
    const struct planned *last = &plan->planned[plan->count - 1];
    batch->count = plan->count;
    memcpy(batch->to_tenant, last->tenant, sizeof batch->to_tenant);
    memcpy(batch->to_account, last->account, sizeof batch->to_account);
    int r = read_present(plan, err);
    if (r == 0)
        r = judge_read_rules(batch, plan->planned->tenant, last->tenant, &plan->rules, err);
    return r == 0 ? add_rows(plan, profiles, err) : r;
}

int store_campaign_plan_add(struct store *store, const struct campaign_run *run,
                            const struct planned *planned, unsigned count,
                            const char *const *profiles, struct campaign_batch *ret,
                            struct err *err)
{
    struct plan plan = {.planned = planned, .count = count};
    int r = batch_begin(store, run, &plan.batch, err);
    if (r < 0)
        return r;
    return batch_end(&plan.batch, add(&plan, profiles, err), ret, err);
}
