#include "engine/spread.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "cache/batch.h"

enum {
    LATELY = 1024, /* tenants whose puts are remembered; one that is forgotten is put once more */
    LATELY_MS = 10000,
    SEND_MS = 200, /* readers of the feed wait for it */
};

struct spread {
    struct batch *batch;
    struct put {
        uint64_t hash, revision;
        int64_t at_ms; /* monotonic; 0: none yet */
    } lately[LATELY];
    uint64_t history;
    atomic_bool is_filling, owes;
    bool is_failing; /* logged once */
};

int spread_new(struct cache *cache, struct spread **ret, struct err *err)
{
    struct spread *spread = calloc(1, sizeof *spread);
    if (!spread)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = batch_new(cache, &spread->batch, err);
    if (rc)
        free(spread);
    else
        *ret = spread;
    return rc;
}

void spread_free(struct spread *spread)
{
    if (!spread)
        return;
    batch_free(spread->batch);
    free(spread);
}

void spread_set_history(struct spread *spread, uint64_t history)
{
    if (history == spread->history)
        return;
    memset(spread->lately, 0, sizeof spread->lately);
    spread->history = history;
}

enum spreading spread_how(const struct spread *spread, struct slice tenant, uint64_t revision,
                          bool is_own)
{
    uint64_t hash = hash_slice(tenant);
    const struct put *put = &spread->lately[hash % LATELY];
    bool is_known = put->at_ms && put->hash == hash;
    if (is_known && put->revision >= revision)
        return SPREAD_NOT;
    if (is_own)
        return SPREAD_ALOUD;
    bool is_late = is_known && clock_mono_ms() - put->at_ms < LATELY_MS;
    return is_late || atomic_load(&spread->is_filling) ? SPREAD_QUIETLY : SPREAD_NOT;
}

void spread_send(struct spread *spread)
{
    struct err err = {0};
    char text[LOG_VALUE_BYTES];
    if (!batch_count(spread->batch))
        return;
    bool is_failing = batch_send(spread->batch, clock_mono_ms() + SEND_MS, &err) != 0;
    if (is_failing)
        atomic_store(&spread->owes, true);
    if (is_failing && !spread->is_failing)
        log_warn("redis_put_failed", "reason=%s", log_value(slice_of(err.text), text));
    spread->is_failing = is_failing;
}

void spread_make_room(struct spread *spread)
{
    if (batch_is_full(spread->batch))
        spread_send(spread);
}

void spread_add(struct spread *spread, struct slice tenant, uint64_t revision,
                const struct ruleset *ruleset, enum spreading how)
{
    uint64_t hash = hash_slice(tenant);
    bool is_aloud = how == SPREAD_ALOUD;
    if (how == SPREAD_NOT)
        return;
    if (ruleset ? batch_put(spread->batch, ruleset, spread->history, is_aloud, NULL)
                : batch_remove(spread->batch, tenant, is_aloud, NULL))
        atomic_store(&spread->owes, true);
    spread->lately[hash % LATELY] = (struct put){hash, revision, clock_mono_ms()};
}

void spread_set_filling(struct spread *spread, bool is_filling)
{
    atomic_store(&spread->is_filling, is_filling);
}

bool spread_owes(struct spread *spread)
{
    return atomic_exchange(&spread->owes, false);
}
