/* Telling: the next tenant of a campaign, and that it was told, in one transaction. */
#include "store/campaigns_batch.h"

static int find_tenant(struct batch *batch, struct err *err)
{
    const struct campaign *campaign = &batch->campaign;
    int64_t count = 0;
    int r = txn_row(batch->txn,
                    "SELECT c.tenant FROM campaign_accounts c WHERE c.campaign = $1 AND "
                    "c.tenant > $2 AND c.state = 'planned' ORDER BY c.tenant LIMIT 1",
                    SQL_VALUES(sql_text(campaign->id), sql_text(campaign->after_tenant)), err);
    if (r < 1)
        return r;
    snprintf(batch->to_tenant, sizeof batch->to_tenant, "%.*s",
             SLICE_ARG(column_text(batch->txn, 0)));
    txn_end(batch->txn);
    r = txn_number(batch->txn,
                   "SELECT count(*) FROM campaign_accounts c WHERE c.tenant = $1 AND "
                   "c.campaign = $2 AND c.state = 'planned'",
                   SQL_VALUES(sql_text(batch->to_tenant), sql_text(campaign->id)), &count, err);
    batch->count = (unsigned)count;
    return r < 0 ? r : 0;
}

/* The first accounts concerned; the tenant as a whole has none. */
static int read_accounts(struct batch *batch, const char **accounts, struct err *err)
{
    unsigned count = 0;
    int r = txn_query(batch->txn,
                      "SELECT c.account FROM campaign_accounts c WHERE c.tenant = $1 AND "
                      "c.campaign = $2 AND c.state = 'planned' ORDER BY c.account LIMIT $3",
                      SQL_VALUES(sql_text(batch->to_tenant), sql_text(batch->campaign.id),
                                 sql_int(CAMPAIGN_ACCOUNTS_TOLD)),
                      err);
    while (r == 0 && count < CAMPAIGN_ACCOUNTS_TOLD && (r = txn_next(batch->txn, err)) == 1)
        r = (accounts[count++] = column_copy(batch->txn, 0, &batch->arena))
                ? 0
                : txn_nomem(batch->txn, err);
    txn_end(batch->txn);
    return r;
}

static int write_told(struct batch *batch, struct err *err)
{
    batch->done = batch->count;
    batch->deltas[MEMBER_PLANNED] -= batch->count;
    batch->deltas[MEMBER_NOTIFIED] += batch->count;
    int r = txn_scope_everybody(batch->txn, err);
    if (r < 0)
        return r;
    return txn_exec(batch->txn,
                    "UPDATE campaign_accounts SET state = 'notified', notified_at_ms = $3 "
                    "WHERE tenant = $1 AND campaign = $2 AND state = 'planned'",
                    SQL_VALUES(sql_text(batch->to_tenant), sql_text(batch->campaign.id),
                               sql_int(batch->txn->now_ms)),
                    err);
}

static int notify(struct batch *batch, campaign_tell_fn *tell, void *context, struct err *err)
{
    const char *accounts[CAMPAIGN_ACCOUNTS_TOLD];
    bool is_told = false, is_whole = batch->campaign.level == CAMPAIGN_OF_TENANTS;
    struct touched *touched;
    int r = find_tenant(batch, err);
    if (r < 0 || batch->count == 0)
        return r;
    r = txn_lock(batch->txn, slice_of(batch->to_tenant), &touched, err); /* nobody answers now */
    if (r == 0)
        r = read_accounts(batch, accounts, err);
    if (r == 0)
        r = tell(context, batch->txn, &batch->campaign, batch->to_tenant, accounts,
                 is_whole ? 0 : batch->count, &is_told, err);
    return r < 0 || !is_told ? r : write_told(batch, err);
}

int store_campaign_notify(struct store *store, const struct campaign_run *run,
                          campaign_tell_fn *tell, void *context, struct campaign_batch *ret,
                          struct err *err)
{
    struct batch batch;
    int r = batch_begin(store, run, &batch, err);
    if (r < 0)
        return r;
    /* a tenant without an address is passed over; its accounts stay planned */
    return batch_end(&batch, notify(&batch, tell, context, err), ret, err);
}
