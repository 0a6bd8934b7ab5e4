/*
 * Marks: an operator or a guard says that certain calls of a tenant were fraud. Marked calls are no
 * history of the customer's (history.h); they stay what they were, and taking the mark back restores them.
 *
 * A mark names an account, a country, a call id and a span of time, or some of them; what it leaves out
 * is any. It holds for calls that are there, for those that come in later (mark_rows.h) and for sums
 * of removed ones that it covers as a whole. A call has the earliest of the marks that cover it.
 */
#ifndef SEKISHO_STORE_MARKS_H
#define SEKISHO_STORE_MARKS_H

#include "store/calls.h"

enum { CALL_MARKS_PER_TENANT_MAX = 1000, CALL_MARK_NOTE_BYTES_MAX = 500 };

struct call_mark {
    const char *id;                         /* "" before the store gave one */
    const char *account, *country, *call_id; /* "": any */
    int64_t from_ms, to_ms;                  /* to_ms is not included; 0: open */
    const char *note;
    const char *made_by; /* the store's, as the two below: subject of the transaction's actor */
    int64_t made_at_ms;
    uint64_t calls; /* that have it now, removed ones included */
};

int store_call_mark_get(struct txn *txn, struct slice tenant, struct slice id, struct arena *arena,
                        struct call_mark *ret, struct err *err) MUST_CHECK; /* ERR_NOT_FOUND */
/* In order of id, which is that of time. ERR_NOT_FOUND: tenant. */
int store_call_mark_list(struct txn *txn, struct slice tenant, struct page page,
                         struct arena *arena, struct call_mark **ret, unsigned *ret_count,
                         struct err *err) MUST_CHECK;
/* ERR_INVALID: names nothing at all, or a span that ends before it begins. ERR_LIMIT: more than
 * CALL_MARKS_PER_TENANT_MAX. ERR_NOT_FOUND: tenant. */
int store_call_mark_create(struct txn *txn, struct slice tenant, const struct call_mark *mark,
                           char ret_id[RULE_ID_BYTES], struct err *err) MUST_CHECK;
int store_call_mark_delete(struct txn *txn, struct slice tenant, struct slice id,
                           struct err *err) MUST_CHECK; /* ERR_NOT_FOUND */

/*
 * Marks made since then once more: calls that were being added at the very moment did not see the mark,
 * nor the mark them. To be called now and then; writes nothing when there is nothing to do.
 */
int store_call_marks_settle(struct store *store, int64_t made_since_ms, struct err *err) MUST_CHECK;

#endif
