/*
 * Who called abroad, and on what that rests: answers over the call history (calls.h).
 *
 * An account "never" called abroad when no unmarked overseas call of it is known within the period AND
 * enough of the period is covered by records. Else it is "called", or "unknown": made too lately, or
 * with too few days covered. Too little is a category of its own, never a silent yes. A tenant is the
 * worst of its accounts (called, then unknown, then never), and has its own calls without account.
 *
 * A day counts as covered for a tenant when every source (PBX) that the tenant was ever seen in sent
 * at least one record of that day; for a tenant never seen in any, when all sources did. Days are
 * Japan's (UTC+9, no daylight saving), counted from 1970-01-01. For an account only days count since it
 * is known: since it was made here, or its first call if that is earlier.
 *
 *     tenants, call_tenant_sources, accounts, calls, overseas calls, call_totals
 *         └── each in order of (tenant, account) ──► merged by the database ──► one line an account
 *
 * What is asked goes by id: one that was deleted and made again has the calls of both. Calls of accounts
 * that are not here count for the tenant alone. Calls that retention removed count by their sums: as
 * many as there were when all of them lie within the period, else as one, which is known to.
 */
#ifndef SEKISHO_STORE_HISTORY_H
#define SEKISHO_STORE_HISTORY_H

#include "store/calls.h"

enum { HISTORY_DAYS_MIN = 90, HISTORY_DAYS_MAX = 3660 };

enum overseas { OVERSEAS_CALLED, OVERSEAS_NEVER, OVERSEAS_UNKNOWN };
const char *overseas_word(enum overseas overseas);
bool overseas_of(struct slice word, enum overseas *ret);

/* Why it is unknown. UNKNOWN_TOO_YOUNG: with every day since it is known covered it would still be. */
enum unknown_reason { UNKNOWN_NOT, UNKNOWN_TOO_YOUNG, UNKNOWN_LITTLE_HISTORY };
const char *unknown_reason_word(enum unknown_reason reason); /* "" for UNKNOWN_NOT */

struct history_period {
    int64_t since_ms; /* 0: HISTORY_DAYS_MAX before the end */
    int64_t until_ms; /* 0: now */
    int days_min;     /* covered days that a "never" needs; 0: HISTORY_DAYS_MIN */
};

/* Days since 1970-01-01 in Japan, both within. */
struct day_range {
    int32_t first, last;
};
int32_t day_of_ms(int64_t at_ms);
int64_t day_begins_ms(int32_t day);

struct account_history {
    struct slice tenant, account; /* borrowed by callbacks; account "" is the tenant as a whole */
    enum overseas overseas;
    enum unknown_reason unknown_reason;
    int64_t known_since_ms;      /* the earlier of when it was made here and its first call */
    int days_covered;            /* of the period, since it is known: with records of all its sources */
    int days_wanted, days_min;   /* in all; and that a "never" needs */
    const struct day_range *gaps; /* of the tenant: days of the period that are not covered; borrowed */
    unsigned gaps_count;
    uint64_t calls, overseas_calls, overseas_answered; /* within the period; abroad: without marked */
    uint64_t marked_calls;                             /* abroad, within the period */
    int64_t first_overseas_ms, last_overseas_ms; /* of all time, marked ones left out; 0: none */
    uint64_t accounts[OVERSEAS_UNKNOWN + 1]; /* of a whole tenant: its accounts, by enum overseas */
};

/* Must not use the transaction's connection; may be slow. */
typedef int store_history_fn(void *context, const struct account_history *history, struct err *err);

/* Which accounts, in order of (tenant, account), from after (after_tenant, after_account). */
struct history_filter {
    struct slice tenant;  /* empty: of all tenants */
    struct slice profile; /* empty: any; else the tenant's profile at onboarding */
    struct slice after_tenant, after_account; /* of whole tenants: after_tenant alone */
    bool whole_tenants;   /* one line a tenant instead of one an account */
    int overseas;         /* enum overseas, or -1: all */
    struct history_period period;
};

/* Streams; constant memory; a transaction of its own. Non-zero from `fn` ends it with that value.
 * ERR_INVALID: the period is empty, longer than HISTORY_DAYS_MAX, or shorter than its days_min. */
int store_history_each(struct store *store, const struct history_filter *filter,
                       store_history_fn *fn, void *context, struct err *err) MUST_CHECK;

/* A source (PBX) and its days of the period. */
struct source_history {
    const char *source; /* borrowed, as the gaps */
    int days_covered, days_wanted;
    const struct day_range *gaps;
    unsigned gaps_count;
};
typedef int store_source_fn(void *context, const struct source_history *source, struct err *err);
/* In order of name; errors as above. */
int store_history_sources(struct store *store, const struct history_period *period,
                          store_source_fn *fn, void *context, struct err *err) MUST_CHECK;

/* Unmarked calls abroad of all time, removed ones included; most called first. */
struct country_calls {
    char country[4]; /* "": not assigned */
    uint64_t calls, answered, seconds;
    int64_t first_at_ms, last_at_ms;
};
/* Of one account, or of the whole tenant (account.p NULL). */
int store_call_countries(struct txn *txn, struct slice tenant, struct slice account,
                         struct arena *arena, struct country_calls **ret, unsigned *ret_count,
                         struct err *err) MUST_CHECK;

#endif
