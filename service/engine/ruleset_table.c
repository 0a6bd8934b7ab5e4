#include "engine/ruleset_table.h"

#include <stdlib.h>

#include "base/hash.h"

struct table *table_new(size_t slots)
{
    struct table *table = calloc(1, sizeof *table + slots * sizeof table->slots[0]);
    if (table)
        table->mask = slots - 1;
    return table;
}

/*
 * Asks memory for all of a usual ruleset at once. Among a million tenants each part of it would else be
 * waited for in turn: header, name, rules, the rule that matches, its texts. (Left to itself the compiler
 * drops the call: it has no effect that a program could see.)
 */
static inline __attribute__((always_inline)) void prefetch(const struct ruleset *ruleset)
{
    const char *p = (const char *)ruleset;
    for (unsigned at = 0; at < 640; at += 320) {
        __builtin_prefetch(p + at);
        __builtin_prefetch(p + at + 64);
        __builtin_prefetch(p + at + 128);
        __builtin_prefetch(p + at + 192);
        __builtin_prefetch(p + at + 256);
    }
}

_Atomic uint64_t *table_find(struct table *table, uint64_t hash, struct slice tenant)
{
    for (size_t i = hash & table->mask;; i = (i + 1) & table->mask) {
        uint64_t slot = atomic_load_explicit(&table->slots[i], memory_order_acquire);
        if (slot == 0)
            return NULL;
        bool may_be = slot != TABLE_TOMBSTONE && ((slot ^ hash) & ~TABLE_ADDRESS_BITS) == 0;
        if (may_be)
            prefetch(table_ruleset(slot));
        if (may_be && hash_same_name(ruleset_tenant(table_ruleset(slot)), tenant))
            return &table->slots[i];
    }
}

void table_put_new(struct table *table, uint64_t slot, uint64_t hash)
{
    size_t i = hash & table->mask;
    while (atomic_load_explicit(&table->slots[i], memory_order_relaxed) != 0)
        i = (i + 1) & table->mask;
    atomic_store_explicit(&table->slots[i], slot, memory_order_release);
}

struct table *table_grown(const struct table *old, size_t live)
{
    size_t slots = TABLE_FIRST_SLOTS;
    while (slots < 2 * (live + 1))
        slots *= 2;
    struct table *table = table_new(slots);
    for (size_t i = 0; table && i <= old->mask; i++) {
        uint64_t slot = atomic_load_explicit(&old->slots[i], memory_order_relaxed);
        if (table_ruleset(slot))
            table_put_new(table, slot, hash_slice(ruleset_tenant(table_ruleset(slot))));
    }
    return table;
}
