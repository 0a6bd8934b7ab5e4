/*
 * Open addressing over pointers to entries that are never changed or removed. A reader follows
 * pointers and takes no lock; the one writer at a time publishes an entry, or a table twice as large,
 * with one store. Old tables stay until the end: together they are smaller than the newest.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "auth/auth.h"
#include "base/hash.h"

enum { SLOTS_FIRST = 256, REVOCATIONS_MAX = 1 << 20 };

struct entry {
    uint64_t hash;
    char jti[JTI_BYTES];
};

struct table {
    struct table *older;
    size_t slots_count; /* a power of two; at most half of them are used */
    _Atomic(const struct entry *) slots[];
};

struct revocations {
    _Atomic(struct table *) table;
    pthread_mutex_t lock; /* held to write; guards count */
    size_t count;
};

static struct table *table_new(size_t slots_count, struct table *older)
{
    struct table *table = calloc(1, sizeof *table + slots_count * sizeof *table->slots);
    if (table) {
        table->slots_count = slots_count;
        table->older = older;
    }
    return table;
}

/* The slot of the jti, or the empty one where it would be. */
static size_t table_find(const struct table *table, uint64_t hash, struct slice jti,
                         const struct entry **ret)
{
    for (size_t i = hash;; i++) {
        size_t at = i & (table->slots_count - 1);
        *ret = atomic_load_explicit(&table->slots[at], memory_order_acquire);
        if (!*ret || ((*ret)->hash == hash && slice_equals_text(jti, (*ret)->jti)))
            return at;
    }
}

bool revocations_has(const struct revocations *revocations, struct slice jti)
{
    const struct entry *entry;
    const struct table *table = atomic_load_explicit(&revocations->table, memory_order_acquire);
    table_find(table, hash_slice(jti), jti, &entry);
    return entry != NULL;
}

/* Under the lock. */
static struct table *grow(struct revocations *revocations, struct table *table)
{
    struct table *larger = table_new(table->slots_count * 2, table);
    if (!larger)
        return NULL;
    for (size_t i = 0; i < table->slots_count; i++) {
        const struct entry *entry = atomic_load_explicit(&table->slots[i], memory_order_relaxed);
        const struct entry *none;
        if (entry)
            atomic_init(&larger->slots[table_find(larger, entry->hash, slice_of(entry->jti), &none)],
                        entry);
    }
    atomic_store_explicit(&revocations->table, larger, memory_order_release);
    return larger;
}

/* Under the lock. */
static int add(struct revocations *revocations, struct slice jti, struct err *err)
{
    const struct entry *known;
    struct table *table = atomic_load_explicit(&revocations->table, memory_order_relaxed);
    uint64_t hash = hash_slice(jti);
    table_find(table, hash, jti, &known);
    if (known)
        return 0;
    if (revocations->count == REVOCATIONS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d revoked tokens", REVOCATIONS_MAX);
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry && (revocations->count + 1) * 2 > table->slots_count)
        table = grow(revocations, table);
    if (!entry || !table) {
        free(entry);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    entry->hash = hash;
    memcpy(entry->jti, jti.p, jti.n);
    atomic_store_explicit(&table->slots[table_find(table, hash, jti, &known)], entry,
                          memory_order_release);
    revocations->count++;
    return 0;
}

int revocations_add(struct revocations *revocations, struct slice jti, struct err *err)
{
    if (!jti_is_valid(jti))
        return err_field(err, ERR_INVALID, "/jti", "not a token id: 1 to 39 of A-Z a-z 0-9 . _ -");
    pthread_mutex_lock(&revocations->lock);
    int rc = add(revocations, jti, err);
    pthread_mutex_unlock(&revocations->lock);
    return rc;
}

int revocations_new(struct revocations **ret, struct err *err)
{
    struct revocations *revocations = calloc(1, sizeof *revocations);
    struct table *table = table_new(SLOTS_FIRST, NULL);
    if (!revocations || !table) {
        free(revocations);
        free(table);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    atomic_init(&revocations->table, table);
    pthread_mutex_init(&revocations->lock, NULL);
    *ret = revocations;
    return 0;
}

void revocations_free(struct revocations *revocations)
{
    if (!revocations)
        return;
    struct table *table = atomic_load_explicit(&revocations->table, memory_order_relaxed);
    for (size_t i = 0; i < table->slots_count; i++) /* the newest has all entries */
        free((void *)atomic_load_explicit(&table->slots[i], memory_order_relaxed));
    while (table) {
        struct table *older = table->older;
        free(table);
        table = older;
    }
    pthread_mutex_destroy(&revocations->lock);
    free(revocations);
}
