/*
 * The thread that hears what other nodes put: client tracking of Redis, with what makes it certain.
 *
 *     ears   CLIENT TRACKING ON REDIRECT <own id> BCAST PREFIX sk:told:, SUBSCRIBE __redis__:invalidate
 *     hand   SET sk:told:canary:<this process>, once a beat; the ears must hear of it before the next
 *
 * The ears redirect to themselves: with a connection for each half, the half that dies leaves the
 * other one answering PING and never hearing anything again (pitfalls A.2). The canary proves the
 * whole way, from a write to what is heard; a node that became a replica refuses it. A PING beside
 * it tells, when the canary is not heard, whether the connection is dead or only the tracking.
 *
 * heard() is called for each edit, and with NULL whenever something may have been missed: when the
 * ears are lost, when they are back, and at a null flush.
 *
 * Not seen by this: a master that Sentinels have replaced without being able to tell it. The poll
 * of the change feed bounds that.
 */
#ifndef SEKISHO_CACHE_LISTEN_H
#define SEKISHO_CACHE_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cache/cache.h"

#define CACHE_PREFIX "sk:"
#define CACHE_TOLD CACHE_PREFIX "told:" /* what is tracked */
#define CACHE_CANARY CACHE_TOLD "canary:"

enum { LISTEN_BEAT_MS = 1000 };

struct listener;
struct pool;
struct redis_url;

struct listener_config {
    const struct redis_url *url; /* borrowed, like the pool, which is told where Redis is */
    struct pool *pool;
    cache_heard_fn *heard;
    void *context;
};

struct listener_totals {
    uint64_t invalidations; /* keys heard of, canaries not counted */
    uint64_t flushes;
    uint64_t reconnects; /* times that the ears were back after they were lost */
};

int listener_start(const struct listener_config *config, struct listener **ret,
                   struct err *err) MUST_CHECK;
/* Ends the thread; again is fine. It may be in the midst of an attempt to connect: at most a
 * second or two, and a name server's time. */
void listener_stop(struct listener *listener);
void listener_free(struct listener *listener); /* stops it, too; NULL is fine */
bool listener_is_hearing(const struct listener *listener);
struct listener_totals listener_totals(const struct listener *listener);

#endif
