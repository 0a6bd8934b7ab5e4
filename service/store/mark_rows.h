/*
 * Marks as they bear on calls: each says that certain calls of a tenant were fraud.
 *
 * A mark covers a call of its tenant that began from from_ms to before to_ms (0: open), and whose
 * account, country and call id are the mark's, where the mark names them. Adding calls and making marks both
 * go by this, so that it does not matter which came first.
 */
#ifndef SEKISHO_STORE_MARK_ROWS_H
#define SEKISHO_STORE_MARK_ROWS_H

#include "store/calls.h"
#include "store/txn.h"

struct mark_row;
struct call_marks { /* in order of tenant and id */
    struct mark_row *rows;
    unsigned count;
};

/* All of them: they are few, since people make them. The caller has the scope of everybody. */
int call_marks_load(struct txn *txn, struct call_marks *ret, struct err *err) MUST_CHECK;
void call_marks_release(struct call_marks *marks);
/* The id of the first that covers the record, or "". */
const char *call_marks_find(const struct call_marks *marks, const struct call_record *record);

#endif
