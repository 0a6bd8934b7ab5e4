/*
 * Writers hold `lock`; what they replace is freed after every reader of that time has left (RCU).
 */
#include "engine/rulesets.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <urcu-bp.h>
/* The readers' side inline, as LGPL-compatible code may; not where the sanitizer would take liburcu's
 * own loose alignment for ours. */
#ifdef __SANITIZE_ADDRESS__
#define _urcu_bp_read_lock urcu_bp_read_lock
#define _urcu_bp_read_unlock urcu_bp_read_unlock
#else
#include <urcu/static/urcu-bp.h>
#endif

#include "base/hash.h"
#include "engine/ruleset_table.h"

/* What was replaced, until no reader can see it any more. */
struct retired {
    void *object;
    void (*free_object)(void *);
};
enum { RETIRED_MAX = 64 };

struct rulesets {
    _Atomic(struct table *) table;
    _Atomic(struct ruleset *) platform;
    _Atomic(struct numbering *) numbering;
    struct trusted trusted;
    struct behind behind;
    pthread_mutex_t lock; /* guards writing to all of the above, and what follows */
    size_t used;          /* slots that are not empty, tombstones included */
    struct rulesets_totals totals;
    uint64_t history;
    struct retired retired[RETIRED_MAX];
    unsigned retired_count;
};

/* --- readers, and how what they may still see is freed ------------------------------------------- */

/* The thread sanitizer does not see the order that RCU's barriers make; here it is told. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
static char readers_order;
#define READER_LEFT() __tsan_release(&readers_order)
#define READERS_ARE_GONE() __tsan_acquire(&readers_order)
#else
#define READER_LEFT() ((void)0)
#define READERS_ARE_GONE() ((void)0)
#endif

void rulesets_enter(void)
{
    _urcu_bp_read_lock();
}

void rulesets_leave(void)
{
    READER_LEFT();
    _urcu_bp_read_unlock();
}

static void free_ruleset(void *object)
{
    ruleset_free(object);
}

static void free_numbering(void *object)
{
    numbering_free(object);
}

/* One grace period for many: waiting for the readers costs more than freeing. */
static void free_retired(struct rulesets *rulesets)
{
    synchronize_rcu();
    READERS_ARE_GONE();
    while (rulesets->retired_count) {
        struct retired *retired = &rulesets->retired[--rulesets->retired_count];
        retired->free_object(retired->object);
    }
}

static void retire(struct rulesets *rulesets, void *object, void (*free_object)(void *))
{
    if (!object)
        return;
    rulesets->retired[rulesets->retired_count++] = (struct retired){object, free_object};
    if (rulesets->retired_count == RETIRED_MAX)
        free_retired(rulesets);
}

/* --- finding --------------------------------------------------------------------------------------- */

const struct ruleset *rulesets_find(const struct rulesets *rulesets, struct slice tenant)
{
    struct table *table = atomic_load_explicit(&rulesets->table, memory_order_acquire);
    _Atomic uint64_t *slot = table_find(table, hash_slice(tenant), tenant);
    return slot ? table_ruleset(atomic_load_explicit(slot, memory_order_acquire)) : NULL;
}

const struct ruleset *rulesets_platform(const struct rulesets *rulesets)
{
    return atomic_load_explicit(&rulesets->platform, memory_order_acquire);
}

const struct numbering *rulesets_numbering(const struct rulesets *rulesets)
{
    return atomic_load_explicit(&rulesets->numbering, memory_order_acquire);
}

struct trusted *rulesets_trusted(struct rulesets *rulesets)
{
    return &rulesets->trusted;
}

bool rulesets_is_behind(const struct rulesets *rulesets, struct slice tenant)
{
    return behind_any(&rulesets->behind) && behind_has(&rulesets->behind, hash_slice(tenant));
}

bool rulesets_is_platform_behind(const struct rulesets *rulesets)
{
    return rulesets_is_behind(rulesets, SLICE_NONE);
}

unsigned rulesets_behind_count(const struct rulesets *rulesets)
{
    return atomic_load(&rulesets->behind.count);
}

bool rulesets_step(const struct rulesets *rulesets, struct rulesets_walk *walk,
                   void (*fn)(void *context, const struct ruleset *ruleset), void *context)
{
    enum { SLOTS_A_STEP = 1024 };
    rulesets_enter();
    struct table *table = atomic_load_explicit(&rulesets->table, memory_order_acquire);
    if (walk->table != table)
        *walk = (struct rulesets_walk){table, 0}; /* it has grown: from the start */
    for (int i = 0; i < SLOTS_A_STEP && walk->at <= table->mask; i++, walk->at++) {
        uint64_t slot = atomic_load_explicit(&table->slots[walk->at], memory_order_acquire);
        if (table_ruleset(slot))
            fn(context, table_ruleset(slot));
    }
    bool is_more = walk->at <= table->mask;
    rulesets_leave();
    return is_more;
}

/* --- writers --------------------------------------------------------------------------------------- */

int rulesets_new(struct rulesets **ret, struct err *err)
{
    struct rulesets *rulesets = calloc(1, sizeof *rulesets);
    struct table *table = table_new(TABLE_FIRST_SLOTS);
    struct ruleset *empty = NULL;
    if (!rulesets || !table || ruleset_new(&(struct ruleset_owner){0}, NULL, 0, &empty, NULL)) {
        free(rulesets);
        free(table);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    atomic_init(&rulesets->table, table);
    atomic_init(&rulesets->platform, empty);
    atomic_init(&rulesets->numbering, NULL);
    rulesets->history = (uint64_t)HISTORY_ANY;
    trusted_init(&rulesets->trusted);
    pthread_mutex_init(&rulesets->lock, NULL);
    *ret = rulesets;
    return 0;
}

void rulesets_free(struct rulesets *rulesets)
{
    if (!rulesets)
        return;
    free_retired(rulesets);
    struct table *table = atomic_load(&rulesets->table);
    for (size_t i = 0; i <= table->mask; i++)
        ruleset_free(table_ruleset(atomic_load(&table->slots[i])));
    free(table);
    ruleset_free(atomic_load(&rulesets->platform));
    numbering_free(atomic_load(&rulesets->numbering));
    pthread_mutex_destroy(&rulesets->lock);
    free(rulesets);
}

static void count(struct rulesets *rulesets, const struct ruleset *ruleset, int sign)
{
    size_t hot, cold;
    ruleset_bytes(ruleset, &hot, &cold);
    rulesets->totals.tenants += (size_t)sign;
    rulesets->totals.rules += (size_t)sign * ruleset_rules_count(ruleset);
    rulesets->totals.bytes_hot += (size_t)sign * hot;
    rulesets->totals.bytes_cold += (size_t)sign * cold;
}

static int add(struct rulesets *rulesets, struct ruleset *ruleset, uint64_t hash, struct err *err)
{
    struct table *table = atomic_load_explicit(&rulesets->table, memory_order_relaxed);
    if (4 * (rulesets->used + 1) > 3 * (table->mask + 1)) {
        struct table *grown = table_grown(table, rulesets->totals.tenants);
        if (!grown)
            return err_set(err, ERR_NOMEM, "no memory for %zu tenants", rulesets->totals.tenants + 1);
        rulesets->used = rulesets->totals.tenants;
        atomic_store_explicit(&rulesets->table, grown, memory_order_release);
        retire(rulesets, table, free);
        table = grown;
    }
    table_put_new(table, table_slot(hash, ruleset), hash);
    rulesets->used++;
    count(rulesets, ruleset, 1);
    return 0;
}

/* Under the lock, with the slot of the old one; NULL: the platform's. */
static void put_in_place(struct rulesets *rulesets, _Atomic uint64_t *slot, uint64_t hash,
                         struct ruleset *ruleset)
{
    if (!slot) {
        retire(rulesets, atomic_exchange(&rulesets->platform, ruleset), free_ruleset);
        return;
    }
    struct ruleset *old = table_ruleset(atomic_load(slot));
    atomic_store_explicit(slot, table_slot(hash, ruleset), memory_order_release);
    count(rulesets, old, -1);
    count(rulesets, ruleset, 1);
    retire(rulesets, old, free_ruleset);
}

/* Under the lock. *ret_slot stays NULL for the platform's. */
static struct ruleset *find_present(struct rulesets *rulesets, struct slice tenant, uint64_t hash,
                                    _Atomic uint64_t **ret_slot)
{
    if (!tenant.n)
        return atomic_load(&rulesets->platform);
    struct table *table = atomic_load_explicit(&rulesets->table, memory_order_relaxed);
    *ret_slot = table_find(table, hash, tenant);
    return *ret_slot ? table_ruleset(atomic_load(*ret_slot)) : NULL;
}

static int publish(struct rulesets *rulesets, struct ruleset *ruleset, bool whatever,
                   struct err *err)
{
    struct slice tenant = ruleset_tenant(ruleset);
    uint64_t hash = hash_slice(tenant);
    _Atomic uint64_t *slot = NULL;
    bool old_comes_late = false;
    int rc = 0;
    pthread_mutex_lock(&rulesets->lock);
    struct ruleset *old = find_present(rulesets, tenant, hash, &slot);
    if (!old)
        rc = add(rulesets, ruleset, hash, err);
    else if (whatever || ruleset_revision(old) <= ruleset_revision(ruleset))
        put_in_place(rulesets, slot, hash, ruleset);
    else
        old_comes_late = true; /* older than what is in force, and nobody saw it */
    if (!rc)
        behind_settle(&rulesets->behind, tenant, ruleset_revision(ruleset));
    if (old_comes_late)
        ruleset_free(ruleset);
    pthread_mutex_unlock(&rulesets->lock);
    if (rc)
        ruleset_free(ruleset);
    return rc;
}

int rulesets_publish(struct rulesets *rulesets, struct ruleset *ruleset, struct err *err)
{
    return publish(rulesets, ruleset, false, err);
}

int rulesets_replace(struct rulesets *rulesets, struct ruleset *ruleset, struct err *err)
{
    return publish(rulesets, ruleset, true, err);
}

void rulesets_set_history(struct rulesets *rulesets, uint64_t history)
{
    pthread_mutex_lock(&rulesets->lock);
    rulesets->history = history;
    pthread_mutex_unlock(&rulesets->lock);
}

enum renewal rulesets_renew(struct rulesets *rulesets, struct ruleset *ruleset, uint64_t history)
{
    struct slice tenant = ruleset_tenant(ruleset);
    uint64_t hash = hash_slice(tenant);
    _Atomic uint64_t *slot = NULL;
    pthread_mutex_lock(&rulesets->lock);
    struct ruleset *old = find_present(rulesets, tenant, hash, &slot);
    bool is_ours = rulesets->history == history || rulesets->history == (uint64_t)HISTORY_ANY;
    enum renewal renewal = !is_ours ? RENEWAL_OF_OTHER_HISTORY
                           : !old ? RENEWAL_OF_NOBODY
                           : ruleset_revision(old) < ruleset_revision(ruleset) ? RENEWED
                                                                               : RENEWAL_IS_OLD;
    if (renewal == RENEWED) {
        put_in_place(rulesets, slot, hash, ruleset);
        behind_settle(&rulesets->behind, tenant, ruleset_revision(ruleset));
    }
    pthread_mutex_unlock(&rulesets->lock);
    if (renewal != RENEWED)
        ruleset_free(ruleset);
    return renewal;
}

void rulesets_remove(struct rulesets *rulesets, struct slice tenant)
{
    pthread_mutex_lock(&rulesets->lock);
    struct table *table = atomic_load_explicit(&rulesets->table, memory_order_relaxed);
    _Atomic uint64_t *slot = table_find(table, hash_slice(tenant), tenant);
    if (slot) {
        struct ruleset *old = table_ruleset(atomic_load(slot));
        atomic_store_explicit(slot, TABLE_TOMBSTONE, memory_order_release);
        count(rulesets, old, -1);
        retire(rulesets, old, free_ruleset);
    }
    behind_settle(&rulesets->behind, tenant, UINT64_MAX);
    pthread_mutex_unlock(&rulesets->lock);
}

void rulesets_fell_behind(struct rulesets *rulesets, struct slice tenant, uint64_t revision)
{
    pthread_mutex_lock(&rulesets->lock);
    behind_add(&rulesets->behind, tenant, revision);
    pthread_mutex_unlock(&rulesets->lock);
}

void rulesets_forgive(struct rulesets *rulesets)
{
    pthread_mutex_lock(&rulesets->lock);
    behind_clear(&rulesets->behind);
    pthread_mutex_unlock(&rulesets->lock);
}

void rulesets_behind_text(struct rulesets *rulesets, char text[BEHIND_TEXT_BYTES])
{
    pthread_mutex_lock(&rulesets->lock);
    behind_text(&rulesets->behind, text);
    pthread_mutex_unlock(&rulesets->lock);
}

void rulesets_set_numbering(struct rulesets *rulesets, struct numbering *numbering)
{
    pthread_mutex_lock(&rulesets->lock);
    retire(rulesets, atomic_exchange(&rulesets->numbering, numbering), free_numbering);
    pthread_mutex_unlock(&rulesets->lock);
}

struct rulesets_totals rulesets_totals(struct rulesets *rulesets)
{
    pthread_mutex_lock(&rulesets->lock);
    struct rulesets_totals totals = rulesets->totals;
    struct table *table = atomic_load_explicit(&rulesets->table, memory_order_relaxed);
    totals.bytes_hot += sizeof *table + (table->mask + 1) * sizeof table->slots[0];
    pthread_mutex_unlock(&rulesets->lock);
    return totals;
}
