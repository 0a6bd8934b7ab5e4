/*
 * From a URL to a connection that is the master's, logged in, in the right database.
 *
 *     redis://            look up the host ────────────► connect ─► AUTH ─► SELECT ─► ROLE: master?
 *     redis+sentinel://   ask Sentinels one by one ────┘
 *
 * A replica is refused: it hears of a change later than the master, and cannot be written. A
 * Sentinel that does not answer costs REDIS_SENTINEL_MS; one whose word turns out to be old (what
 * it names is no master) is passed over for the next. Errors say what to do about --redis.
 */
#ifndef SEKISHO_CACHE_REDIS_CONNECT_H
#define SEKISHO_CACHE_REDIS_CONNECT_H

#include "cache/redis_link.h"
#include "cache/redis_url.h"

enum { REDIS_SENTINEL_MS = 100 };

/*
 * Finds and connects; *ret_place is where it is, for redis_connect(). Each attempt to connect takes
 * `attempt_ms` at most; names are looked up by the system, which may take longer. ERR_UNAVAILABLE:
 * nobody there, or no answer; ERR_FORBIDDEN: password; ERR_INVALID: a replica, a Sentinel, or no
 * Redis.
 */
int redis_find(const struct redis_url *url, int64_t attempt_ms, struct redis_place *ret_place,
               struct redis_link **ret, struct err *err) MUST_CHECK;

/* Connects to a place that redis_find() told. */
int redis_connect(const struct redis_url *url, const struct redis_place *place, int64_t deadline_ms,
                  struct redis_link **ret, struct err *err) MUST_CHECK;

/* The error in a reply, as one of ours: which permission is missing, and so on. */
int redis_reply_error(const struct redisReply *reply, struct err *err) MUST_CHECK;

#endif
