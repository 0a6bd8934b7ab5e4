#include "engine/feed.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/pages.h"
#include "engine/rulesets.h"
#include "store/store.h"

enum { POLL_MS = 1000, BATCH_ROWS = 500, ARENA_BYTES_MAX = 4 << 20 };

struct feed {
    struct store *store;
    struct rulesets *rulesets;
    struct revocations *revocations;
    pthread_mutex_t pulling; /* guards seq, and that one pull at a time goes on */
    uint64_t seq;            /* everything up to here is in force */
    _Atomic uint64_t complete; /* as feed_complete() tells it */
    feed_moved_fn *moved;      /* guarded by pulling, like its context */
    void *moved_context;
    _Atomic int64_t read_at_ms;

    pthread_t thread;
    pthread_mutex_t lock; /* guards stopping */
    pthread_cond_t wake;
    bool stopping;
};

/* Rules that do not compile must not stop the feed for everybody else: the old ones keep serving. */
static int keep_the_old(const struct tenant *tenant, int rc, const struct err *err)
{
    char text[LOG_VALUE_BYTES];
    if (rc == ERR_NOMEM)
        return rc;
    log_error("ruleset_failed", "tenant=%s reason=%s", tenant->id,
              log_value(slice_of(err->text), text));
    return 0;
}

/* store_policy_fn: compiles and publishes one owner's rules. */
static int publish(void *context, const struct tenant *tenant, const struct rule *rules, size_t count,
                   struct err *err)
{
    struct feed *feed = context;
    struct ruleset *ruleset;
    struct ruleset_owner owner = {
        .tenant = slice_of(tenant->id),
        .outside_line = slice_of(tenant->outside_line),
        .is_suspended = tenant->status == TENANT_SUSPENDED,
        .revision = tenant->revision,
    };
    int rc = ruleset_new(&owner, rules, count, &ruleset, err);
    if (rc)
        return keep_the_old(tenant, rc, err);
    if (tenant->id[0])
        return rulesets_publish(feed->rulesets, ruleset, err);
    rulesets_set_platform(feed->rulesets, ruleset);
    return 0;
}

static int load_revocations(struct feed *feed, struct err *err)
{
    enum { PAGE = 1000 };
    struct arena arena;
    struct txn *txn = NULL;
    struct page page = {SLICE_NONE, PAGE};
    struct revocation *rows;
    unsigned count = PAGE;
    arena_init(&arena, (size_t)1 << 30);
    int rc = store_begin(feed->store, NULL, &txn, err);
    while (!rc && count == PAGE) {
        rc = store_revocation_list(txn, page, &arena, &rows, &count, err);
        for (unsigned i = 0; !rc && i < count; i++)
            rc = revocations_add(feed->revocations, slice_of(rows[i].jti), err);
        if (!rc && count)
            page.after = slice_of(rows[count - 1].jti);
    }
    store_rollback(txn);
    arena_release(&arena);
    return rc;
}

static int apply(struct feed *feed, const struct feed_row *row, struct err *err)
{
    int rc = 0;
    switch (row->kind) {
    case FEED_TENANT:
        rc = store_policy_one(feed->store, slice_of(row->tenant), publish, feed, err);
        if (rc == ERR_NOT_FOUND) {
            rulesets_remove(feed->rulesets, slice_of(row->tenant));
            rc = 0;
        }
        break;
    case FEED_PLATFORM:
        rc = store_policy_one(feed->store, SLICE_NONE, publish, feed, err);
        break;
    case FEED_REVOCATION:
        rc = revocations_add(feed->revocations, slice_of(row->jti), err);
        break;
    }
    return rc;
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
    arena_init(&arena, ARENA_BYTES_MAX);
    int rc = store_feed_since(feed->store, feed->seq, BATCH_ROWS, &arena, &rows, ret_count, err);
    for (unsigned i = 0; !rc && i < *ret_count; i++) {
        if (!is_superseded(rows, i, *ret_count))
            rc = apply(feed, &rows[i], err);
    }
    if (!rc && *ret_count)
        feed->seq = rows[*ret_count - 1].seq;
    arena_release(&arena);
    return rc;
}

int feed_pull(struct feed *feed, struct err *err)
{
    unsigned count = BATCH_ROWS;
    int rc = 0;
    pthread_mutex_lock(&feed->pulling);
    while (!rc && count == BATCH_ROWS)
        rc = pull_batch(feed, &count, err);
    if (!rc)
        atomic_store(&feed->read_at_ms, clock_mono_ms());
    if (!rc && atomic_exchange(&feed->complete, feed->seq + 1) != feed->seq + 1 && feed->moved)
        feed->moved(feed->moved_context);
    pthread_mutex_unlock(&feed->pulling);
    return rc;
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

static void wait_for_poll(struct feed *feed)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += POLL_MS / 1000;
    pthread_mutex_lock(&feed->lock);
    if (!feed->stopping)
        pthread_cond_timedwait(&feed->wake, &feed->lock, &until);
    pthread_mutex_unlock(&feed->lock);
}

static bool is_stopping(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    bool stopping = feed->stopping;
    pthread_mutex_unlock(&feed->lock);
    return stopping;
}

static void *poll_store(void *context)
{
    struct feed *feed = context;
    bool was_failing = false;
    while (!is_stopping(feed)) {
        struct err err = {0};
        char text[LOG_VALUE_BYTES];
        bool is_failing = feed_pull(feed, &err) != 0;
        if (is_failing && !was_failing)
            log_error("feed_failed", "reason=%s", log_value(slice_of(err.text), text));
        else if (was_failing && !is_failing)
            log_info("feed_recovered", "seq=%llu", (unsigned long long)feed->seq);
        was_failing = is_failing;
        wait_for_poll(feed);
    }
    return NULL;
}

static int start_thread(struct feed *feed, struct err *err)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&feed->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&feed->lock, NULL);
    pthread_mutex_init(&feed->pulling, NULL);
    return pthread_create(&feed->thread, NULL, poll_store, feed)
               ? err_set(err, ERR_UNAVAILABLE, "no thread for the change feed")
               : 0;
}

int feed_start(struct store *store, struct rulesets *rulesets, struct revocations *revocations,
               struct feed **ret, struct err *err)
{
    struct feed *feed = calloc(1, sizeof *feed);
    if (!feed)
        return err_set(err, ERR_NOMEM, "out of memory");
    feed->store = store;
    feed->rulesets = rulesets;
    feed->revocations = revocations;
    int rc = store_policy_each(store, publish, feed, &feed->seq, err);
    pages_enlarge_heap();
    if (!rc)
        rc = load_revocations(feed, err);
    atomic_store(&feed->complete, feed->seq + 1);
    atomic_store(&feed->read_at_ms, clock_mono_ms());
    if (!rc)
        rc = start_thread(feed, err);
    if (rc)
        free(feed);
    else
        *ret = feed;
    return rc;
}

void feed_stop(struct feed *feed)
{
    if (!feed)
        return;
    pthread_mutex_lock(&feed->lock);
    feed->stopping = true;
    pthread_cond_signal(&feed->wake);
    pthread_mutex_unlock(&feed->lock);
    pthread_join(feed->thread, NULL);
    pthread_cond_destroy(&feed->wake);
    pthread_mutex_destroy(&feed->lock);
    pthread_mutex_destroy(&feed->pulling);
    free(feed);
}

long feed_age_ms(const struct feed *feed)
{
    return (long)(clock_mono_ms() - atomic_load(&feed->read_at_ms));
}
