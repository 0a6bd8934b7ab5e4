/* The audit trail: one record for each change, in the transaction that makes it. */
#ifndef SEKISHO_STORE_AUDIT_H
#define SEKISHO_STORE_AUDIT_H

#include "store/txn.h"

/* What changed: whose ("" is platform-wide), what was done, to what, before and after as JSON (""
 * for none; NULL means that memory ran out while writing it, and is passed on). */
struct audit_entry {
    struct slice tenant;
    const char *action, *object;
    const char *before, *after;
};

int audit_add(struct txn *txn, const struct audit_entry *entry, struct err *err) MUST_CHECK;

#endif
