/*
 * The thread that is always in store_feed_wait(): it hears what is committed, tells other nodes of what
 * this one commits, and does nothing that takes time. Whoever pulls does it elsewhere (feed.c), so that
 * telling never waits for a pull.
 *
 * Beside it, it watches the ladder and logs each step: whoever pulls may hang in the store just then.
 */
#ifndef SEKISHO_ENGINE_EAR_H
#define SEKISHO_ENGINE_EAR_H

#include "base/err.h"

struct ear;
struct feed;
struct store;
struct trusted;

/* Wakes the feed. Borrows all. */
int ear_start(struct store *store, const struct trusted *trusted, struct feed *feed, struct ear **ret,
              struct err *err) MUST_CHECK;
void ear_stop(struct ear *ear);

#endif
