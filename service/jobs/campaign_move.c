/*
 * Applying and undoing: batch after batch, as fast as the campaign may go, past accounts that the store
 * refuses.
 *
 * A batch that fails is tried with ever fewer accounts, so that one tenant's trouble stays that tenant's:
 * when a single account fails by itself, it is marked and passed over. A store that is away is nobody's
 * trouble, and waited for.
 */
#include "jobs/campaign_work.h"

#include "base/clock.h"
#include "base/log.h"
#include "engine/feed.h"
#include "store/store.h"

enum {
    BATCHES_A_SECOND = 5, /* of a campaign with a rate */
    WAIT_MS_MIN = 100,
    WAIT_MS_MAX = 3000,
    TRIES = 3, /* of one account, while the store answers others */
};

struct pace {
    int64_t began_ms;
    uint64_t accounts;
};

struct moving {
    struct work *work;
    struct pace pace;
    unsigned limit, limit_max;
    unsigned failed; /* times in a row */
    int64_t wait_ms;
};

static unsigned limit_of(const struct campaign *campaign)
{
    int64_t limit = campaign->rate / BATCHES_A_SECOND;
    return campaign->rate == 0                  ? CAMPAIGN_BATCH_MAX
           : limit < 1                          ? 1
           : limit > CAMPAIGN_BATCH_MAX         ? CAMPAIGN_BATCH_MAX
                                                : (unsigned)limit;
}

/* As long as the accounts done are ahead of their rate; and a moment for others who want to write. */
static bool keep_pace(struct moving *moving, unsigned accounts)
{
    int64_t rate = moving->work->campaign.rate, now_ms = clock_mono_ms();
    moving->pace.accounts += accounts;
    if (rate == 0)
        return work_pause(moving->work->campaigns, 0);
    int64_t due_ms = moving->pace.began_ms + (int64_t)(moving->pace.accounts * 1000) / rate;
    return work_pause(moving->work->campaigns, due_ms > now_ms ? due_ms - now_ms : 0);
}

static int step(struct moving *moving, struct campaign_batch *batch, struct err *err)
{
    struct work *work = moving->work;
    return work->run.state == CAMPAIGN_UNDOING
               ? store_campaign_undo(work->store, &work->run, moving->limit, batch, err)
               : store_campaign_apply(work->store, &work->run, moving->limit, batch, err);
}

static void done(struct moving *moving, const struct campaign_batch *batch)
{
    struct campaigns *campaigns = moving->work->campaigns;
    bool is_undo = moving->work->run.state == CAMPAIGN_UNDOING;
    moving->failed = 0;
    moving->wait_ms = 0;
    moving->limit = moving->limit * 2 < moving->limit_max ? moving->limit * 2 : moving->limit_max;
    work_count(campaigns, is_undo ? &campaigns->undone : &campaigns->applied, batch->done);
    if (batch->done && campaigns->config.feed)
        feed_wake(campaigns->config.feed);
}

/* Passes over the account that fails by itself. */
static int pass_over(struct moving *moving, const struct err *why, struct err *err)
{
    struct campaign_batch batch;
    struct work *work = moving->work;
    char text[LOG_VALUE_BYTES];
    int rc = store_campaign_fail(work->store, &work->run, why->text, &batch, err);
    if (rc)
        return rc;
    log_warn("campaign_account_failed", "campaign=%s tenant=%s account=%s reason=%s", work->run.id,
             batch.last_tenant, batch.last_account, log_value(slice_of(why->text), text));
    moving->failed = 0;
    return 0;
}

/* 0: try again. */
static int failed(struct moving *moving, const struct err *why, struct err *err)
{
    struct campaigns *campaigns = moving->work->campaigns;
    struct err ignored = {0};
    char text[LOG_VALUE_BYTES];
    atomic_fetch_add(&campaigns->failures, 1);
    if (moving->wait_ms == 0)
        log_warn("campaign_batch_failed", "campaign=%s accounts=%u reason=%s",
                 moving->work->run.id, moving->limit, log_value(slice_of(why->text), text));
    moving->wait_ms = moving->wait_ms == 0                  ? WAIT_MS_MIN
                      : moving->wait_ms * 2 < WAIT_MS_MAX ? moving->wait_ms * 2
                                                           : WAIT_MS_MAX;
    if (!work_pause(campaigns, moving->wait_ms))
        return WORK_STOPPED;
    if (store_ping(moving->work->store, &ignored))
        return 0; /* it is away: nobody's trouble */
    if (moving->limit > 1) {
        moving->limit = moving->limit / 8 ? moving->limit / 8 : 1;
        return 0;
    }
    if (++moving->failed < (work_is_passing(why->code) ? TRIES : 1))
        return 0;
    return pass_over(moving, why, err);
}

int campaign_move(struct work *work, struct err *err)
{
    unsigned limit = limit_of(&work->campaign);
    struct moving moving = {.work = work, .limit = limit, .limit_max = limit,
                            .pace = {clock_mono_ms(), 0}};
    struct campaign_batch batch = {.count = 1};
    int rc = 0;
    while (rc == 0 && batch.count) {
        struct err why = {0};
        rc = step(&moving, &batch, &why);
        if (rc == ERR_STALE || rc == ERR_NOT_FOUND)
            return err_set(err, ERR_STALE, "%s", why.text);
        if (rc) {
            batch.count = 1;
            rc = failed(&moving, &why, err);
            continue;
        }
        done(&moving, &batch);
        if (batch.count && !keep_pace(&moving, batch.count))
            rc = WORK_STOPPED;
    }
    return rc ? rc : store_campaign_finish(work->store, &work->run, err);
}
