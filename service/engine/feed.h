/*
 * Keeps the rulesets of this node at the store's truth: loads everything at start, then follows the
 * change feed.
 *
 *     ear      in store_feed_wait(), always: hears commits, tells others of ours ─┐
 *     courier  put an edit in force that Redis told of ─── feed_wake() ───────────┤► puller: reads the
 *     clock    FEED_POLL_MS after the last look ──────────────────────────────────┘   feed, loads what
 *     writers  feed_pull(): before an edit is acknowledged it is in force here        it names
 *
 * Pulls take turns (turns.h): who wants one while one is under way shares the next. What this process
 * committed goes into Redis at the end of the pull that finds it (spread.h), whoever's pull that is.
 *
 * Also says how far what is in memory can be trusted (trust.h): as of when the last good look at the
 * feed began. That the cache tells of no change is no proof: who changed something may have reached the
 * store and not the cache. A store that is away at start is no end: the snapshot on disk stands in until
 * the store is back.
 */
#ifndef SEKISHO_ENGINE_FEED_H
#define SEKISHO_ENGINE_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct feed;
struct store;
struct cache;
struct rulesets;
struct revocations;
struct spread;

/* Two looks and a second try fit into TRUST_CURRENT_MS, with room for a busy machine. */
enum { FEED_POLL_MS = 400, FEED_RETRY_MS = 100 };

struct feed_config { /* all borrowed until feed_stop() */
    struct store *store;
    struct rulesets *rulesets;
    struct revocations *revocations;
    const char *snapshot;         /* path, or NULL: none is read */
    const unsigned char *key;     /* of snapshots: ENVELOPE_KEY_BYTES */
    int64_t stale_max_ms;         /* how long the last known rules may serve */
};

/*
 * Loads all tenants, platform rules and token revocations, then starts to follow. When the store does not
 * answer, loads the snapshot instead and goes on trying; that is logged and no error. Errors are those
 * of a store that answers and is wrong.
 */
int feed_start(const struct feed_config *config, struct feed **ret, struct err *err) MUST_CHECK;
void feed_stop(struct feed *feed);

/* From then on edits made here are put into Redis. Borrows. */
void feed_use_spread(struct feed *feed, struct spread *spread);
/* Something may have changed elsewhere: pulls soon, if nobody does meanwhile. Never waits; any thread. */
void feed_wake(struct feed *feed);

/* Brings this node up to everything committed before the call. Any thread. */
int feed_pull(struct feed *feed, struct err *err) MUST_CHECK;

/* Every change with a lower number in the feed is in force on this node. Any thread. */
uint64_t feed_complete(const struct feed *feed);
/* Whose numbers these are (feed_position_history()). Ask it first: what is told after it is of that
 * history, or of a later one. */
uint64_t feed_history(const struct feed *feed);

/* Has `fn` called after each pull that brought something, by whoever pulled: it must be quick. NULL ends
 * that; afterwards no call is under way any more. */
typedef void feed_moved_fn(void *context);
void feed_on_move(struct feed *feed, feed_moved_fn *fn, void *context);

/* Has everything been loaded from the store itself? */
bool feed_is_loaded(const struct feed *feed);
/* Milliseconds since the store was last read with success; for readiness and metrics. */
long feed_age_ms(const struct feed *feed);
/* The last moment (Unix ms) of which the rulesets are known to be the truth; 0: none. */
int64_t feed_known_at_ms(const struct feed *feed);

#endif
