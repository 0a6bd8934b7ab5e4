/*
 * What this node has to put into Redis of what it finds in the feed, and what it has put lately.
 *
 *     committed by this process                       aloud: it is who changes that tells the others
 *     newer than what this node put a moment ago      quietly: two nodes that edit one tenant at once may
 *                                                     put in the wrong order, and the older would stay
 *     found while Redis is being filled by this node  quietly, for the same reason
 *     anything else                                   not at all: somebody else does
 *
 * A put that fails makes Redis one that lacks something; spread_owes() remembers until somebody (filler.h)
 * has seen to it. One thread at a time, but for spread_set_filling() and spread_owes().
 */
#ifndef SEKISHO_ENGINE_SPREAD_H
#define SEKISHO_ENGINE_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct spread;
struct cache;
struct ruleset;

enum spreading { SPREAD_NOT, SPREAD_QUIETLY, SPREAD_ALOUD };

int spread_new(struct cache *cache, struct spread **ret, struct err *err) MUST_CHECK; /* borrows */
void spread_free(struct spread *spread); /* NULL is fine */

/* In which history of the store revisions count from now on; in another one than before, what was put lately
 * says nothing any more. */
void spread_set_history(struct spread *spread, uint64_t history);

/* How the tenant's change (empty: the platform's) to this revision is to be spread. */
enum spreading spread_how(const struct spread *spread, struct slice tenant, uint64_t revision,
                          bool is_own);
/* Sends what there is when there is much of it: before each spread_add(), which itself never waits. */
void spread_make_room(struct spread *spread);
/* Kept until it is sent. `ruleset` is copied; NULL: the tenant has none any more. */
void spread_add(struct spread *spread, struct slice tenant, uint64_t revision,
                const struct ruleset *ruleset, enum spreading how);
void spread_send(struct spread *spread);

void spread_set_filling(struct spread *spread, bool is_filling);
/* Did a put fail? Forgets that it did. */
bool spread_owes(struct spread *spread);

#endif
