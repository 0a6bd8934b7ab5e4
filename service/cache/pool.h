/*
 * The connections that others than the listening thread ask through: taken out, used by one thread,
 * given back when nothing went wrong.
 *
 * Where Redis is the pool is told by the listening thread (listen.h), which finds it, and through
 * Sentinel finds it again; connections to the place before are closed then. Nobody looks up a name
 * or asks a Sentinel on the way of a call.
 *
 * Circuit breaker: after a failure that took time, calls fail at once for POOL_REST_MS. A Redis
 * that accepts and says nothing costs one call its deadline a second, not every call.
 */
#ifndef SEKISHO_CACHE_POOL_H
#define SEKISHO_CACHE_POOL_H

#include "cache/redis_link.h"
#include "cache/redis_url.h"

enum { POOL_IDLE_MAX = 8, POOL_OPEN_MAX = 64, POOL_REST_MS = 1000 };

struct pool;

/* Borrows the URL. Until told where Redis is, callers wait, up to their deadlines. */
int pool_new(const struct redis_url *url, struct pool **ret, struct err *err) MUST_CHECK;
void pool_free(struct pool *pool); /* NULL is fine; nobody may be in pool_ask() */

/* Redis was found here, logged in and all; ends the rest after a failure. */
void pool_found(struct pool *pool, const struct redis_place *place);
/* Nobody knows where Redis is: callers fail at once. */
void pool_lost(struct pool *pool);

enum { POOL_WORDS_MAX = 6 };
struct pool_command {
    struct slice words[POOL_WORDS_MAX];
    unsigned count;
};
/*
 * Asks `count` commands in one round trip; that many replies are returned new in `replies`, none of
 * them an error reply. ERR_UNAVAILABLE: not one is returned; some of the commands may have been
 * carried out.
 */
int pool_ask(struct pool *pool, const struct pool_command *commands, unsigned count,
             int64_t deadline_ms, struct redisReply **replies, struct err *err) MUST_CHECK;

#endif
