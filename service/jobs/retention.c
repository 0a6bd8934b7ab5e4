#include "jobs/retention.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/ulid.h"
#include "store/history.h"
#include "store/marks.h"
#include "store/purge.h"

enum {
    TICK_MS = 3000,
    LEASE_MS = 60000,
    SETTLE_EVERY_MS = 60000,
    SETTLE_BACK_MS = 15 * 60000, /* longer than a transaction may take that adds calls */
    REST_MS_MAX = 1000,
};

/* What is older goes; 0: nothing does. */
struct limits {
    int64_t calls_ms, attempts_ms;
};

struct retention {
    struct retention_config config;
    char holder[ULID_BYTES]; /* of the lease */
    struct limits done;      /* of the last whole round */
    int64_t leased_until_ms, settled_at_ms;
    bool is_failing;
    atomic_uint_fast64_t calls, attempts, errors;
    pthread_t thread;
    pthread_mutex_t lock; /* guards stopping */
    pthread_cond_t wake;
    bool stopping;
};

/* False: it is to stop. */
static bool rest_ms(struct retention *retention, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&retention->lock);
    while (!retention->stopping &&
           pthread_cond_timedwait(&retention->wake, &retention->lock, &until) == 0)
        continue;
    bool goes_on = !retention->stopping;
    pthread_mutex_unlock(&retention->lock);
    return goes_on;
}

/* --- a round ---------------------------------------------------------------------------------- */

static int64_t limit_of(int days)
{
    return days > 0 ? day_begins_ms(day_of_ms(clock_now_ms()) - days) : 0;
}

static int find_limits(struct retention *retention, struct limits *ret, struct err *err)
{
    struct call_terms terms = {.retention_days = 0};
    struct err why = {0};
    struct txn *txn;
    int rc = store_begin(retention->config.store, NULL, &txn, err);
    if (rc)
        return rc;
    rc = store_call_terms_get(txn, &terms, &why);
    store_rollback(txn);
    if (rc && rc != ERR_NOT_FOUND) /* no terms: no calls are kept either */
        return err_set(err, rc, "%s", why.text);
    *ret = (struct limits){limit_of(terms.retention_days), limit_of(retention->config.attempts_days)};
    return 0;
}

/* 1: it is ours for a while, 0: another node is at it. */
static int hold_lease(struct retention *retention, struct err *err)
{
    int64_t now_ms = clock_mono_ms();
    bool is_ours;
    if (retention->leased_until_ms - now_ms > LEASE_MS / 2)
        return 1;
    int rc = store_lease_take(retention->config.store, "retention", retention->holder, LEASE_MS,
                              &is_ours, err);
    if (rc)
        return rc;
    retention->leased_until_ms = is_ours ? now_ms + LEASE_MS : 0;
    return is_ours;
}

static void give_lease(struct retention *retention)
{
    struct err ignored;
    if (retention->leased_until_ms) /* else, or when this fails, it ends by itself */
        (void)!store_lease_give(retention->config.store, "retention", retention->holder, &ignored);
    retention->leased_until_ms = 0;
}

enum what { OLD_CALLS, OLD_UNMAPPED, OLD_ATTEMPTS, OLD_COUNTS, WHAT_COUNT };

static int remove_some(struct retention *retention, enum what what, const struct limits *limits,
                       struct purge_position *position, unsigned *ret_removed, struct err *err)
{
    struct store *store = retention->config.store;
    switch (what) {
    case OLD_CALLS: return store_calls_purge(store, position, limits->calls_ms, ret_removed, err);
    case OLD_UNMAPPED: return store_unmapped_purge(store, limits->calls_ms, ret_removed, err);
    case OLD_ATTEMPTS: return store_attempts_purge(store, limits->attempts_ms, ret_removed, err);
    case OLD_COUNTS:
    default:
        return store_attempt_counts_purge(store, position, limits->attempts_ms, ret_removed, err);
    }
}

/* 1: nothing is left to remove; 0: another node has the lease, or it is to stop. */
static int remove_all(struct retention *retention, enum what what, const struct limits *limits,
                      struct err *err)
{
    struct purge_position position = {""};
    unsigned removed;
    int64_t took_ms;
    if ((what <= OLD_UNMAPPED ? limits->calls_ms : limits->attempts_ms) == 0)
        return 1;
    do {
        int rc = hold_lease(retention, err);
        if (rc != 1)
            return rc;
        int64_t began_ms = clock_mono_ms();
        rc = remove_some(retention, what, limits, &position, &removed, err);
        if (rc)
            return rc;
        if (what == OLD_CALLS)
            atomic_fetch_add(&retention->calls, removed);
        else if (what == OLD_ATTEMPTS)
            atomic_fetch_add(&retention->attempts, removed);
        took_ms = clock_mono_ms() - began_ms;
        if (removed && !rest_ms(retention, took_ms < REST_MS_MAX ? took_ms : REST_MS_MAX))
            return 0;
    } while (removed);
    return 1;
}

static int round_once(struct retention *retention, const struct limits *limits, struct err *err)
{
    struct retention_totals before = retention_totals(retention);
    int rc = 1;
    for (enum what what = 0; what < WHAT_COUNT && rc == 1; what++)
        rc = remove_all(retention, what, limits, err);
    give_lease(retention);
    struct retention_totals after = retention_totals(retention);
    if (after.calls > before.calls || after.attempts > before.attempts)
        log_info("retention", "calls=%llu attempts=%llu",
                 (unsigned long long)(after.calls - before.calls),
                 (unsigned long long)(after.attempts - before.attempts));
    if (rc == 1)
        retention->done = *limits;
    return rc < 0 ? rc : 0;
}

/* --- the thread ------------------------------------------------------------------------------- */

static int tick(struct retention *retention, struct err *err)
{
    struct limits limits;
    int64_t now_ms = clock_mono_ms();
    int rc = find_limits(retention, &limits, err);
    if (rc == 0 && (limits.calls_ms != retention->done.calls_ms ||
                    limits.attempts_ms != retention->done.attempts_ms))
        rc = round_once(retention, &limits, err);
    if (rc == 0 && now_ms - retention->settled_at_ms >= SETTLE_EVERY_MS) {
        rc = store_call_marks_settle(retention->config.store, clock_now_ms() - SETTLE_BACK_MS, err);
        if (rc == 0)
            retention->settled_at_ms = now_ms;
    }
    return rc;
}

static void *run(void *context)
{
    struct retention *retention = context;
    do {
        struct err err = {0};
        char text[LOG_VALUE_BYTES];
        int rc = tick(retention, &err);
        if (rc)
            atomic_fetch_add(&retention->errors, 1);
        if (rc && !retention->is_failing)
            log_warn("retention_failed", "reason=%s", log_value(slice_of(err.text), text));
        else if (!rc && retention->is_failing)
            log_info("retention_recovered", "errors=%llu",
                     (unsigned long long)atomic_load(&retention->errors));
        retention->is_failing = rc != 0;
    } while (rest_ms(retention, retention->config.tick_ms));
    return NULL;
}

int retention_start(const struct retention_config *config, struct retention **ret, struct err *err)
{
    struct retention *retention = calloc(1, sizeof *retention);
    pthread_condattr_t attr;
    if (!retention)
        return err_set(err, ERR_NOMEM, "out of memory");
    retention->config = *config;
    if (!config->tick_ms)
        retention->config.tick_ms = TICK_MS;
    ulid_make(clock_now_ms(), retention->holder);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&retention->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&retention->lock, NULL);
    if (pthread_create(&retention->thread, NULL, run, retention)) {
        free(retention);
        return err_set(err, ERR_UNAVAILABLE, "no thread for retention");
    }
    *ret = retention;
    return 0;
}

void retention_stop(struct retention *retention)
{
    if (!retention)
        return;
    pthread_mutex_lock(&retention->lock);
    retention->stopping = true;
    pthread_cond_signal(&retention->wake);
    pthread_mutex_unlock(&retention->lock);
    pthread_join(retention->thread, NULL);
    pthread_cond_destroy(&retention->wake);
    pthread_mutex_destroy(&retention->lock);
    free(retention);
}

struct retention_totals retention_totals(const struct retention *retention)
{
    return (struct retention_totals){
        .calls = atomic_load(&retention->calls),
        .attempts = atomic_load(&retention->attempts),
        .errors = atomic_load(&retention->errors),
    };
}
