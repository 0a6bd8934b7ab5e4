/*
 * One transaction of a campaign's job: the gate, the range of accounts, and what statements over a range
 * have in common. The files of the jobs (plan, apply, undo, notify) share it; see campaigns_job.h.
 */
#ifndef SEKISHO_STORE_CAMPAIGNS_BATCH_H
#define SEKISHO_STORE_CAMPAIGNS_BATCH_H

#include "store/campaigns_job.h"
#include "store/campaigns_rows.h"

struct batch {
    struct txn *txn;
    struct arena arena;
    struct campaign campaign; /* locked */
    int64_t lease_ms;
    char to_tenant[TENANT_ID_BYTES], to_account[ACCOUNT_ID_BYTES]; /* the range's last account */
    unsigned count, done;
    int64_t deltas[MEMBER_STATES]; /* of the campaign's numbers */
    char failed[256];
};

/* Begins the transaction and passes the gate; afterwards every way out is batch_end(). ERR_STALE. */
int batch_begin(struct store *store, const struct campaign_run *run, struct batch *batch,
                struct err *err) MUST_CHECK;
/* Writes how far it is and commits, or with an error `r` rolls back; returns what became of it. */
int batch_end(struct batch *batch, int r, struct campaign_batch *ret, struct err *err) MUST_CHECK;

/* The accounts of the range, of campaign_accounts c, as parameters $1 to $5. */
#define RANGE                                                                                      \
    "c.campaign = $1 AND c.tenant >= $2 AND (c.tenant > $2 OR c.account > $3) AND "                \
    "c.tenant <= $4 AND (c.tenant < $4 OR c.account <= $5)"
#define RANGE_VALUES(batch)                                                                        \
    sql_text((batch)->campaign.id), sql_text((batch)->campaign.after_tenant),                      \
        sql_text((batch)->campaign.after_account), sql_text((batch)->to_tenant),                   \
        sql_text((batch)->to_account)

/* Walks the keys of a started query (tenant, account, …) and makes its last row the end of the range. */
int batch_range(struct batch *batch, struct err *err) MUST_CHECK;

/* An account leaves `from` for `to`, with the range's statements having nothing more to do with it. */
int batch_move(struct batch *batch, const char *tenant, const char *account,
               enum member_state from, enum member_state to, enum member_reason reason,
               struct err *err) MUST_CHECK;

/* Feed rows for the tenants of the range whose accounts were applied or undone at txn->now_ms. */
int batch_feed(struct batch *batch, struct err *err) MUST_CHECK;

/* The rule that the campaign makes, as the audit trail shows it, from its target on: what comes before
 * differs by account. NULL: no memory. */
const char *batch_rule_json(struct batch *batch);
/* SQL for that text: of campaign_accounts c, with the rest as parameter `rest`. */
#define RULE_JSON(rest)                                                                            \
    "'{\"id\":\"' || c.rule || '\",' || CASE WHEN c.account = '' THEN '' "                         \
    "ELSE '\"account\":\"' || c.account || '\",' END || " rest

/* "campaign:<id>", as source of its rules. */
const char *batch_source(struct batch *batch);

#endif
