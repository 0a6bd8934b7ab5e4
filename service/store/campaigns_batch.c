#include "store/campaigns_batch.h"

#include "store/audit_json.h"

int batch_range(struct batch *batch, struct err *err)
{
    int r;
    while ((r = txn_next(batch->txn, err)) == 1) {
        struct slice tenant = column_text(batch->txn, 0), account = column_text(batch->txn, 1);
        snprintf(batch->to_tenant, sizeof batch->to_tenant, "%.*s", SLICE_ARG(tenant));
        snprintf(batch->to_account, sizeof batch->to_account, "%.*s", SLICE_ARG(account));
        batch->count++;
    }
    txn_end(batch->txn);
    return r;
}

int batch_move(struct batch *batch, const char *tenant, const char *account,
               enum member_state from, enum member_state to, enum member_reason reason,
               struct err *err)
{
    batch->deltas[from]--;
    batch->deltas[to]++;
    return txn_exec(batch->txn,
                    "UPDATE campaign_accounts SET state = $4, reason = $5 "
                    "WHERE tenant = $1 AND campaign = $2 AND account = $3",
                    SQL_VALUES(sql_text(tenant), sql_text(batch->campaign.id), sql_text(account),
                               sql_text(member_state_words[to]),
                               sql_text(member_reason_words[reason])),
                    err);
}

int batch_feed(struct batch *batch, struct err *err)
{
    struct txn *txn = batch->txn;
    int r = feed_number(txn, err);
    if (r < 0)
        return r;
    return txn_exec(
        txn,
        "INSERT INTO feed (tenant, jti, seq, place, revision) SELECT p.tenant, '', $6, "
        "row_number() OVER (ORDER BY p.tenant), p.revision FROM policies p "
        "WHERE p.tenant >= $2 AND p.tenant <= $4 AND p.tenant IN (SELECT c.tenant "
        "FROM campaign_accounts c WHERE " RANGE
        " AND (c.applied_at_ms = $7 OR c.undone_at_ms = $7)) "
        "ON CONFLICT (tenant, jti) DO UPDATE SET seq = excluded.seq, place = excluded.place, "
        "revision = excluded.revision",
        SQL_VALUES(RANGE_VALUES(batch), sql_int((int64_t)txn->feed_seq), sql_int(txn->now_ms)),
        err);
}

const char *batch_source(struct batch *batch)
{
    return arena_printf(&batch->arena, "campaign:%s", batch->campaign.id);
}

const char *batch_rule_json(struct batch *batch)
{
    const struct campaign *campaign = &batch->campaign;
    struct rule rule = {.id = "", .account = "", .target = campaign->target,
                        .action = campaign->action, .divert_to = campaign->divert_to,
                        .note = campaign->note, .source = batch_source(batch)};
    if (!rule.source)
        return NULL;
    const char *json = json_of_rule(&batch->arena, &rule);
    return json ? json + 1 : NULL; /* the brace stands before the id */
}
