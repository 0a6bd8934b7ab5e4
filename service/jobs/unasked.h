/*
 * Calls that went out without anybody asking: the PBXs' records beside our attempts.
 *
 *     calls, attempts, counts ─► in order of tenant and time ─► a window of some minutes ─► matched or not
 *                                                                                       └─► groups
 *
 * A call was asked for when an attempt has its call id; else when one of the same account and number lies
 * within the tolerance, each attempt for one call; else, for a domestic call, when the account's allowed
 * domestic calls of these minutes, which are only counted, are not used up. Emergency calls need not ask.
 *
 * Memory is the window's and that of UNASKED_GROUPS_MAX groups. The window has a limit, too: a tenant with more
 * than UNASKED_WINDOW_MAX attempts within it is matched by the latest of them, and the answer says so.
 */
#ifndef SEKISHO_JOBS_UNASKED_H
#define SEKISHO_JOBS_UNASKED_H

#include "store/call_imports.h"

enum {
    UNASKED_GROUPS_MAX = 1000,
    UNASKED_EXAMPLES = 3,
    UNASKED_WINDOW_MAX = 100000,
    UNASKED_TOLERANCE_S = 120,
    UNASKED_TOLERANCE_S_MAX = 3600,
};

/* Calls of one tenant, account and context that nobody asked about. */
struct unasked_group {
    char tenant[TENANT_ID_BYTES], account[ACCOUNT_ID_BYTES], context[CALL_CONTEXT_BYTES];
    uint64_t calls, overseas, answered;
    int64_t first_at_ms, last_at_ms;
    struct call_record examples[UNASKED_EXAMPLES]; /* overseas ones first */
    unsigned examples_count;
};

struct unasked {
    uint64_t calls, emergency;
    uint64_t by_call_id, by_number, by_count; /* that were asked for, and how that is known */
    uint64_t not_asked, not_asked_overseas;
    struct unasked_group *groups; /* most calls abroad first, then most calls */
    unsigned groups_count;
    uint64_t more_calls;           /* not asked for, in no group: there were too many */
    bool window_was_cut;
};

/* Release it, also after an error. */
int unasked_find(struct store *store, const struct asked_span *span, struct unasked *ret,
                 struct err *err) MUST_CHECK;
void unasked_release(struct unasked *unasked);

#endif
