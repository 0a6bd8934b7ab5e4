/*
 * An open-addressing table of pointers to rulesets that readers walk without a lock.
 *
 *     slot   [ 16 bits of hash | 48 bits of address ]    one word, so it changes as a whole
 *
 * The hash bits make a look-up touch another tenant's ruleset only once in 65,536 collisions. A removed
 * tenant leaves a tombstone, because readers may be walking past it; growing drops tombstones. One writer
 * at a time; rulesets.c sees to that, and to what readers may still see.
 */
#ifndef SEKISHO_ENGINE_RULESET_TABLE_H
#define SEKISHO_ENGINE_RULESET_TABLE_H

#include <stdatomic.h>

#include "core/ruleset.h"

enum { TABLE_FIRST_SLOTS = 64 };
#define TABLE_TOMBSTONE UINT64_C(1)
#define TABLE_ADDRESS_BITS ((UINT64_C(1) << 48) - 1)

struct table {
    size_t mask; /* slots - 1 */
    _Atomic uint64_t slots[];
};

static inline struct ruleset *table_ruleset(uint64_t slot)
{
    return slot == TABLE_TOMBSTONE ? NULL : (struct ruleset *)(uintptr_t)(slot & TABLE_ADDRESS_BITS);
}

static inline uint64_t table_slot(uint64_t hash, const struct ruleset *ruleset)
{
    return (hash & ~TABLE_ADDRESS_BITS) | (uint64_t)(uintptr_t)ruleset;
}

/* NULL: no memory. free() it. */
struct table *table_new(size_t slots);
/* A table at most half full with the live slots of the old one. */
struct table *table_grown(const struct table *old, size_t live);
/* The slot of `tenant`, or NULL. */
_Atomic uint64_t *table_find(struct table *table, uint64_t hash, struct slice tenant);
/* There must be room, and none of the tenant yet. */
void table_put_new(struct table *table, uint64_t slot, uint64_t hash);

#endif
