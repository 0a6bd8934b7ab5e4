/*
 * Who called abroad, and on what that rests: answers over the call history (calls.h).
 *
 * An account "never" called abroad when no unmarked overseas call of it is known within the period AND
 * enough of the period is covered by records. Else it is "called", or "unknown": made too lately, or
 * with too few days covered. Too little is a category of its own, never a silent yes. A tenant is the
 * worst of its accounts, and has its own calls without account.
 *
 * A day counts as covered for a tenant when every source (PBX) that the tenant was ever seen in sent
 * at least one record of that day; for a tenant never seen in any, when all sources did. Days are
 * Japan's (UTC+9, no daylight saving), counted from 1970-01-01.
 */
#ifndef SEKISHO_STORE_HISTORY_H
#define SEKISHO_STORE_HISTORY_H

#include "store/calls.h"

enum overseas { OVERSEAS_CALLED, OVERSEAS_NEVER, OVERSEAS_UNKNOWN };
const char *overseas_word(enum overseas overseas);

/* Why it is unknown. */
enum unknown_reason { UNKNOWN_NOT, UNKNOWN_TOO_YOUNG, UNKNOWN_LITTLE_HISTORY };

struct history_period {
    int64_t since_ms, until_ms; /* until_ms 0: now */
    int days_min;               /* covered days that a "never" needs; 0: 90 */
};

struct account_history {
    struct slice tenant, account; /* borrowed by callbacks; account "" is the tenant as a whole */
    enum overseas overseas;
    enum unknown_reason unknown_reason;
    int64_t known_since_ms;      /* the earlier of when it was made here and its first call */
    int days_covered, days_wanted; /* of the period: with records of all its sources, and in all */
    uint64_t calls, overseas_calls, overseas_answered, marked_calls; /* within the period */
    int64_t first_overseas_ms, last_overseas_ms; /* of all time, marked ones left out; 0: none */
};

typedef int store_history_fn(void *context, const struct account_history *history, struct err *err);

/* Which accounts, in order of (tenant, account), from after (after_tenant, after_account). */
struct history_filter {
    struct slice tenant;  /* empty: of all tenants */
    struct slice profile; /* empty: any; else the tenant's profile at onboarding */
    struct slice after_tenant, after_account;
    bool whole_tenants;   /* one line a tenant instead of one an account */
    int overseas;         /* enum overseas, or -1: all */
    struct history_period period;
};

/* Streams; constant memory; a transaction of its own. Non-zero from `fn` ends it with that value. */
int store_history_each(struct store *store, const struct history_filter *filter,
                       store_history_fn *fn, void *context, struct err *err) MUST_CHECK;

#endif
