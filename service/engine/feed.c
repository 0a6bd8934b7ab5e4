#include "engine/feed.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "cache/cache.h"
#include "engine/feed_load.h"
#include "engine/rulesets.h"
#include "engine/snapshot.h"

enum {
    POLL_MS = 1000,
    CURRENT_MS = 2500, /* two polls may be missed before what is in memory counts as stale */
    BATCH_ROWS = 500,
    ARENA_BYTES_MAX = 4 << 20,
};

struct feed {
    struct feed_config config;
    pthread_mutex_t pulling; /* guards loader, seq, and that one pull at a time goes on */
    struct loader loader;
    uint64_t seq;              /* everything up to here is in force */
    _Atomic uint64_t complete; /* as feed_complete() tells it */
    feed_moved_fn *moved;      /* guarded by pulling, like its context */
    void *moved_context;
    atomic_bool is_loaded;
    _Atomic(struct cache *) cache;
    _Atomic int64_t read_at_ms;  /* monotonic */
    _Atomic int64_t known_at_ms; /* Unix */

    pthread_t thread;
    pthread_mutex_t lock; /* guards stopping and heard */
    pthread_cond_t wake;
    bool stopping, heard;
    bool is_doubted, was_failing; /* the thread's own */
};

/* --- trust ---------------------------------------------------------------------------------------------- */

static void know_as_of(struct feed *feed, int64_t now_ms)
{
    atomic_store(&feed->known_at_ms, now_ms);
    rulesets_set_trust(feed->config.rulesets, now_ms + CURRENT_MS, now_ms + feed->config.stale_max_ms);
}

/* --- pulling -------------------------------------------------------------------------------------------- */

/* Is there a later row of the batch about the same thing? Then this one need not be loaded. */
static bool is_superseded(const struct feed_row *rows, unsigned at, unsigned count)
{
    for (unsigned i = at + 1; i < count && rows[at].kind != FEED_REVOCATION; i++)
        if (rows[i].kind == rows[at].kind && strcmp(rows[i].tenant, rows[at].tenant) == 0)
            return true;
    return false;
}

static int pull_batch(struct feed *feed, unsigned *ret_count, struct err *err)
{
    struct arena arena;
    struct feed_row *rows;
    arena_init(&arena, ARENA_BYTES_MAX);
    int rc = store_feed_since(feed->config.store, feed->seq, BATCH_ROWS, &arena, &rows, ret_count, err);
    for (unsigned i = 0; !rc && i < *ret_count; i++) {
        if (!is_superseded(rows, i, *ret_count))
            rc = loader_row(&feed->loader, &rows[i], err);
    }
    if (!rc && *ret_count)
        feed->seq = rows[*ret_count - 1].seq;
    arena_release(&arena);
    return rc;
}

/* `cache`: where what is pulled goes as well; NULL when another node has put it there. */
static int pull(struct feed *feed, struct cache *cache, struct err *err)
{
    unsigned count = BATCH_ROWS;
    int rc = 0;
    pthread_mutex_lock(&feed->pulling);
    int64_t began_ms = 0;
    feed->loader.cache = cache;
    if (!atomic_load(&feed->is_loaded))
        rc = loader_all(&feed->loader, &feed->seq, err);
    while (!rc && count == BATCH_ROWS) {
        began_ms = clock_now_ms();
        rc = pull_batch(feed, &count, err);
    }
    if (!rc) {
        atomic_store(&feed->is_loaded, true);
        atomic_store(&feed->read_at_ms, clock_mono_ms());
        know_as_of(feed, began_ms);
    }
    if (!rc && atomic_exchange(&feed->complete, feed->seq + 1) != feed->seq + 1 && feed->moved)
        feed->moved(feed->moved_context);
    pthread_mutex_unlock(&feed->pulling);
    return rc;
}

int feed_pull(struct feed *feed, struct err *err)
{
    return pull(feed, atomic_load(&feed->cache), err);
}

uint64_t feed_complete(const struct feed *feed)
{
    return atomic_load(&feed->complete);
}

void feed_on_move(struct feed *feed, feed_moved_fn *fn, void *context)
{
    pthread_mutex_lock(&feed->pulling);
    feed->moved = fn;
    feed->moved_context = context;
    pthread_mutex_unlock(&feed->pulling);
}

/* --- the thread ----------------------------------------------------------------------------------------- */

static void signal_thread(struct feed *feed, bool *flag)
{
    pthread_mutex_lock(&feed->lock);
    *flag = true;
    pthread_cond_signal(&feed->wake);
    pthread_mutex_unlock(&feed->lock);
}

void feed_wake(struct feed *feed)
{
    signal_thread(feed, &feed->heard);
}

/* Waits for the next poll, or until something is heard; false when the end was asked for. */
static bool wait_for_turn(struct feed *feed, bool *ret_heard)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += POLL_MS / 1000;
    pthread_mutex_lock(&feed->lock);
    while (!feed->stopping && !feed->heard &&
           pthread_cond_timedwait(&feed->wake, &feed->lock, &until) == 0)
        continue;
    *ret_heard = feed->heard;
    feed->heard = false;
    bool goes_on = !feed->stopping;
    pthread_mutex_unlock(&feed->lock);
    return goes_on;
}

/*
 * The store does not answer. While the cache's invalidations are heard without a gap and none came
 * since, nothing can have been committed that this node does not have.
 */
static void live_without_store(struct feed *feed, bool heard)
{
    struct cache *cache = atomic_load(&feed->cache);
    feed->is_doubted = feed->is_doubted || heard;
    bool was_loaded = atomic_load(&feed->is_loaded);
    if (was_loaded && cache && cache_is_listening(cache) && !feed->is_doubted)
        know_as_of(feed, clock_now_ms());
}

static void follow(struct feed *feed, bool heard)
{
    struct err err = {0};
    char text[LOG_VALUE_BYTES];
    bool is_failing = pull(feed, NULL, &err) != 0;
    if (is_failing && !feed->was_failing)
        log_error("feed_failed", "reason=%s", log_value(slice_of(err.text), text));
    else if (feed->was_failing && !is_failing)
        log_info("feed_recovered", "seq=%llu", (unsigned long long)feed->seq);
    if (is_failing)
        live_without_store(feed, heard);
    else
        feed->is_doubted = false;
    feed->was_failing = is_failing;
}

static void log_trust(enum trust before, enum trust now)
{
    static const char *const words[] = {"current", "stale", "floor"};
    if (now != before)
        log_warn("rung", "from=%s to=%s", words[before], words[now]);
}

static void *run(void *context)
{
    struct feed *feed = context;
    enum trust before = TRUST_CURRENT;
    for (bool heard; wait_for_turn(feed, &heard);) {
        follow(feed, heard);
        enum trust now = rulesets_trust(feed->config.rulesets, clock_now_ms());
        log_trust(before, now);
        before = now;
    }
    return NULL;
}

/* --- life ------------------------------------------------------------------------------------------------ */

/* The first load; a store that does not answer is stood in for by the snapshot. */
static int load_first(struct feed *feed, struct err *err)
{
    struct err snapshot_err = {0};
    char text[LOG_VALUE_BYTES];
    int64_t known_at_ms, oldest_ms = clock_now_ms() - feed->config.stale_max_ms;
    int rc = pull(feed, NULL, err);
    if (rc != ERR_UNAVAILABLE)
        return rc;
    log_error("store_away", "reason=%s", log_value(slice_of(err->text), text));
    feed->was_failing = true;
    if (!feed->config.snapshot)
        return 0;
    rc = snapshot_load(feed->config.rulesets, feed->config.snapshot, feed->config.key, oldest_ms,
                       &known_at_ms, &snapshot_err);
    if (rc) {
        log_error("snapshot_refused", "reason=%s", log_value(slice_of(snapshot_err.text), text));
        return 0;
    }
    atomic_store(&feed->known_at_ms, known_at_ms);
    rulesets_set_trust(feed->config.rulesets, 0, known_at_ms + feed->config.stale_max_ms);
    log_warn("snapshot_loaded", "tenants=%zu age_ms=%lld", rulesets_totals(feed->config.rulesets).tenants,
             (long long)(clock_now_ms() - known_at_ms));
    return 0;
}

static void init_locks(struct feed *feed)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&feed->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&feed->lock, NULL);
    pthread_mutex_init(&feed->pulling, NULL);
}

static void release(struct feed *feed)
{
    pthread_cond_destroy(&feed->wake);
    pthread_mutex_destroy(&feed->lock);
    pthread_mutex_destroy(&feed->pulling);
    free(feed);
}

int feed_start(const struct feed_config *config, struct feed **ret, struct err *err)
{
    struct feed *feed = calloc(1, sizeof *feed);
    if (!feed)
        return err_set(err, ERR_NOMEM, "out of memory");
    feed->config = *config;
    feed->loader = (struct loader){
        .store = config->store, .rulesets = config->rulesets, .revocations = config->revocations};
    atomic_store(&feed->read_at_ms, clock_mono_ms());
    init_locks(feed);
    int rc = load_first(feed, err);
    if (!rc && pthread_create(&feed->thread, NULL, run, feed))
        rc = err_set(err, ERR_UNAVAILABLE, "no thread for the change feed");
    if (rc)
        release(feed);
    else
        *ret = feed;
    return rc;
}

void feed_stop(struct feed *feed)
{
    if (!feed)
        return;
    signal_thread(feed, &feed->stopping);
    pthread_join(feed->thread, NULL);
    release(feed);
}

void feed_use_cache(struct feed *feed, struct cache *cache)
{
    atomic_store(&feed->cache, cache);
}

bool feed_is_loaded(const struct feed *feed)
{
    return atomic_load(&feed->is_loaded);
}

long feed_age_ms(const struct feed *feed)
{
    return (long)(clock_mono_ms() - atomic_load(&feed->read_at_ms));
}

int64_t feed_known_at_ms(const struct feed *feed)
{
    return atomic_load(&feed->known_at_ms);
}
