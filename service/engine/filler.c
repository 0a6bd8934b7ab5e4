#include "engine/filler.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/ulid.h"
#include "cache/batch.h"
#include "engine/feed.h"
#include "engine/rulesets.h"
#include "engine/spread.h"

#define NOTE_LEASE "filler"
#define NOTE_FULL "full"

enum {
    TICK_MS = 1000,
    LEASE_MS = 5000,
    SEND_MS = 1000,
    TELL_MS = 10000, /* how far it is, in the log */
    NAMES_MAX = 1024, /* one step of the walk has no more */
};

struct filler {
    struct cache *cache;
    struct spread *spread;
    struct rulesets *rulesets;
    struct feed *feed;
    char run[ULID_BYTES];

    pthread_t thread;
    pthread_mutex_t lock; /* guards is_stopping */
    pthread_cond_t wake;
    bool is_stopping;

    /* of the thread alone */
    struct batch *batch;
    bool owes; /* a put failed, here or elsewhere in this process */
    char (*names)[TENANT_ID_BYTES];
    unsigned names_count;
    unsigned sent_count; /* what is in the batch */
    struct sent {
        char tenant[TENANT_ID_BYTES];
        uint64_t revision;
    } sent[BATCH_MAX];
    int64_t leased_at_ms, told_at_ms;

    atomic_bool is_on_duty, is_full;
    _Atomic uint64_t tenants, rounds;
};

/* False: the end was asked for. */
static bool wait_ms(struct filler *filler, int64_t ms)
{
    int64_t until_ms = clock_mono_ms() + ms;
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    pthread_mutex_lock(&filler->lock);
    while (!filler->is_stopping &&
           pthread_cond_timedwait(&filler->wake, &filler->lock, &until) == 0)
        continue;
    bool goes_on = !filler->is_stopping;
    pthread_mutex_unlock(&filler->lock);
    return goes_on;
}

/* --- notes ---------------------------------------------------------------------------------- */

/* Ours, or nobody's and ours now. Two may think so for a moment: then both put the same. */
static bool keep_lease(struct filler *filler)
{
    char holder[CACHE_NOTE_BYTES];
    bool is_ours = false;
    if (cache_note_get(filler->cache, NOTE_LEASE, holder, NULL))
        return false;
    bool was_ours = strcmp(holder, filler->run) == 0;
    if ((was_ours || !*holder) &&
        cache_note_put(filler->cache, NOTE_LEASE, filler->run, LEASE_MS, !was_ours, &is_ours, NULL))
        return false;
    filler->leased_at_ms = clock_mono_ms();
    return is_ours;
}

static void history_text(const struct filler *filler, char text[CACHE_NOTE_BYTES])
{
    snprintf(text, CACHE_NOTE_BYTES, "history %llu", (unsigned long long)feed_history(filler->feed));
}

static bool is_full(struct filler *filler)
{
    char note[CACHE_NOTE_BYTES], wanted[CACHE_NOTE_BYTES];
    history_text(filler, wanted);
    return cache_note_get(filler->cache, NOTE_FULL, note, NULL) == 0 && strcmp(note, wanted) == 0;
}

/* --- a round -------------------------------------------------------------------------------- */

static uint64_t revision_at_hand(const struct filler *filler, struct slice tenant)
{
    rulesets_enter();
    const struct ruleset *ruleset = tenant.n ? rulesets_find(filler->rulesets, tenant)
                                             : rulesets_platform(filler->rulesets);
    uint64_t revision = ruleset ? ruleset_revision(ruleset) : 0;
    rulesets_leave();
    return revision;
}

/* Into the batch, which has room. */
static int put(struct filler *filler, struct slice tenant, uint64_t history, struct err *err)
{
    int rc = 0;
    rulesets_enter();
    const struct ruleset *ruleset = tenant.n ? rulesets_find(filler->rulesets, tenant)
                                             : rulesets_platform(filler->rulesets);
    if (ruleset) {
        rc = batch_put(filler->batch, ruleset, history, false, err);
        struct sent *sent = &filler->sent[filler->sent_count++];
        snprintf(sent->tenant, sizeof sent->tenant, "%.*s", SLICE_ARG(tenant));
        sent->revision = ruleset_revision(ruleset);
    }
    rulesets_leave();
    return rc;
}

/* What became newer while it was sent may have been overtaken: once more. */
static int put_newer(struct filler *filler, uint64_t history, struct err *err)
{
    struct sent before[BATCH_MAX];
    unsigned count = filler->sent_count;
    int rc = 0;
    memcpy(before, filler->sent, count * sizeof *before);
    filler->sent_count = 0;
    for (unsigned i = 0; i < count && !rc; i++)
        if (revision_at_hand(filler, slice_of(before[i].tenant)) > before[i].revision)
            rc = put(filler, slice_of(before[i].tenant), history, err);
    return rc;
}

static int send(struct filler *filler, uint64_t history, struct err *err)
{
    int rc = 0;
    while (!rc && filler->sent_count) {
        rc = batch_send(filler->batch, clock_mono_ms() + SEND_MS, err);
        rc = rc ? rc : put_newer(filler, history, err);
    }
    return rc;
}

static void tell_progress(struct filler *filler)
{
    int64_t now_ms = clock_mono_ms();
    if (now_ms - filler->told_at_ms < TELL_MS)
        return;
    filler->told_at_ms = now_ms;
    log_info("redis_filling", "tenants=%llu of=%zu",
             (unsigned long long)atomic_load(&filler->tenants),
             rulesets_totals(filler->rulesets).tenants);
}

/* Keeps to the rate, and to the lease. */
static int pace(struct filler *filler, unsigned count, struct err *err)
{
    atomic_fetch_add(&filler->tenants, count);
    tell_progress(filler);
    if (!wait_ms(filler, (int64_t)count * 1000 / FILLER_TENANTS_A_SECOND))
        return err_set(err, ERR_UNAVAILABLE, "the node ends");
    if (clock_mono_ms() - filler->leased_at_ms > TICK_MS && !keep_lease(filler))
        return err_set(err, ERR_UNAVAILABLE, "another node has the lease");
    return 0;
}

static int fill_names(struct filler *filler, uint64_t history, struct err *err)
{
    int rc = 0;
    unsigned unpaced = 0;
    for (unsigned i = 0; i < filler->names_count && !rc; i++) {
        rc = put(filler, slice_of(filler->names[i]), history, err);
        unpaced++;
        if (rc || !batch_is_full(filler->batch))
            continue;
        rc = send(filler, history, err);
        rc = rc ? rc : pace(filler, unpaced, err);
        unpaced = 0;
    }
    rc = rc ? rc : send(filler, history, err);
    return rc || !unpaced ? rc : pace(filler, unpaced, err);
}

static void note_name(void *context, const struct ruleset *ruleset)
{
    struct filler *filler = context;
    struct slice tenant = ruleset_tenant(ruleset);
    snprintf(filler->names[filler->names_count++], TENANT_ID_BYTES, "%.*s", SLICE_ARG(tenant));
}

/* Nothing is sent while the rulesets are walked over: names are taken down first. */
static int fill_all(struct filler *filler, uint64_t history, struct err *err)
{
    struct rulesets_walk walk = {0};
    int rc = put(filler, SLICE_NONE, history, err);
    rc = rc ? rc : send(filler, history, err);
    for (bool is_more = true; is_more && !rc;) {
        filler->names_count = 0;
        is_more = rulesets_step(filler->rulesets, &walk, note_name, filler);
        rc = fill_names(filler, history, err);
    }
    return rc;
}

/* The feed first, so that what was changed before is in memory; and last, so that what it found
 * meanwhile is in Redis. */
static int go_round(struct filler *filler, struct err *err)
{
    char note[CACHE_NOTE_BYTES];
    uint64_t history = feed_history(filler->feed);
    history_text(filler, note);
    atomic_store(&filler->tenants, 0);
    int rc = feed_pull(filler->feed, err);
    rc = rc ? rc : fill_all(filler, history, err);
    rc = rc ? rc : feed_pull(filler->feed, err);
    if (!rc && feed_history(filler->feed) != history)
        rc = err_set(err, ERR_STALE, "the store has another history now");
    return rc ? rc : cache_note_put(filler->cache, NOTE_FULL, note,
                                    cache_max_age_ms(filler->cache) / 2, false, NULL, err);
}

static void fill(struct filler *filler)
{
    struct err err = {0};
    char text[LOG_VALUE_BYTES];
    int64_t began_ms = clock_mono_ms();
    filler->told_at_ms = began_ms;
    spread_set_filling(filler->spread, true);
    int rc = go_round(filler, &err);
    spread_set_filling(filler->spread, false);
    filler->sent_count = 0;
    if (rc) {
        (void)!batch_send(filler->batch, 0, NULL); /* empties it */
        log_warn("redis_not_filled", "tenants=%llu reason=%s",
                 (unsigned long long)atomic_load(&filler->tenants),
                 log_value(slice_of(err.text), text));
        return;
    }
    atomic_fetch_add(&filler->rounds, 1);
    atomic_store(&filler->is_full, true);
    log_info("redis_filled", "tenants=%llu took_ms=%lld",
             (unsigned long long)atomic_load(&filler->tenants),
             (long long)(clock_mono_ms() - began_ms));
}

/* --- the thread ----------------------------------------------------------------------------- */

static bool is_current(const struct filler *filler)
{
    return trusted_now(rulesets_trusted(filler->rulesets), instant_now()) == TRUST_CURRENT;
}

static void tick(struct filler *filler)
{
    filler->owes |= spread_owes(filler->spread);
    bool is_there = cache_is_listening(filler->cache);
    if (is_there && filler->owes && !cache_note_remove(filler->cache, NOTE_FULL, NULL))
        filler->owes = false;
    bool is_on_duty = is_there && is_current(filler) && keep_lease(filler);
    if (is_on_duty && !atomic_load(&filler->is_on_duty))
        log_info("redis_filler", "run=%s", filler->run);
    atomic_store(&filler->is_on_duty, is_on_duty);
    atomic_store(&filler->is_full, is_there && is_full(filler));
    if (is_on_duty && !atomic_load(&filler->is_full))
        fill(filler);
}

static void *run(void *context)
{
    struct filler *filler = context;
    while (wait_ms(filler, TICK_MS))
        tick(filler);
    if (atomic_load(&filler->is_on_duty)) /* another one need not wait for its end */
        (void)!cache_note_remove(filler->cache, NOTE_LEASE, NULL);
    return NULL;
}

static void filler_free(struct filler *filler)
{
    batch_free(filler->batch);
    free(filler->names);
    pthread_cond_destroy(&filler->wake);
    pthread_mutex_destroy(&filler->lock);
    free(filler);
}

int filler_start(struct cache *cache, struct spread *spread, struct rulesets *rulesets,
                 struct feed *feed, struct filler **ret, struct err *err)
{
    struct filler *filler = calloc(1, sizeof *filler);
    pthread_condattr_t attr;
    if (!filler)
        return err_set(err, ERR_NOMEM, "out of memory");
    filler->cache = cache;
    filler->spread = spread;
    filler->rulesets = rulesets;
    filler->feed = feed;
    ulid_make(clock_now_ms(), filler->run);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&filler->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&filler->lock, NULL);
    filler->names = malloc(NAMES_MAX * sizeof *filler->names);
    int rc = filler->names ? batch_new(cache, &filler->batch, err)
                           : err_set(err, ERR_NOMEM, "out of memory");
    if (!rc && pthread_create(&filler->thread, NULL, run, filler))
        rc = err_set(err, ERR_UNAVAILABLE, "no thread to fill Redis");
    if (rc)
        filler_free(filler);
    else
        *ret = filler;
    return rc;
}

void filler_stop(struct filler *filler)
{
    if (!filler)
        return;
    pthread_mutex_lock(&filler->lock);
    filler->is_stopping = true;
    pthread_cond_signal(&filler->wake);
    pthread_mutex_unlock(&filler->lock);
    pthread_join(filler->thread, NULL);
    filler_free(filler);
}

struct filler_totals filler_totals(const struct filler *filler)
{
    return (struct filler_totals){.is_on_duty = atomic_load(&filler->is_on_duty),
                                  .is_full = atomic_load(&filler->is_full),
                                  .tenants = atomic_load(&filler->tenants),
                                  .rounds = atomic_load(&filler->rounds)};
}
