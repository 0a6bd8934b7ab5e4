#include "store/pg_pool.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/ulid.h"

enum {
    CLIENTS_MAX = 10,
    WAIT_S = 5, /* for one of them */
    CONNECT_MS = 3000,
};

struct pg_pool {
    struct pg_target *target;
    pthread_mutex_t mutex; /* guards the fields below */
    pthread_cond_t is_free;
    struct pg_client *idle;
    unsigned count; /* idle or not */
};

int pg_pool_new(struct pg_target *target, struct pg_pool **ret, struct err *err)
{
    pthread_condattr_t monotonic;
    struct pg_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return err_set(err, ERR_NOMEM, "out of memory");
    pool->target = target;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->is_free, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *ret = pool;
    return 0;
}

static void client_free(struct pg_client *client)
{
    PQfinish(client->pg);
    free(client);
}

static void free_list(struct pg_client *list)
{
    for (struct pg_client *client = list, *next; client; client = next) {
        next = client->next;
        client_free(client);
    }
}

void pg_pool_free(struct pg_pool *pool)
{
    if (!pool)
        return;
    free_list(pool->idle);
    pthread_cond_destroy(&pool->is_free);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

static int connect(struct pg_pool *pool, struct pg_client *client, struct err *err)
{
    PGconn *pg;
    int r = pg_connect(pool->target, CONNECT_MS, &pg, err);
    if (r < 0)
        return r;
    client->pg = pg;
    client->may_prepare = pg_is_direct(pg);
    memset(client->prepared, 0, sizeof client->prepared);
    client->commits = 0;
    client->is_used = false;
    ulid_make(clock_now_ms(), client->writer);
    return 0;
}

/* One place less is taken. */
static void leave(struct pg_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->count--;
    pthread_cond_signal(&pool->is_free);
    pthread_mutex_unlock(&pool->mutex);
}

static int add(struct pg_pool *pool, struct pg_client **ret, struct err *err)
{
    struct pg_client *client = calloc(1, sizeof *client);
    int r = client ? connect(pool, client, err) : err_set(err, ERR_NOMEM, "out of memory");
    if (r < 0) {
        free(client);
        leave(pool);
        return r;
    }
    *ret = client;
    return 0;
}

int pg_pool_take(struct pg_pool *pool, struct pg_client **ret, struct err *err)
{
    struct timespec until;
    int waited = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&pool->mutex);
    while (!pool->idle && pool->count >= CLIENTS_MAX && waited == 0)
        waited = pthread_cond_timedwait(&pool->is_free, &pool->mutex, &until);
    struct pg_client *client = pool->idle;
    bool may_add = !client && pool->count < CLIENTS_MAX;
    if (client)
        pool->idle = client->next;
    if (may_add)
        pool->count++;
    pthread_mutex_unlock(&pool->mutex);
    if (may_add)
        return add(pool, ret, err);
    if (!client)
        return err_set(err, ERR_UNAVAILABLE, "store: all %d connections busy for %d s",
                       CLIENTS_MAX, WAIT_S);
    *ret = client;
    return 0;
}

static void drop_idle(struct pg_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    struct pg_client *list = pool->idle;
    pool->idle = NULL;
    for (struct pg_client *client = list; client; client = client->next)
        pool->count--;
    pthread_cond_broadcast(&pool->is_free);
    pthread_mutex_unlock(&pool->mutex);
    free_list(list);
}

int pg_pool_renew(struct pg_pool *pool, struct pg_client *client, struct err *err)
{
    PQfinish(client->pg);
    client->pg = NULL;
    drop_idle(pool);
    return connect(pool, client, err);
}

void pg_pool_give(struct pg_pool *pool, struct pg_client *client, bool is_good)
{
    if (!is_good) {
        client_free(client);
        leave(pool);
        drop_idle(pool);
        return;
    }
    client->is_used = true;
    pthread_mutex_lock(&pool->mutex);
    client->next = pool->idle;
    pool->idle = client;
    pthread_cond_signal(&pool->is_free);
    pthread_mutex_unlock(&pool->mutex);
}
