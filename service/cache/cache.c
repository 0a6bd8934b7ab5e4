#include "cache/cache.h"

#include <hiredis/hiredis.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "cache/batch.h"
#include "cache/cache_data.h"
#include "cache/envelope.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

_Static_assert((int)CACHE_KEY_BYTES == (int)ENVELOPE_KEY_BYTES, "one key for both");

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
    struct listener_config listening = {&cache->url, cache->pool, config->heard, config->context};
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

/* The MAC of a value has another length, which is part of what BLAKE2b hashes, so that one key does
 * for both. */
void cache_name_of(const struct cache *cache, struct slice tenant, struct cache_name *ret)
{
    unsigned char hash[CACHE_HASH_BYTES];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)tenant.p, tenant.n, cache->key,
                       sizeof cache->key);
    sodium_bin2hex(ret->text, sizeof ret->text, hash, sizeof hash);
}

int cache_ask(struct cache *cache, const struct pool_command *commands, unsigned count,
              int64_t deadline_ms, struct redisReply **ret, struct err *err)
{
    int rc = pool_ask(cache->pool, commands, count, deadline_ms, ret, err);
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

/* Another tenant's ruleset is sealed as well as this one's: whose it is decides. */
static int check_name(const struct cache *cache, const struct cache_name *name,
                      const struct ruleset *ruleset, struct err *err)
{
    struct cache_name own;
    cache_name_of(cache, ruleset_tenant(ruleset), &own);
    return strcmp(own.text, name->text) == 0 ? 0 : err_set(err, ERR_INVALID, "of another tenant");
}

static int open_value(struct cache *cache, const struct cache_name *name,
                      const struct redisReply *reply, struct ruleset **ret,
                      uint64_t *ret_history, struct err *err)
{
    struct err why = {0};
    struct ruleset *ruleset = NULL;
    struct envelope_mark mark;
    if (reply->type == REDIS_REPLY_NIL)
        return miss(cache, "not there", err);
    struct slice sealed = reply->type == REDIS_REPLY_STRING
                              ? (struct slice){reply->str, reply->len} : SLICE_NONE;
    int rc = envelope_open(sealed, cache->key, NULL, &mark, &ruleset, &why);
    if (rc == ERR_NOMEM)
        return err_set(err, rc, "%s", why.text);
    if (rc == ERR_VERSION) /* of another node, in the midst of an upgrade */
        return miss(cache, why.text, err);
    rc = rc ? rc : check_name(cache, name, ruleset, &why);
    if (rc) {
        ruleset_free(ruleset);
        return refuse(cache, &why, err);
    }
    /* the time is under the seal, Redis' own expiry is not: who can write there can prolong it */
    int64_t age_ms = clock_now_ms() - mark.sealed_at_ms;
    if (age_ms > cache->max_age_ms || age_ms < -CACHE_SKEW_MS) {
        ruleset_free(ruleset);
        return miss(cache, "too old", err);
    }
    atomic_fetch_add(&cache->hits, 1);
    *ret = ruleset;
    *ret_history = mark.history;
    return 0;
}

int cache_get_named(struct cache *cache, const struct cache_name *name, int64_t deadline_ms,
                    struct ruleset **ret, uint64_t *ret_history, struct err *err)
{
    char key[CACHE_WORD_BYTES];
    struct redisReply *reply;
    snprintf(key, sizeof key, "%s%s", CACHE_RULES, name->text);
    struct pool_command get = {{SLICE_LIT("GET"), slice_of(key)}, 2};
    int rc = cache_ask(cache, &get, 1, deadline_ms, &reply, err);
    if (rc)
        return rc;
    rc = open_value(cache, name, reply, ret, ret_history, err);
    freeReplyObject(reply);
    return rc;
}

int cache_get(struct cache *cache, struct slice tenant, int64_t deadline_ms, struct ruleset **ret,
              struct err *err)
{
    struct cache_name name;
    uint64_t history;
    cache_name_of(cache, tenant, &name);
    return cache_get_named(cache, &name, deadline_ms, ret, &history, err);
}

/* --- putting ---------------------------------------------------------------------------------- */

/* `ruleset` NULL: removes the tenant's. */
static int put_one(struct cache *cache, struct slice tenant, const struct ruleset *ruleset,
                   struct err *err)
{
    struct batch *batch;
    int rc = batch_new(cache, &batch, err);
    if (rc)
        return rc;
    rc = ruleset ? batch_put(batch, ruleset, 0, true, err) : batch_remove(batch, tenant, true, err);
    rc = rc ? rc : batch_send(batch, clock_mono_ms() + CACHE_WRITE_MS, err);
    batch_free(batch);
    return rc;
}

int cache_put(struct cache *cache, const struct ruleset *ruleset, struct err *err)
{
    return put_one(cache, ruleset_tenant(ruleset), ruleset, err);
}

int cache_remove(struct cache *cache, struct slice tenant, struct err *err)
{
    return put_one(cache, tenant, NULL, err);
}

/* --- notes ------------------------------------------------------------------------------------ */

static int ask_note(struct cache *cache, const struct pool_command *command,
                    struct redisReply **ret, struct err *err)
{
    return cache_ask(cache, command, 1, clock_mono_ms() + CACHE_WRITE_MS, ret, err);
}

static struct slice note_key(const char *name, char key[CACHE_WORD_BYTES])
{
    snprintf(key, CACHE_WORD_BYTES, "%s%s", CACHE_NOTE, name);
    return slice_of(key);
}

int cache_note_get(struct cache *cache, const char *name, char ret[CACHE_NOTE_BYTES],
                   struct err *err)
{
    char key[CACHE_WORD_BYTES];
    struct redisReply *reply;
    struct pool_command get = {{SLICE_LIT("GET"), note_key(name, key)}, 2};
    int rc = ask_note(cache, &get, &reply, err);
    if (rc)
        return rc;
    bool is_text = reply->type == REDIS_REPLY_STRING && reply->len < CACHE_NOTE_BYTES;
    snprintf(ret, CACHE_NOTE_BYTES, "%s", is_text ? reply->str : "");
    freeReplyObject(reply);
    return 0;
}

int cache_note_put(struct cache *cache, const char *name, const char *text, int64_t lives_ms,
                   bool only_new, bool *ret_is_put, struct err *err)
{
    char key[CACHE_WORD_BYTES], lives[24];
    struct redisReply *reply;
    snprintf(lives, sizeof lives, "%lld", (long long)lives_ms);
    struct pool_command set = {{SLICE_LIT("SET"), note_key(name, key), slice_of(text),
                                SLICE_LIT("PX"), slice_of(lives), SLICE_LIT("NX")},
                               only_new ? 6 : 5};
    int rc = ask_note(cache, &set, &reply, err);
    if (rc)
        return rc;
    if (ret_is_put)
        *ret_is_put = reply->type != REDIS_REPLY_NIL;
    freeReplyObject(reply);
    return 0;
}

int cache_note_remove(struct cache *cache, const char *name, struct err *err)
{
    char key[CACHE_WORD_BYTES];
    struct redisReply *reply;
    struct pool_command del = {{SLICE_LIT("DEL"), note_key(name, key)}, 2};
    int rc = ask_note(cache, &del, &reply, err);
    if (!rc)
        freeReplyObject(reply);
    return rc;
}

/* --- for others to see ------------------------------------------------------------------------ */

int64_t cache_max_age_ms(const struct cache *cache)
{
    return cache->max_age_ms;
}

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
