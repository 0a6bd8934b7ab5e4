#include "engine/cold.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "cache/cache.h"
#include "engine/rulesets.h"

enum { LOADS_MAX = 64 };

struct guests {
    struct rulesets *rulesets;
    int64_t as_of_ms; /* when the store had been read last, as they came */
};

struct cold {
    struct cache *cache;
    struct rulesets *rulesets;
    const struct trusted *trusted;
    _Atomic(struct guests *) guests; /* replaced as a whole, under the lock; NULL: none yet */
    pthread_mutex_t lock; /* guards loading and count, too; never held while the cache is asked */
    pthread_cond_t done;
    uint64_t loading[LOADS_MAX]; /* hashes of the tenants being loaded */
    unsigned count;
    _Atomic uint64_t loads, loaded, forgotten;
};

int cold_new(struct cache *cache, struct rulesets *rulesets, struct cold **ret, struct err *err)
{
    struct cold *cold = calloc(1, sizeof *cold);
    pthread_condattr_t attr;
    if (!cold)
        return err_set(err, ERR_NOMEM, "out of memory");
    cold->cache = cache;
    cold->rulesets = rulesets;
    cold->trusted = rulesets_trusted(rulesets);
    pthread_mutex_init(&cold->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&cold->done, &attr);
    pthread_condattr_destroy(&attr);
    *ret = cold;
    return 0;
}

/* Not between rulesets_enter() and rulesets_leave(): waits for who is. */
static void guests_free(struct guests *guests)
{
    if (guests)
        rulesets_free(guests->rulesets);
    free(guests);
}

void cold_free(struct cold *cold)
{
    if (!cold)
        return;
    guests_free(atomic_load(&cold->guests));
    pthread_cond_destroy(&cold->done);
    pthread_mutex_destroy(&cold->lock);
    free(cold);
}

/* --- guests ------------------------------------------------------------------------------------ */

static int64_t as_of_ms(const struct cold *cold)
{
    return atomic_load(&cold->trusted->mono_ms);
}

static struct guests *guests_new(int64_t as_of_ms)
{
    struct guests *guests = calloc(1, sizeof *guests);
    if (guests && rulesets_new(&guests->rulesets, NULL)) {
        free(guests);
        return NULL;
    }
    if (guests)
        guests->as_of_ms = as_of_ms;
    return guests;
}

/* Takes `ruleset`. The guests of an earlier time leave together. */
static void lodge(struct cold *cold, struct ruleset *ruleset)
{
    struct guests *old = NULL;
    pthread_mutex_lock(&cold->lock);
    struct guests *guests = atomic_load(&cold->guests);
    if (!guests || guests->as_of_ms != as_of_ms(cold)) {
        old = guests;
        guests = guests_new(as_of_ms(cold));
        atomic_store(&cold->guests, guests);
    }
    if (!guests)
        ruleset_free(ruleset);
    else if (rulesets_publish(guests->rulesets, ruleset, NULL))
        ruleset = NULL; /* no memory: the next rung of the ladder */
    pthread_mutex_unlock(&cold->lock);
    guests_free(old);
}

const struct ruleset *cold_find(const struct cold *cold, struct slice tenant)
{
    const struct guests *guests = atomic_load(&cold->guests);
    return guests && guests->as_of_ms == as_of_ms(cold) ? rulesets_find(guests->rulesets, tenant)
                                                        : NULL;
}

static void forget(struct cold *cold, const struct slice *tenant)
{
    struct guests *old = NULL;
    pthread_mutex_lock(&cold->lock);
    struct guests *guests = atomic_load(&cold->guests);
    atomic_fetch_add(&cold->forgotten, 1);
    if (guests && tenant)
        rulesets_remove(guests->rulesets, *tenant);
    if (!tenant) {
        atomic_store(&cold->guests, NULL);
        old = guests;
    }
    pthread_mutex_unlock(&cold->lock);
    guests_free(old);
}

void cold_forget(struct cold *cold, struct slice tenant)
{
    forget(cold, &tenant);
}

void cold_forget_all(struct cold *cold)
{
    forget(cold, NULL);
}

/* --- loading ----------------------------------------------------------------------------------- */

static unsigned find(const struct cold *cold, uint64_t hash)
{
    unsigned i = 0;
    while (i < cold->count && cold->loading[i] != hash)
        i++;
    return i;
}

/* True: this thread is to load it. False: another one did, or there are too many at once. */
static bool begin(struct cold *cold, uint64_t hash, int64_t deadline_ms)
{
    struct timespec until = {deadline_ms / 1000, deadline_ms % 1000 * 1000000};
    bool is_mine = false;
    pthread_mutex_lock(&cold->lock);
    if (find(cold, hash) == cold->count) {
        is_mine = cold->count < LOADS_MAX;
        if (is_mine)
            cold->loading[cold->count++] = hash;
    } else {
        while (find(cold, hash) < cold->count &&
               pthread_cond_timedwait(&cold->done, &cold->lock, &until) == 0)
            continue;
    }
    pthread_mutex_unlock(&cold->lock);
    return is_mine;
}

static void end(struct cold *cold, uint64_t hash)
{
    pthread_mutex_lock(&cold->lock);
    cold->loading[find(cold, hash)] = cold->loading[cold->count - 1];
    cold->count--;
    pthread_cond_broadcast(&cold->done);
    pthread_mutex_unlock(&cold->lock);
}

/* Takes what was found: the platform's rules are put in force, all else are guests. */
static void receive(struct cold *cold, struct ruleset *ruleset, uint64_t history)
{
    atomic_fetch_add(&cold->loaded, 1);
    if (ruleset_tenant(ruleset).n)
        lodge(cold, ruleset);
    else
        rulesets_renew(cold->rulesets, ruleset, history);
}

/* Asks Redis for one tenant's ruleset ("" the platform's), or waits for who does. */
static void load(struct cold *cold, struct slice tenant, int64_t deadline_ms)
{
    struct cache_name name;
    struct ruleset *ruleset;
    uint64_t hash = hash_slice(tenant), forgotten = atomic_load(&cold->forgotten), history;
    if (!begin(cold, hash, deadline_ms))
        return;
    atomic_fetch_add(&cold->loads, 1);
    cache_name_of(cold->cache, tenant, &name);
    /* what cannot be had is answered by the next rung; the cache counts why */
    if (cache_get_named(cold->cache, &name, deadline_ms, &ruleset, &history, NULL) == 0)
        receive(cold, ruleset, history);
    if (atomic_load(&cold->forgotten) != forgotten) /* it may be what was to be forgotten */
        cold_forget(cold, tenant);
    end(cold, hash);
}

/* A ruleset that was never put in force has revision 0. */
static bool has_platform(const struct cold *cold)
{
    rulesets_enter();
    bool has = ruleset_revision(rulesets_platform(cold->rulesets)) != 0;
    rulesets_leave();
    return has;
}

void cold_load(struct cold *cold, struct slice tenant)
{
    int64_t deadline_ms = clock_mono_ms() + COLD_MS_MAX;
    struct trusted *trusted = rulesets_trusted(cold->rulesets);
    if (trusted_is_blank(trusted)) {
        load(cold, SLICE_NONE, deadline_ms);
        if (!has_platform(cold))
            return;
        trusted_start(trusted, instant_now());
    }
    load(cold, tenant, deadline_ms);
}

struct cold_totals cold_totals(const struct cold *cold)
{
    return (struct cold_totals){atomic_load(&cold->loads), atomic_load(&cold->loaded)};
}
