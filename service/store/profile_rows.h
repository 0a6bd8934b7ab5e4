/* Profiles as rows, for those who copy their rules. */
#ifndef SEKISHO_STORE_PROFILE_ROWS_H
#define SEKISHO_STORE_PROFILE_ROWS_H

#include "store/txn.h"

/* In the order profile_row_read() takes them. */
#define PROFILE_COLUMNS "id, name, is_default, is_builtin, created_at_ms, updated_at_ms, version"

int profile_row_read(struct txn *txn, struct arena *arena, struct profile *ret,
                 struct err *err) MUST_CHECK;
int profile_row_rules(struct txn *txn, struct arena *arena, struct profile *profile,
                       struct err *err) MUST_CHECK;

/* 1: found, with its rules; 0: there is none; or an error. An empty id is the default profile. */
int profile_lookup(struct txn *txn, struct slice id, struct arena *arena, struct profile *ret,
                   struct err *err) MUST_CHECK;

/* The profile a tenant or account is made with: its rules, and its id. An empty `id` is the default
 * profile, or with `or_default` unset no profile (id "", no rules). ERR_NOT_FOUND at "/profile". */
int profile_find(struct txn *txn, struct slice id, bool or_default, struct arena *arena,
                 struct profile *ret, struct err *err) MUST_CHECK;

#endif
