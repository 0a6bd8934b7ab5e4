#include "cache/cache.h"

#include <hiredis/hiredis.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "cache/envelope.h"
#include "cache/listen.h"
#include "cache/pool.h"

enum {
    DAY_MS = 24 * 60 * 60 * 1000,
    WRITE_MS = 500,      /* what a put or a remove may take */
    SKEW_MS = 60 * 1000, /* how far the clocks of two nodes may be apart */
    KEY_HASH_BYTES = 16,
    KEY_CHARS = sizeof CACHE_PREFIX - 1 + 2 * KEY_HASH_BYTES,
};

_Static_assert((int)CACHE_KEY_BYTES == (int)ENVELOPE_KEY_BYTES, "one key for both");

struct cache {
    struct redis_url url;
    unsigned char key[CACHE_KEY_BYTES];
    int64_t max_age_ms;
    struct pool *pool;
    struct listener *listener;
    _Atomic uint64_t hits, misses, poisoned, errors, puts;
    _Atomic int64_t warned_at_ms; /* poison is logged once a second at most */
};

int cache_open(const struct cache_config *config, struct cache **ret, struct err *err)
{
    struct cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return err_set(err, ERR_NOMEM, "out of memory");
    memcpy(cache->key, config->key, sizeof cache->key);
    cache->max_age_ms = config->max_age_ms ? config->max_age_ms : DAY_MS;
    int rc = redis_url_parse(config->url, &cache->url, err);
    if (rc)
        err_context(err, "--redis");
    if (!rc && sodium_init() < 0)
        rc = err_set(err, ERR_IO, "no randomness");
    rc = rc ? rc : pool_new(&cache->url, &cache->pool, err);
    struct listener_config listening = {&cache->url, cache->pool, config->changed, config->context};
    rc = rc ? rc : listener_start(&listening, &cache->listener, err);
    if (rc)
        cache_close(cache);
    else
        *ret = cache;
    return rc;
}

void cache_stop_listening(struct cache *cache)
{
    if (cache)
        listener_stop(cache->listener);
}

void cache_close(struct cache *cache)
{
    if (!cache)
        return;
    listener_free(cache->listener);
    pool_free(cache->pool);
    sodium_memzero(cache, sizeof *cache);
    free(cache);
}

/* Hashed with the key, because names of keys leak. The MAC of a value has another length, which
 * is part of what BLAKE2b hashes, so that one key does for both. */
static void name_key(const struct cache *cache, struct slice tenant, char name[KEY_CHARS + 1])
{
    unsigned char hash[KEY_HASH_BYTES];
    size_t prefix = sizeof CACHE_PREFIX - 1;
    crypto_generichash(hash, sizeof hash, (const unsigned char *)tenant.p, tenant.n, cache->key,
                       sizeof cache->key);
    memcpy(name, CACHE_PREFIX, prefix);
    sodium_bin2hex(name + prefix, KEY_CHARS + 1 - prefix, hash, sizeof hash);
}

static int ask(struct cache *cache, const struct slice *words, unsigned count, int64_t deadline_ms,
               struct redisReply **ret, struct err *err)
{
    int rc = pool_ask(cache->pool, words, count, deadline_ms, ret, err);
    if (rc)
        atomic_fetch_add(&cache->errors, 1);
    return rc;
}

/* --- getting ---------------------------------------------------------------------------------- */

static int refuse(struct cache *cache, const struct err *why, struct err *err)
{
    char text[LOG_VALUE_BYTES];
    int64_t now_ms = clock_mono_ms(), warned_at_ms = atomic_load(&cache->warned_at_ms);
    atomic_fetch_add(&cache->poisoned, 1);
    if ((!warned_at_ms || now_ms - warned_at_ms >= 1000) &&
        atomic_compare_exchange_strong(&cache->warned_at_ms, &warned_at_ms, now_ms))
        log_warn("redis_poisoned", "reason=%s", log_value(slice_of(why->text), text));
    return err_set(err, ERR_NOT_FOUND, "not believed: %s", why->text);
}

static int miss(struct cache *cache, const char *why, struct err *err)
{
    atomic_fetch_add(&cache->misses, 1);
    return err_set(err, ERR_NOT_FOUND, "%s", why);
}

static int open_value(struct cache *cache, struct slice tenant, const struct redisReply *reply,
                      struct ruleset **ret, struct err *err)
{
    struct err why = {0};
    struct ruleset *ruleset;
    int64_t sealed_at_ms;
    if (reply->type == REDIS_REPLY_NIL)
        return miss(cache, "not there", err);
    struct slice sealed = reply->type == REDIS_REPLY_STRING
                              ? (struct slice){reply->str, reply->len} : SLICE_NONE;
    int rc = envelope_open(sealed, cache->key, &tenant, &sealed_at_ms, &ruleset, &why);
    if (rc == ERR_NOMEM)
        return err_set(err, rc, "%s", why.text);
    if (rc == ERR_VERSION) /* of another node, in the midst of an upgrade */
        return miss(cache, why.text, err);
    if (rc)
        return refuse(cache, &why, err);
    /* the time is under the seal, Redis' own expiry is not: who can write there can prolong it */
    int64_t age_ms = clock_now_ms() - sealed_at_ms;
    if (age_ms > cache->max_age_ms || age_ms < -SKEW_MS) {
        ruleset_free(ruleset);
        return miss(cache, "too old", err);
    }
    atomic_fetch_add(&cache->hits, 1);
    *ret = ruleset;
    return 0;
}

int cache_get(struct cache *cache, struct slice tenant, int64_t deadline_ms, struct ruleset **ret,
              struct err *err)
{
    char name[KEY_CHARS + 1];
    struct redisReply *reply;
    name_key(cache, tenant, name);
    struct slice words[] = {SLICE_LIT("GET"), {name, KEY_CHARS}};
    int rc = ask(cache, words, 2, deadline_ms, &reply, err);
    if (rc)
        return rc;
    rc = open_value(cache, tenant, reply, ret, err);
    freeReplyObject(reply);
    return rc;
}

/* --- putting ---------------------------------------------------------------------------------- */

static int write_words(struct cache *cache, const struct slice *words, unsigned count,
                       struct err *err)
{
    struct redisReply *reply;
    int rc = ask(cache, words, count, clock_mono_ms() + WRITE_MS, &reply, err);
    if (!rc)
        freeReplyObject(reply);
    return rc;
}

int cache_put(struct cache *cache, const struct ruleset *ruleset, struct err *err)
{
    char name[KEY_CHARS + 1], lives_ms[24];
    size_t n = envelope_bytes(ruleset);
    unsigned char *sealed = malloc(n);
    if (!sealed)
        return err_set(err, ERR_NOMEM, "out of memory");
    name_key(cache, ruleset_tenant(ruleset), name);
    envelope_seal(ruleset, cache->key, clock_now_ms(), sealed);
    snprintf(lives_ms, sizeof lives_ms, "%lld", (long long)cache->max_age_ms);
    struct slice words[] = {SLICE_LIT("SET"), {name, KEY_CHARS}, {(const char *)sealed, n},
                            SLICE_LIT("PX"), slice_of(lives_ms)};
    int rc = write_words(cache, words, sizeof words / sizeof *words, err);
    if (!rc)
        atomic_fetch_add(&cache->puts, 1);
    free(sealed);
    return rc;
}

int cache_remove(struct cache *cache, struct slice tenant, struct err *err)
{
    char name[KEY_CHARS + 1];
    name_key(cache, tenant, name);
    struct slice words[] = {SLICE_LIT("DEL"), {name, KEY_CHARS}};
    return write_words(cache, words, 2, err);
}

/* --- for others to see ------------------------------------------------------------------------ */

bool cache_is_listening(const struct cache *cache)
{
    return listener_is_hearing(cache->listener);
}

struct cache_totals cache_totals(const struct cache *cache)
{
    struct listener_totals listening = listener_totals(cache->listener);
    return (struct cache_totals){
        .hits = atomic_load(&cache->hits),
        .misses = atomic_load(&cache->misses),
        .poisoned = atomic_load(&cache->poisoned),
        .errors = atomic_load(&cache->errors),
        .puts = atomic_load(&cache->puts),
        .invalidations = listening.invalidations,
        .flushes = listening.flushes,
        .reconnects = listening.reconnects,
    };
}
