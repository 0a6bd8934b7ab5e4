#include "jobs/campaigns.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "jobs/campaign_work.h"

enum {
    LOOK_MS = 1000,  /* between looks at the store, unless woken */
    LEASE_MS = 8000, /* a batch holds the row anyway; this is for who died between two */
    PLAN_LEASE_MS = 180000, /* the first account of a walk may take long */
    RETRY_MS = 1000,
    ARENA_BYTES = 64 << 20,
};

bool work_is_passing(int code)
{
    switch (code) {
    case ERR_INVALID:
    case ERR_NOT_FOUND:
    case ERR_EXISTS:
    case ERR_LIMIT:
    case ERR_IO:
    case ERR_FORBIDDEN:
    case ERR_VERSION: return false;
    default: return true;
    }
}

void work_count(struct campaigns *campaigns, _Atomic uint64_t *counter, uint64_t accounts)
{
    atomic_fetch_add(counter, accounts);
    atomic_fetch_add(&campaigns->batches, 1);
}

/* --- waiting -------------------------------------------------------------------------------------- */

static struct timespec after(int64_t ms)
{
    struct timespec when;
    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_sec += ms / 1000;
    when.tv_nsec += ms % 1000 * 1000000;
    if (when.tv_nsec >= 1000000000) {
        when.tv_nsec -= 1000000000;
        when.tv_sec++;
    }
    return when;
}

bool work_pause(struct campaigns *campaigns, int64_t ms)
{
    struct timespec until = after(ms);
    int waited = 0;
    pthread_mutex_lock(&campaigns->lock);
    while (ms > 0 && !campaigns->is_stopping && waited == 0)
        waited = pthread_cond_timedwait(&campaigns->wake, &campaigns->lock, &until);
    bool goes_on = !campaigns->is_stopping;
    pthread_mutex_unlock(&campaigns->lock);
    if (ms == 0) /* others who write to SQLite take turns with us only if we let them */
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    return goes_on;
}

/* Until an order comes; false at the end. */
static bool wait_for_orders(struct campaigns *campaigns, unsigned *seen)
{
    struct timespec until = after(LOOK_MS);
    int waited = 0;
    pthread_mutex_lock(&campaigns->lock);
    while (!campaigns->is_stopping && campaigns->orders == *seen && waited == 0)
        waited = pthread_cond_timedwait(&campaigns->wake, &campaigns->lock, &until);
    *seen = campaigns->orders;
    bool goes_on = !campaigns->is_stopping;
    pthread_mutex_unlock(&campaigns->lock);
    return goes_on;
}

void campaigns_wake(struct campaigns *campaigns)
{
    if (!campaigns)
        return;
    pthread_mutex_lock(&campaigns->lock);
    campaigns->orders++;
    pthread_cond_broadcast(&campaigns->wake);
    pthread_mutex_unlock(&campaigns->lock);
}

/* --- a campaign ----------------------------------------------------------------------------------- */

static int do_job(struct work *work, struct err *err)
{
    switch (work->campaign.state) {
    case CAMPAIGN_PLANNING: return campaign_plan(work, err);
    case CAMPAIGN_NOTIFYING: return campaign_tell(work, err);
    case CAMPAIGN_APPLYING:
    case CAMPAIGN_UNDOING: return campaign_move(work, err);
    default: return err_set(err, ERR_STALE, "there is nothing to do");
    }
}

/* What comes after a job that did not end well: for people, and for the next to take it. */
static void give_up(struct worker *worker, struct work *work, int rc, const struct err *why)
{
    struct err ignored = {0};
    char text[LOG_VALUE_BYTES];
    bool is_over = rc != WORK_STOPPED && !work_is_passing(rc);
    if (rc == ERR_STALE) {
        log_info("campaign_left", "campaign=%s reason=%s", work->run.id,
                 log_value(slice_of(why->text), text));
        return;
    }
    if (rc != WORK_STOPPED) {
        log_line(is_over ? LOG_ERROR : LOG_WARN, "campaign_failed", "campaign=%s job=%s reason=%s",
                 work->run.id, campaign_state_words[work->run.state],
                 log_value(slice_of(why->text), text));
        atomic_fetch_add(&worker->campaigns->failures, 1);
        size_t n = strlen(worker->skip);
        snprintf(worker->skip + n, sizeof worker->skip - n, "%s", work->run.id);
    }
    if (store_campaign_leave(work->store, &work->run, is_over, rc == WORK_STOPPED ? "" : why->text,
                             &ignored))
        log_info("campaign_lease_stays", "campaign=%s", work->run.id); /* and ends by itself */
}

static void do_work(struct worker *worker, const struct campaign *campaign, struct arena *arena)
{
    struct campaigns *campaigns = worker->campaigns;
    struct work work = {.campaigns = campaigns, .store = campaigns->config.store,
                        .campaign = *campaign, .arena = arena};
    bool is_plan = campaign->state == CAMPAIGN_PLANNING;
    struct err err = {0};
    work.run = (struct campaign_run){.state = campaign->state, .run = worker->run,
                                     .lease_ms = is_plan ? PLAN_LEASE_MS : LEASE_MS};
    memcpy(work.run.id, campaign->id, sizeof work.run.id);
    log_info("campaign_taken", "campaign=%s job=%s done=%llu", campaign->id,
             campaign_state_words[campaign->state], (unsigned long long)campaign->done);
    atomic_fetch_add(&campaigns->working, 1);
    int rc = do_job(&work, &err);
    atomic_fetch_sub(&campaigns->working, 1);
    if (rc)
        give_up(worker, &work, rc, &err);
    else
        log_info("campaign_done", "campaign=%s job=%s", campaign->id,
                 campaign_state_words[campaign->state]);
}

/* True: there was one. */
static bool take_one(struct worker *worker, bool *is_away)
{
    struct campaign campaign;
    struct arena arena;
    struct err err = {0};
    char text[LOG_VALUE_BYTES];
    bool found = false;
    arena_init(&arena, ARENA_BYTES);
    int rc = store_campaign_take(worker->campaigns->config.store, worker->run,
                                 PLAN_LEASE_MS, worker->skip, &arena, &found, &campaign, &err);
    if (rc && !*is_away)
        log_warn("campaigns_wait", "reason=%s", log_value(slice_of(err.text), text));
    *is_away = rc != 0;
    if (rc == 0 && found)
        do_work(worker, &campaign, &arena);
    arena_release(&arena);
    return found;
}

static void *work_all(void *context)
{
    struct worker *worker = context;
    bool is_away = false;
    unsigned seen = 0;
    for (;;) {
        if (take_one(worker, &is_away)) {
            if (!work_pause(worker->campaigns, 0))
                return NULL;
            continue;
        }
        if (worker->skip[0] && !work_pause(worker->campaigns, RETRY_MS))
            return NULL;
        worker->skip[0] = '\0';
        if (!wait_for_orders(worker->campaigns, &seen))
            return NULL;
    }
}

/* --- start and stop ------------------------------------------------------------------------------- */

static int start_worker(struct campaigns *campaigns, struct worker *worker, struct err *err)
{
    char id[ULID_BYTES];
    ulid_make(clock_now_ms(), id);
    worker->campaigns = campaigns;
    snprintf(worker->run, sizeof worker->run, "%.100s/%s", campaigns->config.node, id);
    if (pthread_create(&worker->thread, NULL, work_all, worker))
        return err_set(err, ERR_UNAVAILABLE, "no thread for campaigns");
    worker->is_running = true;
    return 0;
}

/* Not being able to say so now only costs the rest of the lease. */
static void release_old(struct campaigns *campaigns)
{
    struct err err = {0};
    char text[LOG_VALUE_BYTES];
    if (store_campaign_release(campaigns->config.store, campaigns->config.node, &err))
        log_warn("campaign_leases", "reason=%s", log_value(slice_of(err.text), text));
}

int campaigns_start(const struct campaigns_config *config, struct campaigns **ret, struct err *err)
{
    struct campaigns *campaigns = calloc(1, sizeof *campaigns);
    pthread_condattr_t attr;
    int rc = 0;
    if (!campaigns)
        return err_set(err, ERR_NOMEM, "out of memory");
    campaigns->config = *config;
    pthread_mutex_init(&campaigns->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&campaigns->wake, &attr);
    pthread_condattr_destroy(&attr);
    release_old(campaigns);
    for (unsigned i = 0; i < CAMPAIGN_WORKERS && rc == 0; i++)
        rc = start_worker(campaigns, &campaigns->workers[i], err);
    if (rc)
        campaigns_stop(campaigns);
    else
        *ret = campaigns;
    return rc;
}

void campaigns_stop(struct campaigns *campaigns)
{
    if (!campaigns)
        return;
    pthread_mutex_lock(&campaigns->lock);
    campaigns->is_stopping = true;
    pthread_cond_broadcast(&campaigns->wake);
    pthread_mutex_unlock(&campaigns->lock);
    for (unsigned i = 0; i < CAMPAIGN_WORKERS; i++)
        if (campaigns->workers[i].is_running)
            pthread_join(campaigns->workers[i].thread, NULL);
    pthread_cond_destroy(&campaigns->wake);
    pthread_mutex_destroy(&campaigns->lock);
    free(campaigns);
}

struct campaigns_totals campaigns_totals(const struct campaigns *campaigns)
{
    return (struct campaigns_totals){
        .applied = atomic_load(&campaigns->applied),
        .undone = atomic_load(&campaigns->undone),
        .told = atomic_load(&campaigns->told),
        .planned = atomic_load(&campaigns->planned),
        .batches = atomic_load(&campaigns->batches),
        .failures = atomic_load(&campaigns->failures),
        .working = atomic_load(&campaigns->working),
    };
}
