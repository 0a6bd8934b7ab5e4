/*
 * Tenants (and the platform) whose latest rules could not be put in force on this node: an older ruleset
 * serves, or none. Their answers say so, receipts of their changes are withheld, and it ends with the
 * first ruleset that is new enough.
 *
 * Readers look without a lock, at one counter as long as all is well. They go by hash: one in 2^64 is
 * flagged for another's sake. More than BEHIND_MAX at once, and everybody counts as behind until all has
 * been loaded anew.
 */
#ifndef SEKISHO_ENGINE_BEHIND_H
#define SEKISHO_ENGINE_BEHIND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "core/tenant.h"

enum { BEHIND_MAX = 64 };

/* Writers need a lock of their own. */
struct behind {
    atomic_uint count; /* BEHIND_MAX + 1: everybody */
    _Atomic uint64_t hashes[BEHIND_MAX];
    struct behind_one {
        char tenant[TENANT_ID_BYTES]; /* "" the platform */
        uint64_t revision;            /* that it should have */
    } each[BEHIND_MAX];
};

static inline bool behind_any(const struct behind *behind)
{
    return atomic_load_explicit(&behind->count, memory_order_acquire) != 0;
}
bool behind_has(const struct behind *behind, uint64_t hash);

void behind_add(struct behind *behind, struct slice tenant, uint64_t revision);
/* This revision of the tenant is in force now; UINT64_MAX: it is gone. */
void behind_settle(struct behind *behind, struct slice tenant, uint64_t revision);
void behind_clear(struct behind *behind);

/*
 * Their ids as one text, each followed by a space, the platform as "/"; "*" when that is everybody.
 * Written by one node, read by others (nodes.behind).
 */
enum { BEHIND_TEXT_BYTES = BEHIND_MAX * (TENANT_ID_BYTES + 1) + 1 };
void behind_text(const struct behind *behind, char text[BEHIND_TEXT_BYTES]);
/* Is the tenant ("" the platform) in such a text? */
bool behind_text_has(const char *text, struct slice tenant);

#endif
