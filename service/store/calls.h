/*
 * Call history in the store: what accounts really called, as the PBXs' call records tell.
 *
 *     record ─► jobs/cdr (parse, map, read the number) ─► struct call_record ─► store_calls_add()
 *
 * Nothing is kept before the terms are stated: call data is protected by the secrecy of
 * communications (numbering.md 6), so what for and for how long comes first. Records older than the
 * retention are removed by store_calls_purge(), their sums stay (call_totals). Everything else that is
 * told about an account is counted from the calls themselves, over the partial index `calls_overseas`:
 * a mark or an unmark is then true at once, and an import writes a row a call and little more.
 *
 * The same record twice counts once: (tenant, at_ms, id), where id is a hash of what makes a record
 * itself (source, unique id, linked id, sequence; else all of its fields). Records older than the
 * retention are refused at import, or they would count again after they were removed.
 */
#ifndef SEKISHO_STORE_CALLS_H
#define SEKISHO_STORE_CALLS_H

#include "store/store.h"

enum {
    CALL_KEY_BYTES = 33,    /* 32 hexadecimal digits */
    CALL_SOURCE_BYTES = 64, /* which PBX wrote the record; an id like a tenant's */
    CALL_CONTEXT_BYTES = 80,
    CALL_ID_BYTES = 80,
    CALL_PURPOSE_BYTES = 400,
    CALL_RETENTION_DAYS_MAX = 3660,
};

struct call_terms {
    char purpose[CALL_PURPOSE_BYTES];
    int retention_days;
    int64_t stated_at_ms;
    int64_t removed_before_ms; /* calls before then have left for their sums; 0: none have */
    char stated_by[80];
};

/* "answered", "no_answer", "busy", "failed", "other"; words of the API. */
enum disposition { CALL_ANSWERED, CALL_NO_ANSWER, CALL_BUSY, CALL_FAILED, CALL_OTHER };
const char *disposition_word(enum disposition disposition);
enum disposition disposition_of(struct slice word); /* CALL_OTHER for any other */

struct call_record {
    int64_t at_ms; /* when it began */
    char id[CALL_KEY_BYTES];
    char tenant[TENANT_ID_BYTES], account[ACCOUNT_ID_BYTES];
    char number[80]; /* canonical; as dialed when it is none */
    char kind[16];   /* number_kind_word() */
    char country[4]; /* "" where it has none or is not assigned */
    bool is_overseas; /* some reading of the number is international, or 00… that nothing explains */
    int64_t seconds; /* that it was connected */
    enum disposition disposition;
    char source[CALL_SOURCE_BYTES], context[CALL_CONTEXT_BYTES];
    char call_id[CALL_ID_BYTES]; /* the PBX's own id, as in attempts; may be "" */
    char mark[RULE_ID_BYTES];    /* id of the call_marks row that says it was fraud, or ""; the store's */
};

int store_call_terms_get(struct txn *txn, struct call_terms *ret, struct err *err) MUST_CHECK; /* ERR_NOT_FOUND */
/* The other fields are filled in. ERR_INVALID. */
int store_call_terms_put(struct txn *txn, const struct call_terms *terms, struct err *err) MUST_CHECK;

/*
 * Adds records that are not there yet, of any tenants, in this write transaction; gives those that a
 * mark covers their mark; notes the days of their sources. ERR_FORBIDDEN: no terms stated. The caller
 * has left out what is older than the retention. *ret_added: how many were new.
 */
int store_calls_add(struct txn *txn, const struct call_record *records, unsigned count,
                    unsigned *ret_added, struct err *err) MUST_CHECK;

/* A record as it lies in the store; borrowed during the call. Non-zero ends the walk with that value. */
typedef int store_call_fn(void *context, const struct call_record *record, struct err *err);
/* Which calls: of one tenant, of one account of it (empty: all), of a span of time (0: open). */
struct call_filter {
    struct slice tenant, account;
    int64_t from_ms, to_ms; /* from_ms <= at_ms < to_ms */
    bool only_overseas;
};
/* In order of tenant, then time; in constant memory, in a transaction of its own (SQL_WALK). */
int store_calls_each(struct store *store, const struct call_filter *filter, store_call_fn *fn,
                     void *context, struct err *err) MUST_CHECK;

#endif
