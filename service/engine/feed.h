/*
 * Keeps the rulesets of this node at the store's truth: loads everything at start, then follows the
 * change feed. A write on this node is pulled in before its answer goes out, so an acknowledged edit
 * is in force here; others come with the poll, once a second.
 */
#ifndef SEKISHO_ENGINE_FEED_H
#define SEKISHO_ENGINE_FEED_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct feed;
struct store;
struct rulesets;
struct revocations;

/* Loads all tenants, platform rules and token revocations, then starts the poll. Borrows the rest. */
int feed_start(struct store *store, struct rulesets *rulesets, struct revocations *revocations,
               struct feed **ret, struct err *err) MUST_CHECK;
void feed_stop(struct feed *feed);

/* Brings this node up to everything committed before the call. Any thread. */
int feed_pull(struct feed *feed, struct err *err) MUST_CHECK;

/* Every change with a lower number in the feed is in force on this node. Any thread. */
uint64_t feed_complete(const struct feed *feed);

/* Has `fn` called after each pull that brought something, by whoever pulled: it must be quick. NULL ends
 * that; afterwards no call is under way any more. */
typedef void feed_moved_fn(void *context);
void feed_on_move(struct feed *feed, feed_moved_fn *fn, void *context);

/* Milliseconds since the store was last read with success; for readiness and metrics. */
long feed_age_ms(const struct feed *feed);

#endif
