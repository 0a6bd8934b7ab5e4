#include "store/pg_queue.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"

enum {
    TENANTS_MAX = 64, /* of which somebody waits; the rest go without a bound */
    STUCK_MS = 10000, /* after the last one that waited in vain */
};

struct tenant_queue {
    uint64_t hash;
    unsigned waiting;
    int64_t stuck_until_ms;
};

struct pg_queue {
    pthread_mutex_t mutex; /* guards what follows */
    struct tenant_queue tenants[TENANTS_MAX];
};

int pg_queue_new(struct pg_queue **ret, struct err *err)
{
    struct pg_queue *queue = calloc(1, sizeof *queue);
    if (!queue)
        return err_set(err, ERR_NOMEM, "out of memory");
    pthread_mutex_init(&queue->mutex, NULL);
    *ret = queue;
    return 0;
}

void pg_queue_free(struct pg_queue *queue)
{
    if (!queue)
        return;
    pthread_mutex_destroy(&queue->mutex);
    free(queue);
}

static struct tenant_queue *find(struct pg_queue *queue, uint64_t hash)
{
    for (unsigned i = 0; i < TENANTS_MAX; i++)
        if (queue->tenants[i].hash == hash)
            return &queue->tenants[i];
    return NULL;
}

/* That of the tenant, or one that nobody needs any more; NULL: there is none. */
static struct tenant_queue *take(struct pg_queue *queue, uint64_t hash, int64_t now_ms)
{
    struct tenant_queue *tenant = find(queue, hash);
    for (unsigned i = 0; i < TENANTS_MAX && !tenant; i++)
        if (queue->tenants[i].waiting == 0 && queue->tenants[i].stuck_until_ms <= now_ms)
            tenant = &queue->tenants[i];
    if (tenant && tenant->hash != hash)
        *tenant = (struct tenant_queue){.hash = hash};
    return tenant;
}

int pg_queue_enter(struct pg_queue *queue, struct slice tenant, unsigned waiting_max,
                   bool *ret_is_stuck, struct err *err)
{
    int64_t now_ms = clock_mono_ms();
    bool is_stuck = false, is_in = true;
    pthread_mutex_lock(&queue->mutex);
    struct tenant_queue *of = take(queue, hash_slice(tenant), now_ms);
    if (of) {
        is_stuck = of->stuck_until_ms > now_ms;
        is_in = of->waiting < (is_stuck ? 1 : waiting_max);
        of->waiting += is_in;
    }
    pthread_mutex_unlock(&queue->mutex);
    if (!is_in)
        return err_set(err, ERR_CROWDED, "%s%.*s is being changed, and others wait for it already",
                       tenant.n ? "tenant " : "the platform", SLICE_ARG(tenant));
    *ret_is_stuck = is_stuck;
    return 0;
}

void pg_queue_leave(struct pg_queue *queue, struct slice tenant, bool in_vain)
{
    pthread_mutex_lock(&queue->mutex);
    struct tenant_queue *of = find(queue, hash_slice(tenant));
    if (of && of->waiting) { /* 0: it went in without a bound */
        of->waiting--;
        of->stuck_until_ms = in_vain ? clock_mono_ms() + STUCK_MS : 0;
    }
    pthread_mutex_unlock(&queue->mutex);
}
