/*
 * Removing what is too old, a bounded batch at a time, each a transaction of its own. Two that do it
 * at once do no harm: a row is counted by the one that removed it.
 */
#ifndef SEKISHO_STORE_PURGE_H
#define SEKISHO_STORE_PURGE_H

#include "store/store.h"

enum { PURGE_ROWS_MAX = 1000 };

/* How far a round over all tenants has come; zero begins one. */
struct purge_position {
    char tenant[TENANT_ID_BYTES];
};

/*
 * Removes calls that began before then, at most PURGE_ROWS_MAX of one tenant, and adds them to
 * call_totals. *ret_removed 0: none are left behind the position.
 */
int store_calls_purge(struct store *store, struct purge_position *position, int64_t before_ms,
                      unsigned *ret_removed, struct err *err) MUST_CHECK;
/* What could not be mapped and was last seen before then. */
int store_unmapped_purge(struct store *store, int64_t before_ms, unsigned *ret_removed,
                         struct err *err) MUST_CHECK;
/* Attempts, oldest first; and the counts of allowed ones, tenant by tenant. */
int store_attempts_purge(struct store *store, int64_t before_ms, unsigned *ret_removed,
                         struct err *err) MUST_CHECK;
int store_attempt_counts_purge(struct store *store, struct purge_position *position,
                               int64_t before_ms, unsigned *ret_removed,
                               struct err *err) MUST_CHECK;

/* --- who does it ------------------------------------------------------------------------------ */

/* Takes the lease of that name for so long, or renews it. *ret_is_ours false: another one has it. */
int store_lease_take(struct store *store, const char *name, const char *holder, int64_t for_ms,
                     bool *ret_is_ours, struct err *err) MUST_CHECK;
int store_lease_give(struct store *store, const char *name, const char *holder,
                     struct err *err) MUST_CHECK;

#endif
