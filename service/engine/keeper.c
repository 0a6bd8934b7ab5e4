#include "engine/keeper.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/feed.h"
#include "engine/rulesets.h"
#include "engine/snapshot.h"

enum { INTERVAL_MS_MIN = 60000, REST_FACTOR = 20 };

struct keeper {
    const struct rulesets *rulesets;
    const struct feed *feed;
    const char *path;
    const unsigned char *key;
    int64_t written_known_at_ms;
    pthread_t thread;
    pthread_mutex_t lock; /* guards stopping */
    pthread_cond_t wake;
    bool stopping;
};

/* How long that took. Rules that are not current are not worth more than what is on disk already. */
static int64_t write_snapshot(struct keeper *keeper)
{
    struct err err = {0};
    char text[LOG_VALUE_BYTES];
    int64_t began_ms = clock_mono_ms(), known_at_ms = feed_known_at_ms(keeper->feed);
    if (!feed_is_loaded(keeper->feed) || known_at_ms == keeper->written_known_at_ms)
        return 0;
    if (snapshot_write(keeper->rulesets, keeper->path, keeper->key, known_at_ms, &err))
        log_error("snapshot_failed", "reason=%s", log_value(slice_of(err.text), text));
    else
        keeper->written_known_at_ms = known_at_ms;
    return clock_mono_ms() - began_ms;
}

static bool wait_ms(struct keeper *keeper, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    pthread_mutex_lock(&keeper->lock);
    while (!keeper->stopping && pthread_cond_timedwait(&keeper->wake, &keeper->lock, &until) == 0)
        continue;
    bool goes_on = !keeper->stopping;
    pthread_mutex_unlock(&keeper->lock);
    return goes_on;
}

static void *run(void *context)
{
    struct keeper *keeper = context;
    int64_t took_ms;
    do
        took_ms = write_snapshot(keeper);
    while (wait_ms(keeper, took_ms * REST_FACTOR > INTERVAL_MS_MIN ? took_ms * REST_FACTOR
                                                                   : INTERVAL_MS_MIN));
    write_snapshot(keeper);
    return NULL;
}

int keeper_start(const struct rulesets *rulesets, const struct feed *feed, const char *path,
                 const unsigned char *key, struct keeper **ret, struct err *err)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);
    pthread_condattr_t attr;
    if (!keeper)
        return err_set(err, ERR_NOMEM, "out of memory");
    keeper->rulesets = rulesets;
    keeper->feed = feed;
    keeper->path = path;
    keeper->key = key;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&keeper->lock, NULL);
    if (pthread_create(&keeper->thread, NULL, run, keeper)) {
        free(keeper);
        return err_set(err, ERR_UNAVAILABLE, "no thread for snapshots");
    }
    *ret = keeper;
    return 0;
}

void keeper_stop(struct keeper *keeper)
{
    if (!keeper)
        return;
    pthread_mutex_lock(&keeper->lock);
    keeper->stopping = true;
    pthread_cond_signal(&keeper->wake);
    pthread_mutex_unlock(&keeper->lock);
    pthread_join(keeper->thread, NULL);
    pthread_cond_destroy(&keeper->wake);
    pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}
