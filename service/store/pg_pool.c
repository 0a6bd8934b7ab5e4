#include "store/pg_pool.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/ulid.h"
#include "store/sql.h"

enum {
    WAIT_MS = 2000, /* for one of them; whoever asks us will not wait much longer */
    CONNECT_MS = 3000,
};

struct pg_pool {
    struct pg_target *target;
    pthread_mutex_t mutex; /* guards the fields below */
    pthread_cond_t is_free;
    struct pg_client *idle;
    unsigned count, count_max; /* idle or not */
    unsigned connecting;       /* of them, not there yet */
    struct err failure;        /* of the last attempt to connect; code 0: it went well */
    int64_t failure_from_ms;   /* when that attempt began */
};

int pg_pool_new(struct pg_target *target, struct pg_pool **ret, struct err *err)
{
    pthread_condattr_t monotonic;
    struct pg_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return err_set(err, ERR_NOMEM, "out of memory");
    pool->target = target;
    pool->count_max = SQL_CONNECTIONS;
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

void pg_pool_limit(struct pg_pool *pool, unsigned clients_max)
{
    pthread_mutex_lock(&pool->mutex);
    pool->count_max = clients_max;
    pthread_cond_broadcast(&pool->is_free);
    pthread_mutex_unlock(&pool->mutex);
}

unsigned pg_pool_max(struct pg_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    unsigned max = pool->count_max;
    pthread_mutex_unlock(&pool->mutex);
    return max;
}

/* --- connecting ------------------------------------------------------------------------------ */

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

/* The last attempt did, and since it began nobody else got through. Without the latter, attempts
 * begun while the server hung would turn everybody away after it is back. */
static bool has_failed(const struct pg_pool *pool)
{
    return pool->failure.code && pool->failure_from_ms > pg_target_well_ms(pool->target);
}

/* How an attempt went that was counted in `connecting`. After a failure `left` places are free. */
static void connected(struct pg_pool *pool, int64_t from_ms, int r, const struct err *said,
                      unsigned left)
{
    pthread_mutex_lock(&pool->mutex);
    pool->connecting--;
    pool->failure = r < 0 ? *said : (struct err){0};
    pool->failure_from_ms = from_ms;
    if (r < 0)
        pool->count -= left;
    pthread_cond_signal(&pool->is_free);
    pthread_mutex_unlock(&pool->mutex);
}

static int add(struct pg_pool *pool, struct pg_client **ret, struct err *err)
{
    struct err said = {0};
    int64_t from_ms = clock_mono_ms();
    struct pg_client *client = calloc(1, sizeof *client);
    int r = client ? connect(pool, client, &said) : err_set(&said, ERR_NOMEM, "out of memory");
    connected(pool, from_ms, r, &said, 1);
    if (r < 0) {
        free(client);
        return err_set(err, r, "%s", said.text);
    }
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
    struct err said = {0};
    int64_t from_ms = clock_mono_ms();
    PQfinish(client->pg);
    client->pg = NULL;
    drop_idle(pool);
    pthread_mutex_lock(&pool->mutex);
    bool is_hopeless = has_failed(pool) && pool->connecting;
    if (is_hopeless)
        said = pool->failure;
    else
        pool->connecting++;
    pthread_mutex_unlock(&pool->mutex);
    if (is_hopeless)
        return err_set(err, said.code, "%s", said.text);
    int r = connect(pool, client, &said);
    connected(pool, from_ms, r, &said, 0);
    return r < 0 ? err_set(err, r, "%s", said.text) : 0;
}

/* --- taking and giving ------------------------------------------------------------------------ */

/* While none can be made, one thread tries and finds out when that has an end. */
static bool may_connect(const struct pg_pool *pool)
{
    return pool->count < pool->count_max && !(has_failed(pool) && pool->connecting);
}

/* All of them are only attempts to connect, so there is nothing to wait for. */
static bool is_away(const struct pg_pool *pool)
{
    return has_failed(pool) && pool->connecting == pool->count;
}

int pg_pool_take(struct pg_pool *pool, struct pg_client **ret, struct err *err)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    int waited = 0;
    pthread_mutex_lock(&pool->mutex);
    while (!pool->idle && !may_connect(pool) && !is_away(pool) && waited == 0)
        waited = pthread_cond_timedwait(&pool->is_free, &pool->mutex, &until);
    struct pg_client *client = pool->idle;
    struct err failure = has_failed(pool) ? pool->failure : (struct err){0};
    unsigned max = pool->count_max;
    bool may_add = !client && may_connect(pool);
    if (client)
        pool->idle = client->next;
    if (may_add) {
        pool->count++;
        pool->connecting++;
    }
    pthread_mutex_unlock(&pool->mutex);
    if (may_add)
        return add(pool, ret, err);
    if (!client && failure.code)
        return err_set(err, failure.code, "%s", failure.text);
    if (!client)
        return err_set(err, ERR_CROWDED,
                       "all %u connections to the store were taken for %d s (--store-connections)",
                       max, WAIT_MS / 1000);
    *ret = client;
    return 0;
}

void pg_pool_give(struct pg_pool *pool, struct pg_client *client, bool is_good)
{
    pthread_mutex_lock(&pool->mutex);
    bool is_kept = is_good && pool->count <= pool->count_max;
    if (is_kept) {
        client->is_used = true;
        client->next = pool->idle;
        pool->idle = client;
    } else {
        pool->count--;
    }
    pthread_cond_signal(&pool->is_free);
    pthread_mutex_unlock(&pool->mutex);
    if (!is_kept)
        client_free(client);
    if (!is_good)
        drop_idle(pool);
}
