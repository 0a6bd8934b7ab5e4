/*
 * Campaigns as the jobs see them: who works at one, and the transactions that move it on.
 *
 * Whoever works holds a lease, and every transaction of the job begins by locking the campaign's row and
 * asking whether it is still the right state, not paused, and ours. So a node that slept through its
 * lease, an operator's pause and a second node all end at the same gate: ERR_STALE, nothing was done.
 *
 * A batch is a range of accounts in order of (tenant, account), behind where the campaign has got to.
 * The tenants are locked, what is known is looked at again account by account, and what is left is
 * written by statements over the whole range: the rules, their audit records, the revisions, the feed
 * and the accounts' rows, whose number does not depend on that of the accounts.
 *
 *     gate ─► range ─► lock tenants ─► look again (campaigns_judge.h) ─► write ─► how far ─► commit
 */
#ifndef SEKISHO_STORE_CAMPAIGNS_JOB_H
#define SEKISHO_STORE_CAMPAIGNS_JOB_H

#include "store/campaigns.h"
#include "store/history.h"

enum { CAMPAIGN_BATCH_MAX = 5000 };

/* Who works at a campaign, and at which of its jobs. */
struct campaign_run {
    char id[RULE_ID_BYTES];
    enum campaign_state state;
    const char *run; /* "NODE/…": of this worker of this start of the process */
    int64_t lease_ms;
};

/*
 * Finds a campaign with a job that nobody works at, and takes it for lease_ms; *ret_found: there was one,
 * and *ret is it. Those in `skip` (ids one after another, or "") are passed over.
 */
int store_campaign_take(struct store *store, const char *run, int64_t lease_ms, const char *skip,
                        struct arena *arena, bool *ret_found, struct campaign *ret,
                        struct err *err) MUST_CHECK;
/* Somebody else may have it now, or the same again later; with `pauses` only when an operator says so.
 * Keeps `why` ("" for nothing) for people. */
int store_campaign_leave(struct store *store, const struct campaign_run *run, bool pauses,
                         const char *why, struct err *err) MUST_CHECK;
/* What earlier starts of the node left behind may be taken at once. */
int store_campaign_release(struct store *store, const char *node, struct err *err) MUST_CHECK;
/* The job is done: planning becomes planned, and so on. ERR_STALE. */
int store_campaign_finish(struct store *store, const struct campaign_run *run,
                          struct err *err) MUST_CHECK;

/* What one batch did. */
struct campaign_batch {
    unsigned count; /* accounts looked at; 0: there are no more */
    unsigned done;  /* of them applied, undone, notified, or put into the plan as in */
    char last_tenant[TENANT_ID_BYTES], last_account[ACCOUNT_ID_BYTES];
    char failed[256]; /* why an account failed, or "" */
};

/* --- plan ----------------------------------------------------------------------------------------- */

struct planned {
    char tenant[TENANT_ID_BYTES], account[ACCOUNT_ID_BYTES];
    bool is_excluded, is_in; /* by history; the rules are asked after it */
    enum member_reason reason;
    int days_covered, days_wanted;
    int64_t calls, overseas_calls, last_overseas_ms;
};
/*
 * The next accounts of the plan, in order. Those that are gone by now, or whose tenant's profile is none of
 * `profiles` (NULL: any; ends with NULL), are left out.
 */
int store_campaign_plan_add(struct store *store, const struct campaign_run *run,
                            const struct planned *planned, unsigned count,
                            const char *const *profiles, struct campaign_batch *ret,
                            struct err *err) MUST_CHECK;

/* --- notify --------------------------------------------------------------------------------------- */

/* Tells one tenant, in the transaction. `accounts` are the first of the `count` concerned (count 0: the
 * tenant as a whole). *ret_is_told: false when there is nobody to tell. */
typedef int campaign_tell_fn(void *context, struct txn *txn, const struct campaign *campaign,
                             const char *tenant, const char *const *accounts, unsigned count,
                             bool *ret_is_told, struct err *err);
enum { CAMPAIGN_ACCOUNTS_TOLD = 20 };
/* The next tenant of whom accounts are planned; ret->count are its accounts. */
int store_campaign_notify(struct store *store, const struct campaign_run *run,
                          campaign_tell_fn *tell, void *context, struct campaign_batch *ret,
                          struct err *err) MUST_CHECK;

/* --- apply and undo ------------------------------------------------------------------------------- */

/* The next at most `limit` accounts. ERR_STALE; other errors: nothing was done. */
int store_campaign_apply(struct store *store, const struct campaign_run *run, unsigned limit,
                         struct campaign_batch *ret, struct err *err) MUST_CHECK;
int store_campaign_undo(struct store *store, const struct campaign_run *run, unsigned limit,
                        struct campaign_batch *ret, struct err *err) MUST_CHECK;
/* Goes past the next account: for `why` marked failed, or left as it is by an undo; both can be tried
 * again by another order. */
int store_campaign_fail(struct store *store, const struct campaign_run *run, const char *why,
                        struct campaign_batch *ret, struct err *err) MUST_CHECK;

#endif
