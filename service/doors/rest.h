/*
 * One REST request against the store: what is the same for every resource stands here once, and each
 * resource is a file of work beside it (rest_tenants.c, rest_accounts.c, rest_rules.c …).
 *
 *     read:  begin ─► work ─► end
 *     write: body, headers ─► begin ─► kept answer? ─► work ─► revision ─► keep ─► commit ─► feed
 *
 * A write is all there or not at all: the change, its revision and the answer kept for an
 * Idempotency-Key are one transaction. Before its answer goes out this node has pulled the change in,
 * so an edit that was acknowledged is in force here.
 */
#ifndef SEKISHO_DOORS_REST_H
#define SEKISHO_DOORS_REST_H

#include "doors/http.h"
#include "doors/precondition.h"

struct rest {
    struct app *app;
    const struct request *request;
    struct response *response;
    struct arena *arena;
    struct txn *txn;
    json_t *body;        /* an object; NULL when the route has none */
    struct slice tenant; /* of the path; empty: platform, profiles, tokens */
    struct slice id;     /* the last parameter of the path */
    struct precondition precondition;
};

/* The handlers of most routes: they frame the route's `work`, which runs inside the transaction and
 * fills rest->response. */
http_handler rest_read, rest_write;
/* Without a transaction, for what is answered from memory: also when the store is away. */
http_handler rest_ask;
/* rest_write() for orders to campaigns: their workers look at once. */
http_handler rest_campaign_write;

/* One request that is many transactions, and answers a line for each of its lines. */
http_handler rest_provision;
/* One body of call records. */
http_handler rest_cdr_import;

/*
 * After a commit: this node takes the change in, so that it is in force here before the answer. The
 * change is committed whatever happens: if it fails, the poll brings it within a second, and the log
 * says so.
 */
void rest_pull(struct app *app, const struct request *request);

/* --- for the work itself ------------------------------------------------------------------------- */

/*
 * Holds the request's precondition for something of `version` (0: does not exist)? On ERR_STALE the
 * response carries the present ETag.
 */
int rest_condition(struct rest *rest, uint64_t version, struct condition *ret,
                   struct err *err) MUST_CHECK;

/* The answer's body (taken; NULL is ERR_NOMEM), its ETag (0: none) and status. */
int rest_answer(struct rest *rest, int status, json_t *json, uint64_t etag,
                struct err *err) MUST_CHECK;
/* printf for Location. */
int rest_location(struct rest *rest, struct err *err, const char *format, ...)
    PRINTF_LIKE(3, 4) MUST_CHECK;

/* Is the member in the body, be it null? */
bool rest_has(const struct rest *rest, const char *member);

/* A slice as text in the request's arena; NULL when out of memory. */
const char *rest_text(struct rest *rest, struct slice text);

/*
 * The tenant (of rest->tenant) or account (and rest->id) as rest->body says it, made if it is not there.
 * What the body leaves out stays, or is the default. Holds the precondition. The ids were checked.
 */
enum rest_saved { SAVED_CREATED, SAVED_UPDATED, SAVED_UNCHANGED };
int rest_tenant_save(struct rest *rest, enum rest_saved *ret, struct err *err) MUST_CHECK;
int rest_account_save(struct rest *rest, enum rest_saved *ret, struct err *err) MUST_CHECK;

/* --- the work of each route; routes.c says who may have it done ---------------------------------- */

rest_work rest_tenant_list, rest_tenant_get, rest_tenant_put, rest_tenant_patch, rest_tenant_delete;
rest_work rest_account_list, rest_account_get, rest_account_put, rest_account_patch,
    rest_account_delete;
rest_work rest_rule_list, rest_rule_get, rest_rule_create, rest_rule_replace, rest_rule_patch,
    rest_rule_delete, rest_rule_export, rest_rule_import;
rest_work rest_profile_list, rest_profile_get, rest_profile_put, rest_profile_delete;
rest_work rest_drift_list, rest_drift_mend;
rest_work rest_check, rest_simulate;
rest_work rest_lint, rest_lint_fix;
rest_work rest_revoked_list, rest_revoked_put;
rest_work rest_audit_list;
rest_work rest_attempt_list;
rest_work rest_cdr_terms_get, rest_cdr_terms_put, rest_cdr_unmapped, rest_cdr_unmapped_clear,
    rest_cdr_follows, rest_cdr_coverage;
rest_work rest_mark_list, rest_mark_get, rest_mark_create, rest_mark_delete;
rest_work rest_history_list, rest_history_sums, rest_history_tenant;
rest_work rest_campaign_list, rest_campaign_get, rest_campaign_create, rest_campaign_accounts,
    rest_campaign_answer, rest_campaign_report, rest_campaign_report_csv, rest_campaign_simulate;
rest_work rest_campaign_notify, rest_campaign_apply, rest_campaign_pause, rest_campaign_resume,
    rest_campaign_cancel, rest_campaign_undo;
rest_work rest_node_list, rest_propagation;
rest_work rest_outbox_list, rest_outbox_get, rest_outbox_retry, rest_webhook_secret;
rest_work rest_numbering_propagation;

#endif
