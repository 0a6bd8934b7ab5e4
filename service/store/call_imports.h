/*
 * What importing call records leaves behind beside the calls: how far files were read, and what could not
 * be mapped. Written in the transaction of the calls themselves.
 */
#ifndef SEKISHO_STORE_CALL_IMPORTS_H
#define SEKISHO_STORE_CALL_IMPORTS_H

#include "store/calls.h"

enum {
    CALL_FILE_BYTES = 1024,
    CALL_FILE_MARK_BYTES = 256,
    CALL_VALUE_BYTES = 128,
    CALL_UNMAPPED_MAX = 1000, /* rows a source; what is more counts under the value '' */
};

/* --- how far a file was read -------------------------------------------------------------------- */

struct call_follow {
    char source[CALL_SOURCE_BYTES], file[CALL_FILE_BYTES];
    char mark[CALL_FILE_MARK_BYTES]; /* which file had that name; the reader's own words */
    int64_t position;
    uint64_t version; /* 0: there is none yet */
    int64_t updated_at_ms;
};

/* ERR_NOT_FOUND. */
int store_follow_get(struct txn *txn, struct slice source, struct slice file,
                     struct call_follow *ret, struct err *err) MUST_CHECK;
/* follow->version is the one that the reader saw last; it grows by one, also in *follow. ERR_STALE:
 * somebody else went on meanwhile. */
int store_follow_put(struct txn *txn, struct call_follow *follow, struct err *err) MUST_CHECK;
/* In order of (source, file), at most `limit` from after (source, file). */
int store_follow_list(struct txn *txn, struct slice source, struct slice file, unsigned limit,
                      struct arena *arena, struct call_follow **ret, unsigned *ret_count,
                      struct err *err) MUST_CHECK;

/* --- what could not be mapped ------------------------------------------------------------------- */

struct call_unmapped {
    char source[CALL_SOURCE_BYTES];
    char reason[24];
    char value[CALL_VALUE_BYTES]; /* what stood there instead of a tenant or account */
    uint64_t records;
    int64_t first_at_ms, last_at_ms;
};

/* Adds to what is counted already. */
int store_unmapped_add(struct txn *txn, const struct call_unmapped *unmapped, unsigned count,
                       struct err *err) MUST_CHECK;
/* In order of (source, reason, value), behind `after` (NULL: from the start); of one source, or (empty)
 * of all. */
int store_unmapped_list(struct txn *txn, struct slice source, const struct call_unmapped *after,
                        unsigned limit, struct arena *arena, struct call_unmapped **ret,
                        unsigned *ret_count, struct err *err) MUST_CHECK;
/* Forgets them: the mapping was mended, and the records will be read again. *ret_removed: how many rows. */
int store_unmapped_clear(struct txn *txn, struct slice source, uint64_t *ret_removed,
                         struct err *err) MUST_CHECK;

/* --- tenants, many at once ---------------------------------------------------------------------- */

struct tenant_line {
    char tenant[TENANT_ID_BYTES];
    char outside_line[8];
    bool is_known;
};
/* Fills all but `tenant`. */
int store_outside_lines(struct txn *txn, struct tenant_line *lines, unsigned count,
                        struct err *err) MUST_CHECK;

/* --- calls beside what was asked ------------------------------------------------------------------- */

/* A call, an attempt, or a count of allowed domestic calls of one minute; borrowed during the call. */
struct asked_row {
    enum { ASKED_ATTEMPT, ASKED_COUNT, ASKED_CALL } what;
    int64_t at_ms;
    uint64_t count;           /* of ASKED_COUNT */
    struct call_record call;  /* of an attempt tenant, account, number, call_id; of a count the first two */
};
typedef int store_asked_fn(void *context, const struct asked_row *row, struct err *err);
struct asked_span {
    struct slice tenant; /* empty: all */
    int64_t from_ms, to_ms; /* of calls */
    int64_t tolerance_ms; /* attempts may be so much earlier or later */
};
/* In order of tenant, then time. In constant memory, in a transaction of its own (SQL_WALK). */
int store_asked_each(struct store *store, const struct asked_span *span, store_asked_fn *fn,
                        void *context, struct err *err) MUST_CHECK;

#endif
