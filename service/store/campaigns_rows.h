/* What the files of campaigns share: their row, and words to numbers and back. */
#ifndef SEKISHO_STORE_CAMPAIGNS_ROWS_H
#define SEKISHO_STORE_CAMPAIGNS_ROWS_H

#include "store/campaigns.h"
#include "store/txn.h"

#define CAMPAIGN_COLUMNS                                                                           \
    "id, name, state, is_paused, selection, level, target, action, divert_to, note, since_ms, "    \
    "apply_at_ms, grace_ms, rate, last_error, after_tenant, after_account, done, total, run, "     \
    "run_until_ms, subject, role, request_id, address, count_out, count_planned, "                 \
    "count_notified, count_answered, count_skipped, count_failed, count_applied, count_undone, "   \
    "count_kept, created_by, created_at_ms, planned_at_ms, notified_at_ms, started_at_ms, "        \
    "applied_at_ms, undone_at_ms, updated_at_ms, is_forced"

int campaign_row_read(struct txn *txn, struct arena *arena, struct campaign *ret,
                      struct err *err) MUST_CHECK;
/* The place of a stored word among `words`. */
int campaign_word(struct slice text, const char *const *words, int *ret,
                  struct err *err) MUST_CHECK;
/* An audit record about the campaign; leaves the scope at everybody. */
int campaign_audit(struct txn *txn, const char *id, const char *action, const char *after,
                   struct err *err) MUST_CHECK;
/* Locks the campaign's row for this transaction and reads it. ERR_NOT_FOUND. */
int campaign_lock(struct txn *txn, struct slice id, struct arena *arena, struct campaign *ret,
                  struct err *err) MUST_CHECK;
/* Adds to (or takes from) the numbers of accounts by state. */
int campaign_count(struct txn *txn, const char *id, const int64_t by_state[MEMBER_STATES],
                   struct err *err) MUST_CHECK;

#endif
