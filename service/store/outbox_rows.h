/* Rows of the outbox; for store/ only. */
#ifndef SEKISHO_STORE_OUTBOX_ROWS_H
#define SEKISHO_STORE_OUTBOX_ROWS_H

#include "store/outbox.h"
#include "store/txn.h"

#define OUTBOX_COLUMNS                                                                             \
    "tenant, id, key, channel, address, locale, subject, body, about, state, attempts, "           \
    "due_at_ms, last_error, created_at_ms, updated_at_ms"
/* As the partial indexes say it: SQLite compares the words. */
#define OUTBOX_IS_OPEN "state IN ('waiting', 'sending')"
#define OUTBOX_IS_OVER "state IN ('sent', 'given_up')"

/* The rows of the statement that was just asked. */
int outbox_read(struct txn *txn, unsigned limit, struct arena *arena, struct outbox_message **ret,
                unsigned *ret_count, struct err *err) MUST_CHECK;

#endif
