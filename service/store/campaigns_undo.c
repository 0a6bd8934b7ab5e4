/*
 * Undoing: rules of a campaign that nobody has touched go, and what they took the place of comes back.
 * A rule that was changed since has another version than the campaign gave it; it stays, as does the
 * absence of one that was deleted. Where another campaign's rule took the place of ours, ours is taken
 * from what that one would give back, so that campaigns can be undone in any order.
 */
#include "store/campaigns_batch.h"
#include "store/rule_rows.h"

#define DONE_RANGE "FROM campaign_accounts c WHERE " RANGE " AND c.state = 'applied'"

static int find_range(struct batch *batch, unsigned limit, struct err *err)
{
    const struct campaign *campaign = &batch->campaign;
    int r = txn_query(batch->txn,
                      "SELECT c.tenant, c.account FROM campaign_accounts c WHERE c.campaign = $1 "
                      "AND c.tenant >= $2 AND (c.tenant > $2 OR c.account > $3) "
                      "AND c.state = 'applied' ORDER BY c.tenant, c.account LIMIT $4",
                      SQL_VALUES(sql_text(campaign->id), sql_text(campaign->after_tenant),
                                 sql_text(campaign->after_account), sql_int(limit)),
                      err);
    return r < 0 ? r : batch_range(batch, err);
}

static int lock_tenants(struct batch *batch, struct err *err)
{
    if (batch->txn->conn->driver->writes_alone)
        return 0;
    return txn_exec(batch->txn,
                    "SELECT tenant FROM policies WHERE tenant >= $2 AND tenant <= $4 AND tenant "
                    "IN (SELECT c.tenant " DONE_RANGE ") ORDER BY tenant FOR UPDATE",
                    SQL_VALUES(RANGE_VALUES(batch)), err);
}

/* --- what stays as it is -------------------------------------------------------------------------- */

struct kept {
    const char *tenant, *account;
    enum member_reason reason;
    const char *holder; /* campaign that would give the rule back, or "" */
};

/* Of campaign_accounts c: the campaign in force whose rule took the place of c's. */
#define HOLDER                                                                                     \
    "COALESCE((SELECT MIN(s.campaign) FROM campaign_rules s JOIN campaign_accounts o ON "          \
    "o.tenant = s.tenant AND o.campaign = s.campaign AND o.account = s.account WHERE "             \
    "s.tenant = c.tenant AND s.account = c.account AND s.id = c.rule AND o.state = 'applied'), '')"

static enum member_reason reason_of(struct txn *txn)
{
    return column_int(txn, 2)   ? MEMBER_GONE
           : column_int(txn, 3) ? MEMBER_RULE_DELETED
                                : MEMBER_RULE_CHANGED;
}

/* Those whose rule is not as the campaign left it. */
static int read_kept(struct batch *batch, struct kept *kept, unsigned *ret_count, struct err *err)
{
    struct txn *txn = batch->txn;
    int r = txn_query(
        txn,
        "SELECT c.tenant, c.account, t.id IS NULL OR (c.account <> '' AND a.id IS NULL) OR "
        "CASE WHEN c.account = '' THEN t.created_at_ms ELSE a.created_at_ms END <> c.made_at_ms, "
        "r.id IS NULL, " HOLDER " FROM campaign_accounts c LEFT JOIN tenants t ON t.id = c.tenant "
        "LEFT JOIN accounts a ON a.tenant = c.tenant AND a.id = c.account "
        "LEFT JOIN rules r ON r.tenant = c.tenant AND r.id = c.rule WHERE " RANGE
        " AND c.state = 'applied' AND (r.id IS NULL OR r.version <> c.revision)",
        SQL_VALUES(RANGE_VALUES(batch)), err);
    unsigned count = 0;
    while (r == 0 && count < batch->count && (r = txn_next(txn, err)) == 1) {
        struct kept *it = &kept[count++];
        *it = (struct kept){column_copy(txn, 0, &batch->arena), column_copy(txn, 1, &batch->arena),
                            reason_of(txn), column_copy(txn, 4, &batch->arena)};
        r = it->tenant && it->account && it->holder ? 0 : txn_nomem(txn, err);
    }
    txn_end(txn);
    *ret_count = count;
    return r;
}

/* What ours took the place of is what the other campaign gives back from now on, or nothing is. */
static int leave_holder(struct batch *batch, const struct kept *it, struct err *err)
{
    struct txn *txn = batch->txn;
    struct sql_values who = SQL_VALUES(sql_text(it->tenant), sql_text(it->holder),
                                       sql_text(it->account));
    int r = txn_exec(txn,
                     "DELETE FROM campaign_rules WHERE tenant = $1 AND campaign = $2 "
                     "AND account = $3",
                     who, err);
    if (r == 0)
        r = txn_exec(txn,
                     "UPDATE campaign_rules SET campaign = $2 WHERE tenant = $1 AND campaign = $4 "
                     "AND account = $3",
                     SQL_VALUES(sql_text(it->tenant), sql_text(it->holder), sql_text(it->account),
                                sql_text(batch->campaign.id)),
                     err);
    if (r == 0)
        r = txn_exec(txn,
                     "UPDATE campaign_accounts SET replaced = COALESCE((SELECT s.id FROM "
                     "campaign_rules s WHERE s.tenant = $1 AND s.campaign = $2 AND "
                     "s.account = $3), '') WHERE tenant = $1 AND campaign = $2 AND account = $3",
                     who, err);
    batch->deltas[MEMBER_APPLIED]--;
    batch->deltas[MEMBER_UNDONE]++;
    return r < 0 ? r
                 : txn_exec(txn,
                            "UPDATE campaign_accounts SET state = 'undone', undone_at_ms = $4, "
                            "undone_revision = (SELECT p.revision FROM policies p WHERE p.tenant = "
                            "$1) WHERE tenant = $1 AND campaign = $2 AND account = $3",
                            SQL_VALUES(sql_text(it->tenant), sql_text(batch->campaign.id),
                                       sql_text(it->account), sql_int(txn->now_ms)),
                            err);
}

static int keep_others_work(struct batch *batch, struct err *err)
{
    unsigned count = 0;
    struct kept *kept = arena_alloc(&batch->arena, batch->count * sizeof *kept);
    int r = kept ? read_kept(batch, kept, &count, err) : txn_nomem(batch->txn, err);
    for (unsigned i = 0; i < count && r == 0; i++)
        r = kept[i].reason == MEMBER_RULE_DELETED && kept[i].holder[0]
                ? leave_holder(batch, &kept[i], err)
                : batch_move(batch, kept[i].tenant, kept[i].account, MEMBER_APPLIED, MEMBER_KEPT,
                             kept[i].reason, err);
    batch->done = batch->count - count;
    batch->deltas[MEMBER_APPLIED] -= batch->done;
    batch->deltas[MEMBER_UNDONE] += batch->done;
    return r;
}

/* --- writing, over the whole range ---------------------------------------------------------------- */

static int write_revisions(struct batch *batch, struct err *err)
{
    return txn_exec(batch->txn,
                    "UPDATE policies SET revision = revision + 1, rules_version = revision + 1, "
                    "own_rules_version = CASE WHEN $6 = 1 THEN revision + 1 "
                    "ELSE own_rules_version END WHERE tenant >= $2 AND tenant <= $4 "
                    "AND tenant IN (SELECT c.tenant " DONE_RANGE ")",
                    SQL_VALUES(RANGE_VALUES(batch),
                               sql_int(batch->campaign.level == CAMPAIGN_OF_TENANTS)),
                    err);
}

#define AUDIT_INTO                                                                                 \
    "INSERT INTO audit (tenant, at_ms, subject, role, request_id, address, action, object, "       \
    "before, after) SELECT c.tenant, $6, $7, $8, $9, $10, "
#define AUDIT_VALUES(batch)                                                                        \
    RANGE_VALUES(batch), sql_int((batch)->txn->now_ms), sql_text((batch)->txn->actor.subject),     \
        sql_text((batch)->txn->actor.role), sql_text((batch)->txn->actor.request_id),              \
        sql_text((batch)->txn->actor.address)

static int remove_rules(struct batch *batch, struct err *err)
{
    const char *json = batch_rule_json(batch);
    if (!json)
        return txn_nomem(batch->txn, err);
    int r = txn_exec(batch->txn,
                     AUDIT_INTO "'rule.delete', c.rule, " RULE_JSON("$11") ", '' " DONE_RANGE,
                     SQL_VALUES(AUDIT_VALUES(batch), sql_text(json)), err);
    if (r < 0)
        return r;
    return txn_exec(batch->txn,
                    "DELETE FROM rules WHERE tenant >= $2 AND tenant <= $4 AND (tenant, id) IN "
                    "(SELECT c.tenant, c.rule " DONE_RANGE ")",
                    SQL_VALUES(RANGE_VALUES(batch)), err);
}

#define REPLACED                                                                                   \
    "FROM campaign_accounts c JOIN campaign_rules s ON s.tenant = c.tenant AND "                   \
    "s.campaign = c.campaign AND s.account = c.account "

static int restore_rules(struct batch *batch, struct err *err)
{
    int r = txn_exec(batch->txn,
                     AUDIT_INTO "'rule.create', s.id, '', s.json " REPLACED "WHERE " RANGE
                                " AND c.state = 'applied'",
                     SQL_VALUES(AUDIT_VALUES(batch)), err);
    if (r < 0)
        return r;
    return txn_exec(
        batch->txn,
        "INSERT INTO rules (tenant, " RULE_COLUMNS ") SELECT s.tenant, s.id, s.account, s.target, "
        "s.is_exact, s.is_locked, s.action, s.divert_to, s.note, s.source, s.starts_at_ms, "
        "s.expires_at_ms, s.created_at_ms, s.updated_at_ms, p.revision " REPLACED
        "JOIN policies p ON p.tenant = c.tenant WHERE " RANGE " AND c.state = 'applied'",
        SQL_VALUES(RANGE_VALUES(batch)), err);
}

/* Rules of other campaigns are theirs again, as if nobody had touched them. */
static int give_back(struct batch *batch, struct err *err)
{
    return txn_exec(batch->txn,
                    "UPDATE campaign_accounts SET revision = (SELECT p.revision FROM policies p "
                    "WHERE p.tenant = campaign_accounts.tenant) WHERE state = 'applied' AND "
                    "(tenant, campaign, account) IN (SELECT s.tenant, substr(s.source, 10), "
                    "s.account " REPLACED "WHERE " RANGE " AND c.state = 'applied' "
                    "AND s.source LIKE 'campaign:%')",
                    SQL_VALUES(RANGE_VALUES(batch)), err);
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
                    "AND c.campaign = $1 AND c.account = accounts.id AND " "c.state = 'applied'" ")",
                    SQL_VALUES(RANGE_VALUES(batch)), err);
}

static int write_members(struct batch *batch, struct err *err)
{
    return txn_exec(batch->txn,
                    "UPDATE campaign_accounts AS c SET state = 'undone', undone_at_ms = $6, "
                    "undone_revision = (SELECT p.revision FROM policies p WHERE p.tenant = c.tenant) "
                    "WHERE " RANGE " AND c.state = 'applied'",
                    SQL_VALUES(RANGE_VALUES(batch), sql_int(batch->txn->now_ms)), err);
}

static int undo(struct batch *batch, unsigned limit, struct err *err)
{
    int r = find_range(batch, limit, err);
    if (r < 0 || batch->count == 0)
        return r;
    r = lock_tenants(batch, err);
    if (r == 0)
        r = keep_others_work(batch, err);
    if (r < 0 || batch->done == 0)
        return r;
    r = write_revisions(batch, err);
    if (r == 0)
        r = remove_rules(batch, err);
    if (r == 0)
        r = restore_rules(batch, err);
    if (r == 0)
        r = give_back(batch, err);
    if (r == 0)
        r = write_versions(batch, err);
    if (r == 0)
        r = write_members(batch, err);
    return r == 0 ? batch_feed(batch, err) : r;
}

int store_campaign_undo(struct store *store, const struct campaign_run *run, unsigned limit,
                        struct campaign_batch *ret, struct err *err)
{
    struct batch batch;
    int r = batch_begin(store, run, &batch, err);
    if (r < 0)
        return r;
    return batch_end(&batch, undo(&batch, limit, err), ret, err);
}
