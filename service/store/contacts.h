/* A tenant's contacts: who is told when something is wrong. Rows of their own, in the order
 * given. */
#ifndef SEKISHO_STORE_CONTACTS_H
#define SEKISHO_STORE_CONTACTS_H

#include "store/txn.h"

/* Not more than CONTACTS_MAX, none of them empty. ERR_LIMIT, ERR_INVALID. */
int contacts_check(const struct tenant *tenant, struct err *err) MUST_CHECK;
bool contacts_are_same(const struct tenant *a, const struct tenant *b);

/* Fills the contacts of `count` tenants that stand in order of id, without gaps. */
int contacts_read(struct txn *txn, struct tenant *tenants, unsigned count, struct arena *arena,
                  struct err *err) MUST_CHECK;
/* Replaces the tenant's. */
int contacts_write(struct txn *txn, const struct tenant *tenant, struct err *err) MUST_CHECK;

#endif
