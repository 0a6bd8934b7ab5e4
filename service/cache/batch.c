#include "cache/batch.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cache/cache_data.h"
#include "cache/envelope.h"

struct parcel {
    char rules[CACHE_WORD_BYTES], told[CACHE_WORD_BYTES]; /* the keys */
    size_t at, n; /* of its sealed value; n 0: it is to be removed */
    bool is_aloud;
};

struct batch {
    struct cache *cache;
    unsigned char *bytes;
    size_t n, cap;
    unsigned count;
    struct parcel parcels[BATCH_MAX];
};

int batch_new(struct cache *cache, struct batch **ret, struct err *err)
{
    struct batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return err_set(err, ERR_NOMEM, "out of memory");
    batch->cache = cache;
    *ret = batch;
    return 0;
}

void batch_free(struct batch *batch)
{
    if (!batch)
        return;
    free(batch->bytes);
    free(batch);
}

unsigned batch_count(const struct batch *batch)
{
    return batch->count;
}

bool batch_is_full(const struct batch *batch)
{
    return batch->count == BATCH_MAX || batch->n >= BATCH_BYTES_FULL;
}

static int reserve(struct batch *batch, size_t n, struct err *err)
{
    size_t cap = batch->cap ? batch->cap : 4096;
    while (cap < batch->n + n)
        cap *= 2;
    unsigned char *bytes = cap == batch->cap ? batch->bytes : realloc(batch->bytes, cap);
    if (!bytes)
        return err_set(err, ERR_NOMEM, "out of memory");
    batch->bytes = bytes;
    batch->cap = cap;
    return 0;
}

static struct parcel *add(struct batch *batch, struct slice tenant, bool is_aloud)
{
    struct cache_name name;
    struct parcel *parcel = &batch->parcels[batch->count++];
    cache_name_of(batch->cache, tenant, &name);
    *parcel = (struct parcel){.at = batch->n, .is_aloud = is_aloud};
    snprintf(parcel->rules, sizeof parcel->rules, "%s%s", CACHE_RULES, name.text);
    snprintf(parcel->told, sizeof parcel->told, "%s%s", CACHE_TOLD, name.text);
    return parcel;
}

int batch_put(struct batch *batch, const struct ruleset *ruleset, uint64_t history, bool is_aloud,
              struct err *err)
{
    size_t n = envelope_bytes(ruleset);
    if (batch->count == BATCH_MAX)
        return err_set(err, ERR_LIMIT, "the batch is full");
    int rc = reserve(batch, n, err);
    if (rc)
        return rc;
    struct parcel *parcel = add(batch, ruleset_tenant(ruleset), is_aloud);
    envelope_seal(ruleset, batch->cache->key, (struct envelope_mark){clock_now_ms(), history},
                  batch->bytes + batch->n);
    parcel->n = n;
    batch->n += n;
    return 0;
}

int batch_remove(struct batch *batch, struct slice tenant, bool is_aloud, struct err *err)
{
    if (batch->count == BATCH_MAX)
        return err_set(err, ERR_LIMIT, "the batch is full");
    add(batch, tenant, is_aloud);
    return 0;
}

/* The value before the key that is tracked: who is told must find it. */
static unsigned write_commands(const struct batch *batch, struct slice lives,
                               struct pool_command *commands)
{
    unsigned count = 0;
    for (unsigned i = 0; i < batch->count; i++) {
        const struct parcel *parcel = &batch->parcels[i];
        struct slice value = {(const char *)batch->bytes + parcel->at, parcel->n};
        if (parcel->n)
            commands[count++] = (struct pool_command){
                {SLICE_LIT("SET"), slice_of(parcel->rules), value, SLICE_LIT("PX"), lives}, 5};
        else
            commands[count++] =
                (struct pool_command){{SLICE_LIT("DEL"), slice_of(parcel->rules)}, 2};
        if (parcel->is_aloud)
            commands[count++] =
                (struct pool_command){{SLICE_LIT("SET"), slice_of(parcel->told), SLICE_LIT("1"),
                                       SLICE_LIT("PX"), lives}, 5};
    }
    return count;
}

int batch_send(struct batch *batch, int64_t deadline_ms, struct err *err)
{
    struct pool_command commands[2 * BATCH_MAX];
    struct redisReply *replies[2 * BATCH_MAX];
    char lives_ms[24];
    snprintf(lives_ms, sizeof lives_ms, "%lld", (long long)batch->cache->max_age_ms);
    unsigned count = write_commands(batch, slice_of(lives_ms), commands);
    int rc = count ? cache_ask(batch->cache, commands, count, deadline_ms, replies, err) : 0;
    for (unsigned i = 0; !rc && i < count; i++)
        freeReplyObject(replies[i]);
    for (unsigned i = 0; !rc && i < batch->count; i++)
        atomic_fetch_add(&batch->cache->puts, batch->parcels[i].n != 0);
    batch->count = 0;
    batch->n = 0;
    return rc;
}
