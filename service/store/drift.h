/* Drift of one owner, for those who list it and those who make it good. */
#ifndef SEKISHO_STORE_DRIFT_H
#define SEKISHO_STORE_DRIFT_H

#include "store/txn.h"

/* Fills drift->items; its other members say whose. The transaction's scope covers the owner. */
int drift_of_owner(struct txn *txn, const struct drift_query *query, const struct profile *profile,
                   struct arena *arena, struct drift *drift, struct err *err) MUST_CHECK;

#endif
