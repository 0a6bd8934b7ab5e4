/* Rules as rows: reading, writing, and what must hold among the rules of one tenant. */
#ifndef SEKISHO_STORE_RULE_ROWS_H
#define SEKISHO_STORE_RULE_ROWS_H

#include "store/txn.h"

/* In the order rule_row_read() takes them. */
#define RULE_COLUMNS                                                                               \
    "id, account, target, is_exact, is_locked, action, divert_to, note, source, starts_at_ms, "    \
    "expires_at_ms, created_at_ms, updated_at_ms, version"

/* Texts are copied into `arena`. */
int rule_row_read(struct txn *txn, struct arena *arena, struct rule *ret,
                  struct err *err) MUST_CHECK;
/* The target and action of a row, from their texts. */
int rule_row_target(struct slice text, struct target *ret, struct err *err) MUST_CHECK;

int rule_row_insert(struct txn *txn, struct slice tenant, const struct rule *rule,
                struct err *err) MUST_CHECK;
int rule_row_remove(struct txn *txn, struct slice tenant, struct slice id,
                    struct err *err) MUST_CHECK;

/* Is there such a tenant ("" is the platform), and such an account of it ("" for none)?
 * ERR_NOT_FOUND. */
int rule_owner_check(struct txn *txn, struct slice tenant, struct slice account,
                     struct err *err) MUST_CHECK;
/* Is the rule fit for this owner? Locks are the platform's, accounts a tenant's. ERR_INVALID. */
int rule_fits_owner(struct slice tenant, const struct rule *rule, struct err *err) MUST_CHECK;

/* Everything the two say is the same, apart from id, version and when they were made. */
bool rule_says_the_same(const struct rule *a, const struct rule *b);

/* Notes that rules of `account` ("" is the tenant's own scope) changed. */
int rule_list_changed(struct txn *txn, struct touched *touched, struct slice account,
                      struct err *err) MUST_CHECK;

/* May the tenant have so many more rules? ERR_LIMIT. */
int rules_room_check(struct txn *txn, struct touched *touched, int more,
                     struct err *err) MUST_CHECK;

/* Writes `rules` as new ones of source "onboarding" into a scope that is still empty. */
int rules_from_profile(struct txn *txn, struct touched *touched, struct slice account,
                       const struct rule *rules, unsigned count, struct err *err) MUST_CHECK;

#endif
