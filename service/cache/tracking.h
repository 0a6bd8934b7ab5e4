/*
 * Turns a connection into one that is told which keys change (Redis 6, "server-assisted client side
 * caching"): BCAST, so that Redis keeps no table of what each client read, and redirected to itself,
 * so that the half that tracks cannot die without the half that hears.
 *
 * From then on pub/sub messages come on TRACKING_CHANNEL, each with a list of keys, or with nil for
 * all of them; and the only commands that are left are PING and those of pub/sub.
 */
#ifndef SEKISHO_CACHE_TRACKING_H
#define SEKISHO_CACHE_TRACKING_H

#include "cache/redis_link.h"

#define TRACKING_CHANNEL "__redis__:invalidate"

/* Keys that begin with `prefix`. ERR_UNAVAILABLE; ERR_FORBIDDEN: the user may not. */
int tracking_start(struct redis_link *link, const char *prefix, int64_t deadline_ms,
                   struct err *err) MUST_CHECK;

#endif
