/* Rows of the table `calls`, and what is noted of the sources that they came from. */
#ifndef SEKISHO_STORE_CALL_ROWS_H
#define SEKISHO_STORE_CALL_ROWS_H

#include "store/calls.h"
#include "store/txn.h"

#define CALL_COLUMNS                                                                               \
    "tenant, at_ms, id, account, number, kind, country, is_overseas, seconds, disposition, "       \
    "source, context, call_id, mark"
enum { CALL_COLUMNS_COUNT = 14 };
extern const struct sql_insert call_insert;

/* The values of CALL_COLUMNS, borrowed from `record`; `mark` is "" or a mark's id. */
void call_row_values(const struct call_record *record, const char *mark,
                     struct sql_value values[CALL_COLUMNS_COUNT]);
/* The row at hand. */
void call_row_read(struct txn *txn, struct call_record *ret);

/* Days are Japan's (history.h). */
static inline int64_t call_day(int64_t at_ms)
{
    return (at_ms + INT64_C(9) * 3600 * 1000) / INT64_C(86400000);
}

/* Notes the days and the tenants of the records that are new, which are in order of tenant. */
int call_sources_note(struct txn *txn, const struct call_record *const *records, const bool *is_new,
                      unsigned count, struct err *err) MUST_CHECK;

#endif
