/* What cache.c and batch.c share of a cache; nobody else looks in here. */
#ifndef SEKISHO_CACHE_CACHE_DATA_H
#define SEKISHO_CACHE_CACHE_DATA_H

#include <stdatomic.h>

#include "cache/cache.h"
#include "cache/listen.h"
#include "cache/pool.h"

#define CACHE_RULES CACHE_PREFIX "rules:"
#define CACHE_NOTE CACHE_PREFIX "note:"

enum {
    CACHE_WRITE_MS = 200,      /* what a put or a remove may take */
    CACHE_SKEW_MS = 60 * 1000, /* how far the clocks of two nodes may be apart */
    CACHE_WORD_BYTES = 64,     /* the longest key, with its NUL */
};

struct cache {
    struct redis_url url;
    unsigned char key[CACHE_KEY_BYTES];
    int64_t max_age_ms;
    struct pool *pool;
    struct listener *listener;
    _Atomic uint64_t hits, misses, poisoned, errors, puts;
    _Atomic int64_t warned_at_ms; /* poison is logged once a second at most */
};

/* Asks, and counts what went wrong. */
int cache_ask(struct cache *cache, const struct pool_command *commands, unsigned count,
              int64_t deadline_ms, struct redisReply **ret, struct err *err) MUST_CHECK;

#endif
