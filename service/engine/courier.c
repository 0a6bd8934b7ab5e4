#include "engine/courier.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cache/cache.h"
#include "core/tenant.h"
#include "engine/feed.h"
#include "engine/rulesets.h"

enum {
    QUEUE_MAX = 256, /* more at once are the feed's, which reads them in one go */
    FETCH_MS = 100,  /* the store is asked after that */
};

struct courier {
    struct rulesets *rulesets;
    struct feed *feed;
    _Atomic(struct cache *) cache;
    _Atomic uint64_t renewed, dropped;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    courier_lent_fn *lent;
    void *lent_context;
    pthread_cond_t wake;
    bool is_stopping, is_in_doubt;
    unsigned count;
    struct cache_name queue[QUEUE_MAX];
};

/* What there is to do, taken over from the queue. */
struct errand {
    bool is_in_doubt;
    courier_lent_fn *lent;
    void *lent_context;
    unsigned count;
    struct cache_name names[QUEUE_MAX];
};

/* False: nothing newer than what is in force here was found, nor was it found missing. */
static bool fetch(struct courier *courier, struct cache *cache, const struct errand *errand,
                  const struct cache_name *name)
{
    struct ruleset *ruleset;
    uint64_t history;
    char id[TENANT_ID_BYTES];
    if (cache_get_named(cache, name, clock_mono_ms() + FETCH_MS, &ruleset, &history, NULL)) {
        if (errand->lent) /* removed, say; whose it was cannot be told by its name */
            errand->lent(errand->lent_context, NULL);
        return true;
    }
    struct slice tenant = {id, ruleset_tenant(ruleset).n};
    if (tenant.n)
        memcpy(id, ruleset_tenant(ruleset).p, tenant.n);
    enum renewal renewal = rulesets_renew(courier->rulesets, ruleset, history);
    if (renewal == RENEWAL_OF_NOBODY && errand->lent)
        errand->lent(errand->lent_context, &tenant);
    atomic_fetch_add(&courier->renewed, renewal == RENEWED);
    return renewal != RENEWAL_IS_OLD;
}

/* Which edits were missed nobody knows. While the store is away nothing but Redis can tell. */
static void doubt(struct courier *courier, struct cache *cache, const struct errand *errand)
{
    struct cache_name platform;
    cache_name_of(cache, SLICE_NONE, &platform);
    (void)fetch(courier, cache, errand, &platform);
    rulesets_enter(); /* one that was never put in force has revision 0 */
    bool has_platform = ruleset_revision(rulesets_platform(courier->rulesets)) != 0;
    rulesets_leave();
    if (has_platform) /* so a node that has nothing else can begin (cold.h) */
        trusted_start(rulesets_trusted(courier->rulesets), instant_now());
    if (errand->lent)
        errand->lent(errand->lent_context, NULL);
}

/* The feed has what is in force here already, this node's own edits among it: it need not be woken. */
static void run_errand(struct courier *courier, const struct errand *errand)
{
    struct cache *cache = atomic_load(&courier->cache);
    bool is_news = errand->is_in_doubt || !cache;
    for (unsigned i = 0; cache && i < errand->count; i++)
        is_news |= fetch(courier, cache, errand, &errand->names[i]);
    if (cache && errand->is_in_doubt)
        doubt(courier, cache, errand);
    if (is_news)
        feed_wake(courier->feed);
}

static bool wait_for_errand(struct courier *courier, struct errand *ret)
{
    pthread_mutex_lock(&courier->lock);
    while (!courier->is_stopping && !courier->count && !courier->is_in_doubt)
        pthread_cond_wait(&courier->wake, &courier->lock);
    ret->is_in_doubt = courier->is_in_doubt;
    ret->lent = courier->lent;
    ret->lent_context = courier->lent_context;
    ret->count = courier->count;
    memcpy(ret->names, courier->queue, courier->count * sizeof *courier->queue);
    courier->count = 0;
    courier->is_in_doubt = false;
    bool goes_on = !courier->is_stopping;
    pthread_mutex_unlock(&courier->lock);
    return goes_on;
}

static void *run(void *context)
{
    struct courier *courier = context;
    struct errand errand;
    while (wait_for_errand(courier, &errand))
        run_errand(courier, &errand);
    return NULL;
}

int courier_start(struct rulesets *rulesets, struct feed *feed, struct courier **ret,
                  struct err *err)
{
    struct courier *courier = calloc(1, sizeof *courier);
    if (!courier)
        return err_set(err, ERR_NOMEM, "out of memory");
    courier->rulesets = rulesets;
    courier->feed = feed;
    pthread_mutex_init(&courier->lock, NULL);
    pthread_cond_init(&courier->wake, NULL);
    if (pthread_create(&courier->thread, NULL, run, courier)) {
        free(courier);
        return err_set(err, ERR_UNAVAILABLE, "no thread to fetch edits from Redis");
    }
    *ret = courier;
    return 0;
}

void courier_use_cache(struct courier *courier, struct cache *cache)
{
    atomic_store(&courier->cache, cache);
}

void courier_on_lent(struct courier *courier, courier_lent_fn *fn, void *context)
{
    pthread_mutex_lock(&courier->lock);
    courier->lent = fn;
    courier->lent_context = context;
    pthread_mutex_unlock(&courier->lock);
}

void courier_stop(struct courier *courier)
{
    if (!courier)
        return;
    pthread_mutex_lock(&courier->lock);
    courier->is_stopping = true;
    pthread_cond_signal(&courier->wake);
    pthread_mutex_unlock(&courier->lock);
    pthread_join(courier->thread, NULL);
    pthread_cond_destroy(&courier->wake);
    pthread_mutex_destroy(&courier->lock);
    free(courier);
}

static bool is_queued(const struct courier *courier, const struct cache_name *name)
{
    for (unsigned i = 0; i < courier->count; i++)
        if (strcmp(courier->queue[i].text, name->text) == 0)
            return true;
    return false;
}

void courier_heard(void *context, const struct cache_name *edited)
{
    struct courier *courier = context;
    pthread_mutex_lock(&courier->lock);
    if (!edited) {
        courier->is_in_doubt = true;
    } else if (!is_queued(courier, edited)) {
        if (courier->count < QUEUE_MAX) {
            courier->queue[courier->count++] = *edited;
        } else {
            courier->is_in_doubt = true;
            atomic_fetch_add(&courier->dropped, 1);
        }
    }
    pthread_cond_signal(&courier->wake);
    pthread_mutex_unlock(&courier->lock);
}

struct courier_totals courier_totals(const struct courier *courier)
{
    return (struct courier_totals){.renewed = atomic_load(&courier->renewed),
                                   .dropped = atomic_load(&courier->dropped)};
}
