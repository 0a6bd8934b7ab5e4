#include "cache/pool.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cache/redis_connect.h"

struct pool {
    const struct redis_url *url;
    pthread_mutex_t lock;  /* guards all below; nothing waits for Redis under it */
    pthread_cond_t is_told; /* state is no longer POOL_SEARCHING */
    enum { POOL_SEARCHING, POOL_FOUND, POOL_LOST } state;
    struct redis_place place;
    unsigned generation; /* of place */
    int64_t rests_until_ms;
    unsigned open_count, idle_count;
    struct redis_link *idle[POOL_IDLE_MAX]; /* all of this generation */
};

/* What a caller has taken out. */
struct loan {
    struct redis_link *link; /* NULL: none was idle, connect */
    struct redis_place place;
    unsigned generation;
};

int pool_new(const struct redis_url *url, struct pool **ret, struct err *err)
{
    struct pool *pool = calloc(1, sizeof *pool);
    pthread_condattr_t attr;
    if (!pool)
        return err_set(err, ERR_NOMEM, "out of memory");
    pool->url = url;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->is_told, &attr);
    pthread_condattr_destroy(&attr);
    *ret = pool;
    return 0;
}

static void close_idle(struct pool *pool)
{
    while (pool->idle_count) {
        redis_link_close(pool->idle[--pool->idle_count]);
        pool->open_count--;
    }
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    close_idle(pool);
    pthread_cond_destroy(&pool->is_told);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void pool_found(struct pool *pool, const struct redis_place *place)
{
    pthread_mutex_lock(&pool->lock);
    close_idle(pool);
    pool->place = *place;
    pool->generation++;
    pool->rests_until_ms = 0;
    pool->state = POOL_FOUND;
    pthread_cond_broadcast(&pool->is_told);
    pthread_mutex_unlock(&pool->lock);
}

void pool_lost(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    close_idle(pool);
    pool->generation++;
    pool->state = POOL_LOST;
    pthread_cond_broadcast(&pool->is_told);
    pthread_mutex_unlock(&pool->lock);
}

/* --- taking and giving back ------------------------------------------------------------------- */

static void wait_until_told(struct pool *pool, int64_t deadline_ms)
{
    struct timespec until = {deadline_ms / 1000, deadline_ms % 1000 * 1000000};
    int timed_out = 0;
    while (pool->state == POOL_SEARCHING && !timed_out)
        timed_out = pthread_cond_timedwait(&pool->is_told, &pool->lock, &until);
}

static int take_locked(struct pool *pool, int64_t deadline_ms, bool want_new, struct loan *ret,
                       struct err *err)
{
    wait_until_told(pool, deadline_ms);
    if (pool->state != POOL_FOUND)
        return err_set(err, ERR_UNAVAILABLE, "--redis: not found yet, or lost");
    if (clock_mono_ms() < pool->rests_until_ms)
        return err_set(err, ERR_UNAVAILABLE, "--redis: failed less than a second ago");
    *ret = (struct loan){.place = pool->place, .generation = pool->generation};
    if (pool->idle_count && !want_new)
        ret->link = pool->idle[--pool->idle_count];
    else if (pool->open_count < POOL_OPEN_MAX)
        pool->open_count++;
    else
        return err_set(err, ERR_UNAVAILABLE, "--redis: all %d connections are busy", POOL_OPEN_MAX);
    return 0;
}

static int take(struct pool *pool, int64_t deadline_ms, bool want_new, struct loan *ret,
                struct err *err)
{
    pthread_mutex_lock(&pool->lock);
    int rc = take_locked(pool, deadline_ms, want_new, ret, err);
    pthread_mutex_unlock(&pool->lock);
    return rc;
}

static void give_back(struct pool *pool, struct loan *loan, bool is_good)
{
    struct redis_link *to_close = loan->link;
    pthread_mutex_lock(&pool->lock);
    if (is_good && loan->generation == pool->generation && pool->idle_count < POOL_IDLE_MAX) {
        pool->idle[pool->idle_count++] = loan->link;
        to_close = NULL;
    } else {
        pool->open_count--;
    }
    pthread_mutex_unlock(&pool->lock);
    redis_link_close(to_close);
}

static void rest(struct pool *pool, unsigned generation)
{
    pthread_mutex_lock(&pool->lock);
    if (pool->generation == generation) /* else it was found again meanwhile */
        pool->rests_until_ms = clock_mono_ms() + POOL_REST_MS;
    pthread_mutex_unlock(&pool->lock);
}

/* --- asking ----------------------------------------------------------------------------------- */

static void free_replies(struct redisReply **replies, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        freeReplyObject(replies[i]);
}

/* All out before the first answer is read: answers are short next to what is put. */
static int ask_link(struct redis_link *link, const struct pool_command *commands, unsigned count,
                    int64_t deadline_ms, struct redisReply **replies, struct err *err)
{
    unsigned answered = 0;
    int rc = 0;
    for (unsigned i = 0; i < count && !rc; i++)
        rc = redis_link_send(link, commands[i].words, commands[i].count, deadline_ms, err);
    while (answered < count && !rc) {
        rc = redis_link_await(link, deadline_ms, &replies[answered], err);
        answered += rc == 0;
    }
    if (rc)
        free_replies(replies, answered);
    return rc;
}

/* The first error reply among them. */
static struct redisReply *find_error(struct redisReply **replies, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (replies[i]->type == REDIS_REPLY_ERROR)
            return replies[i];
    return NULL;
}

/* One try with what was taken out, which is given back. Error replies are replies. */
static int try_loan(struct pool *pool, struct loan *loan, const struct pool_command *commands,
                    unsigned count, int64_t deadline_ms, struct redisReply **replies,
                    struct err *err)
{
    int rc = 0;
    if (!loan->link)
        rc = redis_connect(pool->url, &loan->place, deadline_ms, &loan->link, err);
    if (!rc) {
        rc = ask_link(loan->link, commands, count, deadline_ms, replies, err);
        if (rc)
            err_context(err, "--redis");
    }
    give_back(pool, loan, !rc && !find_error(replies, count));
    return rc;
}

int pool_ask(struct pool *pool, const struct pool_command *commands, unsigned count,
             int64_t deadline_ms, struct redisReply **replies, struct err *err)
{
    struct loan loan;
    struct err why = {0};
    if (clock_mono_ms() >= deadline_ms)
        return err_set(err, ERR_UNAVAILABLE, "--redis: no time left to ask");
    int rc = take(pool, deadline_ms, false, &loan, err);
    if (rc)
        return rc;
    bool was_idle = loan.link;
    rc = try_loan(pool, &loan, commands, count, deadline_ms, replies, &why);
    if (rc && was_idle && clock_mono_ms() < deadline_ms) {
        /* it may have ended while it lay idle, by a restart say: that is no failure yet */
        why = (struct err){0};
        rc = take(pool, deadline_ms, true, &loan, err);
        if (rc)
            return rc;
        rc = try_loan(pool, &loan, commands, count, deadline_ms, replies, &why);
    }
    if (rc) {
        rest(pool, loan.generation);
        return err_set(err, ERR_UNAVAILABLE, "%s", why.text);
    }
    struct redisReply *error = find_error(replies, count);
    if (!error)
        return 0;
    (void)!redis_reply_error(error, &why); /* it answered at once: nothing to rest from */
    free_replies(replies, count);
    return err_set(err, ERR_UNAVAILABLE, "--redis: %s", why.text);
}
