/*
 * Redis, under the real cache.c: one map of keys, invalidations that come early, late or never, a
 * replica that takes over without the last writes, and somebody who writes what he should not.
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "cache/listen.h"
#include "cache/pool.h"
#include "sim.h"

enum { KEYS_MAX = 32, KEY_BYTES = 64 };

struct value {
    char *bytes;
    size_t n;
};
struct entry {
    char key[KEY_BYTES];
    struct value now, before; /* what was there before, for who plays it back */
    int64_t expires_ms;
};

static struct {
    struct entry entries[KEYS_MAX];
    unsigned count;
    struct listener *listeners[HOSTS];
} server;

struct listener {
    int host;
    struct listener_config config;
    struct fiber *courier;
    int64_t due_ms; /* of the next invalidation; INT64_MAX: none is on its way */
    bool is_told_of[KEYS_MAX]; /* by then; of an entry each */
    bool is_told_of_all;       /* a flush */
    int64_t deaf_until_ms;
    bool is_hearing, is_stopping;
    struct listener_totals totals;
};

struct pool {
    int host;
};

/* --- values ----------------------------------------------------------------------------------- */

static struct value value_copy(struct slice bytes)
{
    struct value value = {malloc(bytes.n + 1), bytes.n};
    if (!value.bytes)
        abort();
    memcpy(value.bytes, bytes.p, bytes.n);
    value.bytes[bytes.n] = '\0';
    return value;
}

static struct slice value_slice(struct value value)
{
    return (struct slice){value.bytes, value.n};
}

static void value_clear(struct value *value)
{
    free(value->bytes);
    *value = (struct value){NULL, 0};
}

static struct entry *find(struct slice key, bool makes)
{
    for (unsigned i = 0; i < server.count; i++)
        if (slice_equals_text(key, server.entries[i].key))
            return &server.entries[i];
    if (!makes || server.count == KEYS_MAX)
        return NULL;
    struct entry *entry = &server.entries[server.count++];
    snprintf(entry->key, sizeof entry->key, "%.*s", SLICE_ARG(key));
    return entry;
}

/* `entry` NULL: of all. Only one prefix is tracked. */
static void tell_listeners(const struct entry *entry)
{
    if (entry && !slice_starts_with(slice_of(entry->key), SLICE_LIT(CACHE_TOLD)))
        return;
    for (int host = 0; host < HOSTS; host++) {
        struct listener *listener = server.listeners[host];
        int64_t at_ms = sim_now_ms() + chance_between(0, chance_percent(90) ? 2 : 300);
        if (!listener || !listener->is_hearing || listener->deaf_until_ms > sim_now_ms())
            continue;
        if (at_ms < listener->due_ms)
            listener->due_ms = at_ms;
        if (entry)
            listener->is_told_of[entry - server.entries] = true;
        else
            listener->is_told_of_all = true;
    }
}

static void put(struct slice key, struct slice bytes, int64_t lives_ms)
{
    struct entry *entry = find(key, true);
    if (!entry)
        abort();
    value_clear(&entry->before);
    entry->before = entry->now;
    entry->now = value_copy(bytes);
    entry->expires_ms = sim_now_ms() + lives_ms;
    tell_listeners(entry);
}

static struct redisReply *reply_new(int type, struct slice text)
{
    struct redisReply *reply = calloc(1, sizeof *reply);
    if (!reply)
        abort();
    reply->type = type;
    if (text.p) {
        reply->str = value_copy(text).bytes;
        reply->len = text.n;
    }
    return reply;
}

static struct redisReply *serve(const struct pool_command *command)
{
    const struct slice *words = command->words;
    struct entry *entry = find(words[1], false);
    bool is_there = entry && entry->now.bytes && entry->expires_ms > sim_now_ms();
    if (slice_equals_text(words[0], "GET")) {
        return is_there ? reply_new(REDIS_REPLY_STRING, value_slice(entry->now))
                        : reply_new(REDIS_REPLY_NIL, SLICE_NONE);
    }
    if (slice_equals_text(words[0], "SET") && command->count == 6 && is_there)
        return reply_new(REDIS_REPLY_NIL, SLICE_NONE); /* NX */
    if (slice_equals_text(words[0], "SET")) {
        put(words[1], words[2], strtoll(words[4].p, NULL, 10));
        return reply_new(REDIS_REPLY_STATUS, SLICE_LIT("OK"));
    }
    if (!slice_equals_text(words[0], "DEL"))
        abort(); /* a command that is not played here yet */
    if (entry) {
        value_clear(&entry->before);
        entry->before = entry->now;
        entry->now = (struct value){NULL, 0};
        tell_listeners(entry);
    }
    return reply_new(REDIS_REPLY_INTEGER, SLICE_NONE);
}

/* --- asking (cache/pool.h) -------------------------------------------------------------------- */

int pool_new(const struct redis_url *url, struct pool **ret, struct err *err)
{
    (void)url, (void)err;
    *ret = malloc(sizeof **ret);
    if (!*ret)
        abort();
    (*ret)->host = fiber_owner();
    return 0;
}

void pool_free(struct pool *pool)
{
    free(pool);
}

/* It may stop on the way: then some of the commands were carried out, and nobody knows which. */
int pool_ask(struct pool *pool, const struct pool_command *commands, unsigned count,
             int64_t deadline_ms, struct redisReply **replies, struct err *err)
{
    unsigned answered = 0;
    bool is_there = link_trip(pool->host, TO_REDIS, link_deadline_ms(deadline_ms));
    while (is_there && answered < count) {
        replies[answered] = serve(&commands[answered]);
        answered++;
        is_there = answered == count || link_is_up(pool->host, TO_REDIS);
    }
    if (is_there && link_trip(pool->host, TO_REDIS, link_deadline_ms(deadline_ms)))
        return 0;
    while (answered)
        freeReplyObject(replies[--answered]);
    return err_set(err, ERR_UNAVAILABLE, "Redis does not answer");
}

/* --- hearing (cache/listen.h) ----------------------------------------------------------------- */

static bool is_wanted(void *context)
{
    const struct listener *listener = context;
    return listener->is_stopping || listener->due_ms <= sim_now_ms() || listener->due_ms != INT64_MAX;
}

static bool can_hear(const struct listener *listener)
{
    return link_is_up(listener->host, TO_REDIS) && listener->deaf_until_ms <= sim_now_ms();
}

static void tell(struct listener *listener)
{
    struct cache_name name;
    if (listener->is_told_of_all)
        listener->config.heard(listener->config.context, NULL);
    listener->is_told_of_all = false;
    for (unsigned i = 0; i < KEYS_MAX; i++) {
        if (!listener->is_told_of[i])
            continue;
        listener->is_told_of[i] = false;
        listener->totals.invalidations++;
        snprintf(name.text, sizeof name.text, "%s", server.entries[i].key + sizeof CACHE_TOLD - 1);
        listener->config.heard(listener->config.context, &name);
    }
}

/* What is lost is noticed with the next beat, as by the canary. */
static void *carry(void *context)
{
    struct listener *listener = context;
    while (!listener->is_stopping) {
        bool is_told = fiber_wait(is_wanted, listener, LISTEN_BEAT_MS);
        if (listener->is_stopping)
            break;
        if (is_told)
            fiber_sleep_ms(link_deadline_ms(listener->due_ms));
        bool hears = can_hear(listener);
        listener->due_ms = INT64_MAX;
        if (hears != listener->is_hearing) {
            listener->totals.reconnects += hears;
            listener->is_hearing = hears;
            memset(listener->is_told_of, 0, sizeof listener->is_told_of);
            listener->config.heard(listener->config.context, NULL);
        } else if (is_told && hears) {
            tell(listener);
        }
    }
    return NULL;
}

int listener_start(const struct listener_config *config, struct listener **ret, struct err *err)
{
    (void)err;
    struct listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        abort();
    *listener = (struct listener){.host = fiber_owner(), .config = *config, .due_ms = INT64_MAX};
    server.listeners[listener->host] = listener;
    listener->courier = fiber_start("Redis' courier", listener->host, carry, listener, true);
    *ret = listener;
    return 0;
}

void listener_stop(struct listener *listener)
{
    listener->is_stopping = true;
    if (listener->courier)
        fiber_join(listener->courier);
    listener->courier = NULL;
    server.listeners[listener->host] = NULL;
}

void listener_free(struct listener *listener)
{
    if (listener)
        listener_stop(listener);
    free(listener);
}

bool listener_is_hearing(const struct listener *listener)
{
    return listener->is_hearing;
}

struct listener_totals listener_totals(const struct listener *listener)
{
    return listener->totals;
}

/* --- what happens to it ----------------------------------------------------------------------- */

void fake_redis_flush(void)
{
    trace("Redis loses everything");
    for (unsigned i = 0; i < server.count; i++)
        value_clear(&server.entries[i].now);
    tell_listeners(NULL);
}

void fake_redis_fail_over(void)
{
    trace("Redis' replica takes over");
    for (unsigned i = 0; i < server.count; i++) {
        struct entry *entry = &server.entries[i];
        if (chance_percent(50) && entry->before.bytes) {
            struct value now = entry->now;
            entry->now = entry->before;
            entry->before = now;
        }
    }
}

void fake_redis_deafen(int host)
{
    if (server.listeners[host])
        server.listeners[host]->deaf_until_ms = sim_now_ms() + chance_between(1000, 6000);
}

void fake_redis_poison(void)
{
    struct entry *entry = server.count ? &server.entries[chance_below(server.count)] : NULL;
    struct entry *other = server.count ? &server.entries[chance_below(server.count)] : NULL;
    if (!entry || !entry->now.n)
        return;
    switch (chance_below(4)) {
    case 0:
        entry->now.bytes[chance_below((unsigned)entry->now.n)] ^= (char)(1 << chance_below(8));
        break;
    case 1:
        entry->now.n = chance_below((unsigned)entry->now.n);
        break;
    case 2: /* what is another tenant's */
        if (other != entry && other->now.bytes) {
            value_clear(&entry->now);
            entry->now = value_copy(value_slice(other->now));
        }
        break;
    default: /* what was true once */
        if (entry->before.bytes) {
            value_clear(&entry->now);
            entry->now = value_copy(value_slice(entry->before));
        }
    }
    trace("Redis is poisoned");
}
