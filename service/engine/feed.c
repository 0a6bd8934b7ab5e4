#include "engine/feed.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/ear.h"
#include "engine/feed_load.h"
#include "engine/rulesets.h"
#include "engine/snapshot.h"
#include "engine/spread.h"
#include "engine/turns.h"

enum {
    BATCH_ROWS = 500,
    ARENA_BYTES_MAX = 4 << 20,
};

struct feed {
    struct feed_config config;
    struct turns turns; /* who takes a turn alone uses loader and position */
    struct loader loader;
    struct feed_position position; /* everything up to here is in force */
    _Atomic uint64_t complete, history; /* as feed_complete() and feed_history() tell them */
    atomic_bool is_loaded;
    _Atomic(struct spread *) spread;
    _Atomic int64_t read_at_ms;  /* monotonic */
    _Atomic int64_t known_at_ms; /* Unix */

    pthread_mutex_t moving; /* guards moved and its context, and is held while it is called */
    feed_moved_fn *moved;
    void *moved_context;

    struct ear *ear;
    pthread_t puller;
    atomic_bool is_stopping;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t bell;
    bool has_rung;
    uint64_t rung_at; /* turns begun by then */

    bool was_failing; /* the puller's own */
    int64_t failing_since_ms;
};

/* --- pulling -------------------------------------------------------------------------------------------- */

static const struct ruleset *find_present(const struct feed *feed, const struct feed_row *row)
{
    const struct rulesets *rulesets = feed->config.rulesets;
    return row->kind == FEED_PLATFORM ? rulesets_platform(rulesets)
           : row->kind == FEED_TENANT ? rulesets_find(rulesets, slice_of(row->tenant))
                                      : NULL;
}

/*
 * The feed may tell of a change twice, and Redis may have brought it before: what is in force need not be
 * loaded again. It may still have to be spread: another thread of ours may have read it on its way.
 */
static bool is_in_force(struct feed *feed, const struct feed_row *row)
{
    struct spread *spread = feed->loader.spread;
    rulesets_enter();
    const struct ruleset *ruleset = find_present(feed, row);
    bool is = ruleset && ruleset_revision(ruleset) >= row->revision;
    if (is && spread)
        spread_add(spread, slice_of(row->tenant), ruleset_revision(ruleset), ruleset,
                   spread_how(spread, slice_of(row->tenant), row->revision, row->is_own));
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
        if (feed->loader.spread)
            spread_make_room(feed->loader.spread);
        if (!is_superseded(rows, i, *ret_count) && !is_in_force(feed, &rows[i]))
            rc = loader_row(&feed->loader, &rows[i], err);
    }
    loader_end(&feed->loader);
    if (!rc)
        feed->position = position;
    arena_release(&arena);
    return rc;
}

/*
 * At start, where a snapshot or Redis may have stood in; or the database was restored, or a replica
 * without its last commits took over: then what it is now may share revisions with what it was, but not
 * content. The old rulesets serve until each is replaced.
 */
static int load_all(struct feed *feed, struct err *err)
{
    struct rulesets *rulesets = feed->config.rulesets;
    rulesets_set_history(rulesets, (uint64_t)HISTORY_NONE);
    feed->loader.whatever = true;
    int rc = loader_all(&feed->loader, &feed->position, err);
    feed->loader.whatever = false;
    if (!rc)
        rulesets_set_history(rulesets, feed_position_history(&feed->position));
    else if (!atomic_load(&feed->is_loaded))
        rulesets_set_history(rulesets, (uint64_t)HISTORY_ANY); /* Redis goes on standing in */
    return rc;
}

static int load_again(struct feed *feed, struct err *err)
{
    log_warn("feed_history", "reason=\"the store was restored or taken over, loading all again\"");
    return load_all(feed, err);
}

/* *ret_as_of: of when what is in force now is the truth; *ret_any: it brought something. */
static int pull_all(struct feed *feed, struct instant *ret_as_of, bool *ret_any, struct err *err)
{
    unsigned count = BATCH_ROWS;
    int rc = 0;
    *ret_any = !atomic_load(&feed->is_loaded);
    if (*ret_any)
        rc = load_all(feed, err);
    if (feed->loader.spread)
        spread_set_history(feed->loader.spread, feed_position_history(&feed->position));
    /* before the first batch is read: a commit with a lower number than it gave may still be on its
     * way then, and is read in the next round */
    *ret_as_of = instant_now();
    while (!rc && count == BATCH_ROWS) {
        rc = pull_batch(feed, &count, err);
        *ret_any |= !rc && count;
    }
    if (rc == ERR_STALE) {
        *err = (struct err){0};
        *ret_as_of = instant_now();
        *ret_any = true;
        rc = load_again(feed, err);
    }
    return rc;
}

static void tell_moved(struct feed *feed)
{
    pthread_mutex_lock(&feed->moving);
    if (feed->moved)
        feed->moved(feed->moved_context);
    pthread_mutex_unlock(&feed->moving);
}

/* One turn. Redis comes last: it may be slow, and nobody here needs to wait for it. */
static int pull_now(void *context, struct err *err)
{
    struct feed *feed = context;
    struct instant as_of;
    bool any;
    feed->loader.spread = atomic_load(&feed->spread);
    int rc = pull_all(feed, &as_of, &any, err);
    if (!rc) {
        uint64_t complete = feed_position_complete(&feed->position);
        bool has_moved = atomic_exchange(&feed->complete, complete) != complete;
        atomic_store(&feed->history, feed_position_history(&feed->position));
        atomic_store(&feed->is_loaded, true);
        atomic_store(&feed->read_at_ms, as_of.mono_ms);
        atomic_store(&feed->known_at_ms, as_of.wall_ms);
        trusted_set(rulesets_trusted(feed->config.rulesets), as_of, true);
        if (any && has_moved) /* it moves with every transaction, whatever that is about */
            tell_moved(feed);
    }
    if (feed->loader.spread)
        spread_send(feed->loader.spread);
    return rc;
}

int feed_pull(struct feed *feed, struct err *err)
{
    return turns_take(&feed->turns, pull_now, feed, err);
}

uint64_t feed_complete(const struct feed *feed)
{
    return atomic_load(&feed->complete);
}

uint64_t feed_history(const struct feed *feed)
{
    return atomic_load(&feed->history);
}

void feed_on_move(struct feed *feed, feed_moved_fn *fn, void *context)
{
    pthread_mutex_lock(&feed->moving);
    feed->moved = fn;
    feed->moved_context = context;
    pthread_mutex_unlock(&feed->moving);
}

/* --- the puller ----------------------------------------------------------------------------------------- */

void feed_wake(struct feed *feed)
{
    uint64_t mark = turns_mark(&feed->turns);
    pthread_mutex_lock(&feed->lock);
    feed->has_rung = true;
    feed->rung_at = mark;
    pthread_cond_signal(&feed->bell);
    pthread_mutex_unlock(&feed->lock);
}

static struct timespec in_ms(int ms)
{
    int64_t ns = clock_mono_ns() + (int64_t)ms * 1000000;
    return (struct timespec){ns / 1000000000, ns % 1000000000};
}

/* Until the next look is due, or somebody woke us whom no pull has served meanwhile. */
static void wait_for_bell(struct feed *feed, int ms)
{
    struct timespec until = in_ms(ms);
    bool is_due = false;
    while (!is_due && !atomic_load(&feed->is_stopping)) {
        pthread_mutex_lock(&feed->lock);
        while (!feed->has_rung && !is_due && !atomic_load(&feed->is_stopping))
            is_due = pthread_cond_timedwait(&feed->bell, &feed->lock, &until) != 0;
        uint64_t rung_at = feed->rung_at;
        feed->has_rung = false;
        pthread_mutex_unlock(&feed->lock);
        if (!is_due && !turns_ended_since(&feed->turns, rung_at))
            return;
    }
}

/* True: the store was read. */
static bool follow(struct feed *feed)
{
    struct err err = {0};
    char text[LOG_VALUE_BYTES];
    bool is_failing = feed_pull(feed, &err) != 0;
    if (is_failing && !feed->was_failing)
        log_error("feed_failed", "reason=%s", log_value(slice_of(err.text), text));
    else if (feed->was_failing && !is_failing)
        log_info("feed_recovered", "after_ms=%lld",
                 (long long)(clock_mono_ms() - feed->failing_since_ms));
    if (is_failing && !feed->was_failing)
        feed->failing_since_ms = clock_mono_ms();
    feed->was_failing = is_failing;
    return !is_failing;
}

/* A look that failed is tried again soon, but only once: a store that is away is not hammered. */
static void *keep_pulling(void *context)
{
    struct feed *feed = context;
    bool is_retry = false;
    while (wait_for_bell(feed, is_retry ? FEED_RETRY_MS : FEED_POLL_MS),
           !atomic_load(&feed->is_stopping))
        is_retry = !follow(feed) && !is_retry;
    return NULL;
}

/* --- life ------------------------------------------------------------------------------------------------ */

/* The snapshot was the truth that long ago, however long this machine has been up. */
static void know_as_of(struct feed *feed, int64_t known_at_ms)
{
    struct instant as_of = instant_now();
    as_of.mono_ms -= as_of.wall_ms - known_at_ms;
    as_of.wall_ms = known_at_ms;
    atomic_store(&feed->known_at_ms, known_at_ms);
    trusted_set(rulesets_trusted(feed->config.rulesets), as_of, false);
}

/* The first load; a store that does not answer is stood in for by the snapshot. */
static int load_first(struct feed *feed, struct err *err)
{
    struct err snapshot_err = {0};
    char text[LOG_VALUE_BYTES];
    int64_t known_at_ms, oldest_ms = clock_now_ms() - feed->config.stale_max_ms;
    int rc = feed_pull(feed, err);
    if (rc != ERR_UNAVAILABLE && rc != ERR_CROWDED)
        return rc;
    log_error("store_away", "reason=%s", log_value(slice_of(err->text), text));
    feed->was_failing = true;
    feed->failing_since_ms = clock_mono_ms();
    if (!feed->config.snapshot)
        return 0;
    rc = snapshot_load(feed->config.rulesets, feed->config.snapshot, feed->config.key, oldest_ms,
                       &known_at_ms, &snapshot_err);
    if (rc) {
        log_error("snapshot_refused", "reason=%s", log_value(slice_of(snapshot_err.text), text));
        return 0;
    }
    know_as_of(feed, known_at_ms);
    log_warn("snapshot_loaded", "tenants=%zu age_ms=%lld", rulesets_totals(feed->config.rulesets).tenants,
             (long long)(clock_now_ms() - known_at_ms));
    return 0;
}

static struct feed *feed_new(const struct feed_config *config)
{
    struct feed *feed = calloc(1, sizeof *feed);
    pthread_condattr_t attr;
    if (!feed)
        return NULL;
    feed->config = *config;
    feed->loader = (struct loader){
        .store = config->store, .rulesets = config->rulesets, .revocations = config->revocations};
    atomic_store(&feed->read_at_ms, clock_mono_ms());
    trusted_set_bounds(rulesets_trusted(config->rulesets), TRUST_CURRENT_MS, config->stale_max_ms);
    turns_init(&feed->turns);
    pthread_mutex_init(&feed->moving, NULL);
    pthread_mutex_init(&feed->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&feed->bell, &attr);
    pthread_condattr_destroy(&attr);
    return feed;
}

static void feed_free(struct feed *feed)
{
    pthread_cond_destroy(&feed->bell);
    pthread_mutex_destroy(&feed->lock);
    pthread_mutex_destroy(&feed->moving);
    turns_release(&feed->turns);
    free(feed);
}

static int start_threads(struct feed *feed, struct err *err)
{
    const struct trusted *trusted = rulesets_trusted(feed->config.rulesets);
    int rc = ear_start(feed->config.store, trusted, feed, &feed->ear, err);
    if (rc)
        return rc;
    if (pthread_create(&feed->puller, NULL, keep_pulling, feed) == 0)
        return 0;
    ear_stop(feed->ear);
    return err_set(err, ERR_UNAVAILABLE, "no thread for the change feed");
}

int feed_start(const struct feed_config *config, struct feed **ret, struct err *err)
{
    struct feed *feed = feed_new(config);
    if (!feed)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = load_first(feed, err);
    rc = rc ? rc : start_threads(feed, err);
    if (rc)
        feed_free(feed);
    else
        *ret = feed;
    return rc;
}

void feed_stop(struct feed *feed)
{
    if (!feed)
        return;
    pthread_mutex_lock(&feed->lock);
    atomic_store(&feed->is_stopping, true);
    pthread_cond_signal(&feed->bell);
    pthread_mutex_unlock(&feed->lock);
    pthread_join(feed->puller, NULL);
    ear_stop(feed->ear);
    feed_free(feed);
}

void feed_use_spread(struct feed *feed, struct spread *spread)
{
    atomic_store(&feed->spread, spread);
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
