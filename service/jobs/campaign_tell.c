/* Telling the tenants of a campaign: one transaction each, with the messages for the outbox. */
#include "base/log.h"
#include "jobs/campaign_work.h"
#include "jobs/notice.h"

struct telling {
    struct work *work;
    unsigned silent; /* tenants without an address */
};

/* campaign_tell_fn. A notice that cannot be written is no reason to be silent to all the others. */
static int tell(void *context, struct txn *txn, const struct campaign *campaign,
                const char *tenant_id, const char *const *accounts, unsigned count,
                bool *ret_is_told, struct err *err)
{
    struct telling *telling = context;
    struct tenant tenant;
    struct notice_count told = {0};
    struct arena *arena = telling->work->arena;
    int rc = store_tenant_get(txn, slice_of(tenant_id), arena, &tenant, err);
    if (rc == ERR_NOT_FOUND) { /* gone since the plan: the apply says so */
        *err = (struct err){0};
        return 0;
    }
    if (rc)
        return rc;
    const struct notice notice = {.campaign = campaign->id,
                                  .tenant = &tenant,
                                  .target = &campaign->target,
                                  .from_ms = campaign->apply_at_ms,
                                  .accounts = accounts,
                                  .accounts_count = count};
    rc = notice_add(telling->work->campaigns->config.notices, txn, &notice, &told, err);
    *ret_is_told = rc == 0 && told.added + told.known > 0;
    telling->silent += rc == 0 && !*ret_is_told;
    return rc;
}

static int tell_next(struct telling *telling, struct campaign_batch *batch, struct err *err)
{
    struct work *work = telling->work;
    int rc = store_campaign_notify(work->store, &work->run, tell, telling, batch, err);
    if (rc == 0)
        work_count(work->campaigns, &work->campaigns->told, batch->done);
    return rc;
}

int campaign_tell(struct work *work, struct err *err)
{
    struct telling telling = {.work = work};
    struct campaign_batch batch = {.count = 1};
    if (!work->campaigns->config.notices)
        return err_set(err, ERR_INVALID, "this node has no --public-url, so it can tell nobody");
    while (batch.count) {
        int rc = tell_next(&telling, &batch, err);
        if (rc)
            return rc;
        if (!work_pause(work->campaigns, 0))
            return WORK_STOPPED;
    }
    if (telling.silent)
        log_warn("campaign_untold", "campaign=%s tenants=%u hint=\"they have no address; a forced "
                 "apply takes them, too\"", work->run.id, telling.silent);
    return store_campaign_finish(work->store, &work->run, err);
}
