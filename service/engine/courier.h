/*
 * Brings what other nodes edited: told by Redis which ruleset was written, fetches it there, checks it,
 * and puts it in force if it is newer than what is. The feed is told afterwards: it writes the receipt,
 * and finds what was missed here. So an edit is in force elsewhere after one round trip to Redis, though
 * a node's way to the store be long, or closed.
 *
 *     listening thread ─ heard ─► a short queue ─► this thread ─ GET ─► rulesets_renew ─► feed_wake
 *
 * Only tenants that this node has are renewed: one that came or went is the feed's to say, or what was
 * removed a moment ago would come back. One that Redis lent meanwhile (cold.h) is asked for again.
 */
#ifndef SEKISHO_ENGINE_COURIER_H
#define SEKISHO_ENGINE_COURIER_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct courier;
struct cache;
struct cache_name;
struct feed;
struct rulesets;

/* Borrows both. */
int courier_start(struct rulesets *rulesets, struct feed *feed, struct courier **ret,
                  struct err *err) MUST_CHECK;
/* Where to fetch from; before that it does not fetch. Borrows. */
void courier_use_cache(struct courier *courier, struct cache *cache);
/* Who is to forget what Redis lent: of a tenant, or (NULL) of all. Borrows. */
typedef void courier_lent_fn(void *context, const struct slice *tenant);
void courier_on_lent(struct courier *courier, courier_lent_fn *fn, void *context);
void courier_stop(struct courier *courier); /* before the cache is closed; NULL is fine */

/* cache_heard_fn, with the courier as context. */
void courier_heard(void *courier, const struct cache_name *edited);

struct courier_totals {
    uint64_t renewed; /* put in force from Redis before the feed brought it */
    uint64_t dropped; /* left to the feed because too many came at once */
};
struct courier_totals courier_totals(const struct courier *courier);

#endif
