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
    pthread_mutex_t pulling; /* guards loader, position, and that one pull at a time goes on */
    struct loader loader;
    struct feed_position position; /* everything up to here is in force */
    _Atomic uint64_t complete; /* as feed_complete() tells it */
    feed_moved_fn *moved;      /* guarded by pulling, like its context */
    void *moved_context;
    atomic_bool is_loaded;
    _Atomic(struct cache *) cache;
    _Atomic int64_t read_at_ms;  /* monotonic */
    _Atomic int64_t known_at_ms; /* Unix */

    pthread_t thread;
    atomic_bool is_stopping;
    bool was_failing; /* the thread's own */
    int64_t failing_since_ms;
};

/* --- trust ---------------------------------------------------------------------------------------------- */

static void know_as_of(struct feed *feed, int64_t now_ms)
{
    atomic_store(&feed->known_at_ms, now_ms);
    rulesets_set_trust(feed->config.rulesets, now_ms + CURRENT_MS, now_ms + feed->config.stale_max_ms);
}

/* --- pulling -------------------------------------------------------------------------------------------- */

/* The feed may tell of a change twice; what is in force need not be loaded again. */
static bool is_in_force(const struct feed *feed, const struct feed_row *row)
{
    const struct rulesets *rulesets = feed->config.rulesets;
    rulesets_enter();
    const struct ruleset *ruleset =
        row->kind == FEED_PLATFORM ? rulesets_platform(rulesets)
        : row->kind == FEED_TENANT ? rulesets_find(rulesets, slice_of(row->tenant))
                                   : NULL;
    bool is = ruleset && ruleset_revision(ruleset) >= row->revision;
    rulesets_leave();
    return is;
}

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
    struct feed_position position = feed->position;
    arena_init(&arena, ARENA_BYTES_MAX);
    int rc = store_feed_since(feed->config.store, &position, BATCH_ROWS, &arena, &rows, ret_count,
                              err);
    for (unsigned i = 0; !rc && i < *ret_count; i++) {
        if (!is_superseded(rows, i, *ret_count) && !is_in_force(feed, &rows[i]))
            rc = loader_row(&feed->loader, &rows[i], err);
    }
    if (!rc)
        feed->position = position;
    arena_release(&arena);
    return rc;
}

/*
 * The database was restored, or a replica without its last commits took over: what it is now may share
 * revisions with what it was, but not content. The old rulesets serve until each is replaced.
 */
static int load_again(struct feed *feed, struct err *err)
{
    log_warn("feed_history", "reason=\"the store was restored or taken over, loading all again\"");
    feed->loader.whatever = true;
    int rc = loader_all(&feed->loader, &feed->position, err);
    feed->loader.whatever = false;
    return rc;
}

/* `cache`: where what is pulled goes as well; NULL when another node has put it there. */
static int pull(struct feed *feed, struct cache *cache, struct err *err)
{
    unsigned count = BATCH_ROWS;
    struct err said = {0};
    int rc = 0;
    pthread_mutex_lock(&feed->pulling);
    int64_t began_ms = 0;
    feed->loader.cache = cache;
    if (!atomic_load(&feed->is_loaded))
        rc = loader_all(&feed->loader, &feed->position, &said);
    while (!rc && count == BATCH_ROWS) {
        began_ms = clock_now_ms();
        rc = pull_batch(feed, &count, &said);
    }
    if (rc == ERR_STALE) {
        said = (struct err){0};
        rc = load_again(feed, &said);
    }
    if (!rc) {
        atomic_store(&feed->is_loaded, true);
        atomic_store(&feed->read_at_ms, clock_mono_ms());
        know_as_of(feed, began_ms);
    }
    uint64_t complete = feed_position_complete(&feed->position);
    if (!rc && atomic_exchange(&feed->complete, complete) != complete && feed->moved)
        feed->moved(feed->moved_context);
    pthread_mutex_unlock(&feed->pulling);
    return rc ? err_set(err, rc, "%s", said.text) : 0;
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

void feed_wake(struct feed *feed)
{
    store_feed_interrupt(feed->config.store);
}

/* Waits for the next poll, or until something is heard; false when the end was asked for. */
static bool wait_for_turn(struct feed *feed)
{
    store_feed_wait(feed->config.store, POLL_MS);
    return !atomic_load(&feed->is_stopping);
}

static void follow(struct feed *feed)
{
    struct err err = {0};
    char text[LOG_VALUE_BYTES];
    bool is_failing = pull(feed, NULL, &err) != 0;
    if (is_failing && !feed->was_failing)
        log_error("feed_failed", "reason=%s", log_value(slice_of(err.text), text));
    else if (feed->was_failing && !is_failing)
        log_info("feed_recovered", "after_ms=%lld",
                 (long long)(clock_mono_ms() - feed->failing_since_ms));
    if (is_failing && !feed->was_failing)
        feed->failing_since_ms = clock_mono_ms();
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
    while (wait_for_turn(feed)) {
        follow(feed);
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

static void release(struct feed *feed)
{
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
    pthread_mutex_init(&feed->pulling, NULL);
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
    atomic_store(&feed->is_stopping, true);
    store_feed_interrupt(feed->config.store);
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
