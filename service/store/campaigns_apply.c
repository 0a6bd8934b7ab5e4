/* Applying: the next accounts of a campaign get its rule, those for whom something has changed do not. */
#include "store/audit.h"
#include "store/audit_json.h"
#include "store/campaigns_judge.h"
#include "store/rule_rows.h"

/* Accounts to be looked at; and, when they have been, those that are left to get the rule. */
#define WAITING                                                                                    \
    "(c.state IN ('planned', 'notified', 'failed') OR "                                            \
    "(c.state = 'skipped' AND c.reason = 'not_told'))"
#define READY "c.state IN ('planned', 'notified', 'failed')"
#define READY_RANGE "FROM campaign_accounts c WHERE " RANGE " AND " READY
#define WAITING_RANGE "FROM campaign_accounts c WHERE " RANGE " AND " WAITING

/* An account of the range, and what is known of it now. */
struct member {
    const char *tenant, *account;
    enum member_state state;
    bool is_gone, is_remade, is_answered, has_called, has_attempted, is_noticed;
    bool is_told; /* and the notice was sent; not read when forced */
    const struct seen_rule *replaced;
};

struct work {
    struct batch batch;
    struct member *members;
    unsigned count;
    struct seen_rules rules;
};

/* --- the range and what is known ------------------------------------------------------------------ */

static int find_range(struct batch *batch, unsigned limit, struct err *err)
{
    const struct campaign *campaign = &batch->campaign;
    int r = txn_query(batch->txn,
                      "SELECT c.tenant, c.account FROM campaign_accounts c WHERE c.campaign = $1 "
                      "AND c.tenant >= $2 AND (c.tenant > $2 OR c.account > $3) AND " WAITING
                      " ORDER BY c.tenant, c.account LIMIT $4",
                      SQL_VALUES(sql_text(campaign->id), sql_text(campaign->after_tenant),
                                 sql_text(campaign->after_account), sql_int(limit)),
                      err);
    return r < 0 ? r : batch_range(batch, err);
}

/* From here on nobody else changes the rules of these tenants, nor answers for them. */
static int lock_tenants(struct batch *batch, struct err *err)
{
    if (batch->txn->conn->driver->writes_alone)
        return 0;
    return txn_exec(batch->txn,
                    "SELECT tenant FROM policies WHERE tenant >= $2 AND tenant <= $4 AND tenant "
                    "IN (SELECT c.tenant " WAITING_RANGE ") ORDER BY tenant FOR UPDATE",
                    SQL_VALUES(RANGE_VALUES(batch)), err);
}

/*
 * Calls count from the beginning of the selected period, not from the plan: a record may come in late,
 * and retention may have removed it since.
 * Attempts that were allowed count from the plan on.
 */
#define FACTS(of_account)                                                                          \
    "SELECT c.tenant, c.account, c.state, t.id IS NULL OR (c.account <> '' AND a.id IS NULL), "    \
    "CASE WHEN c.account = '' THEN t.created_at_ms ELSE a.created_at_ms END <> c.made_at_ms, "     \
    "EXISTS (SELECT 1 FROM campaign_answers w WHERE w.tenant = c.tenant AND "                      \
    "w.campaign = c.campaign AND w.account IN ('', c.account) AND w.answer = 'leave_open'), "      \
    "EXISTS (SELECT 1 FROM calls k WHERE k.tenant = c.tenant " of_account("k")                     \
    "AND k.is_overseas = 1 AND k.at_ms >= $6 AND k.mark = '') OR "                                 \
    "EXISTS (SELECT 1 FROM call_totals s WHERE s.tenant = c.tenant " of_account("s")               \
    "AND s.is_overseas = 1 AND s.mark = '' AND s.last_at_ms >= $6), "                              \
    "EXISTS (SELECT 1 FROM attempts x WHERE x.tenant = c.tenant " of_account("x")                  \
    "AND x.at_ms >= $7 AND x.action = 'allow' AND x.kind IN ('international', 'unknown00')), "     \
    "c.notified_at_ms > 0 "                                                                        \
    "FROM campaign_accounts c LEFT JOIN tenants t ON t.id = c.tenant "                             \
    "LEFT JOIN accounts a ON a.tenant = c.tenant AND a.id = c.account WHERE " RANGE " AND " WAITING  \
    " ORDER BY c.tenant, c.account"
#define OF_ACCOUNT(table) "AND " table ".account = c.account "
#define OF_ANY_ACCOUNT(table)

static int ask_facts(struct batch *batch, struct err *err)
{
    struct sql_values values =
        SQL_VALUES(RANGE_VALUES(batch), sql_int(batch->campaign.since_ms),
                   sql_int(batch->campaign.created_at_ms));
    return batch->campaign.level == CAMPAIGN_OF_ACCOUNTS
               ? txn_query(batch->txn, FACTS(OF_ACCOUNT), values, err)
               : txn_query(batch->txn, FACTS(OF_ANY_ACCOUNT), values, err);
}

static int read_member(struct batch *batch, struct member *ret, struct err *err)
{
    struct txn *txn = batch->txn;
    int state = 0;
    int r = campaign_word(column_text(txn, 2), member_state_words, &state, err);
    if (r < 0)
        return r;
    *ret = (struct member){
        .tenant = column_copy(txn, 0, &batch->arena),
        .account = column_copy(txn, 1, &batch->arena),
        .state = (enum member_state)state,
        .is_gone = column_int(txn, 3) != 0,
        .is_remade = column_int(txn, 4) != 0,
        .is_answered = column_int(txn, 5) != 0,
        .has_called = column_int(txn, 6) != 0,
        .has_attempted = column_int(txn, 7) != 0,
        .is_noticed = column_int(txn, 8) != 0,
    };
    return ret->tenant && ret->account ? 0 : txn_nomem(txn, err);
}

/*
 * A notice that is in the outbox has told nobody yet: the tenants of the range to whom one was sent.
 * `about` is no bare column here, lest the messages of the whole campaign are walked for each batch.
 */
static int read_told(struct work *work, struct err *err)
{
    struct batch *batch = &work->batch;
    unsigned at = 0;
    const char *about = batch_source(batch); /* as notices say it, too */
    if (!about)
        return txn_nomem(batch->txn, err);
    int r = txn_query(batch->txn,
                      "SELECT DISTINCT o.tenant FROM outbox o WHERE o.tenant IN "
                      "(SELECT c.tenant " WAITING_RANGE ") AND o.about || '' = $6 "
                      "AND o.state = 'sent' ORDER BY o.tenant",
                      SQL_VALUES(RANGE_VALUES(batch), sql_text(about)), err);
    while (r == 0 && (r = txn_next(batch->txn, err)) == 1) {
        struct slice tenant = column_text(batch->txn, 0);
        while (at < work->count && !slice_equals_text(tenant, work->members[at].tenant))
            at++;
        for (; at < work->count && slice_equals_text(tenant, work->members[at].tenant); at++)
            work->members[at].is_told = work->members[at].is_noticed;
        r = 0;
    }
    txn_end(batch->txn);
    return r;
}

static int read_members(struct work *work, struct err *err)
{
    struct batch *batch = &work->batch;
    work->members = arena_alloc(&batch->arena, batch->count * sizeof *work->members);
    if (!work->members)
        return txn_nomem(batch->txn, err);
    int r = ask_facts(batch, err);
    while (r == 0 && work->count < batch->count && (r = txn_next(batch->txn, err)) == 1)
        r = read_member(batch, &work->members[work->count++], err);
    txn_end(batch->txn);
    if (r == 0 && work->count && !batch->campaign.is_forced)
        r = read_told(work, err);
    if (r == 0 && work->count) /* else an answer came before the lock: nobody is left */
        r = judge_read_rules(batch, work->members[0].tenant, batch->to_tenant, &work->rules, err);
    return r;
}

/* --- looking again -------------------------------------------------------------------------------- */

static enum member_reason judge(const struct work *work, struct member *member)
{
    const struct batch *batch = &work->batch;
    enum member_reason reason = judge_rules(&batch->campaign, &work->rules, member->tenant,
                                            member->account, batch->txn->now_ms, &member->replaced);
    if (reason == MEMBER_NEVER && !member->is_told && !batch->campaign.is_forced)
        reason = MEMBER_NOT_TOLD;
    return member->is_gone         ? MEMBER_GONE
           : member->is_remade     ? MEMBER_REMADE
           : member->is_answered   ? MEMBER_LEAVE_OPEN
           : member->has_called    ? MEMBER_CALLED
           : member->has_attempted ? MEMBER_ATTEMPTED
                                   : reason;
}

/* The rule gives way; a copy of it waits for the undo. */
static int replace(struct work *work, const struct member *member, struct err *err)
{
    struct batch *batch = &work->batch;
    struct txn *txn = batch->txn;
    struct slice tenant = slice_of(member->tenant), id = slice_of(member->replaced->id);
    struct rule rule;
    int r = txn_row(txn, "SELECT " RULE_COLUMNS " FROM rules WHERE tenant = $1 AND id = $2",
                    SQL_VALUES(sql_slice(tenant), sql_slice(id)), err);
    if (r < 1)
        return r < 0 ? r : err_set(err, ERR_UNAVAILABLE, "store: a rule is gone");
    r = rule_row_read(txn, &batch->arena, &rule, err);
    txn_end(txn);
    const char *json = r == 0 ? json_of_rule(&batch->arena, &rule) : NULL;
    if (r == 0 && !json)
        r = txn_nomem(txn, err);
    if (r == 0)
        r = txn_exec(txn,
                     "INSERT INTO campaign_rules (tenant, campaign, account, id, target, is_exact, "
                     "is_locked, action, divert_to, note, source, starts_at_ms, expires_at_ms, "
                     "created_at_ms, updated_at_ms, json) SELECT tenant, $2, account, id, target, "
                     "is_exact, is_locked, action, divert_to, note, source, starts_at_ms, "
                     "expires_at_ms, created_at_ms, updated_at_ms, $3 FROM rules "
                     "WHERE tenant = $1 AND id = $4",
                     SQL_VALUES(sql_slice(tenant), sql_text(batch->campaign.id), sql_text(json),
                                sql_slice(id)),
                     err);
    if (r == 0)
        r = rule_row_remove(txn, tenant, id, err);
    if (r == 0)
        r = txn_exec(txn,
                     "UPDATE campaign_accounts SET replaced = $4 "
                     "WHERE tenant = $1 AND campaign = $2 AND account = $3",
                     SQL_VALUES(sql_slice(tenant), sql_text(batch->campaign.id),
                                sql_text(member->account), sql_slice(id)),
                     err);
    if (r == 0)
        r = audit_add(txn, &(struct audit_entry){tenant, "rule.delete", rule.id, json, ""}, err);
    return r < 0 ? r : txn_scope_everybody(txn, err);
}

/* How many rules the tenants have, noted with their first accounts. */
static int count_rules(struct work *work, int64_t *rules, struct err *err)
{
    struct batch *batch = &work->batch;
    unsigned at = 0;
    int r = txn_query(batch->txn,
                      "SELECT r.tenant, count(*) FROM rules r WHERE r.tenant >= $2 "
                      "AND r.tenant <= $4 AND r.tenant IN (SELECT c.tenant " WAITING_RANGE
                      ") GROUP BY r.tenant ORDER BY r.tenant",
                      SQL_VALUES(RANGE_VALUES(batch)), err);
    while (r == 0 && (r = txn_next(batch->txn, err)) == 1) {
        struct slice tenant = column_text(batch->txn, 0);
        while (at < work->count && !slice_equals_text(tenant, work->members[at].tenant))
            at++;
        if (at < work->count)
            rules[at] = column_int(batch->txn, 1);
        r = 0;
    }
    txn_end(batch->txn);
    return r;
}

/* Takes those out for whom the rule is not to be made; *ret_left: how many it is made for. */
static int look_again(struct work *work, unsigned *ret_left, struct err *err)
{
    struct batch *batch = &work->batch;
    unsigned left = 0;
    int64_t room = 0, *rules = arena_alloc(&batch->arena, work->count * sizeof *rules);
    int r = rules ? count_rules(work, rules, err) : txn_nomem(batch->txn, err);
    for (unsigned i = 0; i < work->count && r == 0; i++) {
        struct member *member = &work->members[i];
        enum member_reason reason = judge(work, member);
        if (i == 0 || strcmp(member->tenant, work->members[i - 1].tenant) != 0)
            room = RULES_PER_TENANT_MAX - rules[i];
        if (reason == MEMBER_NEVER && room < 1 && !member->replaced)
            reason = MEMBER_NO_ROOM;
        if (reason != MEMBER_NEVER) {
            r = batch_move(batch, member->tenant, member->account, member->state,
                           MEMBER_SKIPPED, reason, err);
            continue;
        }
        if (member->state == MEMBER_SKIPPED) /* was not told, and is forced now */
            r = batch_move(batch, member->tenant, member->account, MEMBER_SKIPPED, MEMBER_PLANNED,
                           MEMBER_NOT_TOLD, err);
        if (r == 0 && member->replaced)
            r = replace(work, member, err);
        batch->deltas[member->state == MEMBER_SKIPPED ? MEMBER_PLANNED : member->state]--;
        batch->deltas[MEMBER_APPLIED]++;
        room -= !member->replaced;
        left++;
    }
    *ret_left = left;
    return r;
}

/* --- writing, over the whole range ---------------------------------------------------------------- */

static int write_revisions(struct batch *batch, struct err *err)
{
    return txn_exec(batch->txn,
                    "UPDATE policies SET revision = revision + 1, rules_version = revision + 1, "
                    "own_rules_version = CASE WHEN $6 = 1 THEN revision + 1 "
                    "ELSE own_rules_version END WHERE tenant >= $2 AND tenant <= $4 "
                    "AND tenant IN (SELECT c.tenant " READY_RANGE ")",
                    SQL_VALUES(RANGE_VALUES(batch),
                               sql_int(batch->campaign.level == CAMPAIGN_OF_TENANTS)),
                    err);
}

static int write_rules(struct batch *batch, struct err *err)
{
    const struct campaign *campaign = &batch->campaign;
    return txn_exec(
        batch->txn,
        "INSERT INTO rules (tenant, " RULE_COLUMNS ") SELECT c.tenant, c.rule, c.account, $6, 0, "
        "0, $7, $8, $9, $10, 0, 0, $11, $11, p.revision FROM campaign_accounts c "
        "JOIN policies p ON p.tenant = c.tenant WHERE " RANGE " AND " READY,
        SQL_VALUES(RANGE_VALUES(batch), sql_text(campaign->target.text),
                   sql_text(action_word(campaign->action)), sql_text(campaign->divert_to),
                   sql_text(campaign->note), sql_text(batch_source(batch)),
                   sql_int(batch->txn->now_ms)),
        err);
}

static int write_audit(struct batch *batch, const char *json, struct err *err)
{
    const struct actor *actor = &batch->txn->actor;
    return txn_exec(
        batch->txn,
        "INSERT INTO audit (tenant, at_ms, subject, role, request_id, address, action, object, "
        "before, after) SELECT c.tenant, $6, $7, $8, $9, $10, 'rule.create', c.rule, '', "
        RULE_JSON("$11") " " READY_RANGE,
        SQL_VALUES(RANGE_VALUES(batch), sql_int(batch->txn->now_ms), sql_text(actor->subject),
                   sql_text(actor->role), sql_text(actor->request_id), sql_text(actor->address),
                   sql_text(json)),
        err);
}

/* A walk over the accounts of the range, rather than a join: half the time in SQLite. */
static int write_versions(struct batch *batch, struct err *err)
{
    if (batch->campaign.level == CAMPAIGN_OF_TENANTS)
        return 0;
    return txn_exec(batch->txn,
                    "UPDATE accounts SET rules_version = (SELECT p.revision FROM policies p "
                    "WHERE p.tenant = accounts.tenant) WHERE tenant >= $2 AND "
                    "(tenant > $2 OR id > $3) AND tenant <= $4 AND (tenant < $4 OR id <= $5) AND "
                    "EXISTS (SELECT 1 FROM campaign_accounts c WHERE c.tenant = accounts.tenant "
                    "AND c.campaign = $1 AND c.account = accounts.id AND " READY ")",
                    SQL_VALUES(RANGE_VALUES(batch)), err);
}

static int write_members(struct batch *batch, struct err *err)
{
    return txn_exec(batch->txn,
                    "UPDATE campaign_accounts AS c SET state = 'applied', applied_at_ms = $6, "
                    "revision = (SELECT p.revision FROM policies p WHERE p.tenant = c.tenant) "
                    "WHERE " RANGE " AND " READY,
                    SQL_VALUES(RANGE_VALUES(batch), sql_int(batch->txn->now_ms)), err);
}

static int write_all(struct batch *batch, struct err *err)
{
    const char *json = batch_rule_json(batch);
    int r = json ? 0 : txn_nomem(batch->txn, err);
    if (r == 0)
        r = write_revisions(batch, err);
    if (r == 0)
        r = write_rules(batch, err);
    if (r == 0)
        r = write_audit(batch, json, err);
    if (r == 0)
        r = write_versions(batch, err);
    if (r == 0)
        r = write_members(batch, err);
    return r == 0 ? batch_feed(batch, err) : r;
}

static int apply(struct work *work, unsigned limit, struct err *err)
{
    struct batch *batch = &work->batch;
    int r = find_range(batch, limit, err);
    if (r < 0 || batch->count == 0)
        return r;
    r = lock_tenants(batch, err);
    if (r == 0)
        r = read_members(work, err);
    if (r == 0)
        r = look_again(work, &batch->done, err);
    if (r == 0 && batch->done)
        r = write_all(batch, err);
    return r;
}

int store_campaign_apply(struct store *store, const struct campaign_run *run, unsigned limit,
                         struct campaign_batch *ret, struct err *err)
{
    struct work work = {.count = 0};
    int r = batch_begin(store, run, &work.batch, err);
    if (r < 0)
        return r;
    return batch_end(&work.batch, apply(&work, limit, err), ret, err);
}
