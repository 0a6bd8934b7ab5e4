/* Going past an account that the store refuses, so that the others of a campaign are not held up. */
#include "store/campaigns_batch.h"

static int find_next(struct batch *batch, const char *state, const char *other, struct err *err)
{
    const struct campaign *campaign = &batch->campaign;
    int r = txn_query(batch->txn,
                      "SELECT c.tenant, c.account FROM campaign_accounts c WHERE c.campaign = $1 "
                      "AND c.tenant >= $2 AND (c.tenant > $2 OR c.account > $3) AND "
                      "(c.state IN ($4, $5) OR ($5 = 'notified' AND (c.state = 'failed' OR "
                      "(c.state = 'skipped' AND c.reason = 'not_told')))) "
                      "ORDER BY c.tenant, c.account LIMIT 1",
                      SQL_VALUES(sql_text(campaign->id), sql_text(campaign->after_tenant),
                                 sql_text(campaign->after_account), sql_text(state),
                                 sql_text(other)),
                      err);
    return r < 0 ? r : batch_range(batch, err);
}

static int state_of(struct batch *batch, int *ret, struct err *err)
{
    int r = txn_row(batch->txn,
                    "SELECT state FROM campaign_accounts "
                    "WHERE tenant = $1 AND campaign = $2 AND account = $3",
                    SQL_VALUES(sql_text(batch->to_tenant), sql_text(batch->campaign.id),
                               sql_text(batch->to_account)),
                    err);
    if (r < 1)
        return r < 0 ? r : err_set(err, ERR_UNAVAILABLE, "store: an account is gone");
    r = campaign_word(column_text(batch->txn, 0), member_state_words, ret, err);
    txn_end(batch->txn);
    return r;
}

static int fail(struct batch *batch, const char *why, struct err *err)
{
    bool is_undo = batch->campaign.state == CAMPAIGN_UNDOING;
    int state = 0;
    int r = find_next(batch, is_undo ? "applied" : "planned", is_undo ? "applied" : "notified", err);
    if (r < 0 || batch->count == 0)
        return r;
    snprintf(batch->failed, sizeof batch->failed, "%s/%s: %.100s", batch->to_tenant,
             batch->to_account, why);
    r = is_undo ? 0 : state_of(batch, &state, err);
    return r < 0 || is_undo ? r
                            : batch_move(batch, batch->to_tenant, batch->to_account,
                                         (enum member_state)state, MEMBER_FAILED, MEMBER_REFUSED,
                                         err);
}

int store_campaign_fail(struct store *store, const struct campaign_run *run, const char *why,
                        struct campaign_batch *ret, struct err *err)
{
    struct batch batch;
    int r = batch_begin(store, run, &batch, err);
    if (r < 0)
        return r;
    return batch_end(&batch, fail(&batch, why, err), ret, err);
}
