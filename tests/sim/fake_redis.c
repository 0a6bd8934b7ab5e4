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

enum { KEYS_MAX = 32, KEY_BYTES = 64, TOLD_MAX = 64 };

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
    struct fiber *fiber;
    struct told {
        struct cache_name name; /* empty: a flush */
        int64_t due_ms;
    } told[TOLD_MAX]; /* invalidations that are on their way */
    unsigned told_count;
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

/* `key` NULL: everything was flushed. */
static void tell_listeners(const struct slice *key)
{
    size_t prefix = sizeof CACHE_TOLD - 1;
    struct told told = {.name.text = ""};
    if (key && !slice_starts_with(*key, SLICE_LIT(CACHE_TOLD)))
        return; /* not tracked */
    if (key)
        snprintf(told.name.text, sizeof told.name.text, "%.*s", (int)(key->n - prefix),
                 key->p + prefix);
    for (int host = 0; host < HOSTS; host++) {
        struct listener *listener = server.listeners[host];
        told.due_ms = sim_now_ms() + chance_between(0, chance_percent(90) ? 2 : 300);
        if (listener && listener->is_hearing && listener->deaf_until_ms <= sim_now_ms() &&
            listener->told_count < TOLD_MAX)
            listener->told[listener->told_count++] = told;
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
    tell_listeners(&key);
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
    if (slice_equals_text(words[0], "GET"))
        return is_there ? reply_new(REDIS_REPLY_STRING, value_slice(entry->now))
                        : reply_new(REDIS_REPLY_NIL, SLICE_NONE);
    if (slice_equals_text(words[0], "SET")) {
        if (command->count == 6 && is_there) /* NX */
            return reply_new(REDIS_REPLY_NIL, SLICE_NONE);
        put(words[1], words[2], strtoll(words[4].p, NULL, 10));
        return reply_new(REDIS_REPLY_STATUS, SLICE_LIT("OK"));
    }
    if (!slice_equals_text(words[0], "DEL"))
        abort(); /* a command that is not played here yet */
    if (is_there) {
        value_clear(&entry->before);
        entry->before = entry->now;
        entry->now = (struct value){NULL, 0};
        tell_listeners(&words[1]);
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

/* The connection may break after any of the commands. */
int pool_ask(struct pool *pool, const struct pool_command *commands, unsigned count,
             int64_t deadline_ms, struct redisReply **replies, struct err *err)
{
    unsigned served = 0;
    bool is_going = link_trip(pool->host, TO_REDIS, link_deadline_ms(deadline_ms));
    while (is_going && served < count) {
        replies[served] = serve(&commands[served]);
        served++;
        if (chance_percent(10))
            is_going = link_trip(pool->host, TO_REDIS, link_deadline_ms(deadline_ms));
    }
    if (is_going && link_trip(pool->host, TO_REDIS, link_deadline_ms(deadline_ms)))
        return 0;
    while (served)
        freeReplyObject(replies[--served]);
    return err_set(err, ERR_UNAVAILABLE, "Redis does not answer");
}

/* --- hearing (cache/listen.h) ----------------------------------------------------------------- */

static bool is_due(const struct listener *listener)
{
    for (unsigned i = 0; i < listener->told_count; i++)
        if (listener->told[i].due_ms <= sim_now_ms())
            return true;
    return false;
}

static bool is_wanted(void *context)
{
    const struct listener *listener = context;
    return listener->is_stopping || is_due(listener);
}

/* Until the next one is due, or the next beat. */
static int64_t next_ms(const struct listener *listener)
{
    int64_t ms = LISTEN_BEAT_MS;
    for (unsigned i = 0; i < listener->told_count; i++)
        if (listener->told[i].due_ms - sim_now_ms() < ms)
            ms = link_deadline_ms(listener->told[i].due_ms);
    return ms;
}

static bool can_hear(const struct listener *listener)
{
    return link_is_up(listener->host, TO_REDIS) && listener->deaf_until_ms <= sim_now_ms();
}

/* In any order: what comes late may come after what was said later. */
static void hear(struct listener *listener)
{
    for (unsigned i = 0; i < listener->told_count;) {
        struct told told = listener->told[i];
        if (told.due_ms > sim_now_ms()) {
            i++;
            continue;
        }
        listener->told[i] = listener->told[--listener->told_count];
        listener->totals.invalidations++;
        listener->config.heard(listener->config.context, told.name.text[0] ? &told.name : NULL);
    }
}

/* What is lost is noticed with the next beat, as by the canary. */
static void *keep_hearing(void *context)
{
    struct listener *listener = context;
    while (!listener->is_stopping) {
        fiber_wait(is_wanted, listener, next_ms(listener));
        bool hears = can_hear(listener);
        if (hears != listener->is_hearing) {
            listener->totals.reconnects += hears;
            listener->is_hearing = hears;
            listener->told_count = 0;
            listener->config.heard(listener->config.context, NULL);
        }
        hear(listener);
    }
    return NULL;
}

int listener_start(const struct listener_config *config, struct listener **ret, struct err *err)
{
    (void)err;
    struct listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        abort();
    *listener = (struct listener){.host = fiber_owner(), .config = *config};
    server.listeners[listener->host] = listener;
    listener->fiber = fiber_start("Redis' ears", listener->host, keep_hearing, listener, true);
    *ret = listener;
    return 0;
}

void listener_stop(struct listener *listener)
{
    listener->is_stopping = true;
    if (listener->fiber)
        fiber_join(listener->fiber);
    listener->fiber = NULL;
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
    if (!entry || entry->now.n <= 1) /* what only says that something was edited */
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
